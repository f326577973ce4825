"""Events: read one, write one on condition that nobody else did, and find those whose bookings still have to hear of a
change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.event import Event
from holdfast.store.conditions import ConcurrentChange
from holdfast.store.items import event_item, event_of, marshal, sortable, unmarshal
from holdfast.store.paging import due_query, every
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Events:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def get(self, event_id: str) -> Event | None:
        answer = self._client.get_item(
            TableName=self._tables.events, Key=marshal({"event_id": event_id}), ConsistentRead=True
        )
        item = answer.get("Item")
        return event_of(unmarshal(item)) if item else None

    def put(self, event: Event, *, before: Event | None) -> Event:
        """Write it on condition that it is as it was read.

        Raises ConcurrentChange. The count of check-ins is not touched.
        """
        item = event_item(event)
        sets = ["#version = :version", "facts = :facts", "checked_in = if_not_exists(checked_in, :zero)"]
        removes = []
        for name in ("due_shard", "due_at"):
            (sets.append(f"{name} = :{name}") if item[name] is not None else removes.append(name))
        values: dict[str, Any] = {":version": event.version, ":facts": item["facts"], ":zero": 0}
        values |= {f":{name}": item[name] for name in ("due_shard", "due_at") if item[name] is not None}
        if before is None:
            condition = "attribute_not_exists(event_id)"
        else:
            condition = "#version = :read AND facts.passes = :passes"
            values |= {":read": before.version, ":passes": before.passes}
        try:
            self._client.update_item(
                TableName=self._tables.events,
                Key=marshal({"event_id": event.event_id}),
                UpdateExpression="SET " + ", ".join(sets) + (" REMOVE " + ", ".join(removes) if removes else ""),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues=marshal(values),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConcurrentChange(event.event_id) from error
            raise
        return event

    def due(self, shard: int, now: datetime) -> Iterator[str]:
        """The ids of events in this shard whose bookings have to be looked at."""
        values = marshal({":shard": str(shard), ":now": sortable(now)})
        for item in every(self._client, due_query(self._tables.events, values)):
            yield item["event_id"]
