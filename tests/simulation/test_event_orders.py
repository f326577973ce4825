"""Whatever the order in which Stripe's events come, however often, and whenever: a flow ends in one state."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.simulation.event_flows import FLOWS
from tests.simulation.event_orders import Played, after_it, amid_it, difference, orders, play
from tests.simulation.invariants import violations
from tests.simulation.places import in_memory
from tests.simulation.sides import book_side, stripe_side
from tests.simulation.wiring import DEPLOYMENT

# So many orders are drawn of flows with more than five events, and amid each flow; the environment asks for more.
DRAWN = int(os.environ.get("HOLDFAST_ORDERS", "10"))
SEED = int(os.environ.get("HOLDFAST_ORDERS_SEED", "1"))
_TRIED: list[tuple[int, int, int]] = []


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    yield
    after, amid, within = map(sum, zip(*_TRIED, strict=True))
    print(
        f"\n{len(_TRIED)} flows: {after} orders of their events after them, {amid} amid them "
        f"({within} events in the middle of a request). One end each."
    )


@pytest.mark.parametrize("name", FLOWS)
def test_every_order_of_its_events_ends_in_one_state(name: str) -> None:
    rng = random.Random(f"{SEED} {name}")
    began, after = time.monotonic(), 0
    with in_memory(name) as deployment:
        played = play(FLOWS[name], deployment)
        wanted = after_it(played, played.events)
        _check_end(played, wanted)
        for order in orders(played.events, rng, DRAWN):
            after += 1
            assert difference(wanted, after_it(played, order)) == [], [event["type"] for event in order]
        for number in range(DRAWN):
            found = amid_it(played, random.Random(f"{SEED} {name} {number}"))
            assert difference(wanted, found) == [], f"seed {SEED} {name} {number}"
    _TRIED.append((after, DRAWN, played.amid))
    seconds = time.monotonic() - began
    print(f"{name}: {len(played.events)} events, {after} + {DRAWN} ({played.amid}) orders, {seconds:.1f} s")


def _check_end(played: Played, found: Mapping[str, Any]) -> None:
    """It is the end that the flow should have, and both sides' books agree in it."""
    facts = {**found["facts"], "captured": int(found["facts"]["captured"]), **found}
    assert {each: facts[each] for each in played.flow.ends} == played.flow.ends
    deployment = played.deployment
    tables = deployment.simulator.store.tables()
    assert violations(stripe_side(tables, deployment=DEPLOYMENT), book_side(deployment.items), deployment.now()) == []
