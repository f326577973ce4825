"""What staff see at the door: who came, and whom to spare the no-show fee. Facts, never blocked by money under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from holdfast import money
from holdfast.booking import Booking, Outcome, Status
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import idle, write
from holdfast.errors import Conflict, RuleRefused
from holdfast.event import Event
from holdfast.log import Entry
from holdfast.movements import capture
from holdfast.moving import brought_up
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer, retrying
from holdfast.staffs_list import CONTESTED, cleared, noticed
from holdfast.store import Record

# Before that nobody arrives.
DOORS_OPEN: Final = timedelta(hours=6)


def check_in(desk: Desk, *, booking_id: str) -> Booking:
    """Record attendance. Twice changes nothing.

    After a no-show fee was taken it is recorded and given to staff to decide.
    """

    def decide() -> Booking:
        booking = desk.booking(booking_id)
        if booking.checked_in_at is not None:
            return booking
        _refuse_check_in_of_the_closed(booking)
        event = desk.store.events.get(booking.event_id)
        arrived, entry = _arrived(desk, booking)
        return write(desk, booking, arrived, [entry], counts_check_in=_said_of(booking, event))

    before = desk.booking(booking_id)
    checked_in = retrying(desk.operations, decide)
    if before.checked_in_at is None:
        _wake_the_absent(desk, checked_in)
    return checked_in


def _refuse_check_in_of_the_closed(booking: Booking) -> None:
    if booking.outcome is Outcome.NO_SHOW:
        return
    if not booking.is_open or booking.cancel_requested_at is not None:
        raise Conflict(f"The booking is closed: {'cancelled' if booking.is_open else booking.outcome}.")
    if booking.operation is None and booking.waits_for_its_first_card:
        raise Conflict(f"The booking is not made yet: it is {booking.payment_status}.")


def _arrived(desk: Desk, booking: Booking) -> tuple[Booking, Entry]:
    now = desk.clock()
    arrived = _decided(replace(booking, checked_in_at=now, look_again_at=None))
    if booking.outcome is Outcome.NO_SHOW:
        arrived = noticed(arrived, "checked_in_after_no_show_capture", now)
    return arrived, Entry(kind="check_in", status="succeeded", actor="staff")


def _decided(booking: Booking) -> Booking:
    """A contest is over with the venue's word for the customer."""
    return cleared(booking, frozenset({CONTESTED}))


def _said_of(booking: Booking, event: Event | None) -> int | None:
    """The version of the event at which this arrival is the venue's word on who came; None for a date that the event
    was moved from before the booking heard of it.
    """
    return event.version if event is not None and event.starts_at == booking.starts_at else None


def _lets_go_ahead(booking: Booking, amount: int | None, now: datetime) -> bool:
    """Who is let go for nothing long before the event has not arrived: that tells of nobody's absence."""
    return amount == 0 and now < booking.starts_at - DOORS_OPEN


def _wake_the_absent(desk: Desk, booking: Booking) -> None:
    """The first check-in is the venue's word: those who were waiting for it are looked at now, not at the end of the
    event.
    """
    event = desk.store.events.get(booking.event_id)
    if event is None or event.arrivals != 1 or desk.clock() < event.starts_at:
        return
    try:
        desk.steps.event(event.event_id)
    except Exception:  # noqa: BLE001 - what was done is done and must be answered; they are due at the end anyway
        desk.notice(steps_queue="unreachable")


def waive(desk: Desk, *, booking_id: str, reason: str) -> Booking:
    """No no-show fee for this one; the hold goes back at the start plus grace. Twice changes nothing."""

    def decide() -> Booking:
        booking = desk.booking(booking_id)
        if booking.waived_at is not None:
            return booking
        if not booking.is_open:
            raise Conflict(f"The booking is closed: {booking.outcome}.")
        waived = _decided(replace(booking, waived_at=desk.clock(), look_again_at=None))
        return write(desk, booking, waived, [Entry(kind="waive", status="succeeded", actor="staff", reason=reason)])

    return retrying(desk.operations, decide)


def complete(desk: Desk, request: Request, *, booking_id: str, amount: int | None) -> Reply:
    """Capture what is owed (the price, if nothing else is said) and let the rest go. Implies a check-in; 0 releases."""
    first_arrival: list[Booking] = []

    def evaluate(record: Record) -> Settled:
        booking = desk.booking(booking_id)
        if not booking.is_open or booking.cancel_requested_at is not None:
            raise Conflict(f"The booking is closed: {'cancelled' if booking.is_open else booking.outcome}.")
        event = desk.store.events.get(booking.event_id)
        moved, facts = brought_up(booking, event)
        if moved.event_cancelled_at is not None:
            raise Conflict("The event was cancelled.")
        arriving = moved.checked_in_at is None
        ahead = _lets_go_ahead(moved, amount, desk.clock())
        counts = _said_of(moved, event) if arriving and not ahead else None
        if arriving:
            moved, entry = _arrived(desk, moved)
            facts = [*facts, entry]
            first_arrival.append(booking)
        if booking.operation is not None:
            # The arrival is a fact with a time, so it is written before anything else is waited for.
            if facts:
                booking = write(desk, booking, moved, facts, counts_check_in=counts)
            idle(desk, booking)
            return evaluate(record)
        if booking.payment_status is not Status.HELD or booking.hold is None:
            raise Conflict(f"Nothing is held for this booking: it is {booking.payment_status}.")
        owed = booking.price.amount if amount is None else amount
        _check_amount(owed, hold=booking.hold.amount, currency=booking.currency)
        details = {
            "clause": "completed",
            "asked": amount,
            "price": booking.price.amount,
            "hold": booking.hold.amount,
        }
        step = capture(moved, owed, reason="completed", outcome=Outcome.COMPLETED, actor="staff", details=details)
        begun = desk.operations.begin(booking, moved, step, facts=facts, record=record, counts_check_in=counts)
        return desk.operations.carry_out(begun)

    try:
        return answer(desk.operations, request, evaluate)
    finally:
        if first_arrival:
            _wake_the_absent(desk, first_arrival[0])


def _check_amount(owed: int, *, hold: int, currency: str) -> None:
    if owed > hold:
        raise RuleRefused.at("/amount", f"Only {hold} is held.")
    if owed and owed < money.minimum_charge(currency):
        raise RuleRefused.at(
            "/amount", f"The smallest amount that can be captured is {money.minimum_charge(currency)}; 0 releases."
        )
    if owed % money.minor_step(currency):
        raise RuleRefused.at("/amount", f"Amounts in {currency} are multiples of {money.minor_step(currency)}.")
