"""Whatever dies, is lost, repeated or refused, wherever in whichever flow: the money ends where it should, once.

By default each point of each flow meets what a crash can do to it (a call that only reads is the same before and after
it) and one of the other troubles, which the seed chooses; `make crash-points` tries every one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator

import pytest

from tests.simulation.crash_points import Point, Trial, is_a_request
from tests.simulation.flows import FLOWS
from tests.simulation.refusals import CRASHES, MEANINGS, possible
from tests.simulation.run_crash_points import tried
from tests.simulation.troubles import TROUBLES

SEED = os.environ.get("CRASH_SEED", "1")


def some(points: Iterable[Point]) -> Iterator[Trial]:
    rng = random.Random(SEED)
    for point in points:
        crashes = ("dies before", "lost") if reads(point) else CRASHES
        others = [each for each in possible(point.service, point.name) if each not in CRASHES]
        yield from (Trial(point, trouble) for trouble in (*crashes, rng.choice(others)))
        if is_a_request(point):
            yield Trial(point, rng.choice(CRASHES), insists=False)


def reads(point: Point) -> bool:
    return point.name in ("get_item", "query", "batch_get_item", "get_secret_value") or point.name.lower().startswith(
        "get "
    )


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_ends_well_whatever_happens_at_any_of_its_calls(name: str) -> None:
    result = tried(name, some)

    print(result)
    assert [str(each) for each in result.wrong] == []
    assert len(result.points) > 15
    assert result.outcomes >= 3 * len(result.points)


def test_every_trouble_has_a_meaning_and_every_service_has_its_troubles() -> None:
    calls = (
        ("dynamodb", "query"),
        ("dynamodb", "transact_write_items"),
        ("sqs", "send_message_batch"),
        ("events", "put_events"),
        ("secretsmanager", "get_secret_value"),
        ("stripe", "post /v1/payment_intents"),
    )
    for service, name in calls:
        assert set(possible(service, name)) <= {*TROUBLES, *MEANINGS}
        assert len(possible(service, name)) >= 8
    assert set(possible("dynamodb", "query")) < set(possible("dynamodb", "transact_write_items"))


def test_a_new_call_is_a_new_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody lists the points: whatever a flow asks of anybody is one."""
    from holdfast.desk import holds

    before = tried("book far ahead", lambda _: iter(())).points
    place = holds.place

    def place_and_look_twice(desk, request, **asked):
        desk.store.events.get(asked["event_id"])
        return place(desk, request, **asked)

    monkeypatch.setattr(holds, "place", place_and_look_twice)
    after = tried("book far ahead", lambda _: iter(())).points

    assert len(after) == len(before) + 1
