"""What a booking needs next, and when: the rules that the clock follows.

Pure. `due_at` says at what instant somebody has to look at a booking (None: never again, by itself);
`next_step` says what has to be done when somebody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from holdfast.booking import Booking, HoldState, Kind, Outcome
from holdfast.dispute_clock import dispute_due_at, earlier
from holdfast.event import Event
from holdfast.movements import Begin, Close, cancellation, capture, derivation, release
from holdfast.policy import NoShowCapture, no_show_fee

# A capture has to reach Stripe before the authorization lapses: the clock's minute, a queue, an hour of trouble at
# Stripe.
HOLD_SAFETY: Final = timedelta(hours=2)
# Stripe's shortest window for a card (Visa, merchant-initiated: 4 days 18 hours). An unknown deadline counts as unsafe.
SHORTEST_WINDOW: Final = timedelta(days=4, hours=18)
# A hold that the customer confirms in the app is customer-initiated: 7 days on every network.
CUSTOMER_INITIATED_WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Recover:
    """An operation's lease has ended without a result: find out what happened."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing may be done yet; look again at this instant."""

    at: datetime


Step = Begin | Recover | LookAgain | Close | None


def no_show_at(booking: Booking) -> datetime:
    """From here on, whoever was not checked in is a no-show."""
    policy = booking.policy
    return booking.starts_at + timedelta(minutes=policy.no_show_grace_minutes + policy.no_show_contest_minutes)


def settles_at(booking: Booking) -> datetime:
    """Attended and never completed: the clock settles then, or earlier where the authorization would
    not live so long.
    """
    return _within_hold(booking, booking.ends_at + timedelta(hours=booking.policy.settle_hours))


def last_charge_at(*, starts_at: datetime, ends_at: datetime, policy_minutes: int, settle_hours: int) -> datetime:
    """The last instant at which the rules may still charge a booking of this event."""
    return max(starts_at + timedelta(minutes=policy_minutes), ends_at + timedelta(hours=settle_hours))


def hold_lapses_at(booking: Booking) -> datetime | None:
    """Stripe's `capture_before`, or the shortest window there is where Stripe did not say."""
    hold = booking.hold
    if hold is None:
        return None
    if hold.expires_at is not None:
        return hold.expires_at
    return (hold.placed_at or booking.created_at) + SHORTEST_WINDOW


def too_short(booking: Booking) -> bool:
    """The authorization lapses before a no-show could be charged.

    Bookings are refused where that is foreseeable, so somebody has to look.
    """
    lapses = hold_lapses_at(booking)
    return lapses is not None and lapses - HOLD_SAFETY < no_show_at(booking)


def _within_hold(booking: Booking, moment: datetime) -> datetime:
    lapses = hold_lapses_at(booking)
    return moment if lapses is None else min(moment, lapses - HOLD_SAFETY)


def due_at(booking: Booking) -> datetime | None:
    """The instant at which the clock has to look at this booking; a step that failed is not due before `retry_at`,
    which puts no dispute off.
    """
    due = _due_by_facts(booking)
    if due is not None and booking.retry_at is not None:
        due = max(due, booking.retry_at)
    return earlier(due, dispute_due_at(booking))


def _due_by_facts(booking: Booking) -> datetime | None:
    if booking.operation is not None:
        return booking.operation.lease_until
    if booking.superseded:
        return booking.updated_at
    if booking.owes_refund:
        return booking.updated_at
    if not booking.is_open:
        return None
    if booking.event_cancelled_at is not None or booking.cancel_requested_at is not None:
        return booking.updated_at
    return _due_by_the_hold(booking)


def _due_by_the_hold(booking: Booking) -> datetime | None:
    hold = booking.hold
    if hold is None:
        return None
    if hold.state is HoldState.ACTION_REQUIRED:
        return booking.action_deadline or booking.updated_at
    if hold.state is not HoldState.LIVE:
        return None
    if booking.checked_in_at is not None:
        return settles_at(booking)
    if booking.look_again_at is None:
        return no_show_at(booking)
    return max(no_show_at(booking), min(booking.look_again_at, settles_at(booking)))


