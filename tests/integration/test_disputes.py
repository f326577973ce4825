"""Disputes through the functions: taken in, answered once whatever happens, given up, and never past their deadline
unseen.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from holdfast.evidence_fields import TEXT_FIELDS, evidence_hash
from local.stripe_simulator import routes
from local.stripe_simulator.errors import refused as refused_by_stripe
from local.stripe_simulator.resources import disputes
from tests.crash import Died, When, boundary
from tests.world import Answer, Context, World, handler

DISPUTED, NOT_RECEIVED = "pm_card_createDispute", "pm_card_createDisputeProductNotReceived"
INQUIRY = "pm_card_createDisputeInquiry"


_DELIVERED: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def heard(world: World) -> None:
    """Everything that Stripe has said since the last time reaches the worker."""
    delivered = _DELIVERED.setdefault(world.simulator, set())
    for event in world.stripe_events():
        if event["id"] not in delivered:
            assert world.apply_event(event)
            delivered.add(event["id"])


def disputed(world: World, card: str = DISPUTED, user: str = "alice", key: str = "hold-1") -> str:
    """A booking that was completed, paid and disputed."""
    world.event()
    booking_id = world.held(user, key=key, card=card)
    assert world.on("complete", booking_id, staff="sam", key=key).status == 200
    heard(world)
    return booking_id


def read(world: World, booking_id: str, **query: str) -> Answer:
    return world.call(
        "get_dispute", "GET", "/bookings/{booking_id}/dispute", staff="sam", booking_id=booking_id, query=query
    )


def edit(world: World, booking_id: str, **evidence: str | None) -> Answer:
    return world.call(
        "edit_dispute_evidence",
        "PUT",
        "/bookings/{booking_id}/dispute/evidence",
        staff="sam",
        body={"evidence": evidence},
        booking_id=booking_id,
    )


def submit(world: World, booking_id: str, key: str = "s", **body: Any) -> Answer:
    return world.call(
        "submit_dispute_evidence",
        "POST",
        "/bookings/{booking_id}/dispute/submit",
        staff="sam",
        body=body,
        key=key,
        booking_id=booking_id,
    )


def accept(world: World, booking_id: str, key: str = "a", **body: Any) -> Answer:
    return world.call(
        "accept_dispute",
        "POST",
        "/bookings/{booking_id}/dispute/accept",
        staff="sam",
        body=body,
        key=key,
        booking_id=booking_id,
    )


def listed(world: World, **query: str) -> Answer:
    return world.call("list_disputes", "GET", "/disputes", staff="sam", query=query)


def at_stripe(world: World, booking_id: str) -> Any:
    hold = world.booking(booking_id).hold
    assert hold is not None
    (dispute,) = world.stripe.v1.disputes.list({"payment_intent": hold.payment_intent_id}).data
    return dispute


def steps(world: World, booking_id: str) -> list[tuple[str, str]]:
    return [(line["status"], line["details"]["step"]) for line in world.log(booking_id) if line["kind"] == "dispute"]


# --- taken in -------------------------------------------------------------------------------------------------------


def test_a_dispute_is_logged_with_the_money_that_it_took_and_shows_in_the_status(world: World) -> None:
    booking_id = disputed(world)

    assert world.booking(booking_id).payment_status == "disputed"
    assert steps(world, booking_id) == [("needs_response", "opened"), ("funds_withdrawn", "funds_withdrawn")]
    opened = next(line for line in world.log(booking_id) if line["kind"] == "dispute")
    assert (opened["amount"], opened["currency"], opened["reason"]) == (5000, "eur", "fraudulent")
    assert opened["details"]["due_by"] == "2026-12-02T20:00:00Z"


@pytest.mark.parametrize(("verdict", "status", "last"), [("won", "captured", "won"), ("lost", "disputed", "lost")])
def test_it_is_won_or_lost_and_the_money_comes_back_or_not(world: World, verdict: str, status: str, last: str) -> None:
    booking_id = disputed(world)
    world.simulator.control("POST", f"/_simulator/disputes/{at_stripe(world, booking_id).id}", {"status": verdict})
    heard(world)

    assert world.booking(booking_id).payment_status == status
    returned = [("funds_reinstated", "funds_reinstated")] if verdict == "won" else []
    assert steps(world, booking_id)[2:] == [(last, "closed"), *returned]
    assert read(world, booking_id).body["funds"]["reinstated"] == (5000 if verdict == "won" else 0)


def test_an_inquiry_is_no_dispute_until_it_escalates(world: World) -> None:
    booking_id = disputed(world, INQUIRY)
    assert world.booking(booking_id).payment_status == "captured"
    assert steps(world, booking_id) == [("warning_needs_response", "opened")]
    assert world.refund(booking_id, amount=1000, key="while it is asked").status == 201

    edit(world, booking_id, uncategorized_text="escalate_inquiry_evidence")
    assert submit(world, booking_id).body["status"] == "warning_under_review"
    world.advance(seconds=10)
    heard(world)

    assert world.booking(booking_id).payment_status == "disputed"
    assert steps(world, booking_id)[-2:] == [("needs_response", "escalated"), ("funds_withdrawn", "funds_withdrawn")]
    found = read(world, booking_id).body
    assert (found["is_inquiry"], found["refundable"], found["submitted_at"]) == (False, False, None)
    refused = world.refund(booking_id, amount=1, key="while it is disputed")
    assert (refused.status, refused.problem) == (409, "conflict")
    assert f"dispute {found['dispute_id']}, needs_response" in refused.body["detail"]


@pytest.mark.parametrize("seed", range(4))
def test_events_doubled_and_in_any_order_end_in_one_state(world: World, seed: int) -> None:
    """Each step is heard of only later, with others, and more than once."""
    world.event()
    booking_id = world.held(card=INQUIRY)
    world.on("complete", booking_id, staff="sam")
    dispute_id = at_stripe(world, booking_id).id
    world.stripe.v1.disputes.update(dispute_id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}})
    world.advance(seconds=10)
    world.simulator.control("POST", f"/_simulator/disputes/{dispute_id}", {"status": "won"})
    events = world.stripe_events() * 2
    random.Random(seed).shuffle(events)

    for event in events:
        assert world.apply_event(event)

    (dispute,) = world.booking(booking_id).disputes
    assert (dispute.status, dispute.withdrawn, dispute.reinstated) == ("won", 5000, 5000)
    counted = Counter(step for _, step in steps(world, booking_id))
    assert counted == {"closed": 1, "funds_withdrawn": 1, "funds_reinstated": 1}


def test_a_refund_of_a_charge_whose_dispute_we_have_not_heard_of_is_refused_and_the_dispute_taken_in(
    world: World,
) -> None:
    world.event()
    booking_id = world.held(card=DISPUTED)
    world.on("complete", booking_id, staff="sam")

    refused = world.refund(booking_id)

    assert (refused.status, refused.problem) == (409, "conflict")
    assert at_stripe(world, booking_id).id in refused.body["detail"]
    assert world.booking(booking_id).payment_status == "disputed"


# --- the evidence ---------------------------------------------------------------------------------------------------


def test_a_booking_without_a_dispute_has_none_to_read(world: World) -> None:
    world.event()
    booking_id = world.held()

    assert read(world, booking_id).status == edit(world, booking_id, service_date="x").status == 404
    assert submit(world, booking_id).status == accept(world, booking_id).status == 404
    assert read(world, disputed(world, key="other", user="bob"), dispute_id="du_another").status == 404


def test_staff_read_what_would_be_sent_and_edits_stand_in_its_place_until_they_are_taken_back(world: World) -> None:
    booking_id = disputed(world)
    assembled = read(world, booking_id).body
    assert (assembled["edited"], assembled["evidence"]) == ([], assembled["assembled"])
    assert "“Yoga”" in assembled["evidence"]["product_description"]
    assert assembled["evidence_hash"] == evidence_hash(assembled["evidence"])

    edited = edit(world, booking_id, customer_name="Alice", service_date="", product_description="A place.").body

    assert edited == read(world, booking_id).body
    assert edited["edited"] == ["customer_name", "product_description", "service_date"]
    assert edited["evidence"]["customer_name"] == "Alice"
    assert edited["evidence"]["product_description"] == "A place."
    assert "service_date" not in edited["evidence"]
    assert edited["assembled"] == assembled["assembled"]
    assert edited["characters"] == sum(map(len, edited["evidence"].values())) == 150_000 - edited["characters_left"]

    taken_back = edit(world, booking_id, customer_name=None, service_date=None, product_description=None).body
    assert taken_back["evidence"] == assembled["evidence"]
    assert taken_back["evidence_hash"] == assembled["evidence_hash"]


def test_an_edit_is_a_line_that_says_who_and_one_that_changes_nothing_is_none(world: World) -> None:
    booking_id = disputed(world)
    edit(world, booking_id, customer_name="Alice")
    before = world.log(booking_id)
    again = edit(world, booking_id, customer_name="Alice", service_date=None)

    assert again.status == 200
    assert world.log(booking_id) == before
    assert (before[-1]["kind"], before[-1]["status"], before[-1]["actor"]) == ("evidence", "edited", "staff")
    assert before[-1]["details"]["fields"] == {"customer_name": "Alice"}
    assert before[-1]["details"]["staff"].startswith("staff_")


def test_edits_at_the_same_time_are_all_kept(world: World) -> None:
    booking_id = disputed(world)
    names = ["customer_name", "customer_email_address", "billing_address", "customer_purchase_ip"]
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda name: edit(world, booking_id, **{name: name}).status, names))

    assert statuses == [200] * 4
    assert read(world, booking_id).body["edited"] == sorted(names)


# --- handing it in --------------------------------------------------------------------------------------------------


def test_what_is_read_is_what_is_sent_and_what_stands_in_the_log(world: World) -> None:
    booking_id = disputed(world, NOT_RECEIVED)
    edit(world, booking_id, uncategorized_text="winning_evidence", customer_name="Alice")
    ready = read(world, booking_id).body

    answer = submit(world, booking_id, evidence_hash=ready["evidence_hash"])

    assert answer.status == 200
    assert (answer.body["status"], answer.body["evidence_hash"]) == ("under_review", ready["evidence_hash"])
    sent = at_stripe(world, booking_id)
    assert {name: sent.evidence[name] for name in TEXT_FIELDS if sent.evidence[name]} == ready["evidence"]
    assert sent.evidence_details.submission_count == 1
    started = next(line for line in world.log(booking_id) if line["kind"] == "evidence" and line["status"] == "started")
    assert started["details"]["fields"] == ready["evidence"]
    assert started["details"]["evidence_hash"] == ready["evidence_hash"]
    assert world.story(booking_id)[-2:] == ["evidence succeeded", "dispute under_review"]

    world.advance(seconds=10)
    heard(world)
    assert world.booking(booking_id).payment_status == "captured"
    closed = read(world, booking_id).body
    assert (closed["status"], closed["evidence"], closed["submitted_at"]) == (
        "won",
        ready["evidence"],
        "2026-11-23T20:00:00Z",
    )


def test_it_is_handed_in_once_and_the_same_key_hears_the_same(world: World) -> None:
    booking_id = disputed(world)
    first = submit(world, booking_id, key="one")

    again, other = submit(world, booking_id, key="one"), submit(world, booking_id, key="two")
    mismatch = submit(world, booking_id, key="one", evidence_hash="another body")

    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.problem) == (409, "conflict")
    assert "submitted at 2026-11-23T20:00:00Z" in other.body["detail"]
    assert (mismatch.status, mismatch.problem) == (422, "idempotency-mismatch")
    assert edit(world, booking_id, customer_name="too late").status == 409
    assert at_stripe(world, booking_id).evidence_details.submission_count == 1


def test_evidence_that_changed_since_it_was_read_is_not_sent(world: World) -> None:
    booking_id = disputed(world)
    hash_read = read(world, booking_id).body["evidence_hash"]
    edit(world, booking_id, customer_name="Alice")

    answer = submit(world, booking_id, evidence_hash=hash_read)

    assert (answer.status, answer.problem) == (409, "conflict")
    assert at_stripe(world, booking_id).status == "needs_response"
    assert "evidence started" not in world.story(booking_id)


def test_more_than_stripe_takes_is_refused_before_anything_is_sent(world: World) -> None:
    booking_id = disputed(world)
    long = [name for name, most in TEXT_FIELDS.items() if most == 20_000]
    for name in long:
        assert edit(world, booking_id, **{name: "x" * 20_000}).status == 200

    assert read(world, booking_id).body["characters_left"] < 0
    answer = submit(world, booking_id)

    assert (answer.status, answer.problem) == (422, "rule-refused")
    assert at_stripe(world, booking_id).status == "needs_response"
    edit(world, booking_id, **dict.fromkeys(long))
    assert submit(world, booking_id, key="shorter").status == 200


def test_after_the_deadline_nothing_is_sent(world: World) -> None:
    booking_id = disputed(world)
    world.advance(days=9)
    at_the_deadline = edit(world, booking_id, customer_name="Alice")
    world.advance(seconds=1)

    assert at_the_deadline.status == 200
    for answer in (submit(world, booking_id), edit(world, booking_id, customer_name="Bob")):
        assert (answer.status, answer.problem) == (422, "rule-refused")
        assert "2026-12-02T20:00:00Z" in answer.body["detail"]
    assert "evidence started" not in world.story(booking_id)


@pytest.mark.parametrize("act", [submit, accept])
def test_what_somebody_did_in_the_dashboard_is_taken_in_and_told(world: World, act: Any) -> None:
    booking_id = disputed(world)
    world.stripe.v1.disputes.close(at_stripe(world, booking_id).id)

    answer = act(world, booking_id)

    if act is accept:
        assert (answer.status, answer.body["status"]) == (200, "lost")  # it is given up, whoever did it
    else:
        assert (answer.status, answer.problem) == (409, "conflict")
        assert "lost" in answer.body["detail"]
    assert steps(world, booking_id)[-1] == ("lost", "closed")
    assert world.booking(booking_id).attention is None


def test_many_at_once_make_one_call(world: World) -> None:
    booking_id = disputed(world)
    before = len(world.stripe_events())
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: submit(world, booking_id, key=f"s{n}").status, range(16)))

    assert statuses.count(200) == 1
    assert set(statuses) == {200, 409}
    assert at_stripe(world, booking_id).evidence_details.submission_count == 1
    updates = [event for event in world.stripe_events()[before:] if event["type"] == "charge.dispute.updated"]
    assert len(updates) == 1
    assert world.story(booking_id).count("evidence started") == 1


def test_the_same_key_at_once_makes_one_call(world: World) -> None:
    booking_id = disputed(world)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: submit(world, booking_id).status, range(16)))

    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert world.story(booking_id).count("evidence started") == 1


# --- dying, and answers that never come -----------------------------------------------------------------------------

# More calls than any of these makes, so that the last round runs undisturbed.
MOST_CALLS = 16


def ended(world: World, booking_id: str, act: Any, *, began: bool | None) -> None:
    """The whole answer, once, or nothing of it; and nothing is under way."""
    booking, dispute = world.booking(booking_id), at_stripe(world, booking_id)
    done = "under_review" if act is submit else "lost"
    assert booking.dispute_response is None
    assert booking.disputes[0].status == dispute.status
    assert dispute.status in ((done,) if began else (done, "needs_response"))
    kind = "evidence" if act is submit else "dispute_accept"
    lines = [line["status"] for line in world.log(booking_id) if line["kind"] == kind]
    assert lines == (["started", "succeeded"] if dispute.status == done else [])
    if act is submit:
        assert dispute.evidence_details.submission_count == (1 if dispute.status == done else 0)
        assert (booking.disputes[0].submitted_at is not None) is (dispute.status == done)


def looked_at(booking_id: str) -> None:
    """The clock's worker takes a step of this booking."""
    record = {"messageId": "m1", "body": json.dumps({"booking_id": booking_id}), "attributes": {}}
    assert handler("take_next_step")({"Records": [record]}, Context()) == {"batchItemFailures": []}


