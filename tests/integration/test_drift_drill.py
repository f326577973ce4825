"""The night compares Stripe with the book: eight drifts are named and dealt with, a clean month raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.reconciliation import State, midnight
from tests.nights import DAY, authorized, intent_of, named, report, the_night_after
from tests.world import World

# --- the drift drill --------------------------------------------------------------------------------------------------


def missed_capture(world: World) -> str:
    booking_id = world.held("missed")
    world.stripe.v1.payment_intents.capture(intent_of(world, booking_id), {"amount_to_capture": 1234})
    return booking_id


def dashboard_refund(world: World) -> str:
    booking_id = world.held("refunded")
    world.on("complete", booking_id, staff="sam")
    world.stripe.v1.refunds.create({"payment_intent": intent_of(world, booking_id), "amount": 2000})
    return booking_id


def failed_refund(world: World) -> str:
    booking_id = world.held("failed", card="pm_card_4000000000005126")
    world.on("complete", booking_id, staff="sam")
    refund = world.refund(booking_id, amount=1500).body["refund_id"]
    world.simulator.control("POST", f"/_simulator/refunds/{refund}", {"status": "failed"})
    return booking_id


def dispute_fee(world: World) -> str:
    booking_id = world.held("disputed")
    world.on("complete", booking_id, staff="sam")
    world.simulator.control("POST", "/_simulator/disputes", {"payment_intent": intent_of(world, booking_id)})
    return booking_id


def expired_hold(world: World) -> str:
    booking_id = world.held("expired")
    world.simulator.control("POST", f"/_simulator/payment_intents/{intent_of(world, booking_id)}/expire", {})
    return booking_id


def wrong_currency(world: World) -> str:
    booking_id = world.held("currency")
    authorized(world, booking_id, currency="usd")
    return booking_id


def duplicate_authorization(world: World) -> str:
    booking_id = world.held("duplicate")
    authorized(world, booking_id)
    return booking_id


def orphan_intent(world: World) -> str:
    booking_id = world.held("orphan")
    authorized(world, booking_id, for_booking="bk_nobody")
    return "bk_nobody"


DRIFTS: dict[str, Callable[[World], str]] = {
    "missed_capture": missed_capture,
    "outside_refund": dashboard_refund,
    "failed_refund": failed_refund,
    "dispute_fee": dispute_fee,
    "expired_hold": expired_hold,
    "wrong_currency": wrong_currency,
    "duplicate_authorization": duplicate_authorization,
    "orphan_intent": orphan_intent,
}
FOR_STAFF = {"wrong_currency", "orphan_intent"}


@pytest.fixture
def drifted(world: World) -> dict[str, str]:
    """All eight on one day, among bookings of which nothing is wrong."""
    world.move_to(midnight(DAY) + timedelta(hours=9))
    world.event(starts_in=timedelta(days=4))
    world.held("somebody")
    world.on("complete", world.held("somebody-else"), staff="sam")
    return {drift: happens(world) for drift, happens in DRIFTS.items()}


def test_each_of_the_eight_drifts_is_named_and_nothing_else(world: World, drifted: dict[str, str]) -> None:
    the_night_after(world)

    world.reconcile()

    assert named() == {drift: {booking_id} for drift, booking_id in drifted.items()}
    states = {str(each.difference.drift): each.state for each in report().findings}
    assert {drift for drift, state in states.items() if state is State.LEFT} == FOR_STAFF
    assert {drift for drift, state in states.items() if state is State.ADOPTED} == set(DRIFTS) - FOR_STAFF


def test_what_was_adopted_stands_in_the_book_as_if_the_webhook_had_come(world: World, drifted: dict[str, str]) -> None:
    the_night_after(world)

    world.reconcile()

    books = {drift: world.booking(booking_id) for drift, booking_id in drifted.items() if booking_id != "bk_nobody"}
    assert (books["missed_capture"].payment_status, books["missed_capture"].captured) == ("captured", 1234)
    assert (books["outside_refund"].payment_status, books["outside_refund"].refunded) == ("partially_refunded", 2000)
    assert (books["failed_refund"].refunded, books["failed_refund"].attention) == (0, "refund_failed")
    assert books["dispute_fee"].payment_status == "disputed"
    assert (books["expired_hold"].payment_status, books["expired_hold"].attention) == ("expired", "hold_expired")
    world.sweep()
    duplicate = [each for each in world.intents() if each.metadata["booking_id"] == drifted["duplicate_authorization"]]
    assert sorted(each.status for each in duplicate) == ["canceled", "requires_capture"]
    for booking_id in drifted.values():
        if booking_id != "bk_nobody":
            world.log(booking_id)


def test_what_no_rule_may_mend_is_listed_for_staff_and_left_alone(world: World, drifted: dict[str, str]) -> None:
    the_night_after(world)
    before = {intent.id: intent.status for intent in world.intents() if intent.currency == "usd"}

    world.reconcile()
    world.sweep()

    listed = world.call("list_bookings", "GET", "/bookings", staff="sam", query={"attention": "true"}).body["items"]
    reasons = {item["booking_id"]: item["attention"]["reason"] for item in listed}
    assert reasons[drifted["wrong_currency"]] == "wrong_currency"
    assert {intent.id: intent.status for intent in world.intents() if intent.currency == "usd"} == before
    assert before


def test_the_next_night_finds_nothing_any_more(world: World, drifted: dict[str, str]) -> None:
    the_night_after(world)
    world.reconcile()
    world.sweep()
    the_night_after(world, DAY + timedelta(days=1))

    world.reconcile()

    assert named(DAY + timedelta(days=1)) == {}


def test_the_sums_of_a_drifted_day_come_out_because_each_movement_is_matched(
    world: World, drifted: dict[str, str]
) -> None:
    the_night_after(world)

    world.reconcile()

    sums = report().totals["eur"]
    assert (sums.captured.unexplained, sums.refunded.unexplained) == (0, 0)
    # Four completed at 50.00; 12.34 stand in the log of the night, not of the day.
    assert (sums.captured.log, sums.captured.stripe, sums.captured.stripe_elsewhere) == (20_000, 21_234, 1_234)
    # 15.00 went and came back; of the 20.00 from the dashboard the day's log knew nothing.
    assert (sums.refunded.stripe, sums.disputed) == (2_000, 5_000)
    assert sums.fees > 1_500


# --- a clean month ----------------------------------------------------------------------------------------------------


def _stranger(world: World) -> None:
    """Somebody else's payments on the same account, with and without a deployment of their own."""
    metadata: list[dict[str, str]] = [{}, {"deployment": "another", "booking_id": "bk_theirs"}]
    for each in metadata:
        paid = world.stripe.v1.payment_intents.create(
            {
                "amount": 777,
                "currency": "eur",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": each,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
        world.stripe.v1.refunds.create({"payment_intent": paid.id, "amount": 77})


def _lost_answer(world: World, event_id: str, user: str) -> None:
    """A capture whose answer is lost half a minute before midnight, and found by the clock after it."""
    booking_id = world.held(user, event_id)
    world.move_to(world.time().replace(hour=23, minute=59, second=30))
    world.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    assert world.on("complete", booking_id, staff="sam").status == 202
    world.simulator.control("DELETE", "/_simulator/faults")


def _abandoned(world: World, event_id: str, user: str) -> None:
    world.card(user)
    world.simulator.add_fault("timeout_after", match={"method": "POST", "path": "/v1/payment_intents"}, times=50)
    assert world.hold(user, event_id).status == 202
    world.simulator.control("DELETE", "/_simulator/faults")


def _three_d_secure(world: World, event_id: str, user: str, outcome: str | None) -> None:
    world.card(user, "pm_card_threeDSecure2Required")
    answer = world.hold(user, event_id)
    assert answer.status == 202
    if outcome:
        intent = intent_of(world, answer.body["booking_id"])
        world.simulator.control("POST", f"/_simulator/payment_intents/{intent}/authenticate", {"outcome": outcome})


def _declined(world: World, event_id: str, user: str) -> None:
    world.card(user, "pm_card_4000000000000341")
    assert world.hold(user, event_id).status == 402


def _refunded(world: World, event_id: str, user: str, card: str = "pm_card_visa") -> None:
    booking_id = world.held(user, event_id, card=card)
    world.on("complete", booking_id, staff="sam")
    for amount in (1000, 700):
        assert world.refund(booking_id, amount=amount, key=f"{user}-{amount}").status == 201


def _disputed(world: World, event_id: str, user: str, verdict: str | None, *, inquiry: bool = False) -> None:
    booking_id = world.held(user, event_id)
    world.on("complete", booking_id, staff="sam")
    wanted = {"payment_intent": intent_of(world, booking_id), "inquiry": inquiry}
    dispute = world.simulator.control("POST", "/_simulator/disputes", wanted)
    world.deliver()
    if verdict:
        world.simulator.control("POST", f"/_simulator/disputes/{dispute['id']}", {"status": verdict})


Life = Callable[[World, str, str], Any]
LIVES: list[Life] = [
    lambda w, event, user: w.held(user, event),  # and never comes
    _lost_answer,
    lambda w, event, user: w.on("complete", w.held(user, event), staff="sam", body={"amount": 6000}),
    lambda w, event, user: w.on("cancel", w.held(user, event), user=user),
    lambda w, event, user: w.on("check-in", w.held(user, event), staff="sam"),
    lambda w, event, user: w.on("waive", w.held(user, event), staff="sam", body={"reason": "ill"}),
    _declined,
    lambda w, event, user: _three_d_secure(w, event, user, "succeeded"),
    lambda w, event, user: _three_d_secure(w, event, user, "failed"),
    lambda w, event, user: _three_d_secure(w, event, user, None),
    _refunded,
    lambda w, event, user: _refunded(w, event, user, "pm_card_4000000000007726"),
    lambda w, event, user: _refunded(w, event, user, "pm_card_4000000000005126"),
    lambda w, event, user: _disputed(w, event, user, None),
    lambda w, event, user: _disputed(w, event, user, "won"),
    lambda w, event, user: _disputed(w, event, user, "lost"),
    lambda w, event, user: _disputed(w, event, user, None, inquiry=True),
    _abandoned,
]


def test_a_clean_month_raises_no_alarm(world: World) -> None:
    """Every kind of life, each webhook in time, the clock around midnight; every third night compares what was left."""
    first = DAY
    for number in range(10):
        day = first + timedelta(days=3 * number)
        world.move_to(max(world.time(), midnight(day) + timedelta(hours=4)))
        price = {"amount": 5000, "currency": ("eur", "jpy", "usd")[number % 3]}
        event_id = world.event(f"event-{number}", starts_in=timedelta(hours=50), price=price)["event_id"]
        _stranger(world)
        for life in LIVES[2 * number : 2 * number + 2]:
            life(world, event_id, f"user-{number}-{LIVES.index(life)}")
        for hours in (23.9, 24.1, 53, 71, 75.2):
            world.move_to(max(world.time(), midnight(day) + timedelta(hours=hours)))
            world.deliver()
            world.sweep()
            world.deliver()

        world.reconcile()

    days = [first + timedelta(days=number) for number in range(30)]
    assert {day: report(day).findings for day in days} == dict.fromkeys(days, ())
    sums = [flow for day in days for each in report(day).totals.values() for flow in (each.captured, each.refunded)]
    assert [flow.unexplained for flow in sums] == [0] * len(sums)
    assert sum(flow.log for flow in sums) > 50_000
    statuses = {str(world.booking(booking_id).payment_status) for booking_id in _everybody(world)}
    assert statuses >= {"captured", "released", "declined", "disputed", "partially_refunded"}


def _everybody(world: World) -> list[str]:
    items = world.call("list_bookings", "GET", "/bookings", staff="sam", query={"limit": "100"}).body["items"]
    return [item["booking_id"] for item in items]
