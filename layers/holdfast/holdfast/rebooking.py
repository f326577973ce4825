"""A customer moves a booking to another event: what may be moved where, and what it does to the booking.

Pure. The price and the policy are those that were accepted, and so are the times from which cancelling costs: moving
gives nobody more time than they had.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.booking import Booking, Status
from holdfast.errors import Conflict, RuleRefused
from holdfast.event import Event
from holdfast.log import Entry, wire_time
from holdfast.moving import Change

_AT = "/event_id"


def check(booking: Booking, target: Event, now: datetime, *, by_staff: bool) -> None:
    """Raises Conflict where the state of either forbids it, RuleRefused where a rule does.

    Only staff move a booking to an event with another policy: it keeps its own, which may be one that the organiser
    gives to nobody any more.
    """
    _check_booking(booking, now)
    if target.cancelled_at is not None:
        raise Conflict("The event to move to was cancelled.")
    if now >= target.starts_at:
        raise RuleRefused.at(_AT, "The event to move to has begun.")
    if target.price != booking.price:
        raise RuleRefused.at(_AT, "The event to move to has another price or currency: cancel, and book it.")
    if target.policy != booking.policy and not by_staff:
        raise RuleRefused.at(_AT, "The event to move to has another policy: cancel, and book it.")


def _check_booking(booking: Booking, now: datetime) -> None:
    if not booking.is_open or booking.cancel_requested_at is not None:
        raise Conflict(f"The booking is closed: {'cancelled' if booking.is_open else booking.outcome}.")
    if booking.event_cancelled_at is not None:
        raise Conflict("The event was cancelled.")
    if booking.checked_in_at is not None:
        raise Conflict("The customer was checked in.")
    if booking.payment_status not in (Status.HELD, Status.SCHEDULED):
        raise Conflict(f"Nothing is held for this booking: it is {booking.payment_status}.")
    if now >= booking.starts_at:
        raise RuleRefused("The event has begun: whoever did not come cannot move any more.")


def moved_to(booking: Booking, target: Event, now: datetime, *, by_staff: bool, fresh_window: bool) -> Change:
    """The booking at the other event, and the line that says so.

    Its fees are counted from the earliest start that it ever had, unless staff give it a fresh window, as an organiser
    who moves an event does.
    """
    moved = replace(
        booking,
        event_id=target.event_id,
        event_version=target.version,
        starts_at=target.starts_at,
        ends_at=target.ends_at,
        timezone=target.timezone,
        joined_at=now,
        window_starts_at=None if fresh_window else min(booking.fees_count_from, target.starts_at),
        moved_at=now if fresh_window else booking.moved_at,
        # A waiver was for the other date.
        waived_at=None,
        look_again_at=None,
        reminded=() if fresh_window else tuple(each for each in booking.reminded if each != "hold_coming"),
    )
    details = {
        "from": {"event_id": booking.event_id, "starts_at": wire_time(booking.starts_at)},
        "to": {"event_id": target.event_id, "starts_at": wire_time(target.starts_at)},
        "event_version": target.version,
        "fees_count_from": wire_time(moved.fees_count_from),
        "moved_at": wire_time(moved.moved_at) if moved.moved_at else None,
        "fresh_window": fresh_window,
    }
    actor = "staff" if by_staff else "customer"
    return moved, [Entry(kind="moved", status="succeeded", actor=actor, details=details)]
