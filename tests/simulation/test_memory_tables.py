"""The tables in memory answer, refuse and keep what moto does: every call that Holdfast makes, in any order.

Two ways: the store itself, played at random on both; and the calls that it made then, each as it was or crossed with
another one of its kind, on tables that are in any state.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections import Counter, defaultdict
from typing import Any

import boto3
import pytest

from tests.simulation.differential import (
    WRITES,
    Different,
    Heard,
    Recorder,
    ask,
    ask_memory,
    aws,
    compare,
    compare_contents,
    kept,
)
from tests.simulation.memory_tables import MemoryTables
from tests.simulation.store_play import STEPS, Player, Side, public_methods
from tests.simulation.wrong_tables import MISTAKES
from tests.tables import create_tables, schemas

# More on demand: HOLDFAST_TABLES_SECONDS=600.
SECONDS = float(os.environ.get("HOLDFAST_TABLES_SECONDS", "12"))
SEED = int(os.environ.get("HOLDFAST_TABLES_SEED", "1"))
IN_ORDER, AS_MADE, LEAST_ORDERS, MORE_ORDERS = 400, 100, 2, 6
REFUSALS = {"ConcurrentChange", "RecordTaken", "EventChanged", "PaymentMethodGone", "AlreadySeen"}
Calls = list[tuple[str, dict[str, Any]]]


def play(seed: int, steps: int) -> Counter[str]:
    """The store on moto, on the tables in memory, and on ones whose pages end after two items. Raises Different."""
    with boto_tables() as client:
        memory, paged = MemoryTables(schemas()), MemoryTables(schemas(), page=2)
        player = Player(seed, lambda now: [Side(each, now) for each in (client, paged, memory)])
        played: Counter[str] = Counter()
        order = list(STEPS)
        for number in range(steps):
            # Each step at least once, when there is something to find.
            due = number - (steps - len(order))
            name, (wanted, in_pages, got) = player.step(order[due] if due >= 0 else None)
            if _full_pages(wanted) != _full_pages(got) or _flat(wanted) != _flat(in_pages):
                raise Different(f"{seed}, {number}, {name}\n  moto:   {wanted}\n  memory: {got}\n  paged: {in_pages}")
            compare_contents(memory, kept())
            refused = isinstance(wanted, tuple) and len(wanted) == 2 and isinstance(wanted[0], str)
            played[f"{name}: {wanted[0]}" if refused else name] += 1
        assert paged.items("BookingsTable") == memory.items("BookingsTable")
        return played


def _full_pages(answer: Any) -> Any:
    """Without the empty page behind a last one that was full, which moto knows to be empty and DynamoDB does not."""
    return [page for page in answer if page != []] if isinstance(answer, list) else answer


def _flat(answer: Any) -> Any:
    """All pages of a listing as one: where a page ends is not promised."""
    pages = isinstance(answer, list) and all(isinstance(page, list) for page in answer)
    return list(itertools.chain(*answer)) if pages else answer


class boto_tables:  # noqa: N801
    """moto's client, with tables of template.yaml that hold nothing."""

    def __enter__(self) -> Any:
        create_tables()
        return boto3.client("dynamodb")

    def __exit__(self, *_: object) -> None:
        client = boto3.client("dynamodb")
        for name in schemas():
            client.delete_table(TableName=name)


# --- any order, and crossed -------------------------------------------------------------------------------------------


def kind_of(name: str, call: dict[str, Any]) -> tuple[Any, ...]:
    """Calls of one kind differ only in keys and values."""
    shape = [name]
    for each in ("TableName", "IndexName", "KeyConditionExpression", "ConditionExpression", "UpdateExpression"):
        shape.append(str(call.get(each)))
    return (*shape, str(call.get("FilterExpression")), tuple(sorted(call.get("ExpressionAttributeValues", {}))))


