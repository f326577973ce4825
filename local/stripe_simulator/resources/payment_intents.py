"""PaymentIntents before and besides the money: create, change, retrieve, list."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.money import check_amount, check_currency
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import confirmation, payment_methods, windows
from local.stripe_simulator.resources.ownership import check_owner
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_PLAIN = (
    *("description", "receipt_email", "setup_future_usage", "shipping", "transfer_group"),
    *("statement_descriptor", "statement_descriptor_suffix"),
)


def unexpected_state(intent: Body, message: str, param: str | None = None) -> Exception:
    """State errors carry the whole PaymentIntent (R)."""
    return refused(message, param, code="payment_intent_unexpected_state", payment_intent=public(intent))


def create(world: World, params: dict[str, Any]) -> Body:
    currency = check_currency(params["currency"])
    check_amount(params["amount"], currency, world.switches)
    if not params.get("confirm"):
        for name in ("off_session", "error_on_requires_action", "return_url", "mandate_data"):
            if name in params:
                raise refused(f"`{name}` cannot be passed when `confirm=true` is not also passed.", name)
    windows.check_eligible(world, params)
    id = world.identifiers.new("pi")
    automatic = params.get("automatic_payment_methods") or {}
    intent: Body = {
        "id": id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None
        if "allowed_payment_method_types" in params
        else {"allow_redirects": automatic.get("allow_redirects", "always"), "enabled": automatic.get("enabled", True)},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{id}_secret_{world.identifiers.token(25)}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": world.seconds(),
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_authenticated": False,
        "_authentication_wanted_of": None,
        "_off_session": False,
    }
    if "customer" in params:
        intent["customer"] = world.find("customer", params["customer"], "customer")["id"]
    intent.update({name: params[name] for name in _PLAIN if name in params})
    _take_options(intent, params)
    _take_method(world, intent, params)
    world.add("pi", intent)
    world.announce("payment_intent.created", intent)
    return confirmation.confirm_now(world, intent, params) if params.get("confirm") else intent


def _take_method(world: World, intent: Body, params: dict[str, Any]) -> None:
    if "payment_method" not in params:
        return
    if params["payment_method"] is None:
        intent["payment_method"], intent["status"] = None, "requires_payment_method"
        return
    method = payment_methods.named(world, params["payment_method"])
    check_owner(intent, method)
    intent["payment_method"], intent["status"] = method["id"], "requires_confirmation"


def _take_options(intent: Body, params: dict[str, Any]) -> None:
    intent["payment_method_options"]["card"].update((params.get("payment_method_options") or {}).get("card") or {})


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    intent = world.find("payment_intent", id, "intent", in_path=True)
    secret = params.get("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        raise refused("The client_secret provided does not match any associated PaymentIntent.", "client_secret")
    return intent


def update(world: World, params: dict[str, Any], id: str) -> Body:
    """Money only before the hold; description and metadata always (R). No event tells of it (R)."""
    intent = world.edit(world.find("payment_intent", id, "intent", in_path=True))
    settled = ("amount", "currency", "customer", "payment_method", "capture_method", "setup_future_usage")
    for name in settled:
        if name in params and intent["status"] not in CHANGEABLE:
            raise unexpected_state(
                intent,
                f"This PaymentIntent's {name} could not be updated because it has a status of {intent['status']}. You "
                f"may only update the {name} of a PaymentIntent with one of the following statuses: "
                f"{', '.join(CHANGEABLE)}.",
                name,
            )
    windows.check_eligible(world, params)
    currency = check_currency(str(params.get("currency", intent["currency"])))
    amount: int = params["amount"] if "amount" in params else intent["amount"]
    if "amount" in params or "currency" in params:
        check_amount(amount, currency, world.switches)
    intent["amount"], intent["currency"] = amount, currency
    if "customer" in params:
        intent["customer"] = world.find("customer", params["customer"], "customer")["id"]
    intent["capture_method"] = params.get("capture_method", intent["capture_method"])
    intent.update({name: params[name] for name in _PLAIN if name in params})
    intent["metadata"] = merged(intent["metadata"], params.get("metadata"))
    _take_options(intent, params)
    _take_method(world, intent, params)
    if intent["status"] == "requires_action" and {"amount", "currency", "customer", "capture_method"} & set(params):
        intent["status"], intent["next_action"] = "requires_confirmation", None
    return intent


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "payment_intent", params, "/v1/payment_intents", equal_to(params, "customer"))
