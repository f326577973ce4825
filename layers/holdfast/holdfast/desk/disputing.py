"""Disputes: staff read the evidence that was assembled, change its words, hand it in or give the dispute up; the clock
finishes what they began, and puts deadlines before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from holdfast.answers import Answer, error_answer
from holdfast.booking import Booking
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import write
from holdfast.dispute import Dispute, DisputeResponse, ResponseKind, most_urgent
from holdfast.dispute_clock import answer_is_due, deadlines_noticed
from holdfast.dispute_evidence import Case, assembled
from holdfast.dispute_protocol import Responses
from holdfast.dispute_settlement import ANSWERED_ELSEWHERE, NotTaken, Taken, Verdict
from holdfast.errors import Conflict, HoldfastError, NotFound, OperationInProgress, RuleRefused
from holdfast.evidence_fields import Edits, Evidence, check, check_each, edited, edits_in, evidence_hash, sent_in
from holdfast.log import Entry, Line, wire_time
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer, retrying
from holdfast.served_disputes import dispute_view, packet_view
from holdfast.store import Record
from holdfast.store.bookings import Position

View = dict[str, Any]
_Begin = Callable[[Booking, Dispute, Record], Booking]
# Of the same customer's other bookings, as many as one page: evidence names a handful.
_OTHERS = 100


@dataclass(frozen=True, slots=True)
class _Packet:
    """The evidence of one dispute as it stands: what we assembled, what staff changed, and what was sent, if it was."""

    assembled: Evidence
    edits: Edits
    sent: Evidence | None

    @property
    def to_send(self) -> Evidence:
        return edited(self.assembled, self.edits)


def one(desk: Desk, *, booking_id: str, dispute_id: str | None) -> View:
    """The dispute, and its evidence as it would be sent now; as it was sent, once it was."""
    booking = desk.booking(booking_id)
    return _view(desk, booking, _chosen(booking, dispute_id))


def edit(desk: Desk, *, booking_id: str, dispute_id: str | None, edits: Edits) -> View:
    """Staff's words in the place of ours, field by field; an empty text leaves the field out, None takes an edit back.

    Each edit is a line of the log. Raises Conflict once the dispute takes no evidence any more.
    """
    check_each(edits)

    def decide() -> View:
        booking = desk.booking(booking_id)
        dispute = _chosen(booking, dispute_id)
        _may_be_answered(desk, booking, dispute)
        _takes_evidence(dispute)
        known = edits_in(_log(desk, booking), dispute.dispute_id)
        new = {name: text for name, text in edits.items() if known.get(name) != text}
        if new:
            entry = Entry(
                kind="evidence",
                status="edited",
                actor="staff",
                stripe_id=dispute.dispute_id,
                details={"fields": new},
            )
            booking = write(desk, booking, booking, [entry])
        return _view(desk, booking, dispute)

    return retrying(desk.operations, decide)


def submit(
    desk: Desk, request: Request, *, booking_id: str, dispute_id: str | None, expected_hash: str | None
) -> Reply:
    """Hand the evidence in, once. Raises Conflict where it is not what the caller has read (`expected_hash`), or where
    the dispute takes none any more; RuleRefused after its deadline, or where Stripe would not take so much.
    """

    def begin(booking: Booking, dispute: Dispute, record: Record) -> Booking:
        _takes_evidence(dispute)
        evidence = _packet(desk, booking, dispute).to_send
        check(evidence)
        if expected_hash not in (None, evidence_hash(evidence)):
            raise Conflict("The evidence is not what it was when you read it. Read it again.")
        return _responses(desk).begin(booking, dispute, ResponseKind.SUBMIT, evidence=evidence, record=record)

    return _answered(desk, request, booking_id=booking_id, dispute_id=dispute_id, begin=begin)


def accept(desk: Desk, request: Request, *, booking_id: str, dispute_id: str | None, reason: str | None) -> Reply:
    """Give the dispute up: it is lost at once, and for good."""

    def begin(booking: Booking, dispute: Dispute, record: Record) -> Booking:
        if dispute.is_inquiry:
            raise Conflict("An inquiry is not given up: refund the charge, or answer with evidence.")
        return _responses(desk).begin(booking, dispute, ResponseKind.ACCEPT, reason=reason, record=record)

    return _answered(desk, request, booking_id=booking_id, dispute_id=dispute_id, begin=begin)


def due(
    desk: Desk, *, within_hours: int | None, limit: int, after: Position | None
) -> tuple[list[View], Position | None]:
    """Disputes that wait for an answer, the nearest deadline first; one for each booking."""
    until = None if within_hours is None else desk.clock() + timedelta(hours=within_hours)
    found, position = desk.store.bookings.awaiting_answers(until=until, limit=limit, after=after)
    urgent = ((booking, most_urgent(booking.disputes)) for booking in found)
    # The index may not have heard of the latest answers yet.
    waiting = [(booking, dispute) for booking, dispute in urgent if dispute is not None and dispute.awaits_answer]
    return [dispute_view(booking, dispute) for booking, dispute in waiting], position


def attend(desk: Desk, booking: Booking) -> Booking:
    """What the clock does for a booking's disputes: finish an answer that somebody left, tell staff of a deadline.

    Raises nothing that would keep the booking's money from its own next step, but faults of ours.
    """
    now = desk.clock()
    noticed, entries = deadlines_noticed(booking, now)
    if entries:
        booking = write(desk, booking, noticed, entries)
    if not answer_is_due(booking, now):
        return booking
    responses = _responses(desk)
    try:
        return responses.recover(booking)
    except OperationInProgress:
        return desk.booking(booking.booking_id)
    except HoldfastError:
        return responses.postpone(desk.booking(booking.booking_id))
    except Exception:
        responses.postpone(desk.booking(booking.booking_id))
        raise


# --- choosing and reading ---------------------------------------------------------------------------------------------


def _chosen(booking: Booking, dispute_id: str | None) -> Dispute:
    if dispute_id is None:
        found = most_urgent(booking.disputes)
    else:
        found = next((each for each in booking.disputes if each.dispute_id == dispute_id), None)
    if found is None:
        raise NotFound("This booking has no such dispute." if dispute_id else "This booking has no dispute.")
    return found


def _may_be_answered(desk: Desk, booking: Booking, dispute: Dispute) -> None:
    if booking.dispute_response is not None:
        raise OperationInProgress("The dispute is being answered.")
    if not dispute.awaits_answer:
        submitted = f" Our evidence was submitted at {wire_time(dispute.submitted_at)}." if dispute.submitted_at else ""
        raise Conflict(f"The dispute takes no answer any more: it is {dispute.status}.{submitted}")
    if dispute.due_by is not None and desk.clock() > dispute.due_by:
        raise RuleRefused(f"The deadline for an answer was {wire_time(dispute.due_by)}.")


def _takes_evidence(dispute: Dispute) -> None:
    if not dispute.takes_evidence:
        raise Conflict("An appeal is filed with documents, in Stripe's dashboard.")


def _log(desk: Desk, booking: Booking) -> list[Line]:
    """The log up to where the booking was read, so that evidence and booking are of one moment."""
    return [line for line in desk.store.bookings.all_lines(booking.booking_id) if line["sequence"] <= booking.sequence]


def _packet(desk: Desk, booking: Booking, dispute: Dispute) -> _Packet:
    lines = _log(desk, booking)
    others, _ = desk.store.bookings.of_user(booking.user_id, limit=_OTHERS)
    case = Case(booking=booking, dispute=dispute, lines=lines, title=_title(desk, booking, lines), others=others)
    sent = sent_in(lines, dispute.dispute_id) if dispute.submitted_at is not None else None
    return _Packet(assembled(case), edits_in(lines, dispute.dispute_id), sent)


def _title(desk: Desk, booking: Booking, lines: Iterable[Line]) -> str | None:
    """As it was when it was booked, where the log has it; else as it is now."""
    logged = next((line["details"]["title"] for line in lines if isinstance(line["details"].get("title"), str)), None)
    if logged is not None:
        return str(logged)
    event = desk.store.events.get(booking.event_id)
    return event.title if event is not None else None


def _view(desk: Desk, booking: Booking, dispute: Dispute) -> View:
    packet = _packet(desk, booking, dispute)
    evidence: Mapping[str, str] = packet.to_send if packet.sent is None else packet.sent
    return packet_view(booking, dispute, evidence=evidence, assembled=packet.assembled, edited=sorted(packet.edits))


# --- answering --------------------------------------------------------------------------------------------------------


def _responses(desk: Desk) -> Responses:
    return Responses(
        store=desk.store,
        gateway=lambda: desk.gateway,
        clock=desk.clock,
        new_id=desk.new_id,
        budget=desk.budget,
        answer_to=_answer_to,
        origin=desk.origin,
        notice=desk.notice,
    )


def _answer_to(response: DisputeResponse, verdict: Verdict, after: Booking) -> Answer:
    """What the request that began this answer is told, whoever settled it."""
    match verdict:
        case Taken():
            return {"body": dispute_view(after, _chosen(after, response.dispute_id))}
        case NotTaken(code, message, _) if code == ANSWERED_ELSEWHERE:
            return error_answer(Conflict(message))
        case NotTaken(_, message, _):
            return error_answer(RuleRefused(f"Stripe refused it: {message}"))


def _answered(desk: Desk, request: Request, *, booking_id: str, dispute_id: str | None, begin: _Begin) -> Reply:
    """One answer at a time, and the same key never a second one: a retry finds what its first try began."""
    told_again = False

    def evaluate(record: Record) -> Settled:
        nonlocal told_again
        booking = desk.booking(booking_id)
        dispute = _chosen(booking, dispute_id)
        under_way = booking.dispute_response
        if under_way is not None:
            mine = under_way.request_key == record.key
            if mine and desk.clock() < under_way.lease_until and _was_told_unknown(desk, record):
                told_again = True
                return Settled(booking, None)
            booking = _responses(desk).recover(booking)
            if booking.dispute_response is not None and not mine:
                raise OperationInProgress("The dispute is being answered.")
            if mine:
                return Settled(booking, None)
            dispute = _chosen(booking, dispute_id)
        _may_be_answered(desk, booking, dispute)
        return Settled(_responses(desk).carry_out(begin(booking, dispute, record)), None)

    reply = answer(desk.operations, request, evaluate)
    if reply.unknown:
        booking = desk.booking(booking_id)
        named = booking.dispute_response.dispute_id if booking.dispute_response else dispute_id
        reply = replace(reply, body=dispute_view(booking, _chosen(booking, named)), replayed=told_again)
    return reply


def _was_told_unknown(desk: Desk, record: Record) -> bool:
    known = desk.store.records.get(record.key, desk.clock())
    return known is not None and known.answered_unknown
