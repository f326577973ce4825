"""The words of the log and of the facts that the rules of `invariants` read, each with what it means for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from holdfast.booking import Booking, Kind, Outcome
from holdfast.log import Line
from tests.simulation.sides import Intent, Kept

MOVES: Final = frozenset({"authorize", "renew", "capture", "release", "refund"})
KEEP_AT_MOST_A_FEE: Final = (Outcome.CANCELLED, Outcome.EVENT_CANCELLED, Outcome.NO_SHOW, Outcome.WAIVED)
# A person decides these: what is owed cannot go back by itself, or whether it is owed is theirs to say.
_DECIDED_BY_STAFF: Final = frozenset({"refund_owed", "refund_failed", "refused_by_stripe"})


def took_the_hold(line: Line) -> bool:
    """The booking's hold was captured, by us or outside."""
    if line["kind"] == "capture":
        return bool(line["status"] == "succeeded")
    return bool(line["kind"] == "external" and line["reason"] == "captured")


def took(line: Line) -> bool:
    """Also an authorization that the booking does not use, captured outside."""
    unused = line["kind"] == "external" and line["reason"] == "unused_authorization_captured"
    return took_the_hold(line) or unused


def is_our_capture(kept: Kept, intent: Intent) -> bool:
    """Captured under an operation of ours: its metadata names one that began as a capture."""
    return any(line["kind"] == Kind.CAPTURE and line["operation_id"] == intent.operation_id for line in kept.lines)


def is_said_by(kept: Kept, intent: Intent) -> bool:
    """The capture's own operation has a line that it succeeded."""
    own = [line for line in kept.lines if line["operation_id"] == intent.operation_id]
    return any((line["kind"], line["status"]) == ("capture", "succeeded") for line in own)


def under_way(booking: Booking) -> str | None:
    if booking.operation is not None:
        return booking.operation.operation_id
    return booking.dispute_response.operation_id if booking.dispute_response else None


def is_a_later_word(line: Line, lines: Sequence[Line]) -> bool:
    """Stripe's word on something that had ended as pending, or the clock's that nobody came for it."""
    waited = any(each["status"] == "pending" and each["sequence"] < line["sequence"] for each in lines)
    refund_moved = line["kind"] == "refund" and line["actor"] == "stripe"
    return refund_moved or (waited and (line["actor"] == "stripe" or line["status"] == "canceled"))


def for_a_person(booking: Booking) -> bool:
    return booking.attention in _DECIDED_BY_STAFF or booking.barred_by is not None or booking.refund_failed


def has_nothing_to_do(booking: Booking) -> bool:
    """Read off the facts, without asking `next_step`."""
    waits: tuple[Any, ...] = (booking.operation, booking.renewal, booking.dispute_response)
    answers = any(each.awaits_answer for each in booking.disputes)
    return not (booking.is_open or any(waits) or booking.superseded or booking.owes_refund or answers)
