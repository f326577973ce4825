"""The log as a whole: how a line is kept, and reading lines of one booking or of a span of time.

`by_day` is the log by time. Its partitions are a day and a shard, so that no day is one hot partition, and it holds
only keys: every line costs one more small write, and whoever reads a span reads the lines themselves from the table.
All lines of a booking on one day lie in one shard, so a booking's lines come in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from holdfast.log import Logged, wire_time
from holdfast.store.items import DUE_SHARDS, Item, due_shard, marshal, unmarshal
from holdfast.store.paging import page
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MOST_KEYS: Final = 100  # of one BatchGetItem

Key = tuple[str, int]
"""A line: the booking's id and the sequence."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading a span goes on: in this shard of this day, behind this line (None: at its beginning)."""

    day: str
    shard: int
    written_at: str | None = None
    booking_id: str | None = None


def line_item(logged: Logged) -> Item:
    """`written_at` is the line's time and, within a second, its sequence."""
    created_at = logged.line["created_at"]
    return {
        "booking_id": logged.booking_id,
        "sequence": logged.sequence,
        "event_id": logged.event_id,
        "day_shard": f"{created_at[:10]}#{due_shard(logged.booking_id)}",
        "written_at": f"{created_at}#{logged.sequence:08d}",
        "line": logged.line,
    }


def logged(item: Item) -> Logged:
    return Logged(item["booking_id"], item.get("event_id"), item["line"])


def new_lines(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Logged]]:
    """The lines that these records of the table's stream tell of, and which record each is.

    Only insertions: nothing changes or deletes a line but a person, and that is no news of a booking. An item that is
    no line comes as one that says nothing.
    """
    for place, record in enumerate(records):
        if record["eventName"] == "INSERT":
            item = unmarshal(record["dynamodb"]["NewImage"])
            yield place, logged(item | {"line": {"sequence": item["sequence"]} | item.get("line", {})})


class Log:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def of_booking(
        self, booking_id: str, *, after: int = 0, limit: int = _MOST_KEYS
    ) -> tuple[list[Logged], int | None]:
        """From behind sequence `after`, and where to go on; None at the end."""
        query = {
            "TableName": self._tables.transactions,
            "KeyConditionExpression": "booking_id = :id AND #sequence > :after",
            "ExpressionAttributeNames": {"#sequence": "sequence"},
            "ExpressionAttributeValues": marshal({":id": booking_id, ":after": after}),
            "Limit": limit,
            "ConsistentRead": True,
        }
        items, more = page(self._client, query)
        return [logged(item) for item in items], int(items[-1]["sequence"]) if items and more else None

    def between(
        self, start: datetime, end: datetime, *, position: Position | None = None, limit: int = _MOST_KEYS
    ) -> tuple[list[Logged], Position | None]:
        """Up to `limit` lines written from `start` on and before `end`, and where to go on; None at the end.

        Day by day and shard by shard: a booking's lines come in order, those of different bookings do not. A page may
        be empty. The index hears of a line a moment after it was written.
        """
        position = position or Position(_day(start), 0)
        keys, behind = self._keys(start, end, position, limit)
        lines = self.lines(keys)
        return lines, behind or _next_shard(position, end)

    def lines(self, keys: Sequence[Key]) -> list[Logged]:
        """These lines, in the order of the keys; those that are not there are left out."""
        found: dict[Key, Logged] = {}
        wanted = [marshal({"booking_id": booking_id, "sequence": sequence}) for booking_id, sequence in keys]
        table = self._tables.transactions
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={table: {"Keys": wanted[:_MOST_KEYS], "ConsistentRead": True}}
            )
            for item in answer["Responses"].get(table, []):
                each = logged(unmarshal(item))
                found[each.booking_id, each.sequence] = each
            unprocessed: dict[str, Any] = dict(answer.get("UnprocessedKeys") or {})
            wanted = wanted[_MOST_KEYS:] + list(unprocessed.get(table, {}).get("Keys", []))
        return [found[key] for key in keys if key in found]

    def _keys(
        self, start: datetime, end: datetime, position: Position, limit: int
    ) -> tuple[list[Key], Position | None]:
        """Of one shard of one day. `written_at` of the second `end` is longer than `end`, so BETWEEN leaves it out."""
        shard = f"{position.day}#{position.shard}"
        query = {
            "TableName": self._tables.transactions,
            "IndexName": "by_day",
            "KeyConditionExpression": "day_shard = :shard AND written_at BETWEEN :start AND :end",
            "ExpressionAttributeValues": marshal({":shard": shard, ":start": wire_time(start), ":end": wire_time(end)}),
            "Limit": limit,
        }
        items, last = page(self._client, query, _start_key(position, shard))
        keys = [(item["booking_id"], item["sequence"]) for item in items]
        if not last:
            return keys, None
        behind = unmarshal(last)
        return keys, Position(position.day, position.shard, behind["written_at"], behind["booking_id"])


def _start_key(position: Position, shard: str) -> dict[str, Any] | None:
    if position.written_at is None:
        return None
    return marshal(
        {
            "day_shard": shard,
            "written_at": position.written_at,
            "booking_id": position.booking_id,
            "sequence": int(position.written_at.rpartition("#")[2]),
        }
    )


def _next_shard(position: Position, end: datetime) -> Position | None:
    if position.shard + 1 < DUE_SHARDS:
        return Position(position.day, position.shard + 1)
    tomorrow = date.fromisoformat(position.day) + timedelta(days=1)
    last = _day(end - timedelta(seconds=1))
    return Position(tomorrow.isoformat(), 0) if tomorrow.isoformat() <= last else None


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def owners(client: DynamoDBClient, tables: Tables, booking_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each booking's id and its customer's; a booking that is not there is left out.

    The log names no customer, so that it can be kept when somebody has to be forgotten. Read consistently: a stream may
    tell of a booking's first line before the other copies of the booking have heard of it.
    """
    wanted = [marshal({"booking_id": each}) for each in dict.fromkeys(booking_ids)]
    table = tables.bookings
    while wanted:
        asked: Any = {
            "Keys": wanted[:_MOST_KEYS],
            "ProjectionExpression": "booking_id, user_id",
            "ConsistentRead": True,
        }
        answer = client.batch_get_item(RequestItems={table: asked})
        for item in map(unmarshal, answer["Responses"].get(table, [])):
            yield item["booking_id"], item["user_id"]
        unprocessed: dict[str, Any] = dict(answer.get("UnprocessedKeys") or {})
        wanted = wanted[_MOST_KEYS:] + list(unprocessed.get(table, {}).get("Keys", []))
