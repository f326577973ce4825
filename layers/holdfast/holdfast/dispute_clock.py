"""When the clock has to look at a booking because of a dispute, and what it does then: finish an answer that somebody
left, and put a deadline before staff while there is time to meet it.

Pure. `next_step.due_at` and the worker ask here; money under way does not put a deadline off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from holdfast.booking import Booking
from holdfast.dispute import Dispute
from holdfast.log import Entry, wire_time
from holdfast.staffs_list import cleared

# Two days: a weekend's staff still have a working day, and the evidence is assembled already.
NEAR: Final = timedelta(hours=48)
DUE: Final = "dispute_due"


def dispute_due_at(booking: Booking) -> datetime | None:
    """The instant at which the clock has to look at this booking's disputes; None: never again, by itself."""
    instants = [due_by - NEAR for _, due_by in _unnoticed(booking)]
    if booking.dispute_response is not None:
        instants.append(booking.dispute_response.lease_until)
    return min(instants, default=None)


def answer_due_by(booking: Booking) -> datetime | None:
    """The nearest deadline by which a dispute of this booking waits for an answer."""
    return min((each.due_by for each in booking.disputes if each.awaits_answer and each.due_by), default=None)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two instants, where None is never."""
    return min((each for each in (one, other) if each is not None), default=None)


def answer_is_due(booking: Booking, now: datetime) -> bool:
    """Somebody began an answer to a dispute, and its lease is over."""
    return booking.dispute_response is not None and now >= booking.dispute_response.lease_until


def deadlines_noticed(booking: Booking, now: datetime) -> tuple[Booking, Sequence[Entry]]:
    """The booking on the staff's list for each deadline that has come near, and the line that says so, once for each
    deadline (an inquiry that becomes a dispute has another). A reason that stands there already stays.
    """
    entries = []
    for dispute, due_by in _unnoticed(booking):
        if now < due_by - NEAR:
            continue
        booking = replace(booking, disputes_noticed=(*booking.disputes_noticed, _mark(dispute, due_by)))
        if booking.attention is None:
            booking = replace(booking, attention=DUE, attention_since=now)
        entries.append(
            Entry(
                kind="dispute",
                status=dispute.status,
                actor="clock",
                amount=dispute.amount if dispute.currency in (None, booking.currency) else None,
                reason=dispute.reason,
                stripe_id=dispute.dispute_id,
                details={"step": "deadline_near", "due_by": wire_time(due_by)},
            )
        )
    return booking, entries


def no_longer_due(booking: Booking) -> Booking:
    """Off the staff's list, if it is there for a deadline and nobody waits for an answer any more."""
    waits = any(dispute.awaits_answer for dispute in booking.disputes)
    return booking if waits else cleared(booking, frozenset({DUE}))


def _unnoticed(booking: Booking) -> Iterator[tuple[Dispute, datetime]]:
    for dispute in booking.disputes:
        if dispute.due_by is None or not dispute.awaits_answer:
            continue
        if _mark(dispute, dispute.due_by) not in booking.disputes_noticed:
            yield dispute, dispute.due_by


def _mark(dispute: Dispute, due_by: datetime) -> str:
    return f"{dispute.dispute_id} {wire_time(due_by)}"
