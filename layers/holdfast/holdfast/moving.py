"""An organiser moves an event: the booking's times follow, and everybody gets a fresh free window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from holdfast.booking import Booking
from holdfast.event import Event
from holdfast.log import Entry, wire_time


def brought_up(booking: Booking, event: Event | None) -> tuple[Booking, Sequence[Entry]]:
    """The booking with the event's present times, and the line that says so; unchanged where they agree or it has
    ended.
    """
    if event is None or not booking.is_open or (booking.starts_at, booking.ends_at) == (event.starts_at, event.ends_at):
        return booking, []
    moved = replace(
        booking,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        moved_at=event.moved_at,
        event_version=event.version,
        look_again_at=None,
    )
    entry = Entry(
        kind="event_moved",
        status="succeeded",
        actor="staff",
        details={
            "from": [wire_time(booking.starts_at), wire_time(booking.ends_at)],
            "to": [wire_time(event.starts_at), wire_time(event.ends_at)],
            "event_version": event.version,
        },
    )
    return moved, [entry]
