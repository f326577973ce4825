"""Policies over HTTP, against the deployed template: read in one's language, quoted, honoured, kept, never reset."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

LADDER = {
    "free_cancellation_hours": 24,
    "cancellation_tiers": [{"hours_before": 24, "percent": 50}, {"hours_before": 2, "percent": 100}],
}
QUOTE = set("amount currency clause deadline venue_deadline expires_at quote".split())


def quote(people: People, who: str, booking_id: str) -> dict[str, Any]:
    answer = people.ask(who, "GET", f"/bookings/{booking_id}/cancellation-quote")
    assert (answer.status, set(answer.body)) == (200, QUOTE), answer.body
    return dict(answer.body)


def test_what_one_reads_before_booking_is_what_one_is_held_to(people: People) -> None:
    who, event_id = people.somebody(), people.event(policy=LADDER)
    shown = people.ask(who, "GET", f"/events/{event_id}?locale=fr-CH")
    english = people.ask(who, "GET", f"/events/{event_id}", headers={"Accept-Language": "pt, en;q=0.1"}).body
    people.card(who)
    wanted = {"event_id": event_id, "accepted_policy_hash": shown.body["policy_hash"], "locale": "fr-CH"}

    booked = people.ask(who, "POST", "/holds", wanted)
    people.ask("staff", "PUT", f"/events/{event_id}", people.described(policy={"no_show_fee": {"percent": 1}}))
    read = people.ask(who, "GET", f"/bookings/{booked.body['booking_id']}").body

    assert (shown.status, shown.headers["Content-Language"], shown.body["policy_locale"]) == (200, "fr", "fr")
    assert (english["policy_locale"], english["policy_hash"]) == ("en", shown.body["policy_hash"])
    assert english["policy"]["text"] != shown.body["policy"]["text"]
    assert booked.status == 201
    assert read["policy"] == {
        "hash": shown.body["policy_hash"],
        "locale": "fr",
        "accepted_at": booked.body["created_at"],
        "text": shown.body["policy"]["text"],
    }
    for field in ("next_tier", "no_show_fee", "free_cancellation_until", "venue_free_cancellation_until"):
        assert booked.body[field] == shown.body[field]
    assert [each["amount"] for each in booked.body["cancellation_schedule"]] == [0, 2500, 5000]
    first = people.log(read["booking_id"])[0]["details"]
    assert (first["policy_text"], first["policy_locale"]) == (read["policy"]["text"], "fr")


def test_a_quote_is_honoured_though_a_tier_begins_meanwhile_and_only_where_it_was_given(people: People) -> None:
    event_id = people.event(policy=LADDER, starts_in=timedelta(hours=26))
    (who, booking_id), (other, others) = people.held(event_id), people.held(event_id)
    free_until = datetime.fromisoformat(people.booking(booking_id)["free_cancellation_until"])
    people.advance(seconds=(free_until - people.now()).total_seconds() - 90)
    quoted = quote(people, who, booking_id)
    people.advance(seconds=120)
    dear = quote(people, who, booking_id)

    stolen = people.ask(other, "POST", f"/bookings/{others}/cancel", {"quote": quoted["quote"]})
    forged = people.ask(who, "POST", f"/bookings/{booking_id}/cancel", {"quote": quoted["quote"][:-1] + "."})
    cancelled = people.ask(who, "POST", f"/bookings/{booking_id}/cancel", {"quote": quoted["quote"]})

    assert (quoted["amount"], dear["amount"]) == (0, 2500)
    assert datetime.fromisoformat(quoted["deadline"]) == datetime.fromisoformat(quoted["venue_deadline"]) == free_until
    for refused in (stolen, forged):
        assert (refused.status, refused.problem) == (422, "rule-refused")
    assert (cancelled.status, cancelled.body["payment_status"], cancelled.body["fee"]) == (200, "released", 0)
    assert people.charged(booking_id) == 0
    line = next(each for each in people.log(booking_id) if each["kind"] == "cancel_request")
    assert line["details"]["quote"]["amount"] == 0

    late = quote(people, other, others)
    people.advance(minutes=6)
    expired = people.ask(other, "POST", f"/bookings/{others}/cancel", {"quote": late["quote"]})
    assert (expired.status, expired.problem) == (422, "rule-refused")


def test_rescheduling_an_hour_before_and_cancelling_then_costs_the_same(people: People) -> None:
    event_id = people.event(policy=LADDER, starts_in=timedelta(hours=26))
    later = people.event(policy=LADDER, starts_in=timedelta(days=3))
    price = {"amount": 6000, "currency": "eur"}
    dearer = people.event(policy=LADDER, starts_in=timedelta(days=3), price=price)
    who, booking_id = people.held(event_id)
    people.advance(hours=25)
    due = quote(people, who, booking_id)

    refused = people.ask(who, "POST", f"/bookings/{booking_id}/move", {"event_id": dearer}, key=None)
    moved = people.ask(who, "POST", f"/bookings/{booking_id}/move", {"event_id": later}, key=None)
    stale = people.ask(who, "POST", f"/bookings/{booking_id}/cancel", {"quote": due["quote"]})
    cancelled = people.ask(who, "POST", f"/bookings/{booking_id}/cancel")

    assert (refused.status, refused.problem) == (422, "rule-refused")
    assert (moved.status, moved.body["event_id"], moved.body["payment_status"]) == (200, later, "held")
    assert (stale.status, stale.problem) == (409, "conflict")
    assert (cancelled.status, cancelled.body["fee"], due["amount"]) == (200, 5000, 5000)
    assert people.charged(booking_id) == 5000


def test_a_policy_that_does_not_fit_together_is_refused_and_the_tier_is_named(people: People) -> None:
    gap = {"free_cancellation_hours": 48, "cancellation_tiers": [{"hours_before": 24, "percent": 100}]}
    falling = {"cancellation_tiers": [{"hours_before": 24, "percent": 100}, {"hours_before": 2, "percent": 50}]}

    for policy, pointer in (
        (gap, "/policy/cancellation_tiers/0/hours_before"),
        (falling, "/policy/cancellation_tiers/1/percent"),
    ):
        answer = people.ask("staff", "PUT", f"/events/{people.somebody()}", people.described(policy=policy))
        assert (answer.status, answer.problem) == (422, "rule-refused")
        assert [fault["pointer"] for fault in answer.body["errors"]] == [pointer]