def next_step(booking: Booking, event: Event | None, now: datetime) -> Step:
    """What to do now, in this order: finish what is under way, drop superseded holds, then the wishes, then the
    deadlines.
    """
    if booking.operation is not None:
        return Recover() if now >= booking.operation.lease_until else None
    if booking.superseded:
        return Begin(
            kind=Kind.RELEASE,
            amount=booking.hold_amount,
            reason="superseded",
            payment_intent_id=booking.superseded[0],
            superseded=True,
        )
    if booking.event_cancelled_at is not None:
        return _event_cancelled(booking)
    if not booking.is_open:
        return None
    if booking.cancel_requested_at is not None:
        return cancellation(booking)
    return _by_the_hold(booking, event, now)


def _by_the_hold(booking: Booking, event: Event | None, now: datetime) -> Step:
    """Nobody wants anything: what the hold's own deadlines ask for."""
    hold = booking.hold
    if hold is None:
        return None
    if hold.state is HoldState.ACTION_REQUIRED:
        if booking.action_deadline is not None and now < booking.action_deadline:
            return None
        return release(booking, reason="authentication_deadline", outcome=Outcome.DECLINED)
    if hold.state is not HoldState.LIVE:
        return None
    if booking.checked_in_at is not None:
        return _attended(booking, now)
    return _absent(booking, event, now)


def _event_cancelled(booking: Booking) -> Step:
    """The organiser cancelled: every hold goes back, every capture is refunded in full, there are no fees."""
    if booking.holds_money and booking.is_open:
        return release(booking, reason="event_cancelled", outcome=Outcome.EVENT_CANCELLED, actor="staff")
    if booking.owes_refund and booking.hold is not None:
        return Begin(
            kind=Kind.REFUND,
            amount=booking.refundable,
            reason="event_cancelled",
            actor="staff",
            outcome=Outcome.EVENT_CANCELLED,
            payment_intent_id=booking.hold.payment_intent_id,
        )
    if not booking.is_open:
        return None
    owed = "refund_owed" if booking.refundable > 0 else None
    return Close(Outcome.EVENT_CANCELLED, "event_cancelled", attention=owed)


def _attended(booking: Booking, now: datetime) -> Step:
    if now < settles_at(booking):
        return None
    if not booking.policy.capture_on_attendance:
        return release(booking, reason="attended", outcome=Outcome.COMPLETED)
    assert booking.hold is not None
    amount = min(booking.price.amount, booking.hold.amount)
    return capture(
        booking,
        amount,
        reason="attended",
        outcome=Outcome.COMPLETED,
        details=derivation(booking, "attendance", settles_at(booking)),
    )


def _absent(booking: Booking, event: Event | None, now: datetime) -> Step:
    charge_from = no_show_at(booking)
    if now < charge_from:
        return None
    if booking.waived_at is not None:
        return release(booking, reason="waived", outcome=Outcome.WAIVED)
    if _venue_spoke(booking, event):
        fee = no_show_fee(booking.policy, booking.price, booking.hold.amount if booking.hold else booking.hold_amount)
        return capture(
            booking,
            fee.amount,
            reason="no_show",
            outcome=Outcome.NO_SHOW,
            fee=fee.amount,
            details=derivation(booking, fee.clause, charge_from),
        )
    if now >= settles_at(booking):
        # The venue checked in nobody and gave no order: silence is not a no-show, and a hold may not be kept for
        # nothing.
        return release(booking, reason="venue_silent", outcome=Outcome.NO_SHOW)
    return LookAgain(settles_at(booking) if now >= booking.ends_at else min(booking.ends_at, settles_at(booking)))


def _venue_spoke(booking: Booking, event: Event | None) -> bool:
    """Silence of the venue is not a no-show: which word of the venue's is needed is the policy's to say."""
    if event is not None and event.no_shows_ordered_at is not None:
        return True
    match booking.policy.no_show_capture:
        case NoShowCapture.ALWAYS:
            return True
        case NoShowCapture.AFTER_ANY_CHECK_IN:
            return event is not None and event.arrivals > 0
        case _:
            return False
