"""Reading bookings and their log: owners see their own, staff see all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from holdfast.booking import Booking
from holdfast.caller import Caller
from holdfast.desk.desk import Desk
from holdfast.errors import Forbidden
from holdfast.log import Line
from holdfast.served import booking_view, staff_booking_view
from holdfast.store.bookings import Position

View = dict[str, Any]


def view_for(caller: Caller, booking: Booking, now: datetime) -> View:
    return staff_booking_view(booking, now) if caller.is_staff else booking_view(booking, now)


def one(desk: Desk, caller: Caller, booking_id: str) -> View:
    """With the policy's text as it was accepted: the log has it, so that no later wording can take its place."""
    booking = desk.booking(booking_id, owner=None if caller.is_staff else caller.subject)
    view = view_for(caller, booking, desk.clock())
    first, _ = desk.store.bookings.lines(booking_id, limit=1)
    return view | {"policy": view["policy"] | {"text": first[0]["details"].get("policy_text") if first else None}}


def many(
    desk: Desk,
    caller: Caller,
    *,
    limit: int,
    after: Position | None,
    event_id: str | None = None,
    payment_status: str | None = None,
    attention: bool = False,
) -> tuple[list[View], Position | None]:
    """One page, newest first. Customers may narrow their own bookings; only staff may ask for those
    needing attention.
    """
    equal = {"payment_status": payment_status} if payment_status else {}
    bookings = desk.store.bookings
    if not caller.is_staff:
        if attention:
            raise Forbidden("The staff's list is for staff.")
        mine = equal | ({"event_id": event_id} if event_id else {})
        found, position = bookings.of_user(caller.subject, limit=limit, after=after, **mine)
    elif attention:
        found, position = bookings.needing_attention(limit=limit, after=after)
        found = [
            each
            for each in found
            if event_id in (None, each.event_id) and payment_status in (None, str(each.payment_status))
        ]
    elif event_id is not None:
        found, position = bookings.of_event(event_id, limit=limit, after=after, **equal)
    else:
        found, position = bookings.of_months(now=desk.clock(), limit=limit, payment_status=payment_status, after=after)
    return [view_for(caller, booking, desk.clock()) for booking in found], position


def transactions(
    desk: Desk, caller: Caller, booking_id: str, *, limit: int, after: int
) -> tuple[list[Line], int | None]:
    """One page of the log, oldest first."""
    desk.booking(booking_id, owner=None if caller.is_staff else caller.subject)
    return desk.store.bookings.lines(booking_id, after=after, limit=limit)
