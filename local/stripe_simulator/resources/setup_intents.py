"""SetupIntents: saving a card for later, with the cardholder's consent."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import ApiError, refused
from local.stripe_simulator.listing import listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import authentication, payment_methods, setup_attempts
from local.stripe_simulator.resources.ownership import check_owner
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(world: World, params: dict[str, Any]) -> Body:
    id = world.identifiers.new("seti")
    automatic = params.get("automatic_payment_methods") or {}
    intent: Body = {
        "id": id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None
        if "allowed_payment_method_types" in params
        else {"allow_redirects": automatic.get("allow_redirects", "always"), "enabled": automatic.get("enabled", True)},
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{world.identifiers.token(31)}",
        "created": world.seconds(),
        "customer": None,
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merged({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        # Whatever usage was asked for, this is what the recorded account answered (R).
        "usage": "off_session",
    }
    if "customer" in params:
        intent["customer"] = world.find("customer", params["customer"], "customer")["id"]
    _take(world, intent, params)
    world.add("seti", intent)
    world.announce("setup_intent.created", intent)
    return confirm_now(world, intent, params) if params.get("confirm") else intent


def _take(world: World, intent: Body, params: dict[str, Any]) -> None:
    intent["payment_method_options"]["card"].update((params.get("payment_method_options") or {}).get("card") or {})
    if "payment_method" in params:
        method = payment_methods.named(world, params["payment_method"])
        check_owner(intent, method)
        intent["payment_method"], intent["status"] = method["id"], "requires_confirmation"


def update(world: World, params: dict[str, Any], id: str) -> Body:
    intent = world.edit(world.find("setup_intent", id, "intent", in_path=True))
    if intent["status"] not in OPEN and {"customer", "payment_method"} & set(params):
        raise unexpected(intent, f"You cannot update this SetupIntent because it has a status of {intent['status']}.")
    if "customer" in params:
        intent["customer"] = world.find("customer", params["customer"], "customer")["id"]
    intent["description"] = params.get("description", intent["description"])
    intent["metadata"] = merged(intent["metadata"], params.get("metadata"))
    _take(world, intent, params)
    return intent


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    intent = world.find("setup_intent", id, "intent", in_path=True)
    secret = params.get("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        raise refused("The client_secret provided does not match any associated SetupIntent.", "client_secret")
    return intent


def confirm(world: World, params: dict[str, Any], id: str) -> Body:
    return confirm_now(world, world.find("setup_intent", id, "intent", in_path=True), params)


def confirm_now(world: World, intent: Body, params: dict[str, Any]) -> Body:
    """The customer's default card is never consulted (R)."""
    intent = world.edit(intent)
    if intent["status"] not in OPEN:
        raise unexpected(
            intent,
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent "
            "with "
            f"one of the following statuses may be confirmed: {', '.join(OPEN)}.",
        )
    _take(world, intent, params)
    if intent["payment_method"] is None:
        raise unexpected(
            intent,
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again.",
        )
    method = world.get("payment_method", intent["payment_method"])
    check_owner(intent, method)
    intent["next_action"] = intent["last_setup_error"] = None
    attempt = setup_attempts.begin(world, intent, method)
    intent["latest_attempt"] = attempt["id"]
    if authentication.is_needed_for_setup(payment_methods.behaviour(method)):
        intent["status"] = "requires_action"
        intent["next_action"] = authentication.next_action(world, intent, params.get("return_url"))
        attempt["status"] = "requires_action"
        world.announce("setup_intent.requires_action", intent)
        return intent
    return complete(world, intent)


def complete(world: World, intent: Body) -> Body:
    """The card is saved with the customer, unless the bank refuses it."""
    intent = world.edit(intent)
    method = world.get("payment_method", intent["payment_method"])
    card = payment_methods.behaviour(method)
    if card.decline is not None and (card.refuses_attachment or card.authentication == "always"):
        raise fail(world, intent, payment_methods.declined(card.decline, payment_method=public(method)))
    method = world.edit(method)
    if intent["customer"] is not None:
        payment_methods.attach_to(world, method, world.get("customer", intent["customer"]))
    method["_set_up"] = True
    intent["next_action"], intent["status"] = None, "succeeded"
    setup_attempts.end(world, intent["latest_attempt"], "succeeded")
    world.announce("setup_intent.succeeded", intent)
    return intent


def fail(world: World, intent: Body, why: ApiError) -> ApiError:
    intent = world.edit(intent)
    setup_attempts.end(world, intent["latest_attempt"], "failed", dict(why.error))
    intent.update(
        {
            "status": "requires_payment_method",
            "payment_method": None,
            "next_action": None,
            "last_setup_error": dict(why.error),
        }
    )
    world.announce("setup_intent.setup_failed", intent)
    details = {**why.error, "setup_intent": public(intent)}
    details.pop("doc_url", None)
    return ApiError(why.status, details.pop("message"), effects_stand=True, **details)


def cancel(world: World, params: dict[str, Any], id: str) -> Body:
    intent = world.edit(world.find("setup_intent", id, "intent", in_path=True))
    if intent["status"] not in OPEN:
        raise unexpected(
            intent,
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent "
            "with "
            f"one of the following statuses may be canceled: {', '.join(OPEN)}.",
        )
    if intent["latest_attempt"] is not None and intent["status"] == "requires_action":
        setup_attempts.end(world, intent["latest_attempt"], "abandoned")
    intent.update({"status": "canceled", "cancellation_reason": params.get("cancellation_reason"), "next_action": None})
    world.announce("setup_intent.canceled", intent)
    return intent


def unexpected(intent: Body, message: str) -> ApiError:
    return refused(message, code="setup_intent_unexpected_state", setup_intent=public(intent))


def list_all(world: World, params: dict[str, Any]) -> Body:
    def matches(row: Body) -> bool:
        return all(row[name] == params[name] for name in ("customer", "payment_method") if name in params)

    return listed(world, "setup_intent", params, "/v1/setup_intents", matches)
