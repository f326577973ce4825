"""What customers, their banks and the clock do again and again, in a word each. What they do it in is a `World`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.world import Answer, World

# --- customers --------------------------------------------------------------------------------------------------------


def booked(world: World, **body: Any) -> str:
    answer = world.hold(**body)
    assert answer.status in (201, 202), answer.body
    return str(answer.body["booking_id"])


def seen(world: World, booking_id: str, user: str = "alice") -> dict[str, Any]:
    answer = world.call("get_booking", "GET", "/bookings/{booking_id}", user=user, booking_id=booking_id)
    assert answer.status == 200
    return dict(answer.body)


def another_card(world: World, booking_id: str, card: str = "pm_card_mastercard", **more: Any) -> Answer:
    return world.call(
        "change_payment_method",
        "PUT",
        "/bookings/{booking_id}/payment-method",
        user="alice",
        body={"payment_method_id": world.card("alice", card)},
        booking_id=booking_id,
        **more,
    )


def confirm(world: World, booking_id: str, key: str = "confirm-1") -> Answer:
    return world.call(
        "confirm_hold", "POST", "/holds/{booking_id}/confirm", user="alice", body={}, key=key, booking_id=booking_id
    )


def asked_for(view: Mapping[str, Any]) -> str:
    """The PaymentIntent or SetupIntent that the booking's customer is to authenticate."""
    return str(view["next_action"]["client_secret"]).split("_secret_")[0]


def authenticate(world: World, what: str, outcome: str = "succeeded") -> None:
    kind = "setup_intents" if what.startswith("seti_") else "payment_intents"
    world.simulator.control("POST", f"/_simulator/{kind}/{what}/authenticate", {"outcome": outcome})


# --- the bank, and Stripe ---------------------------------------------------------------------------------------------


def the_card_next(world: World, booking_id: str, decline_code: str | None, **more: Any) -> None:
    card = world.booking(booking_id).payment_method_id
    world.simulator.control("POST", "/_simulator/cards", {"payment_method": card, "decline_code": decline_code, **more})


def lapse(world: World, booking_id: str) -> None:
    """The bank takes the hold back early, and Stripe says so."""
    hold = world.booking(booking_id).hold
    assert hold is not None
    world.simulator.control("POST", f"/_simulator/payment_intents/{hold.payment_intent_id}/expire", {})
    for each in world.stripe_events():
        assert world.apply_event(each)


def live(world: World) -> list[str]:
    return [intent.id for intent in world.intents() if intent.status == "requires_capture"]


def taken(world: World) -> int:
    """What was captured of everybody, in minor units, before refunds."""
    return sum(intent.amount_received for intent in world.intents())


def stripe_is_well_again(world: World) -> None:
    world.simulator.control("DELETE", "/_simulator/faults")


# --- the clock --------------------------------------------------------------------------------------------------------


def to_the_hold(world: World, booking_id: str) -> None:
    """The clock comes at the instant for which the hold was announced."""
    world.move_to(world.time().fromisoformat(seen(world, booking_id)["hold_at"]))
    world.sweep()


def time_passes(world: World, span: timedelta, *, every: timedelta = timedelta(hours=1), webhooks: bool = True) -> None:
    """The clock comes so often, after what Stripe has sent until then; without `webhooks` nothing arrives."""
    end = world.time() + span
    while world.time() < end:
        world.move_to(min(world.time() + every, end))
        if webhooks:
            world.deliver()
        world.sweep()
