"""Whatever a person has to decide or to collect is on the staff's list until it is seen to, and for what it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from holdfast.next_step import due_at
from tests.customs import (
    booked,
    lapse,
    seen,
    stripe_is_well_again,
    taken,
    the_card_next,
    time_passes,
    to_the_hold,
)
from tests.world import World, wire

TWO_HOURS = timedelta(hours=2)


def test_a_contest_behind_another_reason_takes_its_place_until_it_is_decided(world: World) -> None:
    world.event(policy={"no_show_capture": "always", "no_show_contest_minutes": 600})
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    the_card_next(world, booking_id, "insufficient_funds", times=1)
    lapse(world, booking_id)
    assert world.booking(booking_id).attention == "hold_expired"
    assert world.on("contest", booking_id, user="alice", body={"reason": "I was there"}).status == 200
    assert world.booking(booking_id).attention == "hold_expired"

    time_passes(world, timedelta(hours=3))

    booking = world.booking(booking_id)
    assert (booking.is_held, booking.attention) == (True, "no_show_contested")


@pytest.mark.parametrize(
    ("verb", "body"), [("check-in", None), ("waive", {"reason": "seen at the bar"})], ids=["check-in", "waive"]
)
def test_a_contest_that_staff_decide_for_the_customer_is_off_the_list(
    world: World, verb: str, body: dict[str, Any] | None
) -> None:
    world.event(policy={"no_show_capture": "always", "no_show_contest_minutes": 600})
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    assert world.on("contest", booking_id, user="alice", body={"reason": "I was there"}).status == 200
    assert world.booking(booking_id).attention == "no_show_contested"

    assert world.on(verb, booking_id, staff="sam", body=body).status == 200

    assert world.booking(booking_id).attention is None


def test_who_is_still_owed_a_part_of_their_money_stays_listed(world: World) -> None:
    world.event(policy={"no_show_capture": "always"})
    world.card("alice", "pm_card_4000000000005126")  # a refund to it fails later
    booking_id = booked(world)
    world.advance(days=2, minutes=30)
    world.sweep()
    assert world.booking(booking_id).captured == 5000
    world.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    world.drain("steps", "take_next_step")
    time_passes(world, timedelta(hours=3))
    booking = world.booking(booking_id)
    assert (booking.attention, booking.refundable, booking.owes_refund) == ("refund_failed", 5000, False)

    assert world.refund(booking_id, amount=1).status == 201

    booking = world.booking(booking_id)
    assert (booking.refundable, booking.attention) == (4999, "refund_failed")


@pytest.mark.parametrize("quoted", [False, True])
def test_a_late_cancellations_fee_that_no_card_pays_is_listed_quoted_or_not(world: World, quoted: bool) -> None:
    world.event(starts_in=timedelta(days=10))
    world.card()
    booking_id = booked(world)
    the_card_next(world, booking_id, "lost_card")
    to_the_hold(world, booking_id)
    # The time to offer another card ends with the free window: one second later the fee is due.
    world.move_to(world.booking(booking_id).starts_at - timedelta(hours=24) + timedelta(seconds=1))
    body: dict[str, Any] = {}
    if quoted:
        quote = world.quote(booking_id, user="alice")
        assert (quote.status, quote.body["amount"]) == (200, 5000)
        body = {"quote": quote.body["quote"]}

    answer = world.on("cancel", booking_id, user="alice", body=body)

    assert (answer.status, answer.body["outcome"], answer.body["fee"]) == (200, "cancelled", 0)
    assert world.booking(booking_id).attention == "fee_not_collected"


def test_a_price_that_the_hold_did_not_reach_is_listed_for_the_rest(world: World) -> None:
    world.event(starts_in=TWO_HOURS)
    booking_id = world.held()
    the_card_next(world, booking_id, "insufficient_funds")
    price = {"price": {"amount": 10000, "currency": "eur"}, "consent": "by phone"}
    assert world.on("reprice", booking_id, staff="sam", body=price).status == 200
    world.sweep()
    world.advance(hours=2, minutes=10)
    assert world.on("check-in", booking_id, staff="sam").status == 200

    time_passes(world, timedelta(hours=30), every=timedelta(hours=6))

    booking = world.booking(booking_id)
    assert (booking.outcome, booking.captured, booking.attention) == ("completed", 6000, "captured_less_than_owed")


def test_staff_who_cancel_while_the_fee_is_on_its_way_have_it_sent_back(world: World) -> None:
    world.event(policy={"no_show_capture": "always"})
    booking_id = world.held()
    world.simulator.add_fault("timeout_before", match={"path": "/v1/payment_intents/*/capture"}, times=0)
    world.advance(days=2, minutes=31)
    world.sweep()
    answer = world.on("cancel", booking_id, staff="sam", body={})
    assert (answer.status, answer.problem) == (409, "operation-in-progress")

    stripe_is_well_again(world)
    time_passes(world, timedelta(hours=3))

    booking = world.booking(booking_id)
    assert (booking.outcome, booking.fee, taken(world) - booking.refunded) == ("cancelled", 0, 0)
    again = world.on("cancel", booking_id, staff="sam", body={})
    assert (again.status, again.body["outcome"]) == (200, "cancelled")


def test_a_no_show_fee_for_a_date_that_was_moved_meanwhile_is_listed(world: World) -> None:
    policy = {"no_show_capture": "always"}
    starts = world.time() + timedelta(days=2)
    world.event(policy=policy, starts_at=wire(starts), ends_at=wire(starts + TWO_HOURS))
    booking_id = world.held()
    world.simulator.add_fault("timeout_before", match={"path": "/v1/payment_intents/*/capture"}, times=0)
    world.move_to(starts + timedelta(minutes=31))
    world.sweep()
    assert (world.booking(booking_id).operation is not None, taken(world)) == (True, 0)
    # Nobody could come (a storm): it is a week later now, and everybody has a fresh window.
    moved = starts + timedelta(days=7)
    world.event(policy=policy, starts_at=wire(moved), ends_at=wire(moved + TWO_HOURS))
    world.advance(minutes=5)
    world.sweep()
    assert world.booking(booking_id).starts_at == moved

    stripe_is_well_again(world)
    time_passes(world, timedelta(hours=3))

    booking = world.booking(booking_id)
    assert (booking.outcome, booking.captured, booking.attention) == ("no_show", 5000, "moved_after_no_show_capture")
    assert world.refund(booking_id).status == 201
    assert world.booking(booking_id).attention is None


def test_a_replaced_hold_that_cannot_be_let_go_is_listed_after_seven_tries_and_then_let_go(world: World) -> None:
    world.event()
    booking_id = world.held()
    old = world.booking(booking_id).hold
    assert old is not None
    price = {"price": {"amount": 6000, "currency": "eur"}, "consent": "by phone"}
    assert world.on("reprice", booking_id, staff="sam", body=price).status == 200
    # Stripe does not cancel this one PaymentIntent; everything else works.
    cancel = f"/v1/payment_intents/{old.payment_intent_id}/cancel"
    world.simulator.add_fault("fail_before", match={"path": cancel}, times=0)
    world.sweep()
    for _ in range(20):
        if world.booking(booking_id).attention is None:
            at_the_next_look(world, booking_id)
    booking = world.booking(booking_id)
    assert (booking.attention, booking.attempts) == ("refused_by_stripe", 7)

    stripe_is_well_again(world)
    at_the_next_look(world, booking_id)

    booking = world.booking(booking_id)
    assert (booking.superseded, booking.attention, seen(world, booking_id)["payment_status"]) == ((), None, "held")
    assert world.stripe.v1.payment_intents.retrieve(old.payment_intent_id).status == "canceled"


def at_the_next_look(world: World, booking_id: str) -> None:
    due = due_at(world.booking(booking_id))
    assert due is not None
    world.move_to(max(due, world.time()))
    world.sweep()
