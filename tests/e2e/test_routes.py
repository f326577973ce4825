"""Every route once, as the contract has it: its status, its fields, and what it leaves behind."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

MONEY = {"amount", "currency"}
TERMS = set("free_cancellation_until venue_free_cancellation_until next_tier cancellation_schedule no_show_fee".split())
EVENT = TERMS | set(
    "event_id title price starts_at ends_at timezone hold_amount policy policy_hash policy_locale".split()
)
BOOKING = TERMS | set(
    "booking_id user_id event_id payment_status outcome price hold captured refunded fee starts_at timezone policy "
    "checked_in_at cancelled_at next_action action_required_by hold_at created_at updated_at version refunds".split()
)
LINE = set(
    "sequence operation_id kind status amount currency actor reason stripe_id details created_at "
    "previous_hash entry_hash".split()
)
CARD = set("id brand last4 exp_month exp_year country is_default".split())
POLICY = set(
    "hold_ratio free_cancellation_hours booking_grace_minutes cancellation_tiers no_show_fee no_show_grace_minutes "
    "no_show_contest_minutes no_show_capture capture_on_attendance settle_hours self_refund_until_hours "
    "on_unplaceable_hold off_session_fees text".split()
)


def test_an_event_is_created_read_and_changed(people: People) -> None:
    described = people.described(policy={"hold_ratio": "1.5"}, title="Yoga für Anfänger")
    path = f"/events/{people.somebody()}"

    created = people.ask("staff", "PUT", path, described)
    same = people.ask("staff", "PUT", path, described)
    changed = people.ask("staff", "PUT", path, described | {"price": {"amount": 3333, "currency": "eur"}})
    read = people.ask("anybody", "GET", path)

    assert [answer.status for answer in (created, same, changed, read)] == [201, 200, 200, 200]
    assert same.body == created.body
    assert read.body == changed.body
    assert set(read.body) >= EVENT
    assert set(read.body["policy"]) == POLICY
    assert (read.body["title"], read.body["hold_amount"]) == ("Yoga für Anfänger", 5000)  # ceil(3333 x 1.5)
    assert read.body["starts_at"] == described["starts_at"]


def test_cards_are_set_up_kept_listed_chosen_and_forgotten(people: People) -> None:
    who = people.somebody()
    setup = people.ask(who, "POST", "/payment-methods/setup", {"stripe_version": "2026-10-28.endive"})
    bare = people.ask(who, "POST", "/payment-methods/setup")
    assert (setup.status, bare.status) == (201, 201)
    assert set(setup.body) == {
        "customer_id", "setup_intent_id", "client_secret", "ephemeral_key_secret", "publishable_key"
    }  # fmt: skip
    assert setup.body["customer_id"] == bare.body["customer_id"]
    assert setup.body["publishable_key"] == people.stack.stripe_publishable_key

    first = people.ask(who, "POST", "/payment-methods", {"payment_method_id": "pm_card_visa"})
    again = people.ask(who, "POST", "/payment-methods", {"payment_method_id": first.body["id"]})
    second = people.ask(who, "POST", "/payment-methods", {"payment_method_id": "pm_card_mastercard"})
    refused = people.ask(who, "POST", "/payment-methods", {"payment_method_id": "pm_card_visa_chargeDeclined"})
    assert [answer.status for answer in (first, again, second, refused)] == [201, 201, 201, 402]
    assert set(first.body) == CARD
    assert (first.body["is_default"], second.body["is_default"]) == (True, False)
    assert refused.problem == "card-declined"

    chosen = people.ask(who, "PUT", f"/payment-methods/{second.body['id']}/default")
    listed = people.ask(who, "GET", "/payment-methods")
    assert (chosen.status, chosen.body["is_default"]) == (200, True)
    assert {card["id"]: card["is_default"] for card in listed.body["items"]} == {
        first.body["id"]: False,
        second.body["id"]: True,
    }

    assert people.ask("mallory", "DELETE", f"/payment-methods/{first.body['id']}").status == 404
    assert people.ask(who, "DELETE", f"/payment-methods/{first.body['id']}").status == 204
    assert [card["id"] for card in people.everything(who, "/payment-methods")] == [second.body["id"]]


def test_a_place_is_booked_attended_completed_and_refunded(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    event = people.ask(who, "GET", f"/events/{event_id}").body
    card = people.card(who)
    wanted = {"event_id": event_id, "accepted_policy_hash": event["policy_hash"]}

    outdated = people.ask(who, "POST", "/holds", wanted | {"accepted_policy_hash": "0" * 64})
    placed = people.ask(who, "POST", "/holds", wanted)
    booking_id = placed.body["booking_id"]
    in_use = people.ask(who, "DELETE", f"/payment-methods/{card}")

    assert (outdated.status, outdated.problem) == (409, "conflict")
    assert (placed.status, set(placed.body)) == (201, BOOKING)
    assert set(placed.body["hold"]) == {"amount", "expires_at", "payment_intent_id"}
    assert (placed.body["price"], placed.body["hold"]["amount"]) == ({"amount": 5000, "currency": "eur"}, 6000)
    assert placed.body["user_id"] == f"did:privy:{who}"
    assert (placed.body["payment_status"], placed.body["outcome"]) == ("held", "open")
    assert in_use.status == 409
    intent = people.dashboard.v1.payment_intents.retrieve(placed.body["hold"]["payment_intent_id"])
    assert (intent.status, intent.amount, intent.capture_method) == ("requires_capture", 6000, "manual")

    came = people.ask("staff", "POST", f"/bookings/{booking_id}/check-in", key=None)
    twice = people.ask("staff", "POST", f"/bookings/{booking_id}/check-in", key=None)
    cancelled = people.ask(who, "POST", f"/bookings/{booking_id}/cancel")
    assert (came.status, twice.status, twice.body) == (200, 200, came.body)
    assert (cancelled.status, cancelled.problem) == (409, "conflict")

    completed = people.complete(booking_id, 4200)
    assert (completed.status, completed.body["payment_status"], completed.body["captured"]) == (200, "captured", 4200)
    assert completed.body["outcome"] == "completed"

    refunds = [
        people.ask("staff", "POST", "/refunds", {"booking_id": booking_id, "amount": amount, "reason": "cold room"})
        for amount in (2000, 2201, 2200)
    ]
    assert [refund.status for refund in refunds] == [201, 422, 201]
    assert set(refunds[0].body) == {"refund_id", "booking_id", "amount", "currency", "status"}
    for reader in (who, "staff"):
        read = people.ask(reader, "GET", f"/bookings/{booking_id}").body
        assert (read["payment_status"], read["captured"], read["refunded"]) == ("refunded", 4200, 4200)
        assert set(read) - {"attention"} == BOOKING

    lines = people.everything(who, f"/bookings/{booking_id}/transactions")
    assert all(set(line) == LINE for line in lines)
    assert [(line["kind"], line["status"]) for line in lines] == [
        ("authorize", "started"),
        ("authorize", "succeeded"),
        ("check_in", "succeeded"),
        ("capture", "started"),
        ("capture", "succeeded"),
        ("refund", "started"),
        ("refund", "succeeded"),
        ("refund", "started"),
        ("refund", "succeeded"),
    ]
    assert [line["actor"] for line in lines[:3]] == ["customer", "customer", "staff"]


def test_cancelling_in_time_is_free_and_late_costs_the_tier(people: People) -> None:
    soon = people.event(starts_in=timedelta(hours=20))
    later = people.event()
    who, early_booking = people.held(later)
    late_who, late_booking = people.held(soon)
    _, by_staff = people.held(soon)
    _, charged_by_staff = people.held(soon)
    people.advance(hours=2)  # past the grace of an hour after booking

    early = people.ask(who, "POST", f"/bookings/{early_booking}/cancel")
    late = people.ask(late_who, "POST", f"/bookings/{late_booking}/cancel")
    kind = people.ask("staff", "POST", f"/bookings/{by_staff}/cancel")
    strict = people.ask("staff", "POST", f"/bookings/{charged_by_staff}/cancel", {"charge_fee": True})

    found = [
        (answer.status, answer.body["payment_status"], answer.body["fee"]) for answer in (early, late, kind, strict)
    ]
    assert found == [(200, "released", 0), (200, "captured", 5000), (200, "released", 0), (200, "captured", 5000)]
    assert {answer.body["outcome"] for answer in (early, late, kind, strict)} == {"cancelled"}
    assert [people.charged(each) for each in (early_booking, late_booking, by_staff)] == [0, 5000, 0]


def test_whoever_books_late_has_an_hour_to_cancel_free(people: People) -> None:
    who, booking_id = people.held(people.event(starts_in=timedelta(hours=20)))
    booking = people.booking(booking_id)

    answer = people.ask(who, "POST", f"/bookings/{booking_id}/cancel")

    grace = datetime.fromisoformat(booking["free_cancellation_until"]) - datetime.fromisoformat(booking["created_at"])
    assert grace == timedelta(hours=1)
    assert (answer.status, answer.body["payment_status"]) == (200, "released")


def test_nothing_owed_is_a_release(people: People) -> None:
    _, booking_id = people.held(people.event())

    answer = people.complete(booking_id, 0)

    assert (answer.status, answer.body["payment_status"], answer.body["outcome"]) == (200, "released", "completed")
    assert people.charged(booking_id) == 0


def test_three_d_secure_goes_through_the_phone(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    card = people.card(who, "pm_card_threeDSecure2Required")
    wanted = {"event_id": event_id, "payment_method_id": card}
    passed, failed = (people.ask(who, "POST", "/holds", wanted) for _ in range(2))
    assert (passed.status, passed.body["payment_status"]) == (202, "action_required")
    assert passed.body["next_action"]["type"] == "confirm_payment"
    waiting = people.ask(who, "POST", f"/holds/{passed.body['booking_id']}/confirm")
    for placed, outcome in ((passed, "succeeded"), (failed, "failed")):
        intent = placed.body["next_action"]["client_secret"].split("_secret_")[0]
        people.control("POST", f"payment_intents/{intent}/authenticate", {"outcome": outcome})

    held = people.ask(who, "POST", f"/holds/{passed.body['booking_id']}/confirm")
    refused = people.ask(who, "POST", f"/holds/{failed.body['booking_id']}/confirm")

    assert (waiting.status, waiting.body["payment_status"]) == (202, "action_required")
    assert (held.status, held.body["payment_status"], held.body["next_action"]) == (200, "held", None)
    assert (refused.status, refused.problem) == (402, "card-declined")
    people.becomes(failed.body["booking_id"], payment_status="declined", outcome="declined")


def test_a_declined_card_is_402_with_the_booking(people: People) -> None:
    who = people.somebody()
    people.card(who, "pm_card_4000000000000341")

    answer = people.ask(who, "POST", "/holds", {"event_id": people.event()})

    assert (answer.status, answer.problem) == (402, "card-declined")
    booking = people.booking(answer.body["booking_id"])
    assert (booking["payment_status"], booking["outcome"], booking["captured"]) == ("declined", "declined", 0)


def test_customers_refund_themselves_only_where_the_policy_allows(people: People) -> None:
    generous = people.event(policy={"self_refund_until_hours": 4})
    for event_id, expected in ((generous, 201), (people.event(), 403)):
        who, booking_id = people.held(event_id)
        assert people.complete(booking_id, 5000).status == 200

        answer = people.ask(who, "POST", "/refunds", {"booking_id": booking_id, "reason": "requested_by_customer"})

        assert answer.status == expected


def test_zero_and_three_decimal_currencies_go_all_the_way(people: People) -> None:
    for price, held, fee in (
        ({"amount": 333, "currency": "jpy"}, 400, 333),
        ({"amount": 1250, "currency": "kwd"}, 1500, 1250),
    ):
        _, booking_id = people.held(people.event(price=price))

        answer = people.complete(booking_id, fee)

        assert (answer.status, answer.body["hold"]["amount"], answer.body["captured"]) == (200, held, fee)


def test_lists_are_newest_first_and_go_page_by_page(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    card = people.card(who)
    wanted = {"event_id": event_id, "payment_method_id": card}
    booked = [people.ask(who, "POST", "/holds", wanted).body["booking_id"] for _ in range(5)]
    assert people.ask(who, "POST", f"/bookings/{booked[1]}/cancel").status == 200

    for reader, path in ((who, "/bookings"), ("staff", f"/bookings?event_id={event_id}")):
        assert [each["booking_id"] for each in people.everything(reader, path, limit=2)] == booked[::-1]
    released = people.everything(who, f"/bookings?event_id={event_id}&payment_status=released", limit=1)
    assert [each["booking_id"] for each in released] == [booked[1]]
    assert people.everything("mallory", f"/bookings?event_id={event_id}") == []
    cursor = people.ask(who, "GET", "/bookings?limit=2").body["next_cursor"]
    elsewhere = people.ask(who, "GET", f"/bookings/{booked[0]}/transactions?cursor={cursor}")
    assert (elsewhere.status, elsewhere.problem) == (400, "invalid-request")
    assert people.log(booked[0], limit=1) == people.log(booked[0])


def test_an_event_too_far_away_or_begun_cannot_be_booked(people: People) -> None:
    who = people.somebody()
    people.card(who)
    far, near = people.event(starts_in=timedelta(days=731)), people.event(starts_in=timedelta(minutes=5))
    people.advance(minutes=5)

    too_far = people.ask(who, "POST", "/holds", {"event_id": far})
    begun = people.ask(who, "POST", "/holds", {"event_id": near})

    assert (too_far.status, too_far.problem) == (422, "too-far-ahead")
    assert (begun.status, begun.problem) == (422, "rule-refused")
    assert people.everything(who, "/bookings") == []
