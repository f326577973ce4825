"""What a booking needs next, and when: the rules that the clock follows.

Pure. `due_at` says at what instant somebody has to look at a booking (None: never again, by itself);
`next_step` says what has to be done when somebody does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from holdfast import no_show, placing, reminders
from holdfast.booking import Booking, HoldState, Kind, Outcome
from holdfast.coverage import HOLD_SAFETY
from holdfast.dispute_clock import dispute_due_at, earlier
from holdfast.event import Event
from holdfast.movements import (
    Begin,
    Close,
    Write,
    cancellation,
    cancellation_waits_until,
    capture,
    derivation,
    fee_without_hold,
    release,
    waits_until,
    without_authentication,
)
from holdfast.no_show import no_show_at, settles_at

__all__ = ["HOLD_SAFETY", "LookAgain", "Recover", "Step", "due_at", "next_step", "no_show_at", "settles_at"]


@dataclass(frozen=True, slots=True)
class Recover:
    """An operation's lease has ended without a result: find out what happened."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing may be done yet; look again at this instant."""

    at: datetime


Step = Begin | Recover | LookAgain | Close | Write | None


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
    wanted = _due_by_wishes(booking)
    return earlier(wanted, booking.drop_after or booking.updated_at) if booking.superseded else wanted


def _due_by_wishes(booking: Booking) -> datetime | None:
    if booking.owes_refund or placing.renews_for_nothing(booking):
        return booking.updated_at
    if not booking.is_open:
        return None
    if booking.event_cancelled_at is not None:
        return booking.updated_at
    if booking.cancel_requested_at is not None:
        return cancellation_waits_until(booking) or booking.updated_at
    return _due_by_deadlines(booking)


def _due_by_deadlines(booking: Booking) -> datetime | None:
    """The earliest of what time brings: a charge, a hold to place or renew, a customer's deadline, a reminder."""
    hold = booking.hold
    if hold is not None and hold.state is HoldState.ACTION_REQUIRED:
        return booking.mend_by or booking.action_deadline or booking.updated_at
    if booking.first_try:
        return booking.action_deadline if booking.new_card is not None else None
    if hold is not None and hold.state is HoldState.LIVE:
        instants = [no_show.looked_at(booking), placing.renews_at(booking), reminders.due_at(booking)]
    else:
        instants = [no_show.looked_at(booking), placing.places_at(booking), reminders.due_at(booking)]
    if booking.new_card is not None:
        instants.append(booking.action_deadline)
    return min(each for each in instants if each is not None)


def next_step(booking: Booking, event: Event | None, now: datetime) -> Step:
    """What to do now, in this order: finish what is under way, drop superseded holds (one that could not be dropped
    waits for its next try, and keeps nothing else waiting), then the wishes, then the deadlines.
    """
    if booking.operation is not None:
        return Recover() if now >= booking.operation.lease_until else None
    if booking.superseded and (booking.drop_after is None or now >= booking.drop_after):
        return Begin(
            kind=Kind.RELEASE,
            amount=booking.hold_amount,
            reason="superseded",
            payment_intent_id=booking.superseded[0],
            superseded=True,
        )
    if placing.renews_for_nothing(booking):
        return placing.renewal_dropped(booking, "closed")
    if booking.event_cancelled_at is not None:
        return _event_cancelled(booking)
    if not booking.is_open:
        return None
    if booking.cancel_requested_at is not None:
        return cancellation(booking, now)
    return _by_deadlines(booking, event, now)


def _by_deadlines(booking: Booking, event: Event | None, now: datetime) -> Step:
    """Nobody wants anything: what time asks for."""
    hold = booking.hold
    if hold is not None and hold.state is HoldState.ACTION_REQUIRED:
        return _unauthenticated(booking, now)
    if booking.new_card is not None and booking.action_deadline is not None and now >= booking.action_deadline:
        return placing.card_was_not_saved(booking)
    if booking.first_try:
        return None
    charge = _charge(booking, event, now)
    if charge is not None and not isinstance(charge, no_show.Wait):
        return charge
    step = placing.step(booking, now) or reminders.step(booking, now)
    if step is None and charge is not None:
        return LookAgain(charge.at)
    return step


def _charge(booking: Booking, event: Event | None, now: datetime) -> Begin | Close | Write | no_show.Wait | None:
    """What somebody who came, or who did not, is charged by the clock, if it is time."""
    if booking.checked_in_at is not None:
        return _attended(booking, now)
    return no_show.step(booking, event, now) if now >= no_show.grace_ends_at(booking) else None


def _unauthenticated(booking: Booking, now: datetime) -> Step:
    """3-D Secure that nobody came for. At booking that ends it; later it is one more way not to have a hold."""
    deadline = booking.mend_by or booking.action_deadline
    if deadline is not None and now < deadline:
        return None
    if booking.mend_by is not None:
        return without_authentication(booking)
    dropped = release(booking, reason="authentication_deadline", outcome=Outcome.DECLINED)
    return replace(dropped, unless=dropped.payment_intent_id)


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


def _attended(booking: Booking, now: datetime) -> Begin | Close | no_show.Wait | None:
    settles = settles_at(booking)
    if now < settles:
        return None
    amount = min(booking.price.amount, booking.most_chargeable)
    details = derivation(booking, "attendance", settles)
    if booking.is_held:
        if not booking.policy.capture_on_attendance:
            return release(booking, reason="attended", outcome=Outcome.COMPLETED)
        return capture(booking, amount, reason="attended", outcome=Outcome.COMPLETED, details=details)
    if not booking.policy.capture_on_attendance:
        return Close(Outcome.COMPLETED, "attended")
    unheld = fee_without_hold(booking, amount, reason="attended", outcome=Outcome.COMPLETED, details=details, now=now)
    return no_show.Wait(waits_until(booking) or now) if unheld is None else unheld
