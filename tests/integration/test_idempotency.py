"""The same key gives one operation and one final answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.world import World


@pytest.fixture
def yoga(world: World) -> World:
    world.event()
    world.card()
    return world


def test_a_repeated_request_is_replayed_word_for_word(yoga: World) -> None:
    first = yoga.hold()
    yoga.advance(hours=1)

    again = yoga.hold()

    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(yoga.intents()) == 1


def test_a_replay_gives_the_first_answer_even_when_the_booking_has_moved_on(yoga: World) -> None:
    first = yoga.hold()
    yoga.on("cancel", first.body["booking_id"], user="alice")

    assert yoga.hold().body["payment_status"] == "held"


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [({"event_id": "absent"}, 404, "not-found"), ({"event_id": "past"}, 422, "rule-refused")],
)
def test_final_refusals_are_replayed(yoga: World, body: dict[str, str], status: int, problem: str) -> None:
    yoga.event("past")
    yoga.advance(days=3)
    first = yoga.call("place_hold", "POST", "/holds", user="alice", body=body, key="k")
    yoga.event("absent")

    again = yoga.call("place_hold", "POST", "/holds", user="alice", body=body, key="k")

    assert (first.status, first.problem) == (again.status, again.problem) == (status, problem)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.body["instance"] != again.body["instance"]


def test_a_declined_card_is_replayed_with_its_booking(yoga: World) -> None:
    bad = yoga.card("alice", "pm_card_4000000000000341")
    first = yoga.hold(payment_method_id=bad)

    again = yoga.hold(payment_method_id=bad)

    assert (first.status, again.status) == (402, 402)
    assert first.body["booking_id"] == again.body["booking_id"]
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(yoga: World) -> None:
    yoga.hold()
    other = yoga.hold(accepted_policy_hash="0" * 64)

    assert (other.status, other.problem) == (422, "idempotency-mismatch")


def test_bodies_compare_by_value(yoga: World) -> None:
    spaced = '{ "payment_method_id": null,  "event_id": "yoga" }'
    tight = '{"event_id":"yoga","payment_method_id":null}'
    first = yoga.call("place_hold", "POST", "/holds", user="alice", raw_body=spaced, key="k")
    again = yoga.call("place_hold", "POST", "/holds", user="alice", raw_body=tight, key="k")

    assert first.status == 201
    assert again.body == first.body


def test_keys_of_different_callers_and_routes_do_not_meet(yoga: World) -> None:
    yoga.card("bob")
    alice, bob = yoga.hold("alice", key="same"), yoga.hold("bob", key="same")
    cancelled = yoga.on("cancel", alice.body["booking_id"], user="alice", key="same")

    assert (alice.status, bob.status, cancelled.status) == (201, 201, 200)
    assert alice.body["booking_id"] != bob.body["booking_id"]


def test_a_key_is_forgotten_after_seven_days(yoga: World) -> None:
    first = yoga.hold()
    yoga.advance(days=7, seconds=1)
    yoga.event("later")

    answer = yoga.call("place_hold", "POST", "/holds", user="alice", body={"event_id": "later"}, key="hold-1")

    assert answer.status == 201
    assert answer.body["booking_id"] != first.body["booking_id"]


def test_after_a_bad_request_the_same_key_is_free(yoga: World) -> None:
    bad = yoga.call("place_hold", "POST", "/holds", user="alice", body={"event": "yoga"}, key="k")
    good = yoga.call("place_hold", "POST", "/holds", user="alice", body={"event_id": "yoga"}, key="k")

    assert (bad.status, good.status) == (400, 201)


def test_a_second_operation_on_a_busy_booking_is_409_and_its_wish_is_kept_with_its_time(yoga: World) -> None:
    booking_id = yoga.hold().body["booking_id"]
    yoga.simulator.add_fault("timeout_before", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    completing = yoga.on("complete", booking_id, staff="sam")

    cancel = yoga.on("cancel", booking_id, user="alice")
    refund = yoga.refund(booking_id)

    assert (completing.status, completing.body["payment_status"]) == (202, "capturing")
    assert (cancel.status, cancel.problem) == (409, "conflict")  # it was checked in
    assert (refund.status, refund.problem) == (409, "operation-in-progress")
    assert int(refund.headers["Retry-After"]) > 0


def test_a_wish_to_cancel_during_the_authorization_is_carried_out_by_the_clock_at_the_price_of_its_time(
    yoga: World,
) -> None:
    yoga.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents"}, times=50)
    booking_id = yoga.hold().body["booking_id"]
    cancel = yoga.on("cancel", booking_id, user="alice", key="wish")
    yoga.simulator.control("DELETE", "/_simulator/faults")
    yoga.advance(minutes=2)
    yoga.sweep()

    again = yoga.on("cancel", booking_id, user="alice", key="wish")

    assert (cancel.status, cancel.problem) == (409, "operation-in-progress")
    assert (yoga.booking(booking_id).payment_status, yoga.booking(booking_id).outcome) == ("released", "cancelled")
    assert (again.status, again.body["outcome"]) == (200, "cancelled")


def test_fifty_requests_with_one_key_place_one_hold(yoga: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: yoga.hold().status, range(50)))

    assert 201 in answers
    assert set(answers) <= {201, 409}
    assert len(yoga.intents()) == 1


def test_refunds_raced_by_many_callers_never_exceed_what_was_captured(yoga: World) -> None:
    booking_id = yoga.hold().body["booking_id"]
    yoga.on("complete", booking_id, staff="sam")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: yoga.refund(booking_id, amount=700, key=f"r{n}").status, range(20)))

    refunded = sum(refund.amount for refund in yoga.stripe.v1.refunds.list({"limit": 100}).data)
    assert refunded == yoga.booking(booking_id).refunded == 700 * answers.count(201)
    assert set(answers) <= {201, 409, 422}
    assert refunded <= 5000


def test_the_same_wish_by_two_keys_at_once_releases_once(yoga: World) -> None:
    booking_id = yoga.hold().body["booking_id"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: yoga.on("cancel", booking_id, user="alice", key=f"c{n}").status, range(8)))

    assert answers.count(200) >= 1
    assert set(answers) <= {200, 409}
    assert yoga.story(booking_id).count("release started") == 1