class Crossed:
    """Calls that were made once, in any order, and crossed: the key or item of one with the values of another.

    First come some writes as they were made, so that there is something to read.
    """

    def __init__(self, calls: Calls, seed: int, as_made: int = AS_MADE) -> None:
        self.rng = random.Random(seed)
        self.first = [call for call in calls if call[0] in WRITES][:as_made]
        self.kinds: dict[tuple[Any, ...], Calls] = defaultdict(list)
        self.of_kind: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for name, call in calls:
            self.kinds[kind_of(name, call)].append((name, call))
            for action in call.get("TransactItems", []):
                ((kind, of_it),) = action.items()
                self.of_kind[kind_of(kind, of_it)].append(of_it)

    def next(self) -> tuple[str, dict[str, Any]]:
        if self.first:
            return self.first.pop(0)
        transactions = self.kinds[kind_of("transact_write_items", {})]
        calls = transactions if self.rng.random() < 0.3 else self.kinds[self.rng.choice(list(self.kinds))]
        name, call = self.rng.choice(calls)
        if name == "transact_write_items":
            return name, {"TransactItems": self.actions_of(call)}
        if name in ("put_item", "update_item") and self.rng.random() < 0.5:
            return name, self.with_values_of(call, self.rng.choice(calls)[1])
        return name, call

    def actions_of(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        """Some of its actions, some crossed, perhaps with some of others: two on one item at times."""
        kept = self.rng.choice((0.5, 1))
        actions = [action for action in call["TransactItems"] if self.rng.random() < kept] or call["TransactItems"][:1]
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            kind = self.rng.choice(list(self.of_kind))
            actions.append({kind[0]: self.rng.choice(self.of_kind[kind])})
        self.rng.shuffle(actions)
        return [self.crossed(action) for action in actions]

    def crossed(self, action: dict[str, Any]) -> dict[str, Any]:
        ((kind, call),) = action.items()
        if self.rng.random() < 0.3:
            call = self.with_values_of(call, self.rng.choice(self.of_kind[kind_of(kind, call)]))
        if self.rng.random() < 0.2 and "ConditionExpression" in call:
            call = call | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return {kind: call}

    def with_values_of(self, call: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        values = {each: other[each] for each in ("ExpressionAttributeValues",) if each in other}
        return call | values


def recorded() -> Calls:
    """The calls of one long play; plays are compared in a test of their own."""
    recorder = Recorder(MemoryTables(schemas()))
    player = Player(SEED, lambda now: [Side(recorder, now)])
    for _ in range(500):
        player.step()
    return recorder.calls


@pytest.fixture(scope="module")
def orders() -> list[list[Heard]]:
    """What moto says to the calls in some orders, each on tables of its own."""
    until, calls, found = time.monotonic() + SECONDS / 2, recorded(), list[list[Heard]]()
    with pytest.MonkeyPatch.context() as patch, aws(patch):
        while len(found) < LEAST_ORDERS or time.monotonic() < until:
            crossed, heard = Crossed(calls, SEED + len(found)), list[Heard]()
            with boto_tables() as client:
                for _ in range(IN_ORDER):
                    heard.append(ask(client, *crossed.next()))
            found.append(heard)
    return found


@pytest.fixture(scope="module")
def many_orders(orders: list[list[Heard]]) -> list[list[Heard]]:
    """The same and many more, which the tables in memory answered themselves, while they were right."""
    calls, found = recorded(), list(orders)
    for number in range(MORE_ORDERS):
        crossed = Crossed(calls, SEED + 1000 + number, as_made=len(calls))
        memory = MemoryTables(schemas())
        found.append([ask_memory(memory, *crossed.next()) for _ in range(len(crossed.first) + IN_ORDER)])
    return found


def compare_all(orders: list[list[Heard]]) -> None:
    for heard in orders:
        memory = MemoryTables(schemas())
        for each in heard:
            compare(memory, each)


def test_every_method_of_the_store_is_played() -> None:
    assert set(public_methods()) <= set(STEPS)


def test_the_store_finds_the_same_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    until, seed, played = time.monotonic() + SECONDS / 2, SEED, Counter[str]()
    refused: set[str] = set()
    while time.monotonic() < until or (not refused >= REFUSALS and seed < SEED + 20):
        with aws(monkeypatch):
            played += play(seed, 150)
        refused = {each.partition(": ")[2] for each in played}
        seed += 1
    print(f"\n{sum(played.values())} steps of the store in {seed - SEED} plays: {dict(sorted(played.items()))}")
    assert set(STEPS) == {each.partition(":")[0] for each in played}
    assert refused >= REFUSALS


def test_calls_in_any_order_and_crossed_come_out_the_same_on_both(orders: list[list[Heard]]) -> None:
    compare_all(orders)

    done = Counter(each.outcome for heard in orders for each in heard)
    kinds = {kind_of(each.name, dict(each.parameters)) for heard in orders for each in heard}
    print(f"\n{sum(done.values())} calls of {len(kinds)} kinds in {len(orders)} orders: {dict(sorted(done.items()))}")
    assert done["transact_write_items: TransactionCanceledException"] > 10
    assert done["transact_write_items: answered"] > 5
    assert done["update_item: ConditionalCheckFailedException"] > 5


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_tables_is_noticed(
    many_orders: list[list[Heard]], monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    MISTAKES[mistake](monkeypatch)

    with pytest.raises((Different, LookupError, TypeError, ValueError)) as noticed:
        compare_all(many_orders)
    print(f"{mistake}: {noticed.value!r:.150}")
