"""A change of a booking that writes no line of the log: a lease that ends, or when to try again.

Neither moves money nor promises anything, so whoever was faster wins and the change is dropped.
"""

from __future__ import annotations

from datetime import datetime

from holdfast.booking import Booking
from holdfast.log import append
from holdfast.store import Commit, ConcurrentChange, Store


def unlogged(store: Store, before: Booking, changed: Booking, *, now: datetime) -> Booking:
    """The booking as it is then: changed, or as somebody else has left it. Raises LookupError where it is gone."""
    after, _ = append(before, changed, [], now=now)
    try:
        return store.bookings.commit(Commit(after=after, lines=[], before_version=before.version, now=now))
    except ConcurrentChange:
        return read_again(store, before)


def read_again(store: Store, booking: Booking) -> Booking:
    """The booking as it is now. Raises LookupError where it is gone."""
    current = store.bookings.get(booking.booking_id)
    if current is None:
        raise LookupError(f"booking {booking.booking_id} is gone")
    return current
