"""The protocol by which money moves: begin, effect, settle, and recovery of what was left between them.

*Begin* writes `started`, the frozen operation and the request's record in one transaction. The *effect* is `effects`.
*Settle* writes the result in one transaction, on condition that the operation is still this one. Dying between any two
of them leaves a started operation whose lease ends, and whoever comes next finishes it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from holdfast import effects
from holdfast.answers import Answer, answer_to
from holdfast.booking import HOLD_PLACING, Booking, Operation, begun
from holdfast.budget import LEASE_SECONDS, Budget
from holdfast.call_failures import NothingExecuted
from holdfast.clock import Clock
from holdfast.coverage import needs_saved_card
from holdfast.errors import OperationInProgress, StripeUnavailable
from holdfast.log import NOBODY, Entry, Origin, append
from holdfast.movements import Begin
from holdfast.settlement import NOT_RELEASED_YET, PLACING, Refused, Verdict, failed_attempt, settled
from holdfast.store import Check, Commit, ConcurrentChange, Record, Store
from holdfast.unlogged import read_again, unlogged

LEASE: Final = timedelta(seconds=LEASE_SECONDS)
_SETTLE_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Settled:
    """The booking as it is now, and the answer to whoever asked; no answer means that the outcome is not known yet.

    `kept`: the answer stands in the request's record already, written by the transaction that settled.
    """

    booking: Booking
    answer: Answer | None
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The protocol over its ports.

    `origin` goes into every line that it writes, `notice` hears which operation it is.
    """

    store: Store
    gateway: Callable[[], effects.Gateway]
    clock: Clock
    new_id: Callable[[str], str]
    budget: Budget
    origin: Origin = NOBODY
    notice: Callable[..., None] = lambda **_: None

    def begin(
        self,
        before: Booking | None,
        booking: Booking,
        step: Begin,
        *,
        facts: Sequence[Entry] = (),
        record: Record | None = None,
        check: Check | None = None,
        counts_check_in: int | None = None,
        stripe_reason: str | None = None,
    ) -> Booking:
        """Write down that this step is about to be tried, together with the facts that led to it.

        `before` is the booking as it was read (None: it is new), `booking` the same with the facts. Raises Conflict
        where the state forbids it, and the store's ConditionFailed where something changed in between.
        """
        now = self.clock()
        operation = self._frozen(booking, step, now, record.key if record else step.request_key, stripe_reason)
        self.notice(booking_id=booking.booking_id, operation_id=operation.operation_id)
        started = replace(booking, operation=operation) if before is None else begun(booking, operation)
        entry = Entry(
            kind=str(step.kind),
            status="started",
            actor=step.actor,
            amount=step.amount,
            operation_id=operation.operation_id,
            reason=step.reason,
            stripe_id=step.payment_intent_id,
            details=step.details,
        )
        after, lines = append(before, started, [*facts, *step.facts, entry], now=now, origin=self.origin)
        if record is not None:
            record = replace(record, booking_id=after.booking_id, operation_id=operation.operation_id)
        return self.store.bookings.commit(
            Commit(
                after=after,
                lines=lines,
                before_version=before.version if before else None,
                now=now,
                check=check,
                record=record,
                counts_check_in=counts_check_in,
            )
        )

    def _frozen(
        self, booking: Booking, step: Begin, now: datetime, request_key: str | None, stripe_reason: str | None
    ) -> Operation:
        """Everything that the effect needs, as it is sent now and ever after."""
        on_a_card = step.kind in PLACING
        brand = step.brand if step.payment_method_id else booking.card_brand
        return Operation(
            operation_id=self.new_id("op"),
            kind=step.kind,
            amount=step.amount,
            currency=booking.currency,
            started_at=now,
            lease_until=now + LEASE,
            actor=step.actor,
            reason=step.reason,
            payment_intent_id=step.payment_intent_id,
            customer_id=booking.customer_id if on_a_card else None,
            payment_method_id=(step.payment_method_id or booking.payment_method_id) if on_a_card else None,
            stripe_reason=stripe_reason,
            outcome=step.outcome,
            fee=step.fee,
            superseded=step.superseded,
            request_key=request_key,
            off_session=step.off_session,
            brand=brand if on_a_card else None,
            saves_card=step.kind in HOLD_PLACING and not step.off_session and needs_saved_card(booking, brand, now),
            extended=step.kind in HOLD_PLACING and booking.hold_terms.extended,
        )

    def carry_out(self, booking: Booking) -> Settled:
        """Effect and settle of the operation that was just begun. Raises StripeUnavailable where
        nothing was executed.
        """
        operation = self._operation(booking)
        try:
            verdict = effects.attempt(self.gateway(), booking, operation)
        except NothingExecuted as nothing:
            self._end_lease(booking)
            raise StripeUnavailable() from nothing
        if verdict is None:
            return Settled(booking, None)
        return self.settle(booking, operation, verdict)

    def recover(self, booking: Booking) -> Settled:
        """Finish an operation that somebody left. Raises OperationInProgress while its lease lasts."""
        operation = self._operation(booking)
        now = self.clock()
        self.notice(booking_id=booking.booking_id, operation_id=operation.operation_id)
        if now < operation.lease_until:
            raise OperationInProgress(retry_after=max(1, round((operation.lease_until - now).total_seconds())))
        booking = self._take_lease(booking)
        operation = self._operation(booking)
        try:
            verdict = effects.recover(self.gateway(), booking, operation, now)
        except NothingExecuted:
            verdict = None
        if verdict is None and operation.superseded:
            # Nothing depends on when this one is gone, and much on the only slot that it would go on holding.
            verdict = Refused(NOT_RELEASED_YET, "Stripe did not say that the authorization is gone.", None)
        if verdict is None:
            return Settled(self.postpone(booking, what="operation_in_doubt"), None)
        return self.settle(booking, operation, verdict)

    def settle(self, booking: Booking, operation: Operation, verdict: Verdict) -> Settled:
        """Write the result, on condition that this operation is still the one under way; whoever settled it first
        wins.
        """
        for _ in range(_SETTLE_TRIES):
            if booking.under_way(operation.operation_id) is None:
                return Settled(booking, None)
            now = self.clock()
            changed, entries = settled(booking, operation, verdict, now)
            after, lines = append(booking, changed, entries, now=now, origin=self.origin)
            answer = answer_to(operation, verdict, after)
            commit = Commit(
                after=after,
                lines=lines,
                before_version=booking.version,
                now=now,
                answer_key=operation.request_key,
                answer=answer,
            )
            try:
                return Settled(self.store.bookings.commit(commit), answer)
            except ConcurrentChange:
                self.budget.sleep(random.uniform(0.01, 0.15))  # noqa: S311 - jitter
                booking = read_again(self.store, booking)
        raise OperationInProgress()

    def postpone(self, booking: Booking, *, what: str) -> Booking:
        """A step that led nowhere comes again later, and in the end reaches the staff's list.

        Losing a race here is fine.
        """
        return self._touch(booking, failed_attempt(booking, self.clock(), what=what))

    def _take_lease(self, booking: Booking) -> Booking:
        """Only one at a time recovers; the loser is told that the operation is in progress."""
        operation = replace(self._operation(booking), lease_until=self.clock() + LEASE)
        now = self.clock()
        after, _ = append(booking, replace(booking, operation=operation), [], now=now)
        try:
            return self.store.bookings.commit(Commit(after=after, lines=[], before_version=booking.version, now=now))
        except ConcurrentChange as race:
            raise OperationInProgress() from race

    def _end_lease(self, booking: Booking) -> None:
        """Nothing was executed and nobody tries any more: a retry of the request need not wait.

        A customer who was told that no hold could be placed may have left. So the clock leaves an authorization alone
        until nobody can be waiting for it, and then lets it go.
        """
        operation = self._operation(booking)
        ended = replace(booking, operation=replace(operation, lease_until=self.clock()))
        if operation.kind in PLACING and not operation.off_session:
            ended = replace(ended, retry_at=operation.started_at + effects.CUSTOMER_WAITS)
        self._touch(booking, ended)

    def _touch(self, before: Booking, changed: Booking) -> Booking:
        return unlogged(self.store, before, changed, now=self.clock())

    @staticmethod
    def _operation(booking: Booking) -> Operation:
        if booking.operation is None:
            raise ValueError("no operation is under way")
        return booking.operation
