"""What a policy consists of: its terms as typed values, the built-in default, and its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from holdfast import money
from holdfast.money import Money


class NoShowCapture(StrEnum):
    """When the clock may charge those who were not checked in."""

    AFTER_ANY_CHECK_IN = "after_any_check_in"  # a venue that checked in nobody charges nobody: silence is not a no-show
    ALWAYS = "always"
    STAFF = "staff"  # only POST /events/{event_id}/no-shows


class OnUnplaceableHold(StrEnum):
    """What becomes of a booking whose scheduled hold the bank refuses to the end."""

    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of the price, in hundredths."""

    percent: Decimal

    def of(self, price: Money) -> int:
        return money.percent_of(price, self.percent)

    @property
    def is_nothing(self) -> bool:
        return self.percent == 0


@dataclass(frozen=True, slots=True)
class Amount:
    """A fixed amount in minor units of the price's currency; charged rounded down to what Stripe accepts."""

    amount: int

    def of(self, price: Money) -> int:
        return money.round_down(self.amount, price.currency)

    @property
    def is_nothing(self) -> bool:
        return self.amount == 0


Charge = Percent | Amount


def due(charge: Charge, price: Money, hold: int) -> int:
    """What is really taken, in minor units: at most what is held, and nothing where Stripe would refuse so little."""
    amount = money.round_down(min(charge.of(price), hold), price.currency)
    return amount if amount >= money.minimum_charge(price.currency) else 0


@dataclass(frozen=True, slots=True)
class Tier:
    """The fee of a cancellation with less than `hours_before` x 3600 seconds left before the start."""

    hours_before: int
    charge: Charge


@dataclass(frozen=True, slots=True)
class Policy:
    """All terms of a policy; `policy_input` makes it from JSON, `policy` applies it."""

    hold_ratio: Decimal
    free_cancellation_hours: int
    booking_grace_minutes: int
    cancellation_tiers: tuple[Tier, ...]
    no_show_fee: Charge
    no_show_grace_minutes: int
    no_show_contest_minutes: int
    no_show_capture: NoShowCapture
    capture_on_attendance: bool
    settle_hours: int
    self_refund_until_hours: int | None
    on_unplaceable_hold: OnUnplaceableHold
    off_session_fees: bool = True

    def to_json(self) -> dict[str, object]:
        """Every term, as `policy_input.from_json` reads it back: decimals as strings, whole percents as integers."""
        return {
            "hold_ratio": decimal_text(self.hold_ratio),
            "free_cancellation_hours": self.free_cancellation_hours,
            "booking_grace_minutes": self.booking_grace_minutes,
            "cancellation_tiers": [
                {"hours_before": tier.hours_before, **charge_json(tier.charge)} for tier in self.cancellation_tiers
            ],
            "no_show_fee": charge_json(self.no_show_fee),
            "no_show_grace_minutes": self.no_show_grace_minutes,
            "no_show_contest_minutes": self.no_show_contest_minutes,
            "no_show_capture": self.no_show_capture.value,
            "capture_on_attendance": self.capture_on_attendance,
            "settle_hours": self.settle_hours,
            "self_refund_until_hours": self.self_refund_until_hours,
            "on_unplaceable_hold": self.on_unplaceable_hold.value,
            "off_session_fees": self.off_session_fees,
        }

    @property
    def policy_hash(self) -> str:
        """SHA-256, in hex, of the canonical JSON: what a customer accepted, in 64 characters."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


DEFAULT: Final = Policy(
    hold_ratio=Decimal("1.2"),  # room for a tip or an extra; the rest is released at capture
    free_cancellation_hours=24,
    booking_grace_minutes=60,  # whoever books inside the window can still correct a slip
    cancellation_tiers=(Tier(24, Percent(Decimal(100))),),
    no_show_fee=Percent(Decimal(100)),
    no_show_grace_minutes=30,  # late is not absent
    no_show_contest_minutes=0,
    no_show_capture=NoShowCapture.AFTER_ANY_CHECK_IN,
    capture_on_attendance=True,
    settle_hours=24,  # the venue's time to complete with the right amount
    self_refund_until_hours=None,
    on_unplaceable_hold=OnUnplaceableHold.CANCEL,
    off_session_fees=True,  # a hold that lapsed is no reason to get away without the fee
)


def decimal_text(value: Decimal) -> str:
    """Without exponent and trailing zeros, so that equal decimals have equal text (and policies equal hashes)."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def charge_name(charge: Charge) -> str:
    return "percent" if isinstance(charge, Percent) else "amount"


def charge_json(charge: Charge) -> Mapping[str, object]:
    if isinstance(charge, Amount):
        return {"amount": charge.amount}
    whole = charge.percent == charge.percent.to_integral_value()
    return {"percent": int(charge.percent) if whole else decimal_text(charge.percent)}
