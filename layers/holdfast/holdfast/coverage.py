"""Is a booking covered? When its hold is placed, how long one lives, when it has to be renewed.

Pure. The promise: at every instant until its last possible charge a booking has an authorization that outlives it, or a
dated plan to get one, or an entry on somebody's list with a deadline. `coverage` says which of the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from holdfast.booking import Booking, Hold, HoldState, HoldTerms, Initiator
from holdfast.policy import Policy

# A capture has to reach Stripe before the authorization lapses: the clock's minute, a queue, an hour of trouble at
# Stripe.
HOLD_SAFETY: Final = timedelta(hours=2)
# A contest may come in the last minute of its window: staff have a day from then on.
TIME_TO_DECIDE: Final = timedelta(hours=24)
# How long an authorization lives where Stripe has not given its `capture_before`. A brand or an initiator that is not
# in the table counts as the shortest: an unknown deadline is not a fine one.
# Card-not-present windows as documented at docs.stripe.com/payments/place-a-hold-on-a-payment-method.
SHORTEST_WINDOW: Final = timedelta(days=4, hours=18)
_WEEK: Final = timedelta(days=7)
_WINDOWS: Final = {
    ("visa", Initiator.MERCHANT): SHORTEST_WINDOW,
    ("visa", Initiator.CUSTOMER): _WEEK,
    ("mastercard", Initiator.MERCHANT): _WEEK,
    ("mastercard", Initiator.CUSTOMER): _WEEK,
    ("amex", Initiator.MERCHANT): _WEEK,
    ("amex", Initiator.CUSTOMER): _WEEK,
    ("discover", Initiator.MERCHANT): _WEEK,
    ("discover", Initiator.CUSTOMER): _WEEK,
}


def window(brand: str | None, initiator: Initiator) -> timedelta:
    """How long an authorization of this brand lives, before Stripe has said so."""
    return _WINDOWS.get((brand or "", initiator), SHORTEST_WINDOW)


def lapses_at(hold: Hold, placed_at: datetime) -> datetime:
    """Stripe's `capture_before`, or what the table says; `placed_at` where the hold does not know."""
    if hold.expires_at is not None:
        return hold.expires_at
    return (hold.placed_at or placed_at) + window(hold.brand, hold.initiator)


def last_charge_at(policy: Policy, *, starts_at: datetime, ends_at: datetime) -> datetime:
    """The last instant at which the rules may still charge a booking: the no-show's, or whoever attended and was not
    completed.
    """
    no_show = starts_at + timedelta(minutes=policy.no_show_grace_minutes + policy.no_show_contest_minutes)
    return max(no_show, ends_at + timedelta(hours=policy.settle_hours))


def needed_until(booking: Booking) -> datetime:
    """Until then the booking has to be covered: its last charge, and time for it to reach Stripe. A late notice makes a
    no-show's charge late, too, and so does a contest that staff have to decide.
    """
    last = last_charge_at(booking.policy, starts_at=booking.starts_at, ends_at=booking.ends_at)
    if booking.no_show_noticed_at is not None:
        contest = timedelta(minutes=booking.policy.no_show_contest_minutes)
        last = max(last, booking.no_show_noticed_at + contest)
    if booking.contest_undecided and booking.contested_at is not None:
        last = max(last, booking.contested_at + TIME_TO_DECIDE)
    return last + HOLD_SAFETY


def first_fee_at(policy: Policy, starts_at: datetime) -> datetime:
    """From here on cancelling can cost something: the earliest tier with a fee, once the free window is over."""
    with_fee = [tier.hours_before for tier in policy.cancellation_tiers if not tier.charge.is_nothing]
    return starts_at - timedelta(hours=min(max(with_fee, default=0), policy.free_cancellation_hours))


def place_at(policy: Policy, terms: HoldTerms, starts_at: datetime) -> datetime:
    """When a hold that comes later is placed: the lead before the start, and early enough before the first fee that a
    declined card can still be mended.
    """
    by_lead = starts_at - timedelta(hours=terms.lead_hours)
    by_fee = first_fee_at(policy, starts_at) - timedelta(hours=terms.mend_hours)
    return min(by_lead, by_fee)


def planned_at(booking: Booking) -> datetime:
    """When this booking's hold is placed, if it comes later. Its fees may count from an earlier start than it has."""
    return place_at(booking.policy, booking.hold_terms, booking.fees_count_from)


def is_held_at_once(
    policy: Policy, terms: HoldTerms, *, brand: str | None, now: datetime, starts_at: datetime, ends_at: datetime
) -> bool:
    """Whether a booking gets its hold now, customer present, or only has its card saved.

    Now, if the authorization outlives the last charge; and in any case once the time for a hold has come (a longer
    event's is renewed).
    """
    last = last_charge_at(policy, starts_at=starts_at, ends_at=ends_at) + HOLD_SAFETY
    return now + window(brand, Initiator.CUSTOMER) >= last or now >= place_at(policy, terms, starts_at)


