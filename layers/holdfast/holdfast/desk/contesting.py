"""A no-show that the customer contests, and staff who decide it."""

from __future__ import annotations

from dataclasses import replace

from holdfast.booking import Booking
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import write
from holdfast.errors import Conflict, RuleRefused
from holdfast.log import Entry
from holdfast.no_show import grace_ends_at, no_show_at
from holdfast.requests import retrying
from holdfast.staffs_list import CONTESTED, cleared, noticed


def contest(desk: Desk, *, user_id: str, booking_id: str, reason: str | None) -> Booking:
    """The customer says that they were there. Nothing is charged until staff decide. Twice changes nothing."""

    def decide() -> Booking:
        booking = desk.booking(booking_id, owner=user_id)
        if booking.contested_at is not None:
            return booking
        now = desk.clock()
        decided = booking.checked_in_at or booking.waived_at
        on_its_way = booking.operation is not None and booking.operation.reason == "no_show"
        if not booking.is_open or on_its_way or booking.no_show_noticed_at is None or decided:
            raise Conflict("There is no notice of a no-show to contest.")
        if now >= no_show_at(booking):
            raise Conflict("The time to contest is over.")
        contested = noticed(replace(booking, contested_at=now, look_again_at=None), CONTESTED, now)
        entry = Entry(kind="contest", status="succeeded", actor="customer", reason=reason)
        return write(desk, booking, contested, [entry])

    return retrying(desk.operations, decide)


def uphold(desk: Desk, *, booking_id: str, reason: str | None) -> Booking:
    """Staff say that this customer did not come: the venue's word, and the end of a contest that has come before it.

    It replaces neither the notice nor the time to contest that the customer was promised.
    """

    def decide() -> Booking:
        booking = desk.booking(booking_id)
        if booking.no_show_upheld_at is not None and not booking.contest_undecided:
            return booking
        now = desk.clock()
        if not booking.is_open or booking.cancel_requested_at is not None:
            raise Conflict(f"The booking is closed: {'cancelled' if booking.is_open else booking.outcome}.")
        if booking.checked_in_at is not None or booking.waived_at is not None:
            raise Conflict("The customer was checked in, or their fee waived.")
        if now < grace_ends_at(booking):
            raise RuleRefused("The grace after the start is not over: nobody is a no-show yet.")
        upheld = replace(booking, no_show_upheld_at=now, look_again_at=None)
        upheld = cleared(upheld, frozenset({CONTESTED}))
        return write(desk, booking, upheld, [Entry(kind="no_show", status="succeeded", actor="staff", reason=reason)])

    upheld = retrying(desk.operations, decide)
    desk.steps.bookings([{"booking_id": booking_id}])
    return upheld
