"""What the organiser changes reaches the booking: a cancelled event, or one that is moved to another time.

Pure. A moved event gives everybody a fresh free window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from holdfast.booking import Booking
from holdfast.coverage import mend_by
from holdfast.event import Event
from holdfast.log import Entry, wire_time
from holdfast.staffs_list import CONTESTED, cleared

Change = tuple[Booking, Sequence[Entry]]


def brought_up(booking: Booking, event: Event | None) -> Change:
    """The booking with what the event says now, and the lines that say so; unchanged where nothing concerns it."""
    if event is None:
        return booking, []
    if event.cancelled_at is not None:
        return _cancelled(booking, event)
    return _moved(booking, event) if booking.is_open and _has_moved(booking, event) else (booking, [])


def _has_moved(booking: Booking, event: Event) -> bool:
    """Also one that was moved away and back before the booking heard of it: its customer's plans were upset all the
    same.
    """
    since = booking.joined_at or booking.created_at
    moved_since = event.moved_at is not None and event.moved_at > since
    times_differ = (booking.starts_at, booking.ends_at) != (event.starts_at, event.ends_at)
    return times_differ or (moved_since and event.moved_at != booking.moved_at)


def _cancelled(booking: Booking, event: Event) -> Change:
    concerned = booking.is_open or booking.refundable > 0
    if booking.event_cancelled_at is not None or not concerned:
        return booking, []
    entry = Entry(kind="event_cancelled", status="succeeded", actor="staff", details={"event_version": event.version})
    told = replace(booking, event_cancelled_at=event.cancelled_at, event_version=event.version)
    if told.refundable > 0 and not told.owes_refund and told.attention is None:
        told = replace(told, attention="refund_owed", attention_since=event.cancelled_at)
    return told, [entry]


def _moved(booking: Booking, event: Event) -> Change:
    moved = replace(
        booking,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        moved_at=event.moved_at,
        # A window of one's own making ends here: the organiser gives a fresh one.
        window_starts_at=None,
        event_version=event.version,
        look_again_at=None,
        kept_without_hold_at=None,
        reminded=(),
    )
    if event.starts_at != booking.starts_at:
        # Who was absent then may come now; where only the end is corrected, what was said stands.
        moved = replace(moved, no_show_noticed_at=None, no_show_upheld_at=None)
    if event.starts_at >= booking.ends_at:
        # Another date: whoever was at the door of the old one still has to come, and nobody has missed it yet.
        moved = cleared(replace(moved, checked_in_at=None, waived_at=None, contested_at=None), frozenset({CONTESTED}))
    if moved.mend_by is not None:
        moved = replace(moved, mend_by=mend_by(moved, event.updated_at))
    entry = Entry(
        kind="event_moved",
        status="succeeded",
        actor="staff",
        details={
            "from": [wire_time(booking.starts_at), wire_time(booking.ends_at)],
            "to": [wire_time(event.starts_at), wire_time(event.ends_at)],
            "moved_at": wire_time(event.moved_at) if event.moved_at else None,
            "event_version": event.version,
        },
    )
    return moved, [entry]
