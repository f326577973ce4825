"""What confirming a PaymentIntent leads to: a hold, a payment, a decline, or a question to the cardholder."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator import cards
from local.stripe_simulator.errors import ApiError, refused
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import authentication, banks, charges, payment_methods, windows
from local.stripe_simulator.resources.ownership import check_owner
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(world: World, params: dict[str, Any], id: str) -> Body:
    return confirm_now(world, world.find("payment_intent", id, "intent", in_path=True), params)


def confirm_now(world: World, intent: Body, params: dict[str, Any]) -> Body:
    intent = world.edit(intent)
    _check_confirmable(intent)
    if "payment_method" in params:
        intent["payment_method"] = payment_methods.named(world, params["payment_method"])["id"]
    if intent["payment_method"] is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment "
            "method or ConfirmationToken.",
        )
    method = world.get("payment_method", intent["payment_method"])
    check_owner(intent, method)
    _check_return_url(world, intent, params)
    windows.check_eligible(world, params)
    for name in ("capture_method", "setup_future_usage", "receipt_email", "shipping"):
        if name in params:
            intent[name] = params[name]
    intent["payment_method_options"]["card"].update((params.get("payment_method_options") or {}).get("card") or {})
    intent["_off_session"] = params.get("off_session", False) not in (False, None)
    intent["next_action"] = intent["last_payment_error"] = None
    return _attempt(world, intent, method, params)


def _attempt(world: World, intent: Body, method: Body, params: dict[str, Any]) -> Body:
    card, off_session = payment_methods.behaviour(method), intent["_off_session"]
    must_ask = not intent["_authenticated"] and banks.asks(world, intent, method)
    asked_for = intent["payment_method_options"]["card"].get("request_three_d_secure") in {"any", "challenge"}
    if must_ask and (off_session or params.get("error_on_requires_action")):
        leaves_charge = card.may_leave_failed_charge and world.switches.failed_charge_on_off_session_authentication
        raise decline(world, intent, method, cards.AUTHENTICATION_REQUIRED, with_charge=leaves_charge)
    if must_ask or (asked_for and not off_session and not intent["_authenticated"]):
        intent["status"] = "requires_action"
        intent["next_action"] = authentication.next_action(world, intent, params.get("return_url"))
        world.announce("payment_intent.requires_action", intent)
        return intent
    return complete(world, intent)


def complete(world: World, intent: Body) -> Body:
    """The bank decides: nothing stands between the card and the charge any more."""
    method = world.get("payment_method", intent["payment_method"])
    why = banks.verdict(world, intent, method)
    if why is not None:
        raise decline(world, intent, method, why, with_charge=True)
    intent = world.edit(intent)
    intent["next_action"] = intent["last_payment_error"] = None
    _keep_method(world, intent, method)
    charge = charges.authorize(world, intent, method)
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        world.announce("payment_intent.amount_capturable_updated", intent)
    else:
        charges.settle(world, charge, intent["amount"])
        intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
        world.announce("payment_intent.succeeded", intent)
    return intent


def decline(world: World, intent: Body, method: Body, why: cards.Decline, *, with_charge: bool) -> ApiError:
    """The attempt is over, the PaymentIntent may try again with another card (R)."""
    intent = world.edit(intent)
    charge = charges.fail(world, intent, method, why) if with_charge else None
    details = {"charge": charge["id"]} if charge else {}
    error = payment_methods.declined(why, payment_method=public(method), **details)
    intent.update(
        {
            "status": "requires_payment_method",
            "payment_method": None,
            "next_action": None,
            "last_payment_error": dict(error.error),
            "_authenticated": False,
            # Stripe remembers what the bank wanted: the same card is asked when its holder is there (I).
            "_authentication_wanted_of": method["id"] if why is cards.AUTHENTICATION_REQUIRED else None,
        }
    )
    if charge:
        intent["latest_charge"] = charge["id"]
    world.announce("payment_intent.payment_failed", intent)
    return payment_methods.declined(
        why, payment_intent=public(intent), payment_method=public(method), effects_stand=True, **details
    )


def _keep_method(world: World, intent: Body, method: Body) -> None:
    """A card that is to be used again is attached; one that is not can never be."""
    method = world.edit(method)
    usage = intent["setup_future_usage"]
    if usage is not None and intent["customer"] is not None:
        payment_methods.attach_to(world, method, world.get("customer", intent["customer"]))
        method["_set_up"] = method["_set_up"] or usage == "off_session"
    elif method["customer"] is None:
        method["_used_up"] = True


def _check_confirmable(intent: Body) -> None:
    if intent["status"] == "succeeded":
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        )
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(
            intent,
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent "
            f"with one of the following statuses may be confirmed: {', '.join(CONFIRMABLE)}.",
        )


def _check_return_url(world: World, intent: Body, params: dict[str, Any]) -> None:
    automatic = intent["automatic_payment_methods"] or {}
    redirects = automatic.get("enabled") and automatic.get("allow_redirects") == "always"
    if world.switches.require_return_url_for_redirects and redirects and "return_url" not in params:
        raise refused(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` "
            "and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment "
            "Intents."
        )


def _unexpected(intent: Body, message: str) -> ApiError:
    return refused(message, code="payment_intent_unexpected_state", payment_intent=public(intent))
