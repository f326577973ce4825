"""The tests' own shortcut through moto: a refused transaction leaves every table as it was."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.world import World


def _tables(dynamodb: Any) -> dict[str, Any]:
    return {name: dynamodb.scan(TableName=name)["Items"] for name in ("EventsTable", "TransactionsTable")}


def test_a_refused_transaction_leaves_nothing_of_its_puts_updates_and_deletes(world: World) -> None:
    world.event()
    booking_id = world.held()
    dynamodb = boto3.client("dynamodb")
    before = _tables(dynamodb)
    line = {"booking_id": {"S": booking_id}, "sequence": {"N": "1"}}
    refused: list[Any] = [
        {
            "Update": {
                "TableName": "EventsTable",
                "Key": {"event_id": {"S": "yoga"}},
                "UpdateExpression": "ADD checked_in :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {"Put": {"TableName": "EventsTable", "Item": {"event_id": {"S": "new"}}}},
        {"Delete": {"TableName": "TransactionsTable", "Key": line}},
        {
            "Put": {
                "TableName": "TransactionsTable",
                "Item": line | {"sequence": {"N": "2"}},
                "ConditionExpression": "attribute_not_exists(booking_id)",
            }
        },
    ]

    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamodb.transact_write_items(TransactItems=refused)

    assert _tables(dynamodb) == before
    dynamodb.transact_write_items(TransactItems=refused[:3])
    assert _tables(dynamodb) != before


def test_an_item_of_every_type_comes_back_as_it_was(world: World) -> None:
    dynamodb = boto3.client("dynamodb")
    item: dict[str, Any] = {
        "event_id": {"S": "every type"},
        "number": {"N": "-12.50"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"M": {"deep": {"L": [{"N": "1"}]}}}]},
        "words": {"SS": ["a", "b"]},
    }
    dynamodb.put_item(TableName="EventsTable", Item=item)

    assert dynamodb.get_item(TableName="EventsTable", Key={"event_id": item["event_id"]})["Item"] == item
