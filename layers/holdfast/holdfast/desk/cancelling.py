"""Cancelling: the wish is a fact with a time, whatever is under way; the money follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from holdfast.booking import Booking, Outcome
from holdfast.caller import Caller, Role
from holdfast.cancellation import refuse_closed, wish_entry, wished
from holdfast.cancellation_quotes import CancelQuote
from holdfast.desk import quoting
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import close, idle, write
from holdfast.movements import Begin, Close, Write, cancellation, cancellation_waits_until
from holdfast.moving import brought_up
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer, done
from holdfast.store import Check, Record

if TYPE_CHECKING:
    from holdfast.quote_keys import QuoteKeys

# A refused effect is planned again with what was found (a release of a captured hold becomes a refund); more than that
# is a fault.
_PLANS: Final = 4


def cancel(
    desk: Desk,
    request: Request,
    *,
    caller: Caller,
    booking_id: str,
    charge_fee: bool | None,
    quote: str | None,
    quote_keys: Callable[[], QuoteKeys],
) -> Reply:
    """Release the hold, or capture the fee of the tier that applies at this instant, or what was quoted. Staff charge
    only if they say so.
    """
    is_staff = caller.role is Role.STAFF
    charges_fee = charge_fee is True or not is_staff

    def offer(booking: Booking) -> CancelQuote | None:
        if quote is None:
            return None
        return quoting.accepted(desk, quote_keys, booking, caller=caller, text=quote)

    def evaluate(record: Record) -> Settled:
        settled = Settled(desk.booking(booking_id, owner=None if is_staff else caller.subject), None)
        for _ in range(_PLANS):
            settled = _cancel_once(
                desk, settled.booking, record, is_staff=is_staff, charges_fee=charges_fee, offer=offer
            )
            if settled.answer is not None or settled.booking.operation is not None:
                return settled
            if cancellation_waits_until(settled.booking) is not None:
                return settled  # the fee is asked for again later, of the bank or of the customer
            record = _planned_again(desk, record)
        return settled

    return answer(desk.operations, request, evaluate)


def _planned_again(desk: Desk, record: Record) -> Record:
    """The same request, ready to begin another operation in the place of the one that was refused."""
    kept = desk.store.records.get(record.key, desk.clock())
    return replace(record, replaces=kept.operation_id if kept else None)


def _cancel_once(
    desk: Desk,
    booking: Booking,
    record: Record,
    *,
    is_staff: bool,
    charges_fee: bool,
    offer: Callable[[Booking], CancelQuote | None],
) -> Settled:
    if booking.outcome is Outcome.CANCELLED and booking.cancel_request_key == record.key:
        return done(booking)  # this very wish, carried out by the clock
    refuse_closed(booking, desk.clock(), by_staff=is_staff)
    event = desk.store.events.get(booking.event_id)
    told, facts = brought_up(booking, event)
    # What the fee follows from holds as long as the event is as it was read.
    check = Check(event_id=event.event_id, event_version=event.version) if event else None
    wanted = told
    if told.cancel_request_key != record.key:
        # Once the wish is written its quote is too, and need not be proved again.
        quote = offer(told)
        charges_fee = charges_fee if quote is None else quote.charges_fee
        wanted = _wished(told, desk, record, is_staff=is_staff, charges_fee=charges_fee, quote=quote)
    if wanted is not told:
        facts = [*facts, wish_entry(wanted)]
    if booking.operation is not None:
        # The wish is a fact with a time, so it is written before anything else is waited for.
        if facts:
            wish = replace(record, booking_id=booking.booking_id)
            booking = write(desk, booking, wanted, facts, record=wish, check=check)
        return Settled(idle(desk, booking), None)
    step = cancellation(wanted, desk.clock())
    if isinstance(step, Close):
        return done(close(desk, booking, wanted, step, facts, actor=wanted.cancel_actor or "customer", check=check))
    if step is None or isinstance(step, Write):
        changed, entries = (wanted, ()) if step is None else (step.booking, step.entries)
        noted = replace(record, booking_id=booking.booking_id) if facts else None
        return Settled(write(desk, booking, changed, [*facts, *entries], record=noted, check=check), None)
    assert isinstance(step, Begin)
    return desk.operations.carry_out(
        desk.operations.begin(booking, wanted, step, facts=facts, record=record, check=check)
    )


def _wished(
    booking: Booking, desk: Desk, record: Record, *, is_staff: bool, charges_fee: bool, quote: CancelQuote | None
) -> Booking:
    """With the wish. One that waits already stays, but staff who charge nothing take its fee away."""
    if booking.cancel_requested_at is None:
        actor = "staff" if is_staff else "customer"
        return wished(booking, desk.clock(), actor=actor, charges_fee=charges_fee, request_key=record.key, quote=quote)
    if is_staff and not charges_fee and booking.cancel_charges_fee:
        return replace(booking, cancel_charges_fee=False, cancel_actor="staff", cancel_quote=None)
    return booking