@pytest.mark.parametrize("when", ["before", "after"])
def test_dying_in_the_clock_s_recovery_ends_in_one_answer_too(world: World, when: When) -> None:
    for number in range(MOST_CALLS):
        booking_id = disputed(world, user=f"user{number}", key=f"hold-{number}")
        world.simulator.add_fault("timeout_before", match={"method": "POST", "path": "/v1/disputes/*"}, times=50)
        assert submit(world, booking_id).status == 202
        world.simulator.control("DELETE", "/_simulator/faults")
        world.advance(seconds=61)
        died = False
        try:
            with boundary(number, when):
                looked_at(booking_id)
        except Died:
            died = True
        for _ in range(2):
            world.advance(minutes=16)
            looked_at(booking_id)
        ended(world, booking_id, submit, began=True)
        if not died:
            assert number > 3
            return
    pytest.fail("it never ran undisturbed")


# A single one at every call is a crash point; these are more than the SDK tries, and than one request tries.
FAULTS = ["fail_before", "fail_after", "timeout_before", "timeout_after", "drop_after", "conflict", "unavailable"]


@pytest.mark.parametrize("times", [2, 5])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("act", [submit, accept])
def test_a_fault_of_stripe_s_is_never_taken_for_a_failure(world: World, act: Any, kind: str, times: int) -> None:
    booking_id = disputed(world)
    world.simulator.add_fault(kind, match={"method": "POST"}, times=times)

    answer = act(world, booking_id)
    again = act(world, booking_id)
    for _ in range(4):
        world.advance(seconds=121)
        world.sweep()
    retried = act(world, booking_id)

    assert answer.status in (200, 202, 503), answer.body
    assert again.status in (200, 202, 409, 503), again.body
    if answer.status == 202:
        assert answer.body["answering"] == ("submit" if act is submit else "accept")
        assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert retried.status == 200, retried.body
    ended(world, booking_id, act, began=True)


