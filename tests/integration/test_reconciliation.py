"""The night compares Stripe with the book: eight drifts are named and dealt with, a clean month raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from holdfast import bootstrap
from holdfast.reconciliation import Run, State
from tests.world import DEPLOYMENT, World

# Every drift happens on this day; nobody delivers a webhook.
DAY = date(2026, 11, 24)


def intent_of(world: World, booking_id: str) -> str:
    hold = world.booking(booking_id).hold
    assert hold is not None
    return hold.payment_intent_id


def report(day: date = DAY) -> Run:
    run = bootstrap.store().reconciliations.get(day)
    assert run is not None
    assert run.finished
    return run


def named(day: date = DAY) -> dict[str, set[str | None]]:
    """Kind of difference to the bookings that have it."""
    found: dict[str, set[str | None]] = {}
    for finding in report(day).findings:
        found.setdefault(str(finding.difference.drift), set()).add(finding.difference.booking_id)
    return found


def the_night_after(world: World, day: date = DAY) -> None:
    world.move_to(datetime(day.year, day.month, day.day, 3, 10, tzinfo=UTC) + timedelta(days=1))


def ours(booking_id: str) -> dict[str, str]:
    return {"deployment": DEPLOYMENT, "booking_id": booking_id, "operation_id": "op_of_nobody"}


def authorized(world: World, booking_id: str, *, currency: str = "eur", for_booking: str | None = None) -> str:
    """A second authorization of the same card with a booking's name on it, as some script might have made it."""
    booking = world.booking(booking_id)
    placed = world.stripe.v1.payment_intents.create(
        {
            "amount": 6000,
            "currency": currency,
            "customer": booking.customer_id,
            "payment_method": booking.payment_method_id,
            "capture_method": "manual",
            "confirm": True,
            "allowed_payment_method_types": ["card"],
            "metadata": ours(for_booking or booking_id),
        }
    )
    assert placed.status == "requires_capture"
    return placed.id


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
    world.move_to(datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=UTC))
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
