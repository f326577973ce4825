"""Reads a query to its end, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from holdfast.store.items import Item, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Page = tuple[list[Item], dict[str, Any] | None]
"""The items of one page, and the key behind which the next one starts."""


def page(client: DynamoDBClient, query: Mapping[str, Any], start: Mapping[str, Any] | None = None) -> Page:
    answer = cast(Any, client).query(**query, **({"ExclusiveStartKey": start} if start else {}))
    return [unmarshal(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")


def every(client: DynamoDBClient, query: Mapping[str, Any]) -> Iterator[Item]:
    """All items of a query, however many pages they fill."""
    start: dict[str, Any] | None = None
    while True:
        items, start = page(client, query, start)
        yield from items
        if not start:
            return


def due_query(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is due in one shard, oldest first; the same index name and attributes in every table that has one."""
    return {
        "TableName": table,
        "IndexName": "by_due",
        "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
        "ExpressionAttributeValues": values,
    }
