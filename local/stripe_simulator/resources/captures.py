"""How a hold ends: captured whole or in part, cancelled, or expired."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import ApiError, refused
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.money import written
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import charges, refunds, windows
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

# The recorded refusal names two statuses that no other page mentions (R).
CANCELABLE = (
    *("requires_payment_method", "requires_capture", "requires_reauthorization", "requires_confirmation"),
    *("requires_action", "processing", "expired"),
)


def capture(world: World, params: dict[str, Any], id: str) -> Body:
    """Once, up to what is held; the rest is released silently (R)."""
    intent = world.edit(world.find("payment_intent", id, "intent", in_path=True))
    if intent["status"] != "requires_capture":
        raise _not_capturable(intent)
    charge = world.get("charge", intent["latest_charge"])
    if windows.is_over(world, charge):
        raise refused(
            f"Charge {charge['id']} has expired, and cannot be captured anymore.",
            code="charge_expired_for_capture",
            payment_intent=public(intent),
        )
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        most = written(intent["amount_capturable"], intent["currency"])
        raise refused(
            f"You cannot capture more than the amount that is capturable on this PaymentIntent ({most}).",
            "amount_to_capture",
            code="amount_too_large",
        )
    if params.get("final_capture") is False:
        raise refused("Multiple captures are not available for this payment.", "final_capture")
    intent["metadata"] = merged(intent["metadata"], params.get("metadata"))
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        if name in params:
            intent[name] = params[name]
    world.unschedule("expire", id)
    charges.settle(world, charge, amount)
    intent.update({"status": "succeeded", "amount_received": amount, "amount_capturable": 0})
    world.announce("payment_intent.succeeded", intent)
    return intent


def _not_capturable(intent: Body) -> ApiError:
    if intent["status"] == "succeeded" and intent["capture_method"] == "manual":
        message = (
            "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized "
            "amount has been released."
        )
    elif intent["status"] == "succeeded":
        message = "This PaymentIntent could not be captured because it has already been captured."
    else:
        message = (
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture."
        )
    return refused(message, code="payment_intent_unexpected_state", payment_intent=public(intent))


def cancel(world: World, params: dict[str, Any], id: str) -> Body:
    intent = world.edit(world.find("payment_intent", id, "intent", in_path=True))
    if intent["status"] not in CANCELABLE:
        raise refused(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    held = intent["status"] == "requires_capture"
    _end(world, intent, params.get("cancellation_reason"))
    if not held:
        world.announce("payment_intent.canceled", intent)
        return intent
    if world.switches.release_emits_canceled_first:
        world.announce("payment_intent.canceled", intent)
    charge, refund = refunds.release(world, world.get("charge", intent["latest_charge"]), reason=None)
    if world.switches.release_emits_refund_created:
        world.announce("refund.created", refund)
    world.announce("charge.refunded", charge, {"amount_refunded": 0, "refunded": False})
    if not world.switches.release_emits_canceled_first:
        world.announce("payment_intent.canceled", intent)
    return intent


def expire(world: World, timer: Body) -> None:
    """The bank's patience ends: Stripe cancels by itself, in nobody's request (D)."""
    if world.get("payment_intent", timer["subject"])["status"] == "requires_capture":
        void(world, timer["subject"])


def void(world: World, id: str, *, reason: str | None = None, status: str = "canceled") -> None:
    """The hold is gone and nobody here asked for it. Only `canceled` is common; the others are named by Stripe (R)."""
    intent = world.edit(world.get("payment_intent", id))
    _end(world, intent, reason or world.switches.expiry_cancellation_reason)
    if status != "canceled":
        intent.update({"status": status, "canceled_at": None, "cancellation_reason": None})
    charge, _ = refunds.release(world, world.get("charge", intent["latest_charge"]), reason="expired_uncaptured_charge")
    world.announce("charge.expired", charge)
    if world.switches.expiry_emits_charge_refunded:
        world.announce("charge.refunded", charge, {"amount_refunded": 0, "refunded": False})
    if status == "canceled":
        world.announce("payment_intent.canceled", intent)


def _end(world: World, intent: Body, reason: str | None) -> None:
    world.unschedule("expire", intent["id"])
    intent.update(
        {
            "status": "canceled",
            "canceled_at": world.seconds(),
            "cancellation_reason": reason,
            "amount_capturable": 0,
            "next_action": None,
        }
    )
