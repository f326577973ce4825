"""Reads a policy, whole or in part, from JSON. Malformed is `InvalidRequest`, against a rule is `RuleRefused`.

Pointers start at `/policy`, where the policy stands in the body of PUT /events/{event_id}, and name the term.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from holdfast import policy_coherence
from holdfast.errors import FieldError, InvalidRequest, RuleRefused
from holdfast.policy_coherence import ROOT
from holdfast.policy_terms import DEFAULT, Amount, Charge, NoShowCapture, OnUnplaceableHold, Percent, Policy, Tier

# At most four decimals: more has no use in a ratio or percent, and bounds what is hashed and stored.
_DECIMAL: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?", re.ASCII)

# Below 1 a hold would not cover its price; above 2 a customer sees more than twice the price blocked, which card
# schemes call excessive and banks decline.
_RATIO_BOUNDS: Final = (Decimal(1), Decimal(2))

_YEAR_OF_HOURS: Final = 366 * 24
_WEEK_OF_MINUTES: Final = 7 * 24 * 60
_MONTH_OF_HOURS: Final = 31 * 24
_MOST_TIERS: Final = 20

_E = TypeVar("_E", bound=StrEnum)


class _Reader:
    """Collects every fault, so that one answer names them all; faults of shape are told before faults of rule."""

    def __init__(self) -> None:
        self.malformed: list[FieldError] = []
        self.refused: list[FieldError] = []

    def wrong(self, pointer: str, detail: str) -> None:
        self.malformed.append(FieldError(pointer, detail))

    def refuse(self, pointer: str, detail: str) -> None:
        self.refused.append(FieldError(pointer, detail))

    def integer(self, pointer: str, value: object, most: int) -> int | None:
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(pointer, "This must be an integer.")
            return None
        if not 0 <= value <= most:
            self.refuse(pointer, f"This must be between 0 and {most}.")
            return None
        return value

    def boolean(self, pointer: str, value: object) -> bool | None:
        if not isinstance(value, bool):
            self.wrong(pointer, "This must be true or false.")
            return None
        return value

    def choice(self, pointer: str, value: object, options: type[_E]) -> _E | None:
        if not isinstance(value, str) or value not in {option.value for option in options}:
            self.wrong(pointer, "This must be one of: " + ", ".join(options) + ".")
            return None
        return options(value)

    def decimal(self, pointer: str, value: object) -> Decimal | None:
        """An integer, or a string such as "1.25". A JSON number with a fraction is refused: it came through a float."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999_999:
            return Decimal(value)
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            return Decimal(value)
        self.wrong(pointer, 'This must be a decimal as a string, for example "1.2", or an integer.')
        return None

    def ratio(self, pointer: str, value: object) -> Decimal | None:
        ratio = self.decimal(pointer, value)
        low, high = _RATIO_BOUNDS
        if ratio is not None and not low <= ratio <= high:
            self.refuse(pointer, f"The hold must be between {low} and {high} times the price.")
            return None
        return ratio

    def charge(self, pointer: str, value: Mapping[str, object]) -> Charge | None:
        """Exactly one of `percent` and `amount`."""
        if len(value.keys() & {"percent", "amount"}) != 1:
            self.wrong(pointer, "Exactly one of percent and amount is needed.")
            return None
        if "percent" in value:
            percent = self.decimal(f"{pointer}/percent", value["percent"])
            return None if percent is None else Percent(percent)
        amount = value["amount"]
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
            self.wrong(f"{pointer}/amount", "This must be an integer of at least 0, in minor units.")
            return None
        return Amount(amount)

    def known_only(self, pointer: str, value: Mapping[str, object], known: frozenset[str]) -> None:
        for name in value:
            if name not in known:
                self.wrong(f"{pointer}/{_escaped(name)}", "This field is not known.")

    def fee(self, pointer: str, value: object) -> Charge | None:
        if not isinstance(value, Mapping):
            self.wrong(pointer, "This must be an object with percent or amount.")
            return None
        self.known_only(pointer, value, frozenset({"percent", "amount"}))
        return self.charge(pointer, value)

    def tiers(self, pointer: str, value: object) -> tuple[Tier, ...] | None:
        if not isinstance(value, list | tuple):
            self.wrong(pointer, "This must be a list of tiers.")
            return None
        if len(value) > _MOST_TIERS:
            self.refuse(pointer, f"There can be at most {_MOST_TIERS} tiers.")
            return None
        tiers: list[Tier] = []
        for index, item in enumerate(value):
            at = f"{pointer}/{index}"
            if not isinstance(item, Mapping):
                self.wrong(at, "A tier must be an object.")
                continue
            self.known_only(at, item, frozenset({"hours_before", "percent", "amount"}))
            if "hours_before" not in item:
                self.wrong(f"{at}/hours_before", "This field is missing.")
                continue
            hours = self.integer(f"{at}/hours_before", item["hours_before"], _YEAR_OF_HOURS)
            charge = self.charge(at, item)
            if hours is None or charge is None:
                continue
            if any(tier.hours_before == hours for tier in tiers):
                self.refuse(f"{at}/hours_before", f"Two tiers overlap: both begin {hours} hours before the start.")
            tiers.append(Tier(hours, charge))
        return tuple(tiers)

    def raise_faults(self) -> None:
        if self.malformed:
            raise InvalidRequest("The policy is malformed.", self.malformed)
        if self.refused:
            raise RuleRefused(self.refused[0].detail, self.refused)


