"""What the result of an answer to a dispute does to the booking and to the log.

Pure, like `settlement`: the answer under way and what was proved about it in; the next facts and the lines out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import Booking, with_dispute
from holdfast.dispute import Dispute, DisputeResponse, ResponseKind
from holdfast.dispute_adoption import observe_dispute
from holdfast.log import Entry
from holdfast.settlement import ATTEMPTS_BEFORE_STAFF, backoff
from holdfast.staffs_list import cleared, noticed

IN_DOUBT: Final = "dispute_answer_in_doubt"
REFUSED: Final = "dispute_answer_refused"
ANSWERED_ELSEWHERE: Final = "answered_elsewhere"
# However long Stripe was away, this much of the time that is left is used for the next try.
_OF_WHAT_IS_LEFT: Final = 4
_SOONEST: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """Stripe has our answer; this is the dispute after it."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Stripe refused it for good, or somebody answered in the dashboard; `dispute` is what Stripe holds, if it told."""

    code: str
    message: str
    dispute: Dispute | None


Verdict = Taken | NotTaken


def line_of(response: DisputeResponse, status: str, actor: str, **more: Any) -> Entry:
    """A line of this answer: evidence is of kind `evidence`, giving the dispute up `dispute_accept`."""
    kind = "evidence" if response.kind is ResponseKind.SUBMIT else "dispute_accept"
    return Entry(
        kind=kind,
        status=status,
        actor=actor,
        operation_id=response.operation_id,
        stripe_id=response.dispute_id,
        **more,
    )


def settled(
    booking: Booking, response: DisputeResponse, verdict: Verdict, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    """The booking with this answer over. What Stripe shows of the dispute is taken in with it."""
    idle = _seen_to(replace(booking, dispute_response=None))
    match verdict:
        case Taken(dispute):
            changed, lines = observe_dispute(_remembered(idle, response, dispute, now), dispute, now)
            details = {"evidence_hash": response.evidence_hash} if response.evidence_hash else {}
            return changed, [line_of(response, "succeeded", "staff", details=details), *lines]
        case NotTaken(code, message, seen):
            failed = line_of(response, "failed", "staff", reason=code, details={"message": message})
            changed, lines = (idle, []) if seen is None else observe_dispute(idle, seen, now)
            waits = any(each.dispute_id == response.dispute_id and each.awaits_answer for each in changed.disputes)
            return noticed(changed, REFUSED if waits else None, now), [failed, *lines]


def _remembered(idle: Booking, response: DisputeResponse, seen: Dispute, now: datetime) -> Booking:
    """What was sent, and when, is kept with the dispute; everything else about it is Stripe's to say."""
    known = next((each for each in idle.disputes if each.dispute_id == seen.dispute_id), None)
    if known is None or response.kind is not ResponseKind.SUBMIT:
        return idle
    return with_dispute(idle, replace(known, submitted_at=now, evidence_hash=response.evidence_hash))


def _seen_to(booking: Booking) -> Booking:
    return cleared(booking, frozenset({IN_DOUBT, REFUSED}))


def postponed(booking: Booking, response: DisputeResponse, now: datetime) -> Booking:
    """A recovery that learnt nothing: later again, never so late that the deadline passes over it, and in the end a
    person has to look.
    """
    tries = response.tries + 1
    pause = backoff(tries)
    due_by = next((each.due_by for each in booking.disputes if each.dispute_id == response.dispute_id), None)
    if due_by is not None and now < due_by:
        pause = min(pause, max(_SOONEST, (due_by - now) / _OF_WHAT_IS_LEFT))
    later = replace(booking, dispute_response=replace(response, tries=tries, lease_until=now + pause))
    return noticed(later, IN_DOUBT if tries >= ATTEMPTS_BEFORE_STAFF else None, now)
