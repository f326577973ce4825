"""What a customer is reminded of: that a hold is coming, and that cancelling is about to cost something.

Pure. A reminder is a line of the log, from which the app is told like of anything else; sending it to a phone is the
app's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from holdfast.booking import Booking
from holdfast.coverage import first_fee_at, planned_at
from holdfast.log import Entry, wire_time
from holdfast.movements import Write
from holdfast.policy import free_cancellation_until

# Early enough to act on it, late enough to remember.
LEAD: Final = timedelta(hours=24)


def _planned(booking: Booking) -> Iterator[tuple[str, datetime]]:
    """What this booking is still to be reminded of, and the instant that it is about."""
    since = max(booking.created_at, booking.moved_at or booking.created_at)
    for name, about in _occasions(booking):
        # Whoever booked inside the lead has just read it.
        if name not in booking.reminded and about - LEAD > since:
            yield name, about


def _occasions(booking: Booking) -> Iterator[tuple[str, datetime]]:
    if booking.setup is not None and booking.hold is None and booking.kept_without_hold_at is None:
        yield "hold_coming", planned_at(booking)
    counted_from = booking.fees_count_from
    if first_fee_at(booking.policy, counted_from) < counted_from:
        free_until = free_cancellation_until(
            booking.policy, starts_at=counted_from, created_at=booking.created_at, moved_at=booking.moved_at
        )
        yield "free_cancellation_ending", free_until


def due_at(booking: Booking) -> datetime | None:
    """When the next reminder is due; None where none is left."""
    if booking.checked_in_at is not None:
        return None
    return min((about - LEAD for _, about in _planned(booking)), default=None)


def step(booking: Booking, now: datetime) -> Write | None:
    """The reminders that are due now; one whose occasion has passed meanwhile is dropped without a line."""
    if booking.checked_in_at is not None:
        return None
    due = [(name, about) for name, about in _planned(booking) if now >= about - LEAD]
    if not due:
        return None
    entries = tuple(
        Entry(kind="reminder", status="succeeded", actor="clock", reason=name, details={"about": wire_time(about)})
        for name, about in due
        if now < about
    )
    return Write(replace(booking, reminded=(*booking.reminded, *(name for name, _ in due))), entries)
