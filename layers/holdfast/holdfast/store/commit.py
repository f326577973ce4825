"""The one transaction by which a booking changes: its next version, its new lines, and what must hold
or go with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import Booking
from holdfast.log import Line, Logged, canonical
from holdfast.store.conditions import (
    AlreadySeen,
    ConcurrentChange,
    ConditionFailed,
    EventChanged,
    PaymentMethodGone,
    RecordTaken,
)
from holdfast.store.items import booking_item, marshal
from holdfast.store.log import line_item
from holdfast.store.tables import Tables

# The contract keeps the answers of requests for 7 days; Stripe resends an event for 3 and lists it for 30.
RECORD_LIFE: Final = timedelta(days=7)
SEEN_LIFE: Final = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Check:
    """What must still be true of other items when the booking is written."""

    event_id: str | None = None
    event_version: int | None = None
    payment_method: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """The idempotency record of a request: which operation it began, and in the end its answer.

    `replaces` names the operation that the request began before this one, when its wish had to be planned again.
    """

    key: str
    body_hash: str
    booking_id: str | None = None
    operation_id: str | None = None
    answer: Mapping[str, Any] | None = None
    answered_unknown: bool = False
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`before_version` None creates the booking. `record` is new; `answer` completes the record `answer_key`.
    `counts_check_in`: one more arrival at the event, as long as it has this version.
    """

    after: Booking
    lines: Sequence[Line]
    before_version: int | None
    now: datetime
    check: Check | None = None
    record: Record | None = None
    answer_key: str | None = None
    answer: Mapping[str, Any] | None = None
    stripe_event_id: str | None = None
    counts_check_in: int | None = None


Action = tuple[dict[str, Any], type[ConditionFailed]]


def actions(tables: Tables, commit: Commit) -> list[Action]:
    """The transaction's actions, each with the error that its refusal means."""
    result = [_put_booking(tables, commit)]
    result += [_put_line(tables, commit.after, line) for line in commit.lines]
    if commit.record is not None:
        result.append(_put_record(tables, commit.record, commit.now))
    if commit.answer_key is not None and commit.answer is not None:
        result.append(_put_answer(tables, commit.answer_key, commit.answer, commit.now))
    if commit.stripe_event_id is not None:
        result.append(_put_seen(tables, commit.stripe_event_id, commit.now))
    if commit.counts_check_in is not None:
        result.append(_count_check_in(tables, commit.after.event_id, commit.counts_check_in))
    if commit.check is not None:
        result += _checks(tables, commit.check)
    return result


def _put_booking(tables: Tables, commit: Commit) -> Action:
    put: dict[str, Any] = {"TableName": tables.bookings, "Item": marshal(booking_item(commit.after))}
    if commit.before_version is None:
        put["ConditionExpression"] = "attribute_not_exists(booking_id)"
    else:
        put["ConditionExpression"] = "version = :read"
        put["ExpressionAttributeValues"] = marshal({":read": commit.before_version})
    return {"Put": put}, ConcurrentChange


def _put_line(tables: Tables, after: Booking, line: Line) -> Action:
    """A line is written once and never again, whatever else goes wrong."""
    put = {
        "TableName": tables.transactions,
        "Item": marshal(line_item(Logged(after.booking_id, after.event_id, line))),
        "ConditionExpression": "attribute_not_exists(booking_id)",
    }
    return {"Put": put}, ConcurrentChange


def record_item(record: Record, now: datetime) -> dict[str, Any]:
    item = {
        "key": record.key,
        "body_hash": record.body_hash,
        "booking_id": record.booking_id,
        "operation_id": record.operation_id,
        "answer": canonical(record.answer) if record.answer is not None else None,
        "expires_at": int((now + RECORD_LIFE).timestamp()),
    }
    return marshal(item)


def _put_record(tables: Tables, record: Record, now: datetime) -> Action:
    # TTL deletes late, so an expired record may still lie there; a record without an operation only noted a wish.
    free = "attribute_not_exists(#key) OR expires_at < :now"
    mine = "attribute_not_exists(operation_id)" if record.replaces is None else "operation_id = :replaces"
    values: dict[str, Any] = {":now": int(now.timestamp()), ":hash": record.body_hash}
    if record.replaces is not None:
        values[":replaces"] = record.replaces
    put = {
        "TableName": tables.idempotency,
        "Item": record_item(record, now),
        "ConditionExpression": f"{free} OR (body_hash = :hash AND {mine} AND attribute_not_exists(answer))",
        "ExpressionAttributeNames": {"#key": "key"},
        "ExpressionAttributeValues": marshal(values),
    }
    return {"Put": put}, RecordTaken


def _put_answer(tables: Tables, key: str, answer: Mapping[str, Any], now: datetime) -> Action:
    update = {
        "TableName": tables.idempotency,
        "Key": marshal({"key": key}),
        "UpdateExpression": "SET answer = :answer, expires_at = :expires",
        "ExpressionAttributeValues": marshal(
            {":answer": canonical(answer), ":expires": int((now + RECORD_LIFE).timestamp())}
        ),
    }
    return {"Update": update}, RecordTaken


def seen_key(stripe_event_id: str) -> str:
    return f"stripe-event#{stripe_event_id}"


def _put_seen(tables: Tables, stripe_event_id: str, now: datetime) -> Action:
    item = {"key": seen_key(stripe_event_id), "expires_at": int((now + SEEN_LIFE).timestamp())}
    put = {
        "TableName": tables.idempotency,
        "Item": marshal(item),
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": "key"},
    }
    return {"Put": put}, AlreadySeen


def _count_check_in(tables: Tables, event_id: str, version: int) -> Action:
    update = {
        "TableName": tables.events,
        "Key": marshal({"event_id": event_id}),
        "UpdateExpression": "ADD checked_in :one",
        "ConditionExpression": "version = :read",
        "ExpressionAttributeValues": marshal({":one": 1, ":read": version}),
    }
    return {"Update": update}, EventChanged


def _checks(tables: Tables, check: Check) -> list[Action]:
    result: list[Action] = []
    if check.event_id is not None:
        condition = {
            "TableName": tables.events,
            "Key": marshal({"event_id": check.event_id}),
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": marshal({":read": check.event_version}),
        }
        result.append(({"ConditionCheck": condition}, EventChanged))
    if check.payment_method is not None:
        user_id, payment_method_id = check.payment_method
        condition = {
            "TableName": tables.payment_methods,
            "Key": marshal({"user_id": user_id, "payment_method_id": payment_method_id}),
            "ConditionExpression": "attribute_exists(user_id) AND attribute_not_exists(detaching_at)",
        }
        result.append(({"ConditionCheck": condition}, PaymentMethodGone))
    return result
