"""How bookings and events become DynamoDB items and back.

The facts are one map, as they are in the domain; beside them stand only the attributes that a key or an index needs.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pydantic import TypeAdapter

from holdfast.booking import Booking
from holdfast.dispute_clock import answer_due_by
from holdfast.event import Event
from holdfast.next_step import due_at

# So many partitions share what is due at one instant: 8 x 1,000 writes a second before any of them is hot.
DUE_SHARDS: Final = 8
Item = dict[str, Any]

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def sortable(moment: datetime) -> str:
    """UTC with six decimals: text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def due_shard(key: str) -> str:
    return str(zlib.crc32(key.encode()) % DUE_SHARDS)


def marshal(item: Item) -> dict[str, Any]:
    return {name: _serializer.serialize(value) for name, value in item.items() if value is not None}


def unmarshal(item: dict[str, Any]) -> Item:
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers are Decimals; ours are all integers."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


@cache
def _bookings() -> TypeAdapter[Booking]:
    return TypeAdapter(Booking)


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


def booking_item(booking: Booking) -> Item:
    due = due_at(booking)
    month = sortable(booking.created_at)[:7]
    return {
        "booking_id": booking.booking_id,
        "version": booking.version,
        "user_id": booking.user_id,
        "event_id": booking.event_id,
        "created_at": sortable(booking.created_at),
        "created_month": month,
        "payment_status": str(booking.payment_status),
        "status_month": f"{booking.payment_status}#{month}",
        "outcome": str(booking.outcome),
        "payment_method_id": booking.payment_method_id,
        "payment_intent_id": booking.hold.payment_intent_id if booking.hold else None,
        "due_shard": due_shard(booking.booking_id) if due else None,
        "due_at": sortable(due) if due else None,
        "attention": "staff" if booking.attention else None,
        "attention_since": sortable(booking.attention_since) if booking.attention and booking.attention_since else None,
        **_dispute_keys(booking),
        "facts": _bookings().dump_python(booking, mode="json"),
    }


def _dispute_keys(booking: Booking) -> Item:
    """In the listing of deadlines while a dispute waits for an answer."""
    due_by = answer_due_by(booking)
    return {"dispute": "awaiting", "dispute_due": sortable(due_by)} if due_by else {}


def booking_of(item: Item) -> Booking:
    return _bookings().validate_python(item["facts"])


def event_item(event: Event) -> Item:
    """`checked_in` stands outside the facts because check-ins add to it without reading the event."""
    facts = _events().dump_python(event, mode="json")
    del facts["checked_in"]
    return {
        "event_id": event.event_id,
        "version": event.version,
        "checked_in": event.checked_in,
        "due_shard": due_shard(event.event_id) if event.due_at else None,
        "due_at": sortable(event.due_at) if event.due_at else None,
        "facts": facts,
    }


def event_of(item: Item) -> Event:
    return _events().validate_python(item["facts"] | {"checked_in": item["checked_in"]})
