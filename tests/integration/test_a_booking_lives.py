"""A booking's life, flow by flow, through the deployed handlers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.log import staff_id
from tests.world import World


@pytest.fixture
def yoga(world: World) -> World:
    world.event()
    return world


def test_a_hold_of_120_percent_is_placed_on_the_card(yoga: World) -> None:
    booking_id = yoga.held()

    booking = yoga.booking(booking_id)
    intent = yoga.intents()[0]
    assert booking.payment_status == "held"
    assert (intent.status, intent.amount, intent.amount_capturable) == ("requires_capture", 6000, 6000)
    assert yoga.story(booking_id) == ["authorize started", "authorize succeeded"]


def test_a_completed_booking_pays_what_staff_say_and_the_rest_goes_back(yoga: World) -> None:
    booking_id = yoga.held()

    answer = yoga.on("complete", booking_id, staff="sam", body={"amount": 4200})

    assert answer.status == 200, answer.body
    assert (answer.body["payment_status"], answer.body["captured"], answer.body["outcome"]) == (
        "captured",
        4200,
        "completed",
    )
    assert yoga.intents()[0].amount_received == 4200
    assert yoga.story(booking_id)[2:] == ["check_in succeeded", "capture started", "capture succeeded"]
    assert yoga.log(booking_id)[3]["details"]["asked"] == 4200  # the amount is theirs, not the price


def test_cancelling_exactly_24_hours_before_is_free(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1)

    answer = yoga.on("cancel", booking_id, user="alice")

    assert answer.status == 200, answer.body
    assert (answer.body["payment_status"], answer.body["outcome"], answer.body["fee"]) == ("released", "cancelled", 0)


def test_cancelling_a_second_later_costs_the_tier(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, seconds=1)

    answer = yoga.on("cancel", booking_id, user="alice")

    assert (answer.body["payment_status"], answer.body["captured"], answer.body["fee"]) == ("captured", 5000, 5000)


def test_staff_who_cancel_late_charge_only_if_they_say_so(yoga: World) -> None:
    free, paid = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    yoga.advance(days=1, hours=12)

    kind = yoga.on("cancel", free, staff="sam")
    strict = yoga.on("cancel", paid, staff="sam", body={"charge_fee": True})

    assert (kind.body["payment_status"], kind.body["fee"]) == ("released", 0)
    assert (strict.body["payment_status"], strict.body["fee"]) == ("captured", 5000)


def test_a_no_show_is_captured_by_the_clock_once_the_venue_checked_in_anybody(yoga: World) -> None:
    absent, present = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    yoga.on("check-in", present, staff="sam")
    yoga.advance(days=2, minutes=29)
    yoga.sweep()
    assert yoga.booking(absent).payment_status == "held"

    yoga.advance(minutes=1)
    yoga.sweep()

    booking = yoga.booking(absent)
    assert (booking.payment_status, booking.outcome, booking.captured, booking.fee) == (
        "captured",
        "no_show",
        5000,
        5000,
    )
    assert yoga.booking(present).payment_status == "held"


def test_attended_and_never_completed_pays_the_price_a_day_after_the_end(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.on("check-in", booking_id, staff="sam")
    yoga.advance(days=2, hours=2 + 24)

    yoga.sweep()

    booking = yoga.booking(booking_id)
    assert (booking.payment_status, booking.outcome, booking.captured, booking.fee) == (
        "captured",
        "completed",
        5000,
        0,
    )


def test_a_venue_that_says_nothing_charges_nobody_and_the_hold_goes_back(yoga: World) -> None:
    booking_id = yoga.held()
    for hours in (0.5, 1.5, 24):
        yoga.advance(days=0 if hours != 0.5 else 2, hours=hours)
        yoga.sweep()

    booking = yoga.booking(booking_id)
    assert (booking.payment_status, booking.outcome, booking.captured) == ("released", "no_show", 0)


def test_staff_can_order_the_no_shows_of_a_venue_that_checked_in_nobody(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=2, hours=1)
    yoga.sweep()
    assert yoga.booking(booking_id).payment_status == "held"

    answer = yoga.call("charge_no_shows", "POST", "/events/{event_id}/no-shows", staff="sam", event_id="yoga")
    yoga.drain("steps", "take_next_step")

    assert answer.status == 202
    assert yoga.booking(booking_id).outcome == "no_show"
    assert yoga.booking(booking_id).captured == 5000


def test_a_waived_no_show_is_released(yoga: World) -> None:
    booking_id = yoga.held()
    answer = yoga.on("waive", booking_id, staff="sam", body={"reason": "train strike"})
    yoga.advance(days=2, hours=1)

    yoga.sweep()

    assert answer.status == 200
    assert (yoga.booking(booking_id).payment_status, yoga.booking(booking_id).outcome) == ("released", "waived")


def test_refunds_in_parts_never_exceed_what_was_captured(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.on("complete", booking_id, staff="sam")

    first = yoga.refund(booking_id, amount=2000, key="r1")
    second = yoga.refund(booking_id, amount=3001, key="r2")
    rest = yoga.refund(booking_id, key="r3")

    assert (first.status, second.status, rest.status) == (201, 422, 201)
    assert second.problem == "rule-refused"
    assert (first.body["amount"], rest.body["amount"]) == (2000, 3000)
    assert yoga.booking(booking_id).payment_status == "refunded"
    assert yoga.refund(booking_id, key="r4").status == 409


def test_a_declined_card_is_402_with_the_booking_in_the_problem(yoga: World) -> None:
    yoga.card("bob", "pm_card_4000000000000341")

    answer = yoga.hold("bob")

    assert (answer.status, answer.problem) == (402, "card-declined")
    booking = yoga.booking(answer.body["booking_id"])
    assert (booking.payment_status, booking.outcome) == ("declined", "declined")
    assert yoga.story(booking.booking_id) == ["authorize started", "authorize failed"]


def test_three_d_secure_is_wanted_then_done_then_held(yoga: World) -> None:
    yoga.card("carol", "pm_card_threeDSecure2Required")
    placed = yoga.hold("carol")
    booking_id = placed.body["booking_id"]
    assert (placed.status, placed.body["payment_status"]) == (202, "action_required")
    assert placed.body["next_action"]["type"] == "confirm_payment"
    assert placed.body["hold"] is None

    waiting = confirm(yoga, booking_id)
    intent = yoga.booking(booking_id).hold
    assert intent is not None
    yoga.simulator.control(
        "POST", f"/_simulator/payment_intents/{intent.payment_intent_id}/authenticate", {"outcome": "succeeded"}
    )
    confirmed = confirm(yoga, booking_id)

    assert waiting.status == 202
    assert (confirmed.status, confirmed.body["payment_status"]) == (200, "held")
    assert yoga.story(booking_id) == ["authorize started", "authorize pending", "authorize succeeded"]


def confirm(world: World, booking_id: str, key: str = "c"):
    return world.call(
        "confirm_hold", "POST", "/holds/{booking_id}/confirm", user="carol", key=key, booking_id=booking_id
    )


def test_failed_authentication_is_402_and_nothing_stays_at_stripe(yoga: World) -> None:
    yoga.card("carol", "pm_card_threeDSecure2Required")
    booking_id = yoga.hold("carol").body["booking_id"]
    hold = yoga.booking(booking_id).hold
    assert hold is not None
    yoga.simulator.control(
        "POST", f"/_simulator/payment_intents/{hold.payment_intent_id}/authenticate", {"outcome": "failed"}
    )

    answer = confirm(yoga, booking_id)
    yoga.sweep()

    assert (answer.status, answer.problem) == (402, "card-declined")
    assert yoga.booking(booking_id).payment_status == "declined"
    assert yoga.intents()[0].status == "canceled"
    assert yoga.booking(booking_id).superseded == ()


def test_a_customer_who_never_authenticates_loses_the_place_after_30_minutes(yoga: World) -> None:
    yoga.card("carol", "pm_card_threeDSecure2Required")
    booking_id = yoga.hold("carol").body["booking_id"]
    yoga.advance(minutes=29)
    yoga.sweep()
    assert yoga.booking(booking_id).payment_status == "action_required"

    yoga.advance(minutes=1)
    yoga.sweep()

    assert (yoga.booking(booking_id).payment_status, yoga.booking(booking_id).outcome) == ("declined", "declined")
    assert yoga.intents()[0].status == "canceled"
    assert confirm(yoga, booking_id, key="late").status == 409


def test_a_cancelled_event_releases_holds_and_refunds_captures(yoga: World) -> None:
    held, captured = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    yoga.on("complete", captured, staff="sam")

    answer = yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    yoga.drain("steps", "take_next_step")

    assert answer.status == 202
    assert (yoga.booking(held).payment_status, yoga.booking(held).outcome) == ("released", "event_cancelled")
    assert (yoga.booking(captured).payment_status, yoga.booking(captured).outcome) == ("refunded", "event_cancelled")
    assert yoga.hold(key="hold-3").status == 409


def test_a_moved_event_gives_everybody_a_fresh_free_window(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)
    yoga.event(starts_in=timedelta(hours=30))
    yoga.sweep()
    assert yoga.booking(booking_id).starts_at == yoga.time() + timedelta(hours=30)
    yoga.advance(hours=23)

    answer = yoga.on("cancel", booking_id, user="alice")

    assert (answer.status, answer.body["fee"], answer.body["payment_status"]) == (200, 0, "released")
    assert "event_moved succeeded" in yoga.story(booking_id)


def test_an_event_too_far_ahead_is_refused(yoga: World) -> None:
    """Two years: nobody's card is good for longer."""
    yoga.event("far", starts_in=timedelta(days=730))
    yoga.event("farther", starts_in=timedelta(days=730, seconds=1))
    yoga.card()

    booked, answer = yoga.hold(event_id="far", key="far"), yoga.hold(event_id="farther", key="farther")

    assert (booked.status, booked.body["payment_status"]) == (201, "scheduled")
    assert (answer.status, answer.problem) == (422, "too-far-ahead")


