"""Whatever dies, is lost, repeated or refused, wherever in whichever flow: the money ends where it should, once.

By default each point of each flow meets what a crash can do to it (before or after a call that only reads is the same)
and one of the other troubles, which the seed chooses; `make crash-points` tries every one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from holdfast import effects
from holdfast.booking import Kind
from holdfast.operations import Operations
from holdfast.settlement import Captured, Refused
from tests.simulation.crash_points import Point, Trial, is_a_request
from tests.simulation.flows import FLOWS
from tests.simulation.refusals import CRASHES, MEANINGS, possible
from tests.simulation.run_crash_points import tried
from tests.simulation.troubles import TROUBLES

SEED = os.environ.get("CRASH_SEED", "1")


def some(points: Iterable[Point]) -> Iterator[Trial]:
    rng = random.Random(SEED)
    for point in points:
        crashes = ("dies before",) if reads(point) else CRASHES
        others = [each for each in possible(point.service, point.name) if each not in (*crashes, "dies after")]
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
    assert result.outcomes >= 2 * len(result.points)


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


# --- it bites ---------------------------------------------------------------------------------------------------------


def _wrong(name: str, trouble: str) -> list[str]:
    """What goes wrong where this befalls the flow's calls to Stripe that do something."""

    def chosen(points: Iterable[Point]) -> Iterator[Trial]:
        yield from (Trial(point, trouble) for point in points if point.name.startswith("post "))

    return [wrong for outcome in tried(name, chosen).wrong for wrong in outcome.wrong]


def test_a_key_that_changes_with_every_try_refunds_twice_and_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol without its two halves: nobody looks first, and the key is a new one each time."""
    tries = count()
    monkeypatch.setattr(effects, "look", lambda *_: effects.Found.ABSENT)
    monkeypatch.setattr(effects, "idempotency_key", lambda operation, _: f"{operation.operation_id}-{next(tries)}")

    wrong = _wrong("refund in parts", "dies after")

    assert any("no_operation_acts_twice" in each for each in wrong)


def test_an_answer_that_is_lost_and_taken_for_a_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe answers a capture with a server error although it was executed, and nobody looks."""

    def attempt(*arguments, **more):
        verdict = real(*arguments, **more)
        return Refused("no_answer", "Stripe did not answer.", None) if verdict is None else verdict

    real = effects.attempt
    monkeypatch.setattr(effects, "attempt", attempt)
    monkeypatch.setattr(effects, "look", lambda *_: effects.Found.UNCLEAR)

    assert any("no_operation_acts_twice" in each for each in _wrong("cancel late", "failed after"))


def test_a_result_that_is_written_before_its_effect_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle, then capture: whoever dies between them has told everybody of money that never moved."""
    real = Operations.carry_out

    def carry_out(self, booking):
        operation = booking.operation
        if operation.kind is not Kind.CAPTURE:
            return real(self, booking)
        intent = replace(self.gateway().retrieve(operation.payment_intent_id), status="succeeded")
        settled = self.settle(booking, operation, Captured(replace(intent, amount_received=operation.amount)))
        effects.attempt(self.gateway(), booking, operation)
        return settled

    monkeypatch.setattr(Operations, "carry_out", carry_out)

    assert any("no_line_without_its_movement" in each for each in _wrong("cancel late", "dies before"))
