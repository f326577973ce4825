"""Cancelling: the wish is a fact with a time, whatever is under way; the money follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from holdfast import placing
from holdfast.booking import Booking, Outcome
from holdfast.caller import Caller, Role
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import close, idle, write
from holdfast.errors import Conflict
from holdfast.log import Entry
from holdfast.movements import Begin, Close, Write, cancellation
from holdfast.moving import brought_up
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer, done
from holdfast.store import Record

# A refused effect is planned again with what was found (a release of a captured hold becomes a refund); more than that
# is a fault.
_PLANS: Final = 4


def cancel(desk: Desk, request: Request, *, caller: Caller, booking_id: str, charge_fee: bool | None) -> Reply:
    """Release the hold, or capture the fee of the tier that applies at this instant. Staff charge only
    if they say so.
    """
    is_staff = caller.role is Role.STAFF

    def evaluate(record: Record) -> Settled:
        settled = Settled(desk.booking(booking_id, owner=None if is_staff else caller.subject), None)
        for _ in range(_PLANS):
            settled = _cancel_once(
                desk, settled.booking, record, is_staff=is_staff, charges_fee=charge_fee is True or not is_staff
            )
            if settled.answer is not None or settled.booking.operation is not None:
                return settled
            if placing.waits_for_the_bank(settled.booking):
                return settled  # the fee is asked for again later, by the clock
            record = _planned_again(desk, record)
        return settled

    return answer(desk.operations, request, evaluate)


def _planned_again(desk: Desk, record: Record) -> Record:
    """The same request, ready to begin another operation in the place of the one that was refused."""
    kept = desk.store.records.get(record.key, desk.clock())
    return replace(record, replaces=kept.operation_id if kept else None)


def _cancel_once(desk: Desk, booking: Booking, record: Record, *, is_staff: bool, charges_fee: bool) -> Settled:
    if not booking.is_open:
        if booking.outcome is Outcome.CANCELLED and booking.cancel_request_key == record.key:
            return done(booking)  # this very wish, carried out by the clock
        raise Conflict(f"The booking is closed: {booking.outcome}.")
    if booking.checked_in_at is not None:
        raise Conflict("The customer was checked in.")
    event = desk.store.events.get(booking.event_id)
    wished, facts = brought_up(booking, event)
    if wished.cancel_requested_at is None:
        actor = "staff" if is_staff else "customer"
        wished = replace(
            wished,
            cancel_requested_at=desk.clock(),
            cancel_actor=actor,
            cancel_charges_fee=charges_fee,
            cancel_request_key=record.key,
        )
        facts = [
            *facts,
            Entry(kind="cancel_request", status="succeeded", actor=actor, details={"charges_fee": charges_fee}),
        ]
    elif is_staff and not charges_fee and wished.cancel_charges_fee:
        wished = replace(wished, cancel_charges_fee=False, cancel_actor="staff")
        facts = [
            *facts,
            Entry(kind="cancel_request", status="succeeded", actor="staff", details={"charges_fee": False}),
        ]
    if booking.operation is not None:
        # The wish is a fact with a time, so it is written before anything else is waited for.
        if facts:
            booking = write(desk, booking, wished, facts, record=replace(record, booking_id=booking.booking_id))
        return Settled(idle(desk, booking), None)
    step = cancellation(wished, desk.clock())
    if isinstance(step, Close):
        return done(close(desk, booking, wished, step, facts, actor=wished.cancel_actor or "customer"))
    if step is None or isinstance(step, Write):
        changed, entries = (wished, ()) if step is None else (step.booking, step.entries)
        noted = replace(record, booking_id=booking.booking_id) if facts else None
        return Settled(write(desk, booking, changed, [*facts, *entries], record=noted), None)
    assert isinstance(step, Begin)
    return desk.operations.carry_out(desk.operations.begin(booking, wished, step, facts=facts, record=record))