def test_cancelling_late_costs_nothing_once_the_organiser_cancelled(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")

    answer = yoga.on("cancel", booking_id, user="alice")

    assert (answer.status, answer.body["payment_status"], answer.body["fee"]) == (200, "released", 0)


def test_an_event_that_was_cancelled_is_not_completed(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")

    assert yoga.on("complete", booking_id, staff="sam").status == 409


def test_a_booking_that_is_being_authorized_when_its_event_is_cancelled_is_released(yoga: World) -> None:
    yoga.card()
    yoga.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents"}, times=50)
    booking_id = yoga.hold().body["booking_id"]
    yoga.simulator.control("DELETE", "/_simulator/faults")
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    yoga.drain("steps", "take_next_step")
    assert yoga.booking(booking_id).payment_status == "authorizing"
    yoga.advance(minutes=2)

    yoga.sweep()

    assert (yoga.booking(booking_id).payment_status, yoga.booking(booking_id).outcome) == (
        "released",
        "event_cancelled",
    )


def test_staff_are_named_in_the_log_and_customers_are_not(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.on("complete", booking_id, staff="sam")

    lines = yoga.log(booking_id)
    assert {line["details"].get("staff") for line in lines[:2]} == {None}
    assert {line["details"].get("staff") for line in lines[2:]} == {staff_id("sam")}
    assert "alice" not in str(lines)
