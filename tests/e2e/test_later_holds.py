"""Bookings that outlive an authorization, through HTTP and the schedule: later, renewed, mended, contested."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.people import People, wire

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def booked_far_ahead(people: People, who: str, *, lasts: timedelta = timedelta(hours=2), **policy: Any) -> str:
    """A place in twenty days; the card is saved, nothing is held."""
    starts = people.now() + timedelta(days=20)
    event_id = people.event(starts_at=wire(starts), ends_at=wire(starts + lasts), policy=policy)
    card = people.card(who)
    answer = people.ask(who, "POST", "/holds", {"event_id": event_id, "payment_method_id": card})
    assert (answer.status, answer.body["payment_status"], answer.body["hold"]) == (201, "scheduled", None), answer.body
    return str(answer.body["booking_id"])


def go_to(people: People, moment: str) -> None:
    people.advance(seconds=(datetime.fromisoformat(moment) - people.now()).total_seconds() + 1)
    people.sweep()


def the_bank_says(people: People, who: str, decline_code: str, **more: Any) -> None:
    (card,) = people.everything(who, "/payment-methods")
    people.control("POST", "cards", {"payment_method": card["id"], "decline_code": decline_code, **more})


def test_a_hold_comes_in_time_and_is_renewed_while_the_event_lasts(people: People) -> None:
    who = people.somebody()
    booking_id = booked_far_ahead(people, who, lasts=timedelta(days=5))
    go_to(people, people.booking(booking_id)["hold_at"])
    first = people.becomes(booking_id, payment_status="held")["hold"]
    assert people.ask("staff", "POST", f"/bookings/{booking_id}/check-in", key=None).status == 200

    go_to(people, wire(datetime.fromisoformat(first["expires_at"]) - timedelta(hours=24)))
    people.eventually(
        lambda: people.booking(booking_id)["hold"]["payment_intent_id"] != first["payment_intent_id"], "not renewed"
    )
    people.eventually(
        lambda: [each["status"] for each in people.intents(booking_id)].count("requires_capture") == 1,
        "the old hold was not let go",
    )

    assert people.booking(booking_id)["payment_status"] == "held"
    assert people.complete(booking_id, 5000).body["captured"] == 5000
    assert people.charged(booking_id) == 5000


def test_a_dead_card_is_mended_by_another_and_a_bank_that_wants_the_customer_gets_them(people: People) -> None:
    one, two = people.somebody(), people.somebody()
    dead, wanted = booked_far_ahead(people, one), booked_far_ahead(people, two)
    the_bank_says(people, one, "lost_card")
    the_bank_says(people, two, "authentication_required")
    go_to(people, max(people.booking(each)["hold_at"] for each in (dead, wanted)))
    told = people.becomes(dead, payment_status="declined", outcome="open")
    asked = people.becomes(wanted, payment_status="action_required", outcome="open")
    assert told["next_action"]["type"] == "new_payment_method"
    assert asked["next_action"]["type"] == "confirm_payment"
    assert told["action_required_by"] is not None

    card = people.card(one, "pm_card_mastercard")
    mended = people.ask(one, "PUT", f"/bookings/{dead}/payment-method", {"payment_method_id": card})
    intent = asked["next_action"]["client_secret"].split("_secret_")[0]
    people.control("POST", f"payment_intents/{intent}/authenticate", {"outcome": "succeeded"})
    confirmed = people.ask(two, "POST", f"/holds/{wanted}/confirm", {})

    assert (mended.status, mended.body["payment_status"]) == (200, "held"), mended.body
    assert (confirmed.status, confirmed.body["payment_status"]) == (200, "held"), confirmed.body


def test_a_contested_no_show_waits_for_staff(people: People) -> None:
    event_id = people.event(policy={"no_show_capture": "always", "no_show_contest_minutes": 60})
    who, booking_id = people.held(event_id)
    people.advance(days=2, minutes=31)
    people.sweep()
    people.eventually(lambda: people.story(booking_id)["no_show_notice succeeded"] == 1, "no notice")
    assert people.ask(who, "POST", f"/bookings/{booking_id}/contest", {"reason": "I was there"}, key=None).status == 200
    people.advance(hours=3)
    people.sweep()
    people.eventually(lambda: people.messages_in("steps") == 0, "the steps were not taken")
    assert people.booking(booking_id)["payment_status"] == "held"

    upheld = people.ask("staff", "POST", f"/bookings/{booking_id}/no-show", {"reason": "empty seat"}, key=None)

    assert upheld.status == 200
    people.becomes(booking_id, payment_status="captured", outcome="no_show", fee=5000)


def test_another_price_needs_consent_and_gets_its_hold(people: People) -> None:
    _, booking_id = people.held(people.event())
    body = {"price": {"amount": 8000, "currency": "eur"}, "consent": "by mail"}

    answer = people.ask("staff", "POST", f"/bookings/{booking_id}/reprice", body, key=None)
    people.sweep()

    assert (answer.status, answer.body["price"]["amount"]) == (200, 8000)
    people.eventually(lambda: people.booking(booking_id)["hold"]["amount"] == 9600, "no larger hold")
