"""The staff's list gets shorter: what a person has seen to goes off it, and the log says who said so."""

from __future__ import annotations

import pytest

from tests.nights import authorized
from tests.world import World

NOTE = {"attention": "hold_expired", "reason": "They pay at the door."}


@pytest.fixture
def listed(world: World) -> str:
    """A booking whose hold lapsed, and whose bank says no to another one."""
    world.event()
    booking_id = world.held()
    booking = world.booking(booking_id)
    assert booking.hold is not None
    intent = booking.hold.payment_intent_id
    world.simulator.control("POST", f"/_simulator/payment_intents/{intent}/expire", {})
    world.deliver()
    assert on_the_list(world) == [(booking_id, "hold_expired")]
    return booking_id


def on_the_list(world: World) -> list[tuple[str, str]]:
    found = world.call("list_bookings", "GET", "/bookings", staff="sam", query={"attention": "true"}).body["items"]
    return [(each["booking_id"], each["attention"]["reason"]) for each in found]


def test_what_staff_have_seen_to_goes_off_the_list_and_into_the_log(world: World, listed: str) -> None:
    before = world.booking(listed)

    answer = world.on("resolve", listed, staff="sam", body=NOTE)

    assert (answer.status, answer.body["attention"]) == (200, None)
    assert on_the_list(world) == []
    line = world.log(listed)[-1]
    assert (line["kind"], line["status"], line["actor"], line["reason"]) == (
        "attention",
        "succeeded",
        "staff",
        NOTE["reason"],
    )
    assert line["details"]["attention"] == "hold_expired"
    assert line["details"]["staff"].startswith("staff_")
    after = world.booking(listed)
    assert (after.payment_status, after.hold, after.captured) == (before.payment_status, before.hold, before.captured)


def test_saying_it_twice_changes_nothing(world: World, listed: str) -> None:
    assert world.on("resolve", listed, staff="sam", body=NOTE).status == 200
    lines = world.log(listed)

    again = world.on("resolve", listed, staff="kim", body=NOTE)

    assert (again.status, again.body["attention"]) == (200, None)
    assert world.log(listed) == lines


def test_what_nobody_has_seen_yet_stays_on_the_list(world: World, listed: str) -> None:
    """It was listed for something else when the page was opened."""
    answer = world.on("resolve", listed, staff="sam", body=NOTE | {"attention": "refund_failed"})

    assert (answer.status, answer.problem) == (409, "conflict")
    assert on_the_list(world) == [(listed, "hold_expired")]


def test_customers_have_no_business_with_the_list(world: World, listed: str) -> None:
    assert world.on("resolve", listed, user="alice", body=NOTE).status == 403
    assert on_the_list(world) == [(listed, "hold_expired")]


def test_a_stranger_s_capture_is_told_once_also_after_staff_have_seen_to_it(world: World) -> None:
    """Every later event of that payment names the booking again."""
    world.event()
    booking_id = world.held()
    stray = authorized(world, booking_id)
    world.stripe.v1.payment_intents.capture(stray)
    world.deliver()
    assert on_the_list(world) == [(booking_id, "unused_authorization_captured")]
    note = NOTE | {"attention": "unused_authorization_captured"}
    assert world.on("resolve", booking_id, staff="sam", body=note).status == 200

    world.stripe.v1.refunds.create({"payment_intent": stray, "amount": 100})
    world.deliver()

    assert on_the_list(world) == []
    assert world.story(booking_id).count("external succeeded") == 1
