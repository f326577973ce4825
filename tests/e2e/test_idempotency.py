"""The same key is the same request, however often and however close together it comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def test_thirty_requests_with_one_key_place_one_hold(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    people.card(who)
    with ThreadPoolExecutor(10) as pool:
        asked = [
            pool.submit(people.ask, who, "POST", "/holds", {"event_id": event_id}, key="one-key") for _ in range(30)
        ]
        answers = [each.result() for each in asked]

    placed = {answer.body["booking_id"] for answer in answers if answer.status == 201}
    assert len(placed) == 1
    assert {answer.status for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status == 409:
            assert answer.problem == "operation-in-progress"
            assert int(answer.headers["Retry-After"]) >= 1
    (booking_id,) = placed
    assert [each["booking_id"] for each in people.everything(who, "/bookings")] == [booking_id]
    (intent,) = people.intents(booking_id)
    state = people.control("GET", "state")["objects"]["payment_intent"]
    of_the_customer = [each["status"] for each in state if each["customer"] == intent["customer"]]
    assert of_the_customer == ["requires_capture"]


def test_a_replay_says_so_and_is_the_same_answer(people: People) -> None:
    who, booking_id = people.held(people.event())
    path = f"/bookings/{booking_id}/complete"

    first = people.ask("staff", "POST", path, {"amount": 3000}, key="k")
    again = people.ask("staff", "POST", path, content=b'{ "amount" : 3000 }', key="k", headers=JSON)
    other_key = people.ask("staff", "POST", path, {"amount": 3000}, key="another")
    refused_again = people.ask("staff", "POST", path, {"amount": 3000}, key="another")
    other_body = people.ask("staff", "POST", path, {"amount": 3001}, key="k")
    missing = people.ask("staff", "POST", path, {"amount": 3000}, key=None)
    too_long = people.ask("staff", "POST", path, {"amount": 3000}, key="k" * 256)
    elsewhere = people.ask(who, "POST", f"/bookings/{booking_id}/cancel", key="k")

    assert (first.status, "Idempotent-Replayed" in first.headers) == (200, False)
    assert (again.status, again.headers["Idempotent-Replayed"], again.body) == (200, "true", first.body)
    assert (other_key.status, other_key.problem) == (409, "conflict")
    assert (refused_again.status, refused_again.headers["Idempotent-Replayed"]) == (409, "true")
    assert (other_body.status, other_body.problem) == (422, "idempotency-mismatch")
    assert (missing.status, missing.problem) == (400, "invalid-request")
    assert (too_long.status, too_long.problem) == (400, "invalid-request")
    assert (elsewhere.status, elsewhere.problem) == (409, "conflict")
    assert people.charged(booking_id) == 3000


def test_a_declined_card_stays_declined_under_its_key(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    people.card(who, "pm_card_4000000000000341")

    first, again = (people.ask(who, "POST", "/holds", {"event_id": event_id}, key="k") for _ in range(2))

    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (402, 402, "true")
    assert first.body["booking_id"] == again.body["booking_id"]
    assert len(people.everything(who, "/bookings")) == 1


def test_refunds_that_race_never_exceed_what_was_captured(people: People) -> None:
    booking_id = people.captured(people.event(), 5000)
    wish = {"booking_id": booking_id, "amount": 2000, "reason": "cold room"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: people.ask("staff", "POST", "/refunds", wish), range(6)))

    assert {answer.status for answer in answers} <= {201, 409, 422}
    given = sum(answer.status == 201 for answer in answers)
    assert 1 <= given <= 2
    booking = people.booking(booking_id)
    assert booking["refunded"] == 2000 * given
    charge = people.dashboard.v1.payment_intents.retrieve(people.intent_of(booking_id), {"expand": ["latest_charge"]})
    assert charge.latest_charge.amount_refunded == booking["refunded"]  # type: ignore[union-attr]


JSON = {"Content-Type": "application/json"}
