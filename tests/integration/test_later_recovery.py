"""Holds that the clock places, renews, or charges without a hold: whatever dies, there is one authorization at most."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from holdfast.booking import Booking
from tests.crash import Died, When, boundary
from tests.world import Context, World, handler


@dataclass(frozen=True)
class Flow:
    """Something that is to happen to a booking, and what must be true of it in the end."""

    prepare: Callable[[World, str], str | None]
    act: Callable[[World, str, str | None], Any]
    whole: Callable[[Booking], bool]


def _far(world: World, user: str) -> None:
    world.event(f"far-{user}", starts_in=timedelta(days=60))
    world.card(user)


def _book_far(world: World, user: str, _: str | None = None) -> Any:
    return world.hold(user, f"far-{user}", key="far")


def _scheduled(world: World, user: str) -> str:
    _far(world, user)
    return str(_book_far(world, user).body["booking_id"])


def _due_for_its_hold(world: World, user: str) -> str:
    booking_id = _scheduled(world, user)
    world.move_to(world.booking(booking_id).starts_at - timedelta(days=3))
    return booking_id


def _due_for_renewal(world: World, user: str) -> str:
    starts = world.time() + timedelta(days=2)
    ends = (starts + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.event(f"long-{user}", ends_at=ends)
    booking_id = world.held(user, f"long-{user}", key="long")
    world.move_to(world.booking(booking_id).created_at + timedelta(days=6))
    return booking_id


def _lapsed_no_show(world: World, user: str) -> str:
    world.event(f"missed-{user}", policy={"no_show_capture": "always"})
    booking_id = world.held(user, f"missed-{user}", key="missed")
    _lapse(world, booking_id)
    world.advance(days=2, minutes=31)
    return booking_id


def _lapsed_and_late(world: World, user: str) -> str:
    world.event(f"late-{user}")
    booking_id = world.held(user, f"late-{user}", key="late")
    world.advance(days=1, hours=1)
    _lapse(world, booking_id)
    return booking_id


def _lapse(world: World, booking_id: str) -> None:
    hold = world.booking(booking_id).hold
    assert hold is not None
    world.simulator.control("POST", f"/_simulator/payment_intents/{hold.payment_intent_id}/expire", {})
    newest = [json.loads(str(event)) for event in world.stripe.v1.events.list({"limit": 10}).data]
    told = [event for event in reversed(newest) if event["type"] in ("charge.expired", "payment_intent.canceled")]
    assert told
    for event in told:
        world.apply_event(event)


def _another_card(world: World, user: str, booking_id: str | None) -> Any:
    card = next(each["id"] for each in _cards(world, user) if each["brand"] == "mastercard")
    return world.call(
        "change_payment_method",
        "PUT",
        "/bookings/{booking_id}/payment-method",
        user=user,
        body={"payment_method_id": card},
        key="another",
        booking_id=str(booking_id),
    )


def _cards(world: World, user: str) -> Any:
    return world.call("list_payment_methods", "GET", "/payment-methods", user=user).body["items"]


def _held_with_two_cards(world: World, user: str) -> str:
    world.event(f"two-{user}")
    booking_id = world.held(user, f"two-{user}", key="two")
    world.card(user, "pm_card_mastercard")
    return booking_id


def _scheduled_with_two_cards(world: World, user: str) -> str:
    booking_id = _scheduled(world, user)
    world.card(user, "pm_card_mastercard")
    return booking_id


def _step(world: World, _: str, booking_id: str | None) -> None:
    """The worker with the message of this one booking."""
    body = json.dumps({"booking_id": booking_id})
    record = {"messageId": "m1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
    handler("take_next_step")({"Records": [record]}, Context())


BY_THE_CLOCK = {
    "place": Flow(_due_for_its_hold, _step, lambda b: b.is_held),
    "renew": Flow(_due_for_renewal, _step, lambda b: b.is_held and b.superseded == ()),
    "charge a no-show without a hold": Flow(
        _lapsed_no_show, _step, lambda b: (b.outcome, b.fee, b.captured) == ("no_show", 5000, 5000)
    ),
}
BY_REQUEST = {
    "book far ahead": Flow(_far, _book_far, lambda b: b.payment_status == "scheduled"),
    "another card while held": Flow(
        _held_with_two_cards, _another_card, lambda b: b.is_held and b.card_brand == "mastercard"
    ),
    "another card while scheduled": Flow(
        _scheduled_with_two_cards,
        _another_card,
        lambda b: b.payment_status == "scheduled" and b.card_brand == "mastercard",
    ),
    "cancel late without a hold": Flow(
        _lapsed_and_late,
        lambda w, user, b: w.on("cancel", str(b), user=user),
        lambda b: (b.outcome, b.fee, b.captured) == ("cancelled", 5000, 5000),
    ),
}


def agree(world: World, user: str) -> Booking:
    """The user's one booking at rest: Stripe holds for it what the book says, and nothing beside it."""
    (item,) = world.call("list_bookings", "GET", "/bookings", user=user).body["items"]
    booking = world.booking(item["booking_id"])
    world.log(booking.booking_id)
    mine = [each for each in world.intents() if each.metadata["booking_id"] == booking.booking_id]
    alive = [each.id for each in mine if each.status not in ("canceled", "succeeded")]
    assert booking.operation is None
    assert alive == ([booking.hold.payment_intent_id] if booking.is_held and booking.hold else [])
    assert sum(each.amount_received for each in mine) == booking.captured
    return booking


