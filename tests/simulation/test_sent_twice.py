"""boto3 sends a call again when its answer is lost, and DynamoDB may have carried it out by then: twice is as once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tests.simulation.memory_tables import MemoryTables
from tests.simulation.store_play import Player, Side
from tests.tables import schemas

# Who is told that a condition failed although it was their own write. They read again and find it done; a
# reconciliation stops, and the next one goes on from there.
READ_AGAIN = {"events.put: ConcurrentChange", "records.answer: False", "reconciliations.save: ConcurrentChange"}


def _twice(_: str, __: Mapping[str, Any], perform: Callable[[], Any]) -> Any:
    perform()
    return perform()


def _kept(tables: MemoryTables) -> dict[str, list[Any]]:
    """But for the buckets of the rate limits, which lose a token more."""
    return {
        name: [item for item in tables.items(name) if not item.get("key", {}).get("S", "").startswith("bucket#")]
        for name in schemas()
    }


def sides_on(*tables: MemoryTables) -> Callable[[Callable[[], datetime]], list[Side]]:
    return lambda now: [Side(each, now) for each in tables]


def test_every_call_of_the_store_sent_twice_leaves_what_it_leaves_once() -> None:
    told: Counter[str] = Counter()
    for seed in range(5):
        once, twice = MemoryTables(schemas()), MemoryTables(schemas())
        twice.around = _twice
        player = Player(seed, sides_on(twice, once))
        for _ in range(200):
            name, (got, wanted) = player.step()
            if name == "rate limit":
                twice.restore(once.snapshot())
                continue
            assert _kept(twice) == _kept(once), name
            if got != wanted:
                told[f"{name}: {got[0] if isinstance(got, tuple) else got}"] += 1
    print(told)
    assert set(told) <= READ_AGAIN
