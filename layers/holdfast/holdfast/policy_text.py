"""Says a policy in plain English, for the customer who is about to accept it.

The text is logged with the booking: PSD2 wants consent to the exact amount that is blocked.
"""

from __future__ import annotations

from holdfast import money
from holdfast.money import Money
from holdfast.policy_terms import Charge, NoShowCapture, Percent, Policy, decimal_text


def text(policy: Policy, price: Money) -> str:
    """Sentences on the hold, the free window, each tier and the no-show fee, with amounts for `price`."""
    hold = Money(money.hold_amount(price, policy.hold_ratio), price.currency)
    sentences = [
        f"We place a hold of {hold} on your card for a price of {price}.",
        "A hold is not a charge: what is not charged is released.",
        _free_window(policy),
        *_tiers(policy, price),
        _no_show(policy, price),
    ]
    if policy.capture_on_attendance:
        sentences.append(
            f"If you attend, you pay the price of {price}, or what the organiser charges, at most the hold."
        )
    else:
        sentences.append("If you attend, you pay what the organiser charges, at most the hold.")
    if policy.off_session_fees:
        sentences.append("If there is no hold any more, such a fee may be charged to your saved card.")
    if policy.self_refund_until_hours is not None:
        sentences.append(
            f"You can refund yourself until {_hours(policy.self_refund_until_hours)} before the start, of what "
            "cancelling would leave you at that time."
        )
    return " ".join(sentences)


def _free_window(policy: Policy) -> str:
    if policy.free_cancellation_hours:
        sentence = f"You can cancel free of charge until {_hours(policy.free_cancellation_hours)} before the start"
    else:
        sentence = "You can cancel free of charge until the start"
    if policy.booking_grace_minutes and policy.free_cancellation_hours:
        sentence += (
            f", and in any case within {_count(policy.booking_grace_minutes, 'minute')} of booking, until the start"
        )
    return sentence + "."


def _tiers(policy: Policy, price: Money) -> list[str]:
    """From the widest tier to the narrowest, each as it is met on the way to the start."""
    tiers = sorted(policy.cancellation_tiers, key=lambda tier: -tier.hours_before)
    return [
        f"Otherwise cancelling less than {_hours(tier.hours_before)} before the start costs "
        f"{_charge(tier.charge, price)}."
        for tier in tiers
    ]


def _no_show(policy: Policy, price: Money) -> str:
    charge = _charge(policy.no_show_fee, price)
    if charge == "nothing":
        return "If you do not come, you pay nothing."
    sentence = f"If you do not come, you are charged {charge}"
    if policy.no_show_grace_minutes and policy.no_show_capture is not NoShowCapture.STAFF:
        sentence += f", not before {_count(policy.no_show_grace_minutes, 'minute')} after the start"
    return sentence + "."


def _charge(charge: Charge, price: Money) -> str:
    amount = charge.of(price)
    if amount < money.minimum_charge(price.currency):
        return "nothing"
    if isinstance(charge, Percent):
        return f"{decimal_text(charge.percent)} percent of the price ({Money(amount, price.currency)})"
    return str(Money(amount, price.currency))


def _hours(hours: int) -> str:
    return _count(hours, "hour")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
