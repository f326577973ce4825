"""Nights of reconciliation in a test's world, and what they found."""

from __future__ import annotations

from datetime import date, timedelta

from holdfast import bootstrap
from holdfast.reconciliation import Run, midnight
from tests.world import DEPLOYMENT, World

# The day on which things happen.
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
    world.move_to(midnight(day) + timedelta(hours=27, minutes=10))


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