def test_what_was_frozen_is_sent_whatever_changed_since(world: World) -> None:
    booking_id = disputed(world)
    frozen = read(world, booking_id).body["evidence"]
    world.simulator.add_fault("timeout_before", match={"method": "POST"}, times=50)
    assert submit(world, booking_id).status == 202
    world.simulator.control("DELETE", "/_simulator/faults")
    busy = edit(world, booking_id, customer_name="Alice")
    world.event(title="Pilates", starts_in=timedelta(days=5))
    world.advance(seconds=61)
    world.sweep()

    assert (busy.status, busy.problem) == (409, "operation-in-progress")
    sent = at_stripe(world, booking_id)
    assert {name: sent.evidence[name] for name in TEXT_FIELDS if sent.evidence[name]} == frozen


@pytest.mark.parametrize("days", [0, 1, 2])
def test_an_answer_in_doubt_is_looked_for_before_it_is_sent_again_however_late(world: World, days: int) -> None:
    """Stripe forgets keys after a day; what it did stays in the dispute's metadata."""
    booking_id = disputed(world)
    world.simulator.add_fault("timeout_after", match={"method": "POST"}, times=50)
    assert submit(world, booking_id).status == 202
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(days=days, seconds=61)
    world.sweep()

    ended(world, booking_id, submit, began=True)


