"""The same call to moto and to the tables in memory: both must answer, refuse and keep the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from local.time_machine.faster_moto import shorten
from tests.integration.conftest import ENVIRONMENT
from tests.simulation.memory_tables import MemoryTables
from tests.tables import schemas

SCHEMAS: Final = schemas()
WRITES: Final = frozenset({"put_item", "update_item", "delete_item", "transact_write_items"})
# Whoever sends what DynamoDB has no answer for has a bug: the words of that refusal are read by nobody.
_ONLY_THE_CODE: Final = "ValidationException"
# Neither is the rest of an answer (capacity, metadata).
_READ: Final = (
    "Item",
    "Items",
    "Count",
    "ScannedCount",
    "LastEvaluatedKey",
    "Attributes",
    "Responses",
    "UnprocessedKeys",
)


class Different(AssertionError):
    """The tables in memory did not do as moto did."""


class Recorder:
    """A client that notes each call it passes on; of queries that find nothing only some, since they say little."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._empty = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**parameters: Any) -> Any:
            self.calls.append((name, parameters))
            answer = method(**parameters)
            if name == "query" and not answer["Items"]:
                self._empty += 1
                if self._empty % 10:
                    self.calls.pop()
            return answer

        return call


@contextmanager
def aws(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in the place of AWS."""
    shorten()
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    with mock_aws():
        yield


@dataclass(frozen=True, slots=True)
class Heard:
    """A call, what moto said to it, and what it kept after it: by table, None where nothing can have changed."""

    name: str
    parameters: Mapping[str, Any]
    said: dict[str, Any]
    kept: Mapping[str, list[dict[str, Any]]] | None

    @property
    def outcome(self) -> str:
        return f"{self.name}: {self.said.get('code', 'answered')}"


def ask(moto: Any, name: str, parameters: Mapping[str, Any]) -> Heard:
    said = _outcome(moto, name, parameters)
    return Heard(name, parameters, said, kept() if name in WRITES else None)


def ask_memory(memory: MemoryTables, name: str, parameters: Mapping[str, Any]) -> Heard:
    """The same of the tables in memory: what they say stands for moto's word once they were found to say the same."""
    said = _outcome(memory, name, parameters)
    return Heard(name, parameters, said, {each: memory.items(each) for each in SCHEMAS} if name in WRITES else None)


def compare(memory: MemoryTables, heard: Heard) -> None:
    """The same call to the tables in memory. Raises Different."""
    name, parameters, wanted = heard.name, heard.parameters, dict(heard.said)
    got = _outcome(memory, name, parameters)
    if name == "query":
        _same_page(memory, name, parameters, wanted, got)
    if wanted != got:
        raise Different(f"{name}({parameters})\n  moto:   {wanted}\n  memory: {got}")
    if heard.kept is not None:
        compare_contents(memory, heard.kept)


def _outcome(client: Any, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = dict(getattr(client, name)(**parameters))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if not isinstance(error, getattr(client.exceptions, code, ClientError)):
            raise Different(f"{name}: {code} is no client.exceptions.{code}") from error
        response: Any = error.response
        said = {each: response[each] for each in ("CancellationReasons", "Item") if each in response} | {"code": code}
        return said if code == _ONLY_THE_CODE else said | {"message": response["Error"]["Message"]}
    answer = {each: answer[each] for each in _READ if each in answer}
    if name == "update_item" and parameters.get("ReturnValues", "NONE") == "NONE":
        answer.pop("Attributes", None)
    return answer


def _same_page(memory: MemoryTables, name: str, parameters: Mapping[str, Any], wanted: Any, got: Any) -> None:
    """A full page says where the next one starts, also where that one is empty: moto says so only if it is not."""
    if got.get("LastEvaluatedKey") is None or "LastEvaluatedKey" in wanted:
        return
    behind = _outcome(memory, name, {**parameters, "ExclusiveStartKey": got.pop("LastEvaluatedKey")})
    if behind["Items"] or got["ScannedCount"] != parameters.get("Limit", memory.page):
        raise Different(f"{name}({parameters}): a page that was not full has one behind it: {behind}")


_SHOWN: dict[int, tuple[Any, dict[str, Any]]] = {}
"""Items of moto's and what they are on the wire: with `faster_moto`, a write puts another item in an item's place."""


def kept() -> dict[str, list[dict[str, Any]]]:
    """Everything in moto's tables, in the order of the keys."""
    tables = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    return {name: [_shown(item) for item in tables[name].all_items()] for name in SCHEMAS}


def _shown(item: Any) -> dict[str, Any]:
    if id(item) not in _SHOWN:
        _SHOWN[id(item)] = (item, item.to_json()["Attributes"])
    return _SHOWN[id(item)][1]


def compare_contents(memory: MemoryTables, wanted: Mapping[str, list[dict[str, Any]]]) -> None:
    """Every table and every index, with what the index shows and in its order."""
    for name, schema in SCHEMAS.items():
        _same(name, wanted[name], memory.items(name))
        for index in schema.get("GlobalSecondaryIndexes", []):
            shown = _indexed(wanted[name], schema, index)
            _same(f"{name}.{index['IndexName']}", shown, memory.entries(name, index["IndexName"]))


def _indexed(kept: list[dict[str, Any]], schema: Mapping[str, Any], index: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an index holds of these items, as its definition says: an item that lacks one of its keys is not in it."""
    own, of_table = ([each["AttributeName"] for each in part["KeySchema"]] for part in (index, schema))
    there = [item for item in kept if all(name in item for name in own)]
    there.sort(key=lambda item: [item[name]["S"] for name in own])  # stable: then in the order of the table's keys
    if index["Projection"]["ProjectionType"] == "ALL":
        return there
    return [{name: value for name, value in item.items() if name in {*own, *of_table}} for item in there]


def _same(name: str, wanted: Any, got: Any) -> None:
    if wanted != got:
        raise Different(f"{name}\n  moto:   {json.dumps(wanted)}\n  memory: {json.dumps(got)}")
