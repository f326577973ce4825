"""The grammar of the tables in memory: each form as moto reads it, and nothing else read at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.simulation import expressions
from tests.simulation.differential import ask, aws, compare
from tests.simulation.expression_tokens import Refusal, UnknownCall
from tests.simulation.memory_tables import MemoryTables
from tests.tables import create_tables, schemas

ITEMS: dict[str, dict[str, Any]] = {
    "full": {"n": {"N": "9"}, "s": {"S": "maroon"}, "m": {"M": {"n": {"N": "10"}}}, "b": {"BOOL": True}},
    "other": {"n": {"N": "10"}, "s": {"S": "m"}, "m": {"M": {}}, "b": {"BOOL": False}},
    "types": {"n": {"S": "9"}, "s": {"N": "9"}, "m": {"S": "n"}, "b": {"NULL": True}},
    "bare": {},
}
VALUES = {
    ":nine": {"N": "9"},
    ":ten": {"N": "10"},
    ":m": {"S": "m"},
    ":maroon": {"S": "maroon"},
    ":true": {"BOOL": True},
}
CONDITIONS = [
    *(f"n {sign} :nine" for sign in ("=", "<>", "<", "<=", ">", ">=")),
    *(f"s {sign} :m" for sign in ("=", "<>", "<", "<=", ">", ">=")),
    ":ten > n",
    "n BETWEEN :nine AND :ten",
    "n between :ten and :ten",
    "NOT n = :nine",
    "NOT (n = :nine OR s = :m)",
    "begins_with(s, :m)",
    "b = :true",
    "m.n = :ten",
    "m.n <> :ten",
    "attribute_exists(m.n)",
    "attribute_not_exists(m.n)",
    "attribute_exists(n) AND attribute_not_exists(s) OR b = :true",
    "attribute_not_exists(n) OR s = :m AND n = :ten",
    "(attribute_not_exists(n) OR s = :m) AND n = :ten",
    "attribute_not_exists(n) OR n < :ten OR n > :nine",
    "s = :maroon AND n BETWEEN :nine AND :ten AND b = :true",
]
ALL = ("types", "bare", "nobody")
# And beside "full" and "other", the items that can be updated so.
UPDATES: dict[str, tuple[str, ...]] = {
    "SET n = :ten": ALL,
    "SET n = n + :nine": (),
    "SET n = n - :ten, s = :m": (),
    "SET n = if_not_exists(n, :ten) + :nine": ("bare", "nobody"),
    "SET s = if_not_exists(s, :m), fresh = :nine": ALL,
    "SET s = n, n = :ten": ("types",),
    "REMOVE n, nothing": ALL,
    "ADD n :nine": ("bare", "nobody"),
    "ADD fresh :nine": ALL,
    "SET s = :m REMOVE n ADD fresh :ten": ALL,
    "remove n set s = :m": ALL,
}


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, MemoryTables]]:
    with aws(monkeypatch):
        create_tables()
        yield boto3.client("dynamodb"), MemoryTables(schemas())


def filled(both: tuple[Any, MemoryTables]) -> None:
    for each in both:
        for name, item in ITEMS.items():
            each.put_item(TableName="EventsTable", Item={"event_id": {"S": name}, **item})
        each.delete_item(TableName="EventsTable", Key={"event_id": {"S": "nobody"}})


def asked(name: str, condition: str | None, update: str) -> dict[str, Any]:
    words = re.findall(r":\w+", f"{condition} {update}")
    used = {each: value for each, value in VALUES.items() if each in words}
    return {
        "TableName": "EventsTable",
        "Key": {"event_id": {"S": name}},
        "UpdateExpression": update,
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeValues": used} if used else {}),
        "ReturnValues": "ALL_NEW",
    }


def test_each_condition_holds_for_the_same_items(both: tuple[Any, MemoryTables]) -> None:
    outcomes = set()
    for condition in CONDITIONS:
        filled(both)
        # moto cannot order values of two types.
        orders = re.search(r"[<>]|BETWEEN", condition.replace("<>", ""), re.IGNORECASE)
        for name in (*ITEMS, "nobody"):
            if not (orders and name == "types"):
                heard = ask(both[0], "update_item", asked(name, condition, "REMOVE nothing"))
                compare(both[1], heard)
                outcomes.add(heard.outcome)
    assert outcomes == {"update_item: answered", "update_item: ConditionalCheckFailedException"}


def test_each_update_makes_the_same_of_an_item(both: tuple[Any, MemoryTables]) -> None:
    for update, others in UPDATES.items():
        filled(both)
        for name in ("full", "other", *others):
            heard = ask(both[0], "update_item", asked(name, None, update))
            compare(both[1], heard)
            assert heard.outcome == "update_item: answered"


@pytest.mark.parametrize(
    "text",
    [
        "n IN (:nine, :ten)", "size(s) > :nine", "contains(s, :m)", "attribute_type(s, :m)", "n = :nine,", "n == :nine",
        "n = 9", "m[0] = :nine", "(n = :nine", "n = :nine)", "n", "AND", "n = :nine XOR n = :ten", "",
        "n BETWEEN :nine OR :ten",
    ],
)  # fmt: skip
def test_a_condition_of_another_kind_cannot_be_asked(text: str) -> None:
    with pytest.raises(UnknownCall):
        expressions.condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "SET m.n = :nine", "SET n = list_append(n, :m)", "DELETE n :m", "SET n = :nine + :ten + :ten", "SET n", "SET",
        "ADD n m", "REMOVE m.n", "n = :nine", "SET n = (:nine)", "",
    ],
)  # fmt: skip
def test_an_update_of_another_kind_cannot_be_asked(text: str) -> None:
    with pytest.raises(UnknownCall):
        expressions.update(text)


def test_what_dynamodb_refuses_is_refused() -> None:
    for text in ("key = :k", "status = :k", "#unknown = :k"):
        with pytest.raises(Refusal):
            expressions.condition(text)
    for text in ("SET n = :k, n = :l", "SET n = :k REMOVE n", "SET n = :k SET s = :l"):
        with pytest.raises(Refusal):
            expressions.update(text)