def test_rate_limits_are_503_because_nothing_was_executed_and_the_same_key_goes_on(world: World) -> None:
    booking_id = disputed(world)
    world.simulator.add_fault("rate_limit", match={"method": "POST"}, times=50)
    refused = submit(world, booking_id)
    world.simulator.control("DELETE", "/_simulator/faults")
    retried = submit(world, booking_id)

    assert (refused.status, refused.problem) == (503, "stripe-unavailable")
    assert retried.status == 200
    ended(world, booking_id, submit, began=True)


def _refusing_alice(stripe_world: Any, params: dict[str, Any], dispute_id: str) -> Any:
    if "Alice" in (params.get("evidence") or {}).get("customer_name", ""):
        raise refused_by_stripe("No such name.", "evidence[customer_name]")
    return disputes.update(stripe_world, params, dispute_id)


def test_evidence_that_stripe_refuses_is_told_and_can_be_mended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that Stripe did not publish: refused for good, and another key may try again."""
    booking_id = disputed(world)
    for route in [route for route in routes.ROUTES if route.handler is disputes.update]:
        monkeypatch.setattr(type(route), "__setattr__", object.__setattr__)
        monkeypatch.setattr(route, "handler", _refusing_alice)
    edit(world, booking_id, customer_name="Alice")

    answer = submit(world, booking_id, key="refused")

    assert (answer.status, answer.problem) == (422, "rule-refused")
    assert "No such name." in answer.body["detail"]
    assert world.booking(booking_id).attention == "dispute_answer_refused"
    edit(world, booking_id, customer_name=None)
    assert submit(world, booking_id, key="mended").status == 200
    assert world.booking(booking_id).attention is None
    assert submit(world, booking_id, key="refused").status == 422


def test_an_answer_that_is_in_doubt_past_the_deadline_is_still_finished(world: World) -> None:
    booking_id = disputed(world)
    world.advance(days=8, hours=23)
    world.simulator.add_fault("timeout_after", match={"method": "POST"}, times=50)
    assert submit(world, booking_id).status == 202
    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=2)
    world.sweep()

    ended(world, booking_id, submit, began=True)


def test_while_stripe_is_away_tries_come_nearer_as_the_deadline_does_and_staff_are_told(world: World) -> None:
    booking_id = disputed(world)
    world.advance(days=8)
    world.simulator.add_fault("unavailable", match={"path": "/v1/disputes/*"}, times=0)
    assert submit(world, booking_id).status == 202
    for _ in range(60):
        world.advance(minutes=20)
        world.sweep()
    response = world.booking(booking_id).dispute_response
    assert response is not None
    assert response.tries >= 7
    assert response.lease_until - world.time() <= timedelta(hours=1)
    assert world.booking(booking_id).attention == "dispute_due"

    world.simulator.control("DELETE", "/_simulator/faults")
    world.advance(hours=1)
    world.sweep()

    ended(world, booking_id, submit, began=True)
    assert world.booking(booking_id).attention is None


# --- giving it up ---------------------------------------------------------------------------------------------------


def test_a_dispute_that_is_given_up_is_lost_at_once(world: World) -> None:
    booking_id = disputed(world)

    answer = accept(world, booking_id, reason="the venue was closed")

    assert (answer.status, answer.body["status"]) == (200, "lost")
    assert world.booking(booking_id).payment_status == "disputed"
    assert world.story(booking_id)[-3:] == ["dispute_accept started", "dispute_accept succeeded", "dispute lost"]
    assert world.log(booking_id)[-3]["reason"] == "the venue was closed"
    assert accept(world, booking_id, reason="the venue was closed").body == answer.body
    assert submit(world, booking_id).status == 409
    assert at_stripe(world, booking_id).status == "lost"


def test_an_inquiry_is_not_given_up_but_refunded(world: World) -> None:
    booking_id = disputed(world, INQUIRY)

    refused = accept(world, booking_id)

    assert (refused.status, refused.problem) == (409, "conflict")
    assert "refund" in refused.body["detail"]
    assert world.refund(booking_id).status == 201


def test_what_is_being_answered_is_not_given_up_at_the_same_time(world: World) -> None:
    booking_id = disputed(world)
    world.simulator.add_fault("timeout_before", match={"method": "POST"}, times=50)
    submit(world, booking_id)

    refused = accept(world, booking_id)

    assert (refused.status, refused.problem) == (409, "operation-in-progress")
    assert int(refused.headers["Retry-After"]) > 0


# --- deadlines ------------------------------------------------------------------------------------------------------


def attention(world: World) -> list[dict[str, Any]]:
    answer = world.call("list_bookings", "GET", "/bookings", staff="sam", query={"attention": "true"})
    return [each["attention"] | {"booking_id": each["booking_id"]} for each in answer.body["items"]]


def test_two_days_before_its_deadline_a_dispute_is_on_the_staff_s_list_until_it_is_answered(world: World) -> None:
    booking_id = disputed(world)
    world.advance(days=6, hours=23, minutes=59)
    world.sweep()
    assert attention(world) == []

    world.advance(minutes=2)
    for _ in range(3):
        world.sweep()
        world.advance(minutes=1)

    (listed_one,) = attention(world)
    assert (listed_one["booking_id"], listed_one["reason"]) == (booking_id, "dispute_due")
    assert world.story(booking_id).count("dispute needs_response") == 2
    assert world.sweep()["bookings"] == 0
    submit(world, booking_id)
    assert attention(world) == []


def test_an_answer_in_the_dashboard_takes_it_off_the_list_as_well(world: World) -> None:
    booking_id = disputed(world)
    world.advance(days=7, minutes=1)
    world.sweep()
    assert len(attention(world)) == 1
    world.stripe.v1.disputes.update(at_stripe(world, booking_id).id, {"evidence": {"uncategorized_text": "ours"}})
    heard(world)

    assert attention(world) == []
    assert steps(world, booking_id)[-1] == ("under_review", "answered")
    found = read(world, booking_id).body
    assert (found["status"], found["submitted_at"]) == ("under_review", None)


def test_what_waits_for_an_answer_is_listed_the_nearest_deadline_first(world: World) -> None:
    bookings = []
    for number in range(5):
        bookings.append(disputed(world, DISPUTED if number % 2 else INQUIRY, f"user{number}", f"hold-{number}"))
        world.advance(hours=12)
    due = [(world.booking(each).disputes[0].due_by, each) for each in bookings]
    assert due == sorted(due)

    everything = listed(world).body
    assert [each["booking_id"] for each in everything["items"]] == bookings
    assert everything["next_cursor"] is None
    # The first is due in 9 days less 60 hours, the next 12 hours later.
    for hours, count in ((155, 0), (156, 1), (168, 2), (8784, 5)):
        assert len(listed(world, due_within_hours=str(hours)).body["items"]) == count

    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = listed(world, limit="2", **cursor).body
        pages.append([each["booking_id"] for each in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == [bookings[:2], bookings[2:4], bookings[4:]]

    submit(world, bookings[1])
    assert [each["booking_id"] for each in listed(world).body["items"]] == [bookings[0], *bookings[2:]]


@pytest.mark.parametrize("hours", ["0", "-1", "8785", "1.5", "x", ""])
def test_hours_are_a_whole_number_of_a_year_at_most(world: World, hours: str) -> None:
    assert listed(world, due_within_hours=hours).status == 400


def test_the_money_of_a_disputed_booking_is_not_kept_from_its_next_step(world: World) -> None:
    """The event is cancelled while an inquiry waits for its answer: the refund goes out all the same."""
    booking_id = disputed(world, INQUIRY)
    world.simulator.add_fault("timeout_before", match={"path": "/v1/disputes/*"}, times=0)
    assert submit(world, booking_id).status == 202
    world.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    world.advance(minutes=3)
    world.sweep()
    world.sweep()

    assert world.booking(booking_id).payment_status == "refunded"
    assert world.booking(booking_id).dispute_response is not None
