"""Bookings and their log: read one, change one in a transaction, list many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
            Limit=limit + 1,
            ConsistentRead=True,
        )
        lines = [unmarshal(item)["line"] for item in answer["Items"]]
        more = len(lines) > limit or "LastEvaluatedKey" in answer
        shown = lines[:limit]
        return shown, shown[-1]["sequence"] if shown and more else None

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
        keys = self._items("by_attention", "attention", "staff", most=limit + 1, after=after, sort="attention_since")
        shown, position = _page(keys, limit, sort="attention_since")
        return self._whole(shown), position

    def awaiting_answers(
        self, *, until: datetime | None, limit: int, after: Position | None = None
    ) -> tuple[list[Booking], Position | None]:
        """Bookings with a dispute that waits for an answer, the nearest deadline first; with one at `until` at the
        latest, where that is said.
        """
        if until and after and after[0] > sortable(until):
            # The position is of a listing that goes further: this one ends before it. DynamoDB would refuse to start
            # there ("The provided starting key is outside query boundaries").
            return [], None
        query: dict[str, Any] = {
            "TableName": self._tables.bookings,
            "IndexName": "by_dispute",
            "KeyConditionExpression": "dispute = :awaiting" + (" AND dispute_due <= :until" if until else ""),
            "ExpressionAttributeValues": marshal(
                {":awaiting": "awaiting"} | ({":until": sortable(until)} if until else {})
            ),
            "Limit": limit + 1,
        }
        start = marshal({"dispute": "awaiting", "dispute_due": after[0], "booking_id": after[1]}) if after else None
        found: list[Item] = []
        while True:
            items, start = page(self._client, query, start)
            found += items
            if not start or len(found) > limit:
                break
        shown, position = _page(found, limit, sort="dispute_due")
        return self._whole(shown), position

    def of_months(
        self, *, now: datetime, limit: int, payment_status: str | None = None, after: Position | None = None
    ) -> tuple[list[Booking], Position | None]:
        """All bookings (of one status), newest first, month by month; none was made after `now`."""
        index, key = ("by_status", "status_month") if payment_status else ("by_month", "created_month")
        prefix = f"{payment_status}#" if payment_status else ""
        month = (now.year, now.month)
        begun = (int(after[0][:4]), int(after[0][5:7])) if after else month
        month = min(month, begun)
        found: list[Item] = []
        while month >= FIRST_MONTH and len(found) <= limit:
            name = f"{prefix}{month[0]:04d}-{month[1]:02d}"
            behind = after if month == begun else None
            found += self._items(index, key, name, most=limit + 1 - len(found), after=behind)
            month = (month[0], month[1] - 1) if month[1] > 1 else (month[0] - 1, 12)
        shown, position = _page(found, limit)
        return [booking_of(item) for item in shown] if payment_status else self._whole(shown), position

    def _bookings(
        self, index: str, key: str, value: str, *, limit: int, after: Position | None, equal: dict[str, str]
    ) -> tuple[list[Booking], Position | None]:
        shown, position = _page(self._items(index, key, value, most=limit + 1, after=after, equal=equal), limit)
        return [booking_of(item) for item in shown], position

    def _items(
        self,
        index: str,
        key: str,
        value: str,
        *,
        most: int,
        after: Position | None = None,
        sort: str = "created_at",
        equal: dict[str, str] | None = None,
    ) -> list[Item]:
        """Newest first; goes on reading until `most` items pass the filter or the index ends."""
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
        while len(found) < most:
            items, start = page(self._client, query | {"Limit": _PAGE if equal else most - len(found)}, start)
            found += items
            if not start:
                break
        return found[:most]

    def _whole(self, keys: list[Item]) -> list[Booking]:
        """The bookings behind the entries of an index that holds only keys, in the same order."""
        found = self.several(item["booking_id"] for item in keys)
        return [found[item["booking_id"]] for item in keys if item["booking_id"] in found]

    def several(self, booking_ids: Iterable[str]) -> dict[str, Booking]:
        """These bookings as they are now, by id; one that does not exist is left out."""
        found: dict[str, Booking] = {}
        wanted = [marshal({"booking_id": booking_id}) for booking_id in dict.fromkeys(booking_ids)]
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={self._tables.bookings: {"Keys": wanted[:_PAGE], "ConsistentRead": True}}
            )
            for item in answer["Responses"].get(self._tables.bookings, []):
                booking = booking_of(unmarshal(item))
                found[booking.booking_id] = booking
            unprocessed: dict[str, Any] = dict(answer.get("UnprocessedKeys") or {})
            wanted = wanted[_PAGE:] + list(unprocessed.get(self._tables.bookings, {}).get("Keys", []))
        return found


def _page(found: list[Item], limit: int, *, sort: str = "created_at") -> tuple[list[Item], Position | None]:
    """`limit` of the items, and the position of the last one where more were found: no page is the last and says
    otherwise.
    """
    shown = found[:limit]
    return shown, (shown[-1][sort], shown[-1]["booking_id"]) if len(found) > limit else None


SHARDS: Final = range(DUE_SHARDS)
