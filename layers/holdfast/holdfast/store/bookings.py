"""Bookings and their log: read one, change one in a transaction, list many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from holdfast.booking import Booking
from holdfast.log import Line
from holdfast.store.commit import Commit, actions
from holdfast.store.conditions import ConcurrentChange
from holdfast.store.items import DUE_SHARDS, Item, booking_of, marshal, sortable, unmarshal
from holdfast.store.paging import due_query, every, page
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# No booking is older than the first release: listings that walk back month by month end here.
FIRST_MONTH: Final = (2026, 1)
_PAGE: Final = 100
Position = tuple[str, str]
"""Where a listing goes on: the `created_at` and the id of the last booking shown."""


class Bookings:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def get(self, booking_id: str) -> Booking | None:
        """The booking as it is now."""
        answer = self._client.get_item(
            TableName=self._tables.bookings, Key=marshal({"booking_id": booking_id}), ConsistentRead=True
        )
        item = answer.get("Item")
        return booking_of(unmarshal(item)) if item else None

    def commit(self, commit: Commit) -> Booking:
        """All of it or nothing. Raises a ConditionFailed that says which condition did not hold."""
        todo = actions(self._tables, commit)
        try:
            self._client.transact_write_items(TransactItems=[action for action, _ in todo])  # type: ignore[misc]
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            if error.response["Error"]["Code"] == "TransactionConflictException":
                raise ConcurrentChange("another transaction") from error
            if not reasons:
                raise
            for (_, meaning), reason in zip(todo, reasons, strict=False):
                if reason.get("Code") == "ConditionalCheckFailed":
                    raise meaning(str(reason.get("Message", ""))) from error
            if any(reason.get("Code") == "TransactionConflict" for reason in reasons):
                raise ConcurrentChange("another transaction") from error
            raise
        return commit.after

    def lines(self, booking_id: str, *, after: int = 0, limit: int = _PAGE) -> tuple[list[Line], int | None]:
        """The log, oldest first, from behind sequence `after`; and where to go on, None at the end."""
        answer = self._client.query(
            TableName=self._tables.transactions,
            KeyConditionExpression="booking_id = :id AND #sequence > :after",
            ExpressionAttributeNames={"#sequence": "sequence"},
            ExpressionAttributeValues=marshal({":id": booking_id, ":after": after}),
            Limit=limit,
            ConsistentRead=True,
        )
        lines = [unmarshal(item)["line"] for item in answer["Items"]]
        return lines, lines[-1]["sequence"] if lines and answer.get("LastEvaluatedKey") else None

    def all_lines(self, booking_id: str) -> Iterator[Line]:
        after: int | None = 0
        while after is not None:
            lines, after = self.lines(booking_id, after=after)
            yield from lines

    def by_payment_intent(self, payment_intent_id: str) -> str | None:
        """The id of the booking that uses this PaymentIntent, once the index has heard of it."""
        query = {
            "TableName": self._tables.bookings,
            "IndexName": "by_payment_intent",
            "KeyConditionExpression": "payment_intent_id = :id",
            "ExpressionAttributeValues": marshal({":id": payment_intent_id}),
        }
        items, _ = page(self._client, query)
        return str(items[0]["booking_id"]) if items else None

    def due(self, shard: int, now: datetime) -> Iterator[tuple[str, str]]:
        """Booking id and `due_at` of everything in this shard that is due, oldest first, however much it is."""
        values = marshal({":shard": str(shard), ":now": sortable(now)})
        for item in every(self._client, due_query(self._tables.bookings, values)):
            yield item["booking_id"], item["due_at"]

    def of_user(
        self, user_id: str, *, limit: int, after: Position | None = None, **equal: str
    ) -> tuple[list[Booking], Position | None]:
        return self._bookings("by_user", "user_id", user_id, limit=limit, after=after, equal=equal)

    def of_event(
        self, event_id: str, *, limit: int, after: Position | None = None, **equal: str
    ) -> tuple[list[Booking], Position | None]:
        return self._bookings("by_event", "event_id", event_id, limit=limit, after=after, equal=equal)

    def needing_attention(self, *, limit: int, after: Position | None = None) -> tuple[list[Booking], Position | None]:
        """The staff's list, newest first."""
        items, position = self._page(
            "by_attention", "attention", "staff", limit=limit, after=after, sort="attention_since"
        )
        return self._whole(items), position

    def of_months(
        self, *, now: datetime, limit: int, payment_status: str | None = None, after: Position | None = None
    ) -> tuple[list[Booking], Position | None]:
        """All bookings (of one status), newest first, month by month."""
        found: list[Booking] = []
        month = (int(after[0][:4]), int(after[0][5:7])) if after else (now.year, now.month)
        position = after
        while month >= FIRST_MONTH:
            name = f"{month[0]:04d}-{month[1]:02d}"
            if payment_status:
                items, position = self._page(
                    "by_status", "status_month", f"{payment_status}#{name}", limit=limit - len(found), after=position
                )
                found += [booking_of(item) for item in items]
            else:
                items, position = self._page(
                    "by_month", "created_month", name, limit=limit - len(found), after=position
                )
                found += self._whole(items)
            if len(found) >= limit:
                last = items[-1]
                return found, (last["created_at"], last["booking_id"])
            month = (month[0], month[1] - 1) if month[1] > 1 else (month[0] - 1, 12)
        return found, None

    def _bookings(
        self, index: str, key: str, value: str, *, limit: int, after: Position | None, equal: dict[str, str]
    ) -> tuple[list[Booking], Position | None]:
        items, position = self._page(index, key, value, limit=limit, after=after, equal=equal)
        return [booking_of(item) for item in items], position

    def _page(
        self,
        index: str,
        key: str,
        value: str,
        *,
        limit: int,
        after: Position | None = None,
        sort: str = "created_at",
        equal: dict[str, str] | None = None,
    ) -> tuple[list[Item], Position | None]:
        """Newest first; goes on reading until `limit` items pass the filter or the index ends."""
        found: list[Item] = []
        start = marshal({key: value, sort: after[0], "booking_id": after[1]}) if after else None
        query: dict[str, Any] = {
            "TableName": self._tables.bookings,
            "IndexName": index,
            "KeyConditionExpression": "#key = :key",
            "ExpressionAttributeNames": {"#key": key} | {f"#{name}": name for name in equal or {}},
            "ExpressionAttributeValues": marshal(
                {":key": value} | {f":{name}": wanted for name, wanted in (equal or {}).items()}
            ),
            "ScanIndexForward": False,
        }
        if equal:
            query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in equal)
        while True:
            wanted = limit - len(found)
            items, start = page(self._client, query | {"Limit": _PAGE if equal else wanted}, start)
            found += items[:wanted]
            if len(found) >= limit:
                more = start is not None or len(items) > wanted
                return found, (found[-1][sort], found[-1]["booking_id"]) if more else None
            if not start:
                return found, None

    def _whole(self, keys: list[Item]) -> list[Booking]:
        """The bookings behind the entries of an index that holds only keys, in the same order."""
        found: dict[str, Booking] = {}
        wanted = [marshal({"booking_id": item["booking_id"]}) for item in keys]
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={self._tables.bookings: {"Keys": wanted[:_PAGE], "ConsistentRead": True}}
            )
            for item in answer["Responses"].get(self._tables.bookings, []):
                booking = booking_of(unmarshal(item))
                found[booking.booking_id] = booking
            unprocessed: dict[str, Any] = dict(answer.get("UnprocessedKeys") or {})
            wanted = wanted[_PAGE:] + list(unprocessed.get(self._tables.bookings, {}).get("Keys", []))
        return [found[item["booking_id"]] for item in keys if item["booking_id"] in found]


SHARDS: Final = range(DUE_SHARDS)
