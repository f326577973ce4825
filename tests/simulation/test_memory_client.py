"""What the tables in memory add to what moto has: strictness, short pages, faults, snapshots; and that they are safe
between threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast import pages
from tests.simulation.expression_tokens import UnknownCall
from tests.simulation.memory_tables import MemoryTables, client_error
from tests.simulation.places import in_memory
from tests.tables import schemas

YOGA = {"event_id": {"S": "yoga"}}
ONE: dict[str, Any] = {"ExpressionAttributeValues": {":s": {"S": "1"}}}
DUE: dict[str, Any] = {"IndexName": "by_due", "KeyConditionExpression": "due_shard = :s", **ONE}
SOONER = DUE | {"KeyConditionExpression": "due_shard = :s AND due_at <= :s"}


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables(schemas())


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"TableName": "EventsTable", "Item": {"event_id": {"S": name}, **more}}


def count(tables: MemoryTables, **more: Any) -> Any:
    return tables.update_item(
        TableName="EventsTable",
        Key=YOGA,
        UpdateExpression="ADD checked_in :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        **more,
    )


def counted(tables: MemoryTables) -> int:
    return int(tables.get_item(TableName="EventsTable", Key=YOGA)["Item"]["checked_in"]["N"])


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("get_item", {"Key": {"event_id": {"S": "yoga"}, "more": {"S": "x"}}}),
        ("get_item", {"Key": {"event_id": {"N": "1"}}}),
        ("get_item", {"Key": {"event_id": {"S": ""}}}),
        ("put_item", {"Item": {"title": {"S": "no key"}}}),
        ("put_item", {"Item": {**YOGA, "due_shard": {"N": "1"}}}),
        ("put_item", {"Item": {**YOGA, "due_at": {"S": ""}}}),
        ("put_item", {"Item": YOGA, "ConditionExpression": "version = :v"}),
        ("put_item", {"Item": YOGA, "ConditionExpression": "attribute_exists(version)", **ONE}),
        ("put_item", {"Item": YOGA, "ConditionExpression": "#v = :s", **ONE}),
        ("put_item", {"Item": YOGA, "ConditionExpression": "v = :s", "ExpressionAttributeNames": {"#v": "v"}, **ONE}),
        ("update_item", {"Key": YOGA, "UpdateExpression": "REMOVE event_id"}),
        ("update_item", {"Key": YOGA, "UpdateExpression": "SET version = passes"}),
        ("query", {"KeyConditionExpression": "due_shard = :s", **ONE}),
        ("query", DUE | {"IndexName": "by_nothing"}),
        ("query", DUE | {"KeyConditionExpression": "due_shard > :s"}),
        ("query", DUE | {"KeyConditionExpression": "due_shard = :s AND event_id = :s"}),
        ("query", DUE | {"ConsistentRead": True}),
        ("query", DUE | {"FilterExpression": "due_at = :s"}),
        ("query", DUE | {"ExclusiveStartKey": YOGA}),
        ("query", DUE | {"ExclusiveStartKey": YOGA | {"due_shard": {"S": "2"}, "due_at": {"S": "2026"}}}),
        ("query", SOONER | {"ExclusiveStartKey": YOGA | {"due_shard": {"S": "1"}, "due_at": {"S": "2026"}}}),
    ],
)  # fmt: skip
def test_what_dynamodb_has_no_answer_for_is_refused(
    tables: MemoryTables, call: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(tables, call)(TableName="EventsTable", **parameters)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert tables.items("EventsTable") == []


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("get_item", {"Key": YOGA, "ProjectionExpression": "title"}),
        ("put_item", {"Item": YOGA, "ReturnValues": "ALL_OLD"}),
        ("update_item", {"Key": YOGA, "UpdateExpression": "REMOVE title", "ReturnValues": "UPDATED_OLD"}),
        ("query", {"KeyConditionExpression": "event_id = :e", "Select": "COUNT"}),
        ("scan", {"FilterExpression": "title = :t"}),
    ],
)
def test_a_call_that_was_never_taught_cannot_be_overlooked(
    tables: MemoryTables, call: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(UnknownCall):
        getattr(tables, call)(TableName="EventsTable", **parameters)
    assert not issubclass(UnknownCall, Exception)
    assert not hasattr(tables, "batch_write_item")


def test_pages_end_where_they_are_told_to_and_nothing_is_lost_between_them() -> None:
    tables = MemoryTables(schemas(), page=2)
    for name in "abcde":
        tables.put_item(**event(name, due_shard={"S": "1"}, due_at={"S": "2026"}))

    def pages(read: Callable[..., Any], **asked: Any) -> list[list[str]]:
        found: list[list[str]] = []
        start: dict[str, Any] = {}
        while True:
            page = read(TableName="EventsTable", **asked, **start)
            found.append([item["event_id"]["S"] for item in page["Items"]])
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    assert pages(tables.query, **DUE) == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(tables.query, ScanIndexForward=False, **DUE) == [["e", "d"], ["c", "b"], ["a"]]
    assert pages(tables.scan) == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(tables.scan, Limit=1) == [["a"], ["b"], ["c"], ["d"], ["e"], []]
    keys = [{"event_id": {"S": name}} for name in "abc"]
    batch = tables.batch_get_item(RequestItems={"EventsTable": {"Keys": keys}})
    assert len(batch["Responses"]["EventsTable"]) == 2
    assert batch["UnprocessedKeys"] == {"EventsTable": {"Keys": keys[2:]}}


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_call_can_fail_before_it_is_carried_out_or_after_it(tables: MemoryTables) -> None:
    calls = []

    def around(operation: str, parameters: Mapping[str, Any], perform: Callable[[], Any]) -> Any:
        calls.append((operation, parameters["TableName"]))
        if len(calls) == 1:
            raise client_error(operation, "ProvisionedThroughputExceededException", "slow down")
        perform()
        raise TimeoutError

    tables.around = around
    with pytest.raises(tables.exceptions.ProvisionedThroughputExceededException):
        count(tables)
    with pytest.raises(TimeoutError):
        count(tables)
    tables.around = None

    assert calls == [("UpdateItem", "EventsTable")] * 2
    assert counted(tables) == 1


def test_a_call_that_is_sent_twice_is_done_twice_but_for_a_transaction(tables: MemoryTables) -> None:
    def twice(_: str, __: Mapping[str, Any], perform: Callable[[], Any]) -> Any:
        perform()
        return perform()

    tables.around = twice
    count(tables)
    tables.transact_write_items(
        TransactItems=[{"Put": event("jazz") | {"ConditionExpression": "attribute_not_exists(event_id)"}}]
    )
    with pytest.raises(tables.exceptions.ConditionalCheckFailedException):
        tables.put_item(**event("opera"), ConditionExpression="attribute_not_exists(event_id)")
    tables.around = None

    assert counted(tables) == 2
    assert len(tables.items("EventsTable")) == 3


def test_a_snapshot_can_be_restored_again_and_again(tables: MemoryTables) -> None:
    tables.put_item(**event("yoga", due_shard={"S": "1"}, due_at={"S": "2026"}, checked_in={"N": "1"}))
    before, indexed = tables.items("EventsTable"), tables.entries("EventsTable", "by_due")
    kept = tables.snapshot()

    for _ in range(2):
        count(tables)
        tables.update_item(TableName="EventsTable", Key=YOGA, UpdateExpression="REMOVE due_at")
        tables.put_item(**event("jazz", due_shard={"S": "1"}, due_at={"S": "2026"}))
        tables.delete_item(TableName="EventsTable", Key=YOGA)
        assert [each["event_id"]["S"] for each in tables.entries("EventsTable", "by_due")] == ["jazz"]
        tables.restore(kept)
        assert tables.items("EventsTable") == before
        assert tables.entries("EventsTable", "by_due") == indexed


def test_threads_lose_no_write(tables: MemoryTables) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: count(tables), range(2000)))

    assert counted(tables) == 2000


# --- what that strictness found ---------------------------------------------------------------------------------------


def test_a_cursor_from_a_wider_listing_of_disputes_is_at_the_end_of_a_narrower_one() -> None:
    cursor = pages.encode("disputes", ("2027-01-01T00:00:00.000000Z", "bk_1"))
    with in_memory() as deployment:
        query = {"due_within_hours": "24", "cursor": cursor}
        answer = deployment.call("list_disputes", "GET", "/disputes", staff="sam", query=query)

    assert answer is not None
    assert (answer.status, answer.body) == (200, {"items": [], "next_cursor": None})