def needs_saved_card(booking: Booking, brand: str | None, now: datetime) -> bool:
    """Whether a card that is held now may have to be charged later without its customer: to renew the hold, or for a
    fee when there is none any more.
    """
    return booking.policy.off_session_fees or now + window(brand, Initiator.CUSTOMER) < needed_until(booking)


def is_owed(booking: Booking, now: datetime) -> bool:
    """What is asked for without a hold is no longer the hold but a fee: the customer cancels, or the event began."""
    return booking.cancel_requested_at is not None or now >= booking.starts_at


def mend_by(booking: Booking, now: datetime) -> datetime:
    """Until then a customer can mend a hold that could not be placed: the first fee, but not without time to act, and
    not beyond the start. What is owed already is waited for as long, from the next retry on.
    """
    to_act = timedelta(hours=booking.hold_terms.mend_hours)
    if is_owed(booking, now):
        return max(now, booking.next_try_at or now) + to_act
    return min(max(first_fee_at(booking.policy, booking.fees_count_from), now + to_act), booking.starts_at)


def deadline_to_mend(booking: Booking, now: datetime) -> datetime:
    """The deadline after one more failure: the first one stays, but none ends before the retries of what is owed."""
    if booking.mend_by is None:
        return mend_by(booking, now)
    return max(booking.mend_by, mend_by(booking, now)) if is_owed(booking, now) else booking.mend_by


def renew_at(booking: Booking) -> datetime | None:
    """When the hold has to be renewed; None where it outlives the booking's last charge."""
    hold = booking.hold
    if hold is None or hold.state is not HoldState.LIVE:
        return None
    placed = hold.placed_at or booking.created_at
    lapses = lapses_at(hold, placed)
    if lapses >= needed_until(booking):
        return None
    # Never in the first half of its life, or an issuer with a tiny window would be asked again and again.
    return max(lapses - timedelta(hours=booking.hold_terms.mend_hours), placed + (lapses - placed) / 2)


def comes_too_early(booking: Booking) -> bool:
    """The event was moved so far away that the hold lapses before one would be placed for the new date."""
    hold = booking.hold
    if hold is None or hold.state is not HoldState.LIVE:
        return False
    lapses = lapses_at(hold, booking.created_at)
    return lapses < planned_at(booking)


@dataclass(frozen=True, slots=True)
class Covered:
    """An authorization outlives the last charge."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """The clock will do this at that instant, and the booking is covered, or need not be yet, until then."""

    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody has to act (`customer` or `staff`) until then; both have been told."""

    owner: str
    what: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is charged any more by itself."""


Coverage = Covered | Planned | Alert | Over


def coverage(booking: Booking, now: datetime) -> Coverage | None:
    """Which of the three it is at `now`. None would be a booking that is silently uncovered."""
    if booking.operation is not None:
        return Planned(f"finish {booking.operation.kind}", booking.operation.lease_until)
    if not booking.is_open:
        return Over()
    if booking.captured > 0:
        return Planned("refund what is not owed", now)
    last = needed_until(booking)
    if booking.is_held and booking.hold is not None:
        return _of_a_hold(booking, booking.hold, last)
    if booking.hold is not None and booking.hold.state is HoldState.ACTION_REQUIRED:
        return Alert("customer", "authentication", booking.mend_by or booking.action_deadline or last)
    return _without_a_hold(booking, now, last)


def _of_a_hold(booking: Booking, hold: Hold, last: datetime) -> Coverage:
    lapses = lapses_at(hold, booking.created_at)
    if lapses >= last:
        return Covered(lapses)
    if booking.renewal is not None:
        return Alert("customer", "authentication", lapses - HOLD_SAFETY)
    retried_too_late = booking.next_try_at is not None and booking.next_try_at >= lapses
    if retried_too_late or booking.refused_card == booking.payment_method_id:
        return Alert("customer", "new_payment_method", lapses)
    renewal = renew_at(booking)
    assert renewal is not None
    return Planned("renew", max(renewal, booking.next_try_at or renewal))


def _without_a_hold(booking: Booking, now: datetime, last: datetime) -> Coverage | None:
    if booking.mend_by is not None:
        return Alert("customer", "new_payment_method", booking.mend_by)
    if booking.kept_without_hold_at is not None or booking.attention is not None:
        return Alert("staff", "kept_without_hold", last)
    if booking.setup is not None and booking.hold is None:
        planned = planned_at(booking)
        return Planned("place", max(planned, booking.next_try_at or planned))
    if booking.hold is not None and booking.hold.state in (HoldState.EXPIRED, HoldState.DECLINED):
        return Planned("place again", max(now, planned_at(booking), booking.next_try_at or now))
    if booking.new_card is not None:
        return Alert("customer", "authentication", booking.action_deadline or now)
    return None
