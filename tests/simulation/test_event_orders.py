"""Whatever the order in which Stripe's events come, however often, and whenever: a flow ends in one state."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.simulation.event_flows import FLOWS
from tests.simulation.event_orders import Played, after_it, amid_it, difference, orders, play
from tests.simulation.places import in_memory
from tests.simulation.wrong_webhooks import MISTAKES

# So many orders are drawn of flows with more than five events, and amid each flow; the environment asks for more.
DRAWN = int(os.environ.get("HOLDFAST_ORDERS", "4"))
SEED = int(os.environ.get("HOLDFAST_ORDERS_SEED", "1"))
_TRIED: list[tuple[int, int, int]] = []


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    yield
    after, amid, within = (sum(each[place] for each in _TRIED) for place in range(3))
    print(
        f"\n{len(_TRIED)} flows: {after} orders of their events after them, {amid} amid them "
        f"({within} events in the middle of a request). One end each."
    )


@pytest.mark.parametrize("name", FLOWS)
def test_every_order_of_its_events_ends_in_one_state(name: str) -> None:
    began = time.monotonic()
    with in_memory(name) as deployment:
        played = play(FLOWS[name], deployment)
        after = one_end(played, name, DRAWN)
    _TRIED.append((after, DRAWN, played.amid))
    seconds = time.monotonic() - began
    print(f"{name}: {len(played.events)} events, {after} + {DRAWN} ({played.amid}) orders, {seconds:.1f} s")


def one_end(played: Played, name: str, drawn: int) -> int:
    """How many orders were tried after the flow. Fails where one of them, or one amid the flow, ends elsewhere."""
    rng, after = random.Random(f"{SEED} {name}"), 0
    wanted = after_it(played, played.events)
    facts = {**wanted["facts"], "captured": int(wanted["facts"]["captured"]), **wanted}
    assert {each: facts[each] for each in played.flow.ends} == played.flow.ends
    for order in orders(played.events, rng, drawn):
        after += 1
        assert difference(wanted, after_it(played, order)) == [], [event["type"] for event in order]
    for number in range(drawn):
        found = amid_it(played, random.Random(f"{SEED} {name} {number}"))
        assert difference(wanted, found) == [], f"seed {SEED} {name} {number}"
    return after


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_how_events_are_applied_is_noticed(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    make, name = MISTAKES[mistake]
    make(monkeypatch)

    with in_memory(name) as deployment:
        played = play(FLOWS[name], deployment)
        with pytest.raises(AssertionError) as noticed:
            one_end(played, name, 40)
    print(f"{mistake}: {noticed.value!s:.200}")