# More calls than any of these flows makes, so that the last round runs undisturbed.
MOST_CALLS = 30


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", BY_THE_CLOCK)
def test_the_clock_may_die_at_any_call(world: World, name: str, when: When) -> None:
    flow = BY_THE_CLOCK[name]
    for number in range(MOST_CALLS):
        user = f"user{number}"
        booking_id = flow.prepare(world, user)
        died = False
        try:
            with boundary(number, when):
                flow.act(world, user, booking_id)
        except Died:
            died = True
        for _ in range(3):
            world.advance(seconds=61)
            _step(world, user, booking_id)
        assert flow.whole(agree(world, user))
        if not died:
            assert number > 5
            return
    pytest.fail("the flow never ran undisturbed")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", BY_REQUEST)
def test_a_request_may_die_at_any_call_and_is_asked_again(world: World, name: str, when: When) -> None:
    flow = BY_REQUEST[name]
    for number in range(MOST_CALLS):
        user = f"user{number}"
        booking_id = flow.prepare(world, user)
        died = False
        try:
            with boundary(number, when):
                flow.act(world, user, booking_id)
        except Died:
            died = True
        world.advance(seconds=61)
        answer = flow.act(world, user, booking_id)
        # 202 where the first of two movements was recovered; the clock goes on with the second.
        assert answer.status in (200, 201, 202), answer.body
        world.advance(seconds=61)
        _every_step(world, user)  # and lets go of a hold that was replaced
        assert flow.whole(agree(world, user))
        if not died:
            assert number > 3
            return
    pytest.fail("the flow never ran undisturbed")


def _every_step(world: World, user: str) -> None:
    for item in world.call("list_bookings", "GET", "/bookings", user=user).body["items"]:
        _step(world, user, item["booking_id"])


@pytest.mark.parametrize("kind", ["fail_before", "timeout_after", "drop_after"])
@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("name", [*BY_THE_CLOCK, *BY_REQUEST])
def test_a_fault_of_stripe_s_is_never_taken_for_a_decline(world: World, name: str, kind: str, times: int) -> None:
    flow = (BY_THE_CLOCK | BY_REQUEST)[name]
    booking_id = flow.prepare(world, "alice")
    world.simulator.add_fault(kind, match={"method": "POST"}, times=times)

    flow.act(world, "alice", booking_id)
    for _ in range(5):
        world.advance(seconds=125)
        _every_step(world, "alice")

    assert flow.whole(agree(world, "alice"))
