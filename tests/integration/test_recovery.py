"""Whatever Stripe does not answer, and for how long: the money ends where it should, exactly once.

Dying at any call is tried by the crash points (`tests/simulation`), for every flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from holdfast import bootstrap
from holdfast.booking import Booking
from holdfast.budget import LEASE_SECONDS
from holdfast.settlement import Captured
from tests.crash import boundary
from tests.world import World


@dataclass(frozen=True)
class Flow:
    """A request that moves money, and what must be true in the end: the whole movement, or nothing of it."""

    prepare: Callable[[World, str], str | None]
    act: Callable[[World, str, str | None], Any]
    whole: Callable[[Booking], bool]
    nothing: Callable[[Booking], bool] = lambda _: False


def _card_only(world: World, user: str) -> None:
    world.event()
    world.card(user)


def _held(world: World, user: str) -> str:
    world.event()
    return world.held(user, key="before")


def _late(world: World, user: str) -> str:
    booking_id = _held(world, user)
    world.advance(hours=30)
    return booking_id


def _captured(world: World, user: str) -> str:
    booking_id = _held(world, user)
    assert world.on("complete", booking_id, staff="sam", key="before").status == 200
    return booking_id


def _is_held(booking: Booking) -> bool:
    return booking.payment_status == "held"


FLOWS = {
    "book": Flow(_card_only, lambda w, user, _: w.hold(user), _is_held),
    "complete": Flow(
        _held,
        lambda w, _, b: w.on("complete", str(b), staff="sam", body={"amount": 4000}),
        lambda b: (b.payment_status, b.captured) == ("captured", 4000),
        _is_held,
    ),
    "cancel": Flow(
        _held,
        lambda w, user, b: w.on("cancel", str(b), user=user),
        lambda b: (b.payment_status, b.outcome) == ("released", "cancelled"),
        _is_held,
    ),
    "cancel late": Flow(
        _late,
        lambda w, user, b: w.on("cancel", str(b), user=user),
        lambda b: (b.payment_status, b.fee) == ("captured", 5000),
        _is_held,
    ),
    "refund": Flow(
        _captured,
        lambda w, _, b: w.refund(str(b), amount=1500, key=f"refund-{b}"),
        lambda b: (b.payment_status, b.refunded) == ("partially_refunded", 1500),
        lambda b: b.payment_status == "captured",
    ),
}


def agree(world: World, user: str) -> Booking | None:
    """Stripe and the book say the same of this user's one booking, and nothing is under way; the booking, if there is
    one.
    """
    answer = world.call("list_bookings", "GET", "/bookings", user=user)
    assert len(answer.body["items"]) <= 1
    ours = {item["booking_id"] for item in answer.body["items"]}
    intents = [intent for intent in world.intents() if intent.metadata["booking_id"] in ours]
    assert len(intents) == len(ours)
    for booking_id, intent in zip(ours, intents, strict=True):
        booking = world.booking(booking_id)
        world.log(booking_id)
        assert booking.operation is None
        assert (intent.status == "requires_capture") == (booking.payment_status == "held")
        assert intent.amount_received == booking.captured
        refunds = world.stripe.v1.refunds.list({"payment_intent": intent.id}).data if booking.captured else []
        assert sum(refund.amount for refund in refunds) == booking.refunded
        return booking
    return None


# A single one at every call is a crash point; these are more than the SDK tries, and than one request tries.
FAULTS = ["fail_before", "fail_after", "timeout_before", "timeout_after", "drop_after", "conflict", "unavailable"]


@pytest.mark.parametrize("times", [2, 5])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", FLOWS)
def test_a_fault_of_stripe_s_is_never_taken_for_a_failure(world: World, name: str, kind: str, times: int) -> None:
    flow = FLOWS[name]
    prepared = flow.prepare(world, "alice")
    world.simulator.add_fault(kind, match={"method": "POST"}, times=times)

    answer = flow.act(world, "alice", prepared)
    assert answer.status in (200, 201, 202, 503), answer.body
    for _ in range(4):
        world.advance(seconds=61)
        world.sweep()
    retried = flow.act(world, "alice", prepared)

    booking = agree(world, "alice")
    assert booking is not None
    assert flow.whole(booking)
    assert retried.status in (200, 201), retried.body
    if answer.status in (200, 201):
        assert retried.body == answer.body
        assert retried.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("name", [name for name in FLOWS if name != "book"])
def test_an_outage_that_stripe_answers_with_500_is_over_when_it_is_over(world: World, name: str) -> None:
    """However many keys it spoilt: Stripe replays each of its 500s for a day."""
    flow = FLOWS[name]
    prepared = flow.prepare(world, "alice")
    world.simulator.add_fault("fail_before", match={"method": "POST"}, times=0)
    assert flow.act(world, "alice", prepared).status == 202
    for _ in range(5):
        world.advance(minutes=35)
        world.sweep()
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=1)

    world.sweep()

    booking = agree(world, "alice")
    assert booking is not None
    assert flow.whole(booking)


def test_a_customer_who_waits_out_such_an_outage_gets_their_hold(world: World) -> None:
    _card_only(world, "alice")
    world.simulator.add_fault("fail_before", match={"method": "POST"}, times=0)
    assert world.hold().status == 202
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(minutes=1)

    assert world.hold().status == 201


@pytest.mark.parametrize("name", FLOWS)
def test_rate_limits_are_503_because_nothing_was_executed_and_the_same_key_goes_on(world: World, name: str) -> None:
    flow = FLOWS[name]
    prepared = flow.prepare(world, "alice")
    world.simulator.add_fault("rate_limit", match={"method": "POST"}, times=50)

    answer = flow.act(world, "alice", prepared)
    world.simulator.control("DELETE", "/_simulator/faults")
    retried = flow.act(world, "alice", prepared)

    assert (answer.status, answer.problem) == (503, "stripe-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert retried.status in (200, 201), retried.body
    booking = agree(world, "alice")
    assert booking is not None
    assert flow.whole(booking)


def test_a_hold_whose_answer_was_lost_is_dropped_when_the_customer_has_left(world: World) -> None:
    _card_only(world, "alice")
    world.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents"}, times=50)
    placed = world.hold()
    assert (placed.status, placed.body["payment_status"]) == (202, "authorizing")
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(minutes=16)

    world.sweep()

    booking = world.booking(placed.body["booking_id"])
    assert (booking.payment_status, booking.superseded) == ("declined", ())
    assert [intent.status for intent in world.intents()] == ["canceled"]
    retried = world.hold()
    assert (retried.status, retried.problem) == (409, "conflict")
    assert world.story(booking.booking_id) == [
        "authorize started",
        "authorize failed",
        "release started",
        "release succeeded",
    ]


def test_a_capture_that_nobody_answers_for_a_day_is_looked_up_before_it_is_repeated(world: World) -> None:
    booking_id = _held(world, "alice")
    world.simulator.control("PATCH", "/_simulator/switches", {"prune_idempotency_keys": True})
    world.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    answer = world.on("complete", booking_id, staff="sam", body={"amount": 3000})
    assert (answer.status, answer.body["payment_status"]) == (202, "capturing")
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=30)

    world.sweep()

    assert world.booking(booking_id).captured == 3000
    assert world.intents()[0].amount_received == 3000


def test_a_failing_step_backs_off_and_ends_on_the_staff_s_list(world: World) -> None:
    booking_id = _held(world, "alice")
    world.on("check-in", booking_id, staff="sam")
    world.advance(days=3, hours=3)
    world.simulator.add_fault("unavailable", match={"path": "/v1/payment_intents/*"}, times=0)
    for _ in range(8):
        world.sweep()
        world.advance(minutes=70)

    listed = world.call("list_bookings", "GET", "/bookings", staff="sam", query={"attention": "true"})
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=7)
    world.sweep()

    assert [item["booking_id"] for item in listed.body["items"]] == [booking_id]
    assert listed.body["items"][0]["attention"]["reason"] == "operation_in_doubt"
    assert world.booking(booking_id).captured == 5000


def test_a_customer_who_was_told_that_nothing_was_sent_gets_no_hold_behind_their_back(world: World) -> None:
    _card_only(world, "alice")
    world.simulator.add_fault("rate_limit", match={"method": "POST"}, times=50)
    assert world.hold().status == 503
    world.simulator.control("DELETE", "/_simulator/faults")
    for _ in range(20):
        world.advance(minutes=1)
        world.sweep()

    assert world.intents() == []
    booking_id = world.call("list_bookings", "GET", "/bookings", user="alice").body["items"][0]["booking_id"]
    assert world.booking(booking_id).payment_status == "declined"


def test_a_wrong_key_of_stripe_s_is_loud_and_the_step_comes_again_later(world: World) -> None:
    booking_id = _held(world, "alice")
    world.on("check-in", booking_id, staff="sam")
    world.advance(days=3, hours=3)
    secret = bootstrap.stripe_secret()
    right, secret["secret_key"] = secret["secret_key"], "sk_test_other"
    world.sweep()
    waiting = world.booking(booking_id)
    secret["secret_key"] = right
    world.advance(minutes=3)
    world.sweep()

    assert waiting.retry_at is not None
    assert waiting.captured == 0
    assert world.booking(booking_id).captured == 5000


def test_whoever_settles_second_writes_nothing(world: World) -> None:
    """Its process was stopped for longer than its lease, between Stripe's answer and the write, and the clock came."""
    booking_id = _held(world, "alice")
    world.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    world.on("complete", booking_id, staff="sam", body={"amount": 3000})
    world.simulator.control("DELETE", "/_simulator/faults")
    stopped = world.booking(booking_id)
    world.advance(seconds=61)
    world.sweep()
    settled, log = world.booking(booking_id), world.log(booking_id)
    assert stopped.operation is not None
    assert (settled.operation, settled.captured) == (None, 3000)
    desk = bootstrap.desk()
    verdict = Captured(desk.gateway.retrieve(str(stopped.operation.payment_intent_id)))

    late = desk.operations.settle(stopped, stopped.operation, verdict)

    assert (late.booking, late.answer) == (settled, None)
    assert (world.booking(booking_id), world.log(booking_id)) == (settled, log)


def test_while_its_lease_lasts_nobody_else_is_at_an_operation(world: World) -> None:
    booking_id = _held(world, "alice")
    world.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    assert world.on("complete", booking_id, staff="sam", body={"amount": 3000}).status == 202
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(seconds=LEASE_SECONDS - 1)

    with boundary() as crossed:
        again = world.on("complete", booking_id, staff="sam", body={"amount": 3000})
        world.sweep()

    assert again.status == 202
    assert [call for call in crossed.calls if "/v1/" in call] == []
    world.advance(seconds=1)
    world.sweep()
    assert world.booking(booking_id).captured == 3000
