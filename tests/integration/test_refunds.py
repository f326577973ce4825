"""Refunds through the functions: every state of one, raced by everybody, by the terms for customers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.world import World

SELF = {"self_refund_until_hours": 2, "cancellation_tiers": [{"hours_before": 24, "percent": 30}]}


def paid(world: World, card: str = "pm_card_visa", **event: Any) -> str:
    """Completed two days before the start, at 50.00 EUR."""
    world.event(**event)
    booking_id = world.held(card=card)
    assert world.on("complete", booking_id, staff="sam").status == 200
    return booking_id


def hears(world: World) -> None:
    for event in world.stripe_events():
        assert world.apply_event(event)


def becomes(world: World, refund_id: str, status: str) -> None:
    world.simulator.control("POST", f"/_simulator/refunds/{refund_id}", {"status": status})
    hears(world)


def shown(world: World, booking_id: str) -> tuple[str, int, list[tuple[int, str]]]:
    body = world.call("get_booking", "GET", "/bookings/{booking_id}", user="alice", booking_id=booking_id).body
    refunds = [(each["amount"], each["status"]) for each in body["refunds"]]
    return body["payment_status"], body["refunded"], refunds


# --- states -----------------------------------------------------------------------------------------------------------

SETTLES_LATER = "pm_card_4000000000007726"


@pytest.mark.parametrize(
    ("words", "status", "refunded", "attention"),
    [
        (["succeeded"], "partially_refunded", 2000, None),
        (["failed"], "captured", 0, "refund_failed"),
        (["canceled"], "captured", 0, "refund_failed"),
        (["requires_action"], "refunding", 2000, None),
        (["requires_action", "succeeded"], "partially_refunded", 2000, None),
        (["requires_action", "canceled"], "captured", 0, "refund_failed"),
        (["succeeded", "failed"], "captured", 0, "refund_failed"),
    ],
)
def test_a_refund_goes_through_its_states_and_gives_its_money_back_where_it_ends_badly(
    world: World, words: list[str], status: str, refunded: int, attention: str | None
) -> None:
    booking_id = paid(world, SETTLES_LATER)
    first = world.refund(booking_id, amount=2000)
    assert (first.status, first.body["status"]) == (201, "pending")
    assert shown(world, booking_id) == ("refunding", 2000, [(2000, "pending")])

    for word in words:
        becomes(world, first.body["refund_id"], word)

    last = "pending" if words[-1] == "requires_action" else words[-1]
    assert shown(world, booking_id) == (status, refunded, [(2000, last)])
    assert world.booking(booking_id).attention == attention
    told = [line["status"] for line in world.log(booking_id) if line["kind"] == "refund"]
    assert told == ["started", "pending", *[word for word in words if word != "requires_action"]]
    left = 5000 - refunded
    assert world.refund(booking_id, key="too much", amount=left + 1).status == 422
    assert world.refund(booking_id, key="the rest", amount=left).status == 201


def test_a_refund_that_waits_says_what_for(world: World) -> None:
    booking_id = paid(world, SETTLES_LATER)
    world.refund(booking_id, amount=2000)

    assert world.log(booking_id)[-1]["details"]["pending_reason"] == "processing"


def test_a_refund_that_succeeds_after_it_was_answered_is_answered_as_it_was(world: World) -> None:
    booking_id = paid(world, SETTLES_LATER)
    first = world.refund(booking_id, amount=2000)
    becomes(world, first.body["refund_id"], "succeeded")

    again = world.refund(booking_id, amount=2000)

    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
    assert shown(world, booking_id) == ("partially_refunded", 2000, [(2000, "succeeded")])


@pytest.mark.parametrize("word", ["failed", "canceled"])
def test_a_refund_in_the_dashboard_counts_and_counts_no_more_once_it_fails(world: World, word: str) -> None:
    booking_id = paid(world, SETTLES_LATER)
    hold = world.booking(booking_id).hold
    assert hold is not None
    made = world.stripe.v1.refunds.create({"payment_intent": hold.payment_intent_id, "amount": 4000})
    hears(world)
    assert shown(world, booking_id) == ("refunding", 4000, [(4000, "pending")])
    assert world.refund(booking_id, key="too much", amount=1001).status == 422

    becomes(world, made.id, word)

    assert shown(world, booking_id) == ("captured", 0, [(4000, word)])
    assert world.refund(booking_id, key="all of it").body["amount"] == 5000


# --- raced ----------------------------------------------------------------------------------------------------


def test_parts_raced_by_staff_customer_and_dashboard_never_exceed_what_was_captured(world: World) -> None:
    booking_id = paid(world, policy=SELF)
    hold = world.booking(booking_id).hold
    assert hold is not None

    def ask(number: int) -> int:
        match number % 3:
            case 0:
                return world.refund(booking_id, amount=300, key=f"r{number}").status
            case 1:
                return world.refund(booking_id, amount=300, key=f"r{number}", user="alice").status
            case _:
                world.stripe.v1.refunds.create({"payment_intent": hold.payment_intent_id, "amount": 300})
                return 0

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(15)))
    hears(world)

    at_stripe = sum(refund.amount for refund in world.stripe.v1.refunds.list({"limit": 100}).data)
    assert set(answers) <= {0, 201, 409, 422}
    assert at_stripe == world.booking(booking_id).refunded == 300 * (answers.count(201) + answers.count(0))
    assert at_stripe <= 5000


def test_everything_asked_for_by_many_at_once_goes_back_once(world: World) -> None:
    booking_id = paid(world)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: world.refund(booking_id, key=f"r{n}").status, range(12)))

    assert answers.count(201) == 1
    assert set(answers) == {201, 409}
    assert [refund.amount for refund in world.stripe.v1.refunds.list().data] == [5000]


# --- customers ----------------------------------------------------------------------------------------------------


def test_customers_get_all_in_the_free_window_and_the_rest_of_the_tier_after_it(world: World) -> None:
    booking_id = paid(world, policy=SELF)
    assert world.refund(booking_id, user="alice", key="free", amount=1000).status == 201

    world.advance(hours=25)
    too_much = world.refund(booking_id, user="alice", key="too much", amount=2501)
    rest = world.refund(booking_id, user="alice", key="rest")
    nothing = world.refund(booking_id, user="alice", key="nothing")

    assert (too_much.status, too_much.body["errors"][0]["pointer"]) == (422, "/amount")
    assert "at most 2500" in too_much.body["detail"]
    assert (rest.status, rest.body["amount"]) == (201, 2500)
    assert (nothing.status, nothing.problem) == (422, "rule-refused")
    assert world.refund(booking_id, staff="sam", key="the fee, too").body["amount"] == 1500


def test_a_late_fee_is_not_taken_back_by_its_customer(world: World) -> None:
    world.event(policy=SELF)
    booking_id = world.held()
    world.advance(hours=40)
    cancelled = world.on("cancel", booking_id, user="alice")
    assert (cancelled.body["captured"], cancelled.body["fee"]) == (1500, 1500)

    refused = world.refund(booking_id, user="alice")

    assert (refused.status, refused.problem) == (422, "rule-refused")
    assert world.booking(booking_id).refunded == 0


def test_customers_may_until_the_deadline_of_the_policy(world: World) -> None:
    booking_id = paid(world, policy=SELF)
    world.advance(hours=46)
    last = world.refund(booking_id, user="alice", key="last", amount=100)
    world.advance(seconds=1)
    late = world.refund(booking_id, user="alice", key="late", amount=100)

    assert (last.status, late.status, late.problem) == (201, 422, "rule-refused")


def test_what_a_customer_calls_fraud_is_not_told_to_stripe_as_fraud(world: World) -> None:
    booking_id = paid(world, policy=SELF)
    body = {"booking_id": booking_id, "amount": 100, "reason": "fraudulent"}
    world.call("create_refund", "POST", "/refunds", user="alice", key="c", body=body)
    world.call("create_refund", "POST", "/refunds", staff="sam", key="s", body=body)

    by_staff, by_customer = world.stripe.v1.refunds.list().data
    assert (by_customer.reason, by_staff.reason) == ("requested_by_customer", "fraudulent")
    assert [line["reason"] for line in world.log(booking_id) if line["kind"] == "refund"] == ["fraudulent"] * 4
