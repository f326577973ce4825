"""The protocol by which a dispute is answered: begin, effect, settle, and recovery of what was left between them.

The same as that of `operations`, beside it: an answer moves no money of a booking, and must not wait for what does.
*Begin* freezes the text in the log and the answer on the booking, in one transaction. The *effect* is one call to
Stripe under the answer's id, which Stripe also keeps in the dispute's metadata: so a look at the dispute proves
whether it came through, and it is never sent twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from holdfast.answers import Answer
from holdfast.booking import Booking
from holdfast.budget import Budget
from holdfast.call_failures import CallFailed, CallRefused, NothingExecuted, OutcomeUnknown
from holdfast.clock import Clock
from holdfast.dispute import Dispute, DisputeResponse, ResponseKind
from holdfast.dispute_settlement import (
    ANSWERED_ELSEWHERE,
    NotTaken,
    Taken,
    Verdict,
    line_of,
    postponed,
    settled,
)
from holdfast.effects import KEY_IS_SAFE
from holdfast.errors import OperationInProgress, StripeUnavailable
from holdfast.evidence_fields import Evidence, evidence_hash
from holdfast.log import NOBODY, Origin, append
from holdfast.operations import LEASE
from holdfast.store import Commit, ConcurrentChange, Record, Store
from holdfast.unlogged import read_again, unlogged

_KEYS: Final = 4
_SETTLE_TRIES: Final = 8


class Gateway(Protocol):
    """What an answer needs of Stripe; `stripe_gateway` is the real one."""

    def submit_evidence(
        self, booking_id: str, response: DisputeResponse, evidence: Mapping[str, str], key: str
    ) -> Dispute: ...
    def close_dispute(self, response: DisputeResponse, key: str) -> Dispute: ...
    def dispute(self, dispute_id: str) -> Dispute: ...


AnswerTo = Callable[[DisputeResponse, Verdict, Booking], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """The protocol over its ports. `answer_to` is what the request that began an answer is told."""

    store: Store
    gateway: Callable[[], Gateway]
    clock: Clock
    new_id: Callable[[str], str]
    budget: Budget
    answer_to: AnswerTo
    origin: Origin = NOBODY
    notice: Callable[..., None] = lambda **_: None

    def begin(
        self,
        booking: Booking,
        dispute: Dispute,
        kind: ResponseKind,
        *,
        evidence: Evidence | None = None,
        reason: str | None = None,
        record: Record,
    ) -> Booking:
        """Write down what is about to be said. Raises the store's ConditionFailed where the booking changed since."""
        now = self.clock()
        response = DisputeResponse(
            operation_id=self.new_id("dr"),
            kind=kind,
            dispute_id=dispute.dispute_id,
            started_at=now,
            lease_until=now + LEASE,
            sequence=booking.sequence + 1,
            evidence_hash=evidence_hash(evidence) if evidence is not None else None,
            request_key=record.key,
        )
        self.notice(booking_id=booking.booking_id, operation_id=response.operation_id)
        details = {} if evidence is None else {"evidence_hash": response.evidence_hash, "fields": evidence}
        entry = line_of(response, "started", "staff", reason=reason, details=details)
        begun = replace(booking, dispute_response=response)
        after, lines = append(booking, begun, [entry], now=now, origin=self.origin)
        # The record names no operation: whoever comes again with its key is evaluated anew, and finds this answer.
        mine = replace(record, booking_id=booking.booking_id)
        commit = Commit(after=after, lines=lines, before_version=booking.version, now=now, record=mine)
        return self.store.bookings.commit(commit)

    def carry_out(self, booking: Booking) -> Booking:
        """Effect and settle of the answer that was just begun; still under way where the outcome is not known.

        Raises StripeUnavailable where nothing was executed: then a retry of the request need not wait for the lease.
        """
        response = _under_way(booking)
        try:
            verdict = self._attempt(booking, response, first_key=1)
        except NothingExecuted as nothing:
            self._touch(booking, replace(booking, dispute_response=replace(response, lease_until=self.clock())))
            raise StripeUnavailable() from nothing
        return booking if verdict is None else self.settle(booking, response, verdict)

    def recover(self, booking: Booking) -> Booking:
        """Finish an answer that somebody left. Raises OperationInProgress while its lease lasts."""
        response = _under_way(booking)
        now = self.clock()
        self.notice(booking_id=booking.booking_id, operation_id=response.operation_id)
        if now < response.lease_until:
            raise OperationInProgress(
                "The dispute is being answered.",
                retry_after=max(1, round((response.lease_until - now).total_seconds())),
            )
        booking = self._take_lease(booking, response, now)
        response = _under_way(booking)
        try:
            verdict = self._found_or_tried(booking, response, now)
        except NothingExecuted:
            verdict = None
        if verdict is None:
            return self.postpone(booking)
        return self.settle(booking, response, verdict)

    def postpone(self, booking: Booking) -> Booking:
        """What led nowhere comes again later. Losing a race here is fine."""
        response = booking.dispute_response
        return booking if response is None else self._touch(booking, postponed(booking, response, self.clock()))

    def settle(self, booking: Booking, response: DisputeResponse, verdict: Verdict) -> Booking:
        """Write the result, on condition that this answer is still the one under way; whoever was first wins."""
        for _ in range(_SETTLE_TRIES):
            under_way = booking.dispute_response
            if under_way is None or under_way.operation_id != response.operation_id:
                return booking
            now = self.clock()
            changed, entries = settled(booking, response, verdict, now)
            after, lines = append(booking, changed, entries, now=now, origin=self.origin)
            commit = Commit(
                after=after,
                lines=lines,
                before_version=booking.version,
                now=now,
                answer_key=response.request_key,
                answer=self.answer_to(response, verdict, after),
            )
            try:
                return self.store.bookings.commit(commit)
            except ConcurrentChange:
                self.budget.sleep(random.uniform(0.01, 0.15))  # noqa: S311 - jitter
                booking = read_again(self.store, booking)
        raise OperationInProgress()

    # --- the effect ---------------------------------------------------------------------------------------------------

    def _found_or_tried(self, booking: Booking, response: DisputeResponse, now: datetime) -> Verdict | None:
        """What an earlier try did, if it did anything; else another try, never under a key that Stripe may have
        forgotten.
        """
        try:
            found = _proof(response, self.gateway().dispute(response.dispute_id))
        except CallRefused as refused:
            return NotTaken(refused.code, refused.message, None)
        except CallFailed:
            return None
        if found is not None:
            return found
        first_key = 1 if now - response.started_at < KEY_IS_SAFE else 2
        return self._attempt(booking, response, first_key=first_key)

    def _attempt(self, booking: Booking, response: DisputeResponse, *, first_key: int) -> Verdict | None:
        """Try the call. None: nothing is proved. The next key only where Stripe answered with a server error, which it
        keeps under the key for ever, and the dispute shows that nothing came of it.
        """
        for number in range(first_key, _KEYS + 1):
            try:
                return Taken(self._send(booking, response, _key(response, number)))
            except CallRefused as refused:
                return self._refused(response, refused)
            except OutcomeUnknown as unknown:
                if not unknown.answered:
                    return None
            try:
                found = _proof(response, self.gateway().dispute(response.dispute_id))
            except CallFailed:
                return None
            if found is not None:
                return found
        return None

    def _send(self, booking: Booking, response: DisputeResponse, key: str) -> Dispute:
        if response.kind is ResponseKind.ACCEPT:
            return self.gateway().close_dispute(response, key)
        return self.gateway().submit_evidence(booking.booking_id, response, self._frozen(booking, response), key)

    def _frozen(self, booking: Booking, response: DisputeResponse) -> Evidence:
        """The text as it was written down when the answer began."""
        (line,), _ = self.store.bookings.lines(booking.booking_id, after=response.sequence - 1, limit=1)
        return dict(line["details"]["fields"])

    def _refused(self, response: DisputeResponse, refused: CallRefused) -> Verdict | None:
        """A definite no: an earlier try of ours came through, somebody else was faster, or Stripe does not take it."""
        try:
            seen = self.gateway().dispute(response.dispute_id)
        except CallRefused:
            return NotTaken(refused.code, refused.message, None)
        except CallFailed:
            return None
        return _proof(response, seen) or NotTaken(refused.code, refused.message, seen)

    # --- the booking --------------------------------------------------------------------------------------------------

    def _take_lease(self, booking: Booking, response: DisputeResponse, now: datetime) -> Booking:
        """Only one at a time recovers; the loser is told that it is under way."""
        taken = replace(booking, dispute_response=replace(response, lease_until=now + LEASE))
        after, _ = append(booking, taken, [], now=now)
        try:
            return self.store.bookings.commit(Commit(after=after, lines=[], before_version=booking.version, now=now))
        except ConcurrentChange as race:
            raise OperationInProgress("The dispute is being answered.") from race

    def _touch(self, before: Booking, changed: Booking) -> Booking:
        return unlogged(self.store, before, changed, now=self.clock())


def _under_way(booking: Booking) -> DisputeResponse:
    if booking.dispute_response is None:
        raise ValueError("no answer to a dispute is under way")
    return booking.dispute_response


def _key(response: DisputeResponse, number: int) -> str:
    return response.operation_id if number == 1 else f"{response.operation_id}:{number}"


def _proof(response: DisputeResponse, seen: Dispute) -> Verdict | None:
    """What the dispute says about this answer; None: nothing came of it, and another try is possible."""
    if response.kind is ResponseKind.SUBMIT and seen.operation_id == response.operation_id:
        return Taken(seen)
    if response.kind is ResponseKind.ACCEPT and seen.status == "lost":
        return Taken(seen)  # whoever gave it up: it is given up
    if not seen.takes_evidence:
        return NotTaken(ANSWERED_ELSEWHERE, f"The dispute is {seen.status} at Stripe already.", seen)
    return None
