"""Idempotent requests: the same key of the same caller on the same route gives one operation and one final answer.

The record is written in the transaction that begins the operation, and completed in the one that settles it. A request
that moves no money (or is refused by state or by rule) gets its record with its answer.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from holdfast.answers import error_answer, error_of, is_final
from holdfast.booking import Booking
from holdfast.errors import HoldfastError, IdempotencyMismatch, OperationInProgress
from holdfast.log import canonical
from holdfast.operations import Operations, Settled
from holdfast.served import booking_view
from holdfast.store import ConcurrentChange, EventChanged, PaymentMethodGone, Record, RecordTaken

T = TypeVar("T")
_TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked for what, under which key. JSON bodies compare by value."""

    caller: str
    method: str
    path: str
    key: str
    body: Mapping[str, Any]

    def record(self) -> Record:
        """The record that this request would write, without an operation or an answer yet."""
        scope = canonical([self.caller, self.method, self.path, self.key])
        return Record(
            key="request#" + hashlib.sha256(scope.encode()).hexdigest(),
            body_hash=hashlib.sha256(canonical(self.body).encode()).hexdigest(),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """`unknown`: something was sent to Stripe and the result is not known; `body` is the booking in its in-flight
    state.

    `error` is a final error that is given again; the first time it is raised.
    """

    body: Mapping[str, Any]
    error: HoldfastError | None = None
    replayed: bool = False
    unknown: bool = False


Evaluate = Callable[[Record], Settled]


def answer(operations: Operations, request: Request, evaluate: Evaluate) -> Reply:
    """The request's answer: replayed, continued, or evaluated now. Raises the domain's errors."""
    records = operations.store.records
    fresh = request.record()
    known = records.get(fresh.key, operations.clock())
    if known is not None and (reply := _known(operations, fresh, known)) is not None:
        return reply
    try:
        settled = retrying(operations, lambda: evaluate(fresh))
    except HoldfastError as error:
        if is_final(error) and not records.answer(fresh, error_answer(error), operations.clock()):
            # Another try of this very request was faster: what it was told is the answer.
            other = records.get(fresh.key, operations.clock())
            if other is not None and (reply := _known(operations, fresh, other)) is not None:
                return reply
        raise
    return _conclude(operations, fresh, settled)


def _known(operations: Operations, fresh: Record, known: Record) -> Reply | None:
    """What a record that exists already says: replayed, continued, or (None) a wish that is to be evaluated again."""
    if known.body_hash != fresh.body_hash:
        raise IdempotencyMismatch("This Idempotency-Key was used with another body.")
    if known.answer is not None:
        return _reply(known.answer, replayed=True)
    return _continue(operations, known) if known.operation_id is not None else None


def retrying(operations: Operations, decide: Callable[[], T]) -> T:
    """Decide again on fresh reads while others write; decisions are cheap, and nothing of a refused write was kept."""
    for _ in range(_TRIES):
        try:
            return decide()
        except (ConcurrentChange, EventChanged, PaymentMethodGone):
            operations.budget.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter
        except RecordTaken as taken:
            raise OperationInProgress("The same request is under way.") from taken
    raise OperationInProgress()


def _continue(operations: Operations, known: Record) -> Reply:
    """The first try of this request began an operation: finish it, or say that it is under way."""
    assert known.booking_id is not None
    assert known.operation_id is not None
    booking = operations.store.bookings.get(known.booking_id)
    if booking is None:
        raise LookupError(f"booking {known.booking_id} is gone")
    if booking.under_way(known.operation_id) is None:
        return _conclude(operations, known, Settled(booking, None))
    try:
        return _conclude(operations, known, operations.recover(booking))
    except OperationInProgress:
        if known.answered_unknown:
            return Reply(booking_view(booking), replayed=True, unknown=True)
        raise


def _conclude(operations: Operations, record: Record, settled: Settled) -> Reply:
    if settled.answer is not None:
        told = None if settled.kept else _keep(operations, record, settled.booking, settled.answer)
        return told or _reply(settled.answer, replayed=False)
    current = operations.store.records.get(record.key, operations.clock())
    if current is not None and current.answer is not None:
        return _reply(current.answer, replayed=False)
    if current is not None:
        operations.store.records.told_unknown(current)
    return Reply(booking_view(settled.booking), unknown=True)


def _keep(operations: Operations, record: Record, booking: Booking, given: Mapping[str, Any]) -> Reply | None:
    """Keep the answer of a request that moved nothing. Where another try of this very request was faster, what it was
    told is the answer: the booking may have changed between the two.
    """
    records, now = operations.store.records, operations.clock()
    begun = records.get(record.key, now)
    mine = replace(record, operation_id=begun.operation_id if begun else None, booking_id=booking.booking_id)
    if records.answer(mine, given, now):
        return None
    other = records.get(record.key, operations.clock())
    return None if other is None else _known(operations, record, other)


def _reply(given: Mapping[str, Any], *, replayed: bool) -> Reply:
    if "error" in given:
        error = error_of(given)
        if replayed:
            return Reply({}, error=error, replayed=True)
        raise error
    return Reply(given["body"], replayed=replayed)


def done(booking: Booking) -> Settled:
    """Nothing had to be moved: the booking as it is, is the answer."""
    return Settled(booking, {"body": booking_view(booking)}, kept=False)
