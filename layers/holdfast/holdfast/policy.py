"""Applies a policy: until when a cancellation is free, and what a late cancellation or a no-show costs.

Windows are elapsed time before the instant of the start: "24 hours" are 86,400 seconds, whatever the clocks on the wall
do. They are judged by whole seconds, the ones that people are shown: whoever cancels within the second that a deadline
names has kept it, and every fee follows from the log's own times. Fees round down, never exceed the hold, and are
waived where Stripe would refuse to capture so little.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from holdfast.money import Money
from holdfast.policy_coherence import check_against
from holdfast.policy_input import from_json, resolve
from holdfast.policy_terms import (
    DEFAULT,
    Amount,
    Charge,
    NoShowCapture,
    OnUnplaceableHold,
    Percent,
    Policy,
    Tier,
    decimal_text,
    due,
)
from holdfast.policy_text import text

__all__ = [
    "DEFAULT",
    "Amount",
    "Charge",
    "Fee",
    "NoShowCapture",
    "OnUnplaceableHold",
    "Percent",
    "Policy",
    "Tier",
    "attendance_amount",
    "cancellation_fee",
    "check_against",
    "free_cancellation_until",
    "from_json",
    "no_show_fee",
    "resolve",
    "text",
    "to_second",
]


@dataclass(frozen=True, slots=True)
class Fee:
    """`amount` in minor units of the price's currency (0: nothing is captured), and the clause that decided it."""

    amount: int
    clause: str


def free_cancellation_until(
    policy: Policy, *, starts_at: datetime, created_at: datetime, moved_at: datetime | None = None
) -> datetime:
    """The last instant at which cancelling is free.

    It is max(start - window, min(created + grace, start)). When the organiser moved the event at `moved_at`, everybody
    gets a fresh window from then on, at most until the start: min(moved + window, start). A booking made after the move
    was made for the new time and gets none.
    """
    starts_at, created_at = to_second(starts_at), to_second(created_at)
    window = timedelta(hours=policy.free_cancellation_hours)
    until = max(starts_at - window, min(created_at + timedelta(minutes=policy.booking_grace_minutes), starts_at))
    if moved_at is not None and created_at <= (moved := to_second(moved_at)):
        until = max(until, min(moved + window, starts_at))
    return until


def to_second(moment: datetime) -> datetime:
    """In UTC, without the fraction of a second: as times are served, logged and judged."""
    return moment.astimezone(UTC).replace(microsecond=0)


def cancellation_fee(
    policy: Policy,
    price: Money,
    hold: int,
    *,
    now: datetime,
    starts_at: datetime,
    created_at: datetime,
    moved_at: datetime | None = None,
) -> Fee:
    """The fee of a cancellation wished for at `now`, of a booking with `hold` minor units blocked.

    Free up to and including `free_cancellation_until`. After it the tier with the smallest `hours_before` applies of
    those with more hours than are left; where none has, cancelling is free.
    """
    now, starts_at = to_second(now), to_second(starts_at)
    if now <= free_cancellation_until(policy, starts_at=starts_at, created_at=created_at, moved_at=moved_at):
        return Fee(0, "cancelled within the free window")
    matching = [tier for tier in policy.cancellation_tiers if starts_at - now < timedelta(hours=tier.hours_before)]
    if not matching:
        return Fee(0, "cancelled when no tier applied")
    tier = min(matching, key=lambda each: each.hours_before)
    return _fee(tier.charge, price, hold, f"cancelled less than {tier.hours_before} hours before the start")


def no_show_fee(policy: Policy, price: Money, hold: int) -> Fee:
    """What somebody who never came pays, with `hold` minor units blocked."""
    return _fee(policy.no_show_fee, price, hold, "no-show")


def attendance_amount(policy: Policy, price: Money) -> int:
    """What the clock captures of whoever was checked in and not completed: the price, or 0 if the policy releases."""
    return price.amount if policy.capture_on_attendance else 0


def _fee(charge: Charge, price: Money, hold: int, occasion: str) -> Fee:
    words = f"{decimal_text(charge.percent)} percent of the price" if isinstance(charge, Percent) else "a fixed amount"
    amount = due(charge, price, hold)
    if amount == 0 < min(charge.of(price), hold):
        # Stripe refuses to capture so little: asking anyway would leave the whole hold on the card.
        return Fee(0, f"{occasion}: {words}, waived because it is below the smallest amount that can be charged")
    return Fee(amount, f"{occasion}: {words}")
