"""Bookings live and die through the deployed API."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def test_a_hold_is_placed_and_completed_with_less(people: People) -> None:
    _, booking_id = people.held(people.event())

    answer = people.ask("staff", "POST", f"/bookings/{booking_id}/complete", {"amount": 4200})

    assert (answer.status, answer.body["payment_status"], answer.body["captured"]) == (200, "captured", 4200)
    intent = people.dashboard.v1.payment_intents.retrieve(people.intent_of(booking_id))
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 6000, 4200)


def test_the_log_that_is_served_verifies(people: People) -> None:
    _, booking_id = people.held(people.event(title="Yoga für Anfänger"))
    people.ask("staff", "POST", f"/bookings/{booking_id}/waive", {"reason": "Zug verspätet"})

    previous = "0" * 64
    for number, line in enumerate(people.log(booking_id), start=1):
        hashed = {name: value for name, value in line.items() if name != "entry_hash"}
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))

        assert line["sequence"] == number
        assert line["previous_hash"] == previous
        assert line["entry_hash"] == hashlib.sha256(text.encode()).hexdigest()
        previous = line["entry_hash"]


def test_cancelling_in_time_is_free_and_late_costs_the_tier(people: People) -> None:
    soon, later = people.event(starts_in=timedelta(hours=20)), people.event()
    who, early_booking = people.held(later)
    late_who, late_booking = people.held(soon)
    people.advance(hours=2)  # past the grace of an hour after booking

    early = people.ask(who, "POST", f"/bookings/{early_booking}/cancel")
    late = people.ask(late_who, "POST", f"/bookings/{late_booking}/cancel")

    assert (early.status, early.body["payment_status"], early.body["fee"]) == (200, "released", 0)
    assert (late.status, late.body["payment_status"], late.body["fee"]) == (200, "captured", 5000)


def test_the_clock_charges_no_shows_and_whoever_attended(people: People) -> None:
    event_id = people.event()
    (_, absent), (_, present) = people.held(event_id), people.held(event_id)
    people.advance(days=1, hours=23)
    assert people.ask("staff", "POST", f"/bookings/{present}/check-in").status == 200
    people.advance(hours=2)
    people.sweep()
    people.becomes(absent, payment_status="captured", outcome="no_show", fee=5000)
    people.advance(hours=26)
    people.sweep()

    people.becomes(present, payment_status="captured", outcome="completed", fee=0)


def test_three_d_secure_goes_through_the_phone(people: People) -> None:
    who = "careful"
    card = people.card(who, "pm_card_threeDSecure2Required")
    placed = people.ask(who, "POST", "/holds", {"event_id": people.event(), "payment_method_id": card})
    assert (placed.status, placed.body["payment_status"]) == (202, "action_required")
    intent = placed.body["next_action"]["client_secret"].split("_secret_")[0]
    waiting = people.ask(who, "POST", f"/holds/{placed.body['booking_id']}/confirm")
    people.control("POST", f"payment_intents/{intent}/authenticate", {"outcome": "succeeded"})

    done = people.ask(who, "POST", f"/holds/{placed.body['booking_id']}/confirm")

    assert waiting.status == 202
    assert (done.status, done.body["payment_status"]) == (200, "held")


def test_a_customer_who_never_authenticates_is_declined_by_the_clock(people: People) -> None:
    card = people.card("absent-minded", "pm_card_threeDSecure2Required")
    placed = people.ask("absent-minded", "POST", "/holds", {"event_id": people.event(), "payment_method_id": card})
    people.advance(minutes=31)

    people.sweep()

    people.becomes(placed.body["booking_id"], payment_status="declined", outcome="declined")


def test_a_declined_card_is_402_with_the_booking(people: People) -> None:
    card = people.card("poor", "pm_card_4000000000000341")

    answer = people.ask("poor", "POST", "/holds", {"event_id": people.event(), "payment_method_id": card})

    assert (answer.status, answer.problem) == (402, "card-declined")
    assert people.booking(answer.body["booking_id"])["payment_status"] == "declined"


def test_refunds_in_two_parts(people: People) -> None:
    _, booking_id = people.held(people.event())
    people.ask("staff", "POST", f"/bookings/{booking_id}/complete")
    for amount, status in ((2000, 201), (3001, 422), (3000, 201)):
        body = {"booking_id": booking_id, "amount": amount, "reason": "cold"}
        assert people.ask("staff", "POST", "/refunds", body).status == status

    assert people.booking(booking_id)["payment_status"] == "refunded"


def test_a_cancelled_event_gives_everything_back(people: People) -> None:
    event_id = people.event()
    (_, held), (_, captured) = people.held(event_id), people.held(event_id)
    people.ask("staff", "POST", f"/bookings/{captured}/complete")

    assert people.ask("staff", "POST", f"/events/{event_id}/cancel").status == 202

    people.becomes(held, payment_status="released", outcome="event_cancelled")
    people.becomes(captured, payment_status="refunded", outcome="event_cancelled")


def test_thirty_requests_with_one_key_place_one_hold(people: People) -> None:
    event_id = people.event()
    people.card("hasty")
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(
            lambda _: people.ask("hasty", "POST", "/holds", {"event_id": event_id}, key="one-key"), range(30)
        )
        answers = list(asked)

    placed = {answer.body["booking_id"] for answer in answers if answer.status == 201}
    assert len(placed) == 1
    assert {answer.status for answer in answers} <= {201, 409}
    assert len(people.ask("hasty", "GET", "/bookings").body["items"]) == 1
    again = people.ask("hasty", "POST", "/holds", {"event_id": event_id}, key="one-key")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert people.ask("hasty", "POST", "/holds", {"event_id": "other"}, key="one-key").problem == "idempotency-mismatch"
    assert people.ask("hasty", "POST", "/holds", {"event_id": event_id}, key=None).status == 400
