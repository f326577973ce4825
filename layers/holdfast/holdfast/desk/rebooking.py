"""Moving a booking to another event of the same price: no money moves, and no deadline is reset."""

from __future__ import annotations

from holdfast.booking import Booking
from holdfast.caller import Caller
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import seconds_left, write
from holdfast.errors import NotFound, OperationInProgress
from holdfast.moving import brought_up
from holdfast.rebooking import check, moved_to
from holdfast.requests import retrying
from holdfast.store import Check


def move(desk: Desk, *, caller: Caller, booking_id: str, event_id: str, fresh_window: bool | None) -> Booking:
    """The booking at the other event. To the one where it is already changes nothing.

    Conditional on the version of both: a hold that is captured meanwhile, or an event that is cancelled or changed, is
    looked at again. `fresh_window` is read from staff only.
    """

    def decide() -> Booking:
        booking = desk.booking(booking_id, owner=None if caller.is_staff else caller.subject)
        if booking.event_id == event_id:
            return booking
        target = desk.store.events.get(event_id)
        if target is None:
            raise NotFound("There is no such event.")
        if booking.operation is not None:
            raise OperationInProgress(retry_after=seconds_left(booking, desk.clock()))
        told, facts = brought_up(booking, desk.store.events.get(booking.event_id))
        now = desk.clock()
        check(told, target, now, by_staff=caller.is_staff)
        moved, lines = moved_to(
            told, target, now, by_staff=caller.is_staff, fresh_window=caller.is_staff and fresh_window is True
        )
        return write(
            desk,
            booking,
            moved,
            [*facts, *lines],
            check=Check(event_id=target.event_id, event_version=target.version),
        )

    return retrying(desk.operations, decide)