def resolve(partial: Mapping[str, object], default: Policy = DEFAULT) -> Policy:
    """The policy that `partial` makes of `default`: what is left out is the default's, and the whole fits together.

    Amounts are checked against a price by `policy_coherence.check_against`, because they need its currency.
    """
    policy = policy_coherence.fitted(_read(partial, default), partial.keys())
    policy_coherence.check(policy)
    return policy


def _read(partial: Mapping[str, object], default: Policy) -> Policy:
    """Each term by itself."""
    reader = _Reader()
    terms: dict[str, Callable[[str, object], Any]] = {
        "hold_ratio": reader.ratio,
        "free_cancellation_hours": lambda at, value: reader.integer(at, value, _YEAR_OF_HOURS),
        "booking_grace_minutes": lambda at, value: reader.integer(at, value, _WEEK_OF_MINUTES),
        "cancellation_tiers": reader.tiers,
        "no_show_fee": reader.fee,
        "no_show_grace_minutes": lambda at, value: reader.integer(at, value, _WEEK_OF_MINUTES),
        "no_show_contest_minutes": lambda at, value: reader.integer(at, value, _WEEK_OF_MINUTES),
        "no_show_capture": lambda at, value: reader.choice(at, value, NoShowCapture),
        "capture_on_attendance": reader.boolean,
        "settle_hours": lambda at, value: reader.integer(at, value, _MONTH_OF_HOURS),
        "self_refund_until_hours": lambda at, value: (
            None if value is None else reader.integer(at, value, _YEAR_OF_HOURS)
        ),
        "on_unplaceable_hold": lambda at, value: reader.choice(at, value, OnUnplaceableHold),
        "off_session_fees": reader.boolean,
    }
    reader.known_only(ROOT, partial, frozenset(terms))
    changes = {name: read(f"{ROOT}/{name}", partial[name]) for name, read in terms.items() if name in partial}
    reader.raise_faults()
    return replace(default, **changes)


def from_json(stored: Mapping[str, object]) -> Policy:
    """The policy that `Policy.to_json` wrote; every term must be there.

    It was accepted by the rules of its day: how its terms fit together is not judged again.
    """
    missing = [field.name for field in fields(Policy) if field.name not in stored and field.default is MISSING]
    if missing:
        raise InvalidRequest(
            "The policy is incomplete.", [FieldError(f"{ROOT}/{name}", "Missing.") for name in missing]
        )
    return _read(stored, DEFAULT)


def _escaped(name: str) -> str:
    """RFC 6901, shortened so that a hostile name does not come back at full length."""
    return name[:64].replace("~", "~0").replace("/", "~1")
