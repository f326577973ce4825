"""Finishes what somebody left under way, and writes changes that move no money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from holdfast.booking import Booking, Outcome
from holdfast.desk.desk import Desk
from holdfast.errors import OperationInProgress
from holdfast.hold_settlement import hold_not_missed
from holdfast.log import Entry, append
from holdfast.movements import Close
from holdfast.served import booking_view
from holdfast.staffs_list import noticed
from holdfast.store import Check, Commit, Record


def idle(desk: Desk, booking: Booking) -> Booking:
    """The booking with nothing under way, recovered first if need be.

    Raises OperationInProgress while somebody is at it.
    """
    if booking.operation is None:
        return booking
    recovered = desk.operations.recover(booking).booking
    if recovered.operation is not None:
        raise OperationInProgress()
    return recovered


def seconds_left(booking: Booking, now: datetime) -> int:
    """How long to wait before the operation under way may be somebody else's to finish."""
    if booking.operation is None:
        return 1
    return max(1, min(60, round((booking.operation.lease_until - now).total_seconds())))


def write(
    desk: Desk,
    before: Booking,
    changed: Booking,
    entries: Sequence[Entry],
    *,
    record: Record | None = None,
    counts_check_in: int | None = None,
    check: Check | None = None,
) -> Booking:
    """Facts that move no money, on condition that nobody changed the booking since it was read."""
    now = desk.clock()
    after, lines = append(before, changed, entries, now=now, origin=desk.origin)
    return desk.store.bookings.commit(
        Commit(
            after=after,
            lines=lines,
            before_version=before.version,
            now=now,
            record=record,
            counts_check_in=counts_check_in,
            check=check,
        )
    )


def close(
    desk: Desk,
    before: Booking,
    changed: Booking,
    step: Close,
    facts: Sequence[Entry],
    *,
    actor: str,
    check: Check | None = None,
) -> Booking:
    """End a booking for which no money is left to move."""
    cancelled_at = changed.cancelled_at
    if step.outcome in (Outcome.CANCELLED, Outcome.EVENT_CANCELLED) and cancelled_at is None:
        cancelled_at = changed.cancel_requested_at or desk.clock()
    ended = replace(changed, outcome=step.outcome, cancelled_at=cancelled_at, fee=step.fee)
    ended = noticed(hold_not_missed(ended), step.attention, desk.clock())
    entry = Entry(kind="close", status="succeeded", actor=actor, reason=step.reason, details=step.details)
    now = desk.clock()
    after, lines = append(before, ended, [*facts, entry], now=now, origin=desk.origin)
    return desk.store.bookings.commit(
        Commit(
            after=after,
            lines=lines,
            before_version=before.version,
            now=now,
            check=check,
            # Whoever closes it, the request that wished for it hears of it.
            answer_key=changed.cancel_request_key,
            answer={"body": booking_view(after)},
        )
    )
