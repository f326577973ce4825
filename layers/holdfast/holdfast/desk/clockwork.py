"""The clock: sweeps what is due into the queue, and does the next step of one booking at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import Booking
from holdfast.desk import disputing
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import close, write
from holdfast.desk.outside import take_in, take_in_card
from holdfast.errors import HoldfastError, OperationInProgress
from holdfast.event import Event
from holdfast.movements import Begin, Close, Write
from holdfast.moving import brought_up
from holdfast.next_step import LookAgain, Recover, next_step
from holdfast.store import Check, ConcurrentChange, EventChanged
from holdfast.store.bookings import SHARDS

# One visit may take several steps (drop a superseded hold, then settle); the rest waits for the next sweep.
_STEPS_A_VISIT: Final = 4
_EVENT_PAGE: Final = 100
# A second pass over an event's bookings catches those that the index had not heard of in the first.
_SECOND_PASS: Final = timedelta(minutes=2)
_PASSES: Final = 2


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep queued, and by how many seconds the oldest of it was late."""

    bookings: int
    events: int
    lag_seconds: float


def sweep(desk: Desk) -> Swept:
    """Queue everything that is due, shard by shard and page by page.

    Running it twice queues it twice, which is harmless.
    """
    now = desk.clock()
    oldest = [now]
    events = 0
    bookings = 0
    shards = list(SHARDS)
    random.shuffle(shards)  # where one sweep cannot finish, the next does not starve the same shards
    for shard in shards:
        bookings += desk.steps.bookings(_due(desk, shard, now, oldest))
        for event_id in desk.store.events.due(shard, now):
            desk.steps.event(event_id)
            events += 1
    return Swept(bookings, events, (now - min(oldest)).total_seconds())


def _due(desk: Desk, shard: int, now: datetime, oldest: list[datetime]) -> Iterator[dict[str, Any]]:
    for booking_id, due_at in desk.store.bookings.due(shard, now):
        oldest.append(datetime.fromisoformat(due_at))
        yield {"booking_id": booking_id, "due_at": due_at}


def look_at_event(desk: Desk, event_id: str, after: tuple[str, str] | None) -> int:
    """Queue one page of an event's bookings that may have to hear of it, and the next page; how many were queued."""
    event = desk.store.events.get(event_id)
    if event is None:
        return 0
    bookings, position = desk.store.bookings.of_event(event_id, limit=_EVENT_PAGE, after=after)
    queued = desk.steps.bookings(
        {"booking_id": each.booking_id} for each in bookings if each.is_open or each.refundable > 0
    )
    if position is not None:
        desk.steps.event(event_id, position)
        return queued
    now = desk.clock()
    if event.due_at is not None and event.due_at <= now:
        passes = event.passes + 1
        again = now + _SECOND_PASS if passes < _PASSES else None
        # Losing to somebody who changed the event meanwhile is fine: then it is due again anyway.
        with suppress(ConcurrentChange):
            desk.store.events.put(replace(event, passes=passes, due_at=again), before=event)
    return queued


def take_step(desk: Desk, booking_id: str) -> Booking | None:
    """Do what this booking needs now, if anything. A step that fails comes again later, and in the end
    reaches staff.
    """
    booking = desk.store.bookings.get(booking_id)
    if booking is None:
        return None
    for _ in range(_STEPS_A_VISIT):
        try:
            event = desk.store.events.get(booking.event_id)
            booking = disputing.attend(desk, _told(desk, booking, event))
            if booking.retry_at is not None and desk.clock() < booking.retry_at:
                return booking
            after = _step(desk, booking, event)
        except (ConcurrentChange, EventChanged):
            after = desk.booking(booking_id)  # decide again on what is there now
            if after.version == booking.version:
                return after
        except OperationInProgress:
            return booking
        except HoldfastError:
            return _postponed(desk, booking_id)
        except Exception:
            # A fault of ours or of our configuration: later again, and loud now.
            _postponed(desk, booking_id)
            raise
        if after is None or after.operation is not None:
            return after or booking
        booking = after
    return booking


def _postponed(desk: Desk, booking_id: str) -> Booking:
    return desk.operations.postpone(desk.booking(booking_id), what="step_failed")


def _told(desk: Desk, booking: Booking, event: Event | None) -> Booking:
    """What the organiser changed is a fact: it is written first, whatever is under way or waits for a retry."""
    changed, facts = brought_up(booking, event)
    return write(desk, booking, changed, facts) if facts else booking


def _step(desk: Desk, booking: Booking, event: Event | None) -> Booking | None:
    """One step; None where nothing is to be done."""
    step = next_step(booking, event, desk.clock())
    if isinstance(step, Begin | Close | Write) and step.unless is not None:
        looked = _asked(desk, booking, step.unless)
        if looked.version != booking.version:
            return looked
    match step:
        case None:
            return None
        case Recover():
            return desk.operations.recover(booking).booking
        case LookAgain(at):
            write(desk, booking, replace(booking, look_again_at=at), [])
            return None
        case Close():
            return close(desk, booking, booking, step, [], actor="clock")
        case Write(changed, entries):
            return write(desk, booking, changed, entries, check=_unchanged(event))
        case Begin():
            check = _unchanged(event)
            begun = desk.operations.begin(booking, booking, step, check=check)
            return desk.operations.carry_out(begun).booking


def _asked(desk: Desk, booking: Booking, waited_for: str) -> Booking:
    """The booking as Stripe has what its customer was to authenticate; as it is, where they did not come."""
    if booking.new_card is not None and booking.new_card.setup_intent_id == waited_for:
        return take_in_card(desk, booking, setup_intent_id=waited_for)
    return take_in(desk, booking, payment_intent_id=waited_for)


def _unchanged(event: Event | None) -> Check | None:
    """What the clock decides by an event's times holds only while the event has them."""
    return Check(event_id=event.event_id, event_version=event.version) if event else None
