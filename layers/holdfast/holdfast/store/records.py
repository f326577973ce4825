"""The idempotency records of requests, and which of Stripe's events were applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.store.commit import SEEN_LIFE, Record, record_item, seen_key
from holdfast.store.items import marshal, unmarshal
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Records:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def get(self, key: str, now: datetime) -> Record | None:
        """The record of this request, unless it has expired (the table's TTL deletes late)."""
        answer = self._client.get_item(
            TableName=self._tables.idempotency, Key=marshal({"key": key}), ConsistentRead=True
        )
        item = unmarshal(answer.get("Item", {}))
        if not item or item["expires_at"] < now.timestamp() or "body_hash" not in item:
            return None
        return Record(
            key=key,
            body_hash=item["body_hash"],
            booking_id=item.get("booking_id"),
            operation_id=item.get("operation_id"),
            answer=json.loads(item["answer"]) if "answer" in item else None,
            answered_unknown=item.get("answered_unknown", False),
        )

    def answer(self, record: Record, answer: Mapping[str, Any], now: datetime) -> bool:
        """Keep the final answer of a request that moved no money; whether it was kept.

        Not over another try of the same request that began an operation, nor over an answer.
        """
        mine = "attribute_not_exists(operation_id) OR operation_id = :mine"
        values = {":now": int(now.timestamp()), ":hash": record.body_hash, ":mine": record.operation_id or "none"}
        try:
            self._client.put_item(
                TableName=self._tables.idempotency,
                Item=record_item(replace(record, answer=answer), now),
                ConditionExpression="attribute_not_exists(#key) OR expires_at < :now OR "
                f"(body_hash = :hash AND attribute_not_exists(answer) AND ({mine}))",
                ExpressionAttributeNames={"#key": "key"},
                ExpressionAttributeValues=marshal(values),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def told_unknown(self, record: Record) -> None:
        """The caller was told 202: a retry may be told so again instead of 409."""
        self._update(record, "SET answered_unknown = :true", {":true": True}, condition="attribute_exists(body_hash)")

    def seen(self, stripe_event_id: str) -> bool:
        answer = self._client.get_item(
            TableName=self._tables.idempotency, Key=marshal({"key": seen_key(stripe_event_id)}), ConsistentRead=True
        )
        return "Item" in answer

    def see(self, stripe_event_id: str, now: datetime) -> None:
        """Remember an event that changed nothing."""
        item = {"key": seen_key(stripe_event_id), "expires_at": int((now + SEEN_LIFE).timestamp())}
        self._client.put_item(TableName=self._tables.idempotency, Item=marshal(item))

    def _update(self, record: Record, expression: str, values: dict[str, Any], condition: str | None = None) -> None:
        try:
            self._client.update_item(
                TableName=self._tables.idempotency,
                Key=marshal({"key": record.key}),
                UpdateExpression=expression,
                ExpressionAttributeValues=marshal(values),
                **({"ConditionExpression": condition} if condition else {}),  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
