"""The staff's list: what a person has seen to is taken off it, with a note that the log keeps."""

from __future__ import annotations

from holdfast.booking import Booking
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import write
from holdfast.errors import Conflict
from holdfast.log import Entry, wire_time
from holdfast.requests import retrying
from holdfast.staffs_list import resolved


def resolve(desk: Desk, *, booking_id: str, attention: str, reason: str) -> Booking:
    """This entry is seen to; a booking that is on the list for nothing stays as it is. No money moves.

    Raises Conflict where the booking is listed for something else by now, which whoever asks has not seen.
    """

    def decide() -> Booking:
        booking = desk.booking(booking_id)
        if booking.attention is None or booking.attention_since is None:
            return booking
        if booking.attention != attention:
            raise Conflict(f"The booking is on the list for {booking.attention}.")
        details = {"attention": attention, "since": wire_time(booking.attention_since)}
        entry = Entry(kind="attention", status="succeeded", actor="staff", reason=reason, details=details)
        return write(desk, booking, resolved(booking), [entry])

    return retrying(desk.operations, decide)
