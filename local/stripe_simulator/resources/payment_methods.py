"""Payment methods: a card, whose it is, and whether the bank lets it be saved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.stripe_simulator import cards
from local.stripe_simulator.errors import ApiError, missing_parameter, no_such, refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To "
    "use a "
    "PaymentMethod multiple times, you must attach it to a Customer first."
)


def behaviour(method: Body) -> cards.Card:
    return cards.BY_NUMBER[method["_number"]]


def create(world: World, params: dict[str, Any]) -> Body:
    if "type" not in params:
        raise missing_parameter("type")
    given = params.get("card")
    if given is None:
        raise missing_parameter("card")
    if "token" in given:
        card = cards.named(given["token"], "tok_")
        if card is None:
            raise no_such("token", given["token"], "card[token]", in_path=False)
        return _minted(world, card, params)
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise missing_parameter(f"card[{name}]")
    return _minted(world, _card_of(world, given), params, given["exp_month"], given["exp_year"])


def _card_of(world: World, given: dict[str, Any]) -> cards.Card:
    number = "".join(character for character in given["number"] if character not in " -")
    if not number.isdigit() or not cards.passes_luhn(number):
        raise _card_error("incorrect_number", "Your card number is incorrect.", "number")
    if not 1 <= given["exp_month"] <= 12:
        raise _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    today = datetime.fromtimestamp(world.clock.now(), UTC)
    year = given["exp_year"] + 2000 if given["exp_year"] < 100 else given["exp_year"]
    if (year, given["exp_month"]) < (today.year, today.month) or year > today.year + 50:
        raise _card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    card = cards.BY_NUMBER.get(number)
    if card is None:
        raise declined(cards.LIVE_CARD)
    return card


def _card_error(code: str, message: str, param: str) -> ApiError:
    return ApiError(402, message, type="card_error", code=code, param=param)


def declined(decline: cards.Decline, **details: Any) -> ApiError:
    return ApiError(
        402,
        decline.message,
        type="card_error",
        code=decline.code,
        decline_code=decline.decline_code,
        **{**decline.advice, **details},
    )


def _minted(
    world: World, card: cards.Card, params: dict[str, Any], exp_month: int | None = None, exp_year: int | None = None
) -> Body:
    today = datetime.fromtimestamp(world.clock.now(), UTC)
    given = params.get("billing_details") or {}
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    body: Body = {
        "id": None,
        "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": {
            "address": {**address, **(given.get("address") or {})},
            **{name: given.get(name) for name in ("email", "name", "phone", "tax_id")},
        },
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "unchecked" if exp_month is None else "pass",
            },
            "country": "US",
            "display_brand": card.brand,
            "exp_month": exp_month or today.month,
            "exp_year": (exp_year if exp_year is None or exp_year > 99 else exp_year + 2000) or today.year + 1,
            # The same number has the same fingerprint everywhere in the account.
            "fingerprint": f"sim{card.number[-13:]}",
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.seconds(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "type": "card",
        "_number": card.number,
        "_set_up": False,
        "_used_up": False,
    }
    return world.add("pm", body)


def named(world: World, id: str, param: str = "payment_method", *, in_path: bool = False) -> Body:
    """One of ours, or a fresh copy of one of Stripe's test payment methods."""
    found = world.store.get("payment_method", id)
    if found is not None:
        return found
    card = cards.named(id)
    if card is None:
        raise no_such("PaymentMethod", id, param, in_path=in_path)
    return _minted(world, card, {})


def attach_to(world: World, method: Body, customer: Body) -> Body:
    """The bank is asked; a card that it refuses is not saved (R)."""
    if method["customer"] is not None and (method["customer"] != customer["id"] or world.switches.reattach_refused):
        raise refused("The payment method you provided has already been attached to a customer.")
    if method["customer"] == customer["id"]:
        return method
    if method["_used_up"]:
        raise refused(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    card = behaviour(method)
    if card.decline is not None and card.refuses_attachment:
        raise declined(card.decline)
    method = world.edit(method)
    method["customer"] = customer["id"]
    if method["card"]["checks"]["cvc_check"] == "unchecked":
        method["card"]["checks"]["cvc_check"] = "pass"
    world.announce("payment_method.attached", method)
    return method


def attach(world: World, params: dict[str, Any], id: str) -> Body:
    customer = world.find("customer", params["customer"], "customer")
    return attach_to(world, named(world, id, in_path=True), customer)


def detach_from_customer(world: World, method: Body) -> Body:
    """A detached card is never usable again."""
    method = world.edit(method)
    owner = world.get("customer", method["customer"])
    if owner["invoice_settings"]["default_payment_method"] == method["id"]:
        world.edit(owner)["invoice_settings"]["default_payment_method"] = None
    method["customer"], method["_used_up"] = None, True
    world.announce("payment_method.detached", method, {"customer": owner["id"]})
    return method


def detach(world: World, params: dict[str, Any], id: str) -> Body:
    method = world.find("payment_method", id, "payment_method", in_path=True)
    if method["customer"] is None:
        raise refused(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            "payment_method",
        )
    return detach_from_customer(world, method)


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return named(world, id, in_path=True)


def update(world: World, params: dict[str, Any], id: str) -> Body:
    method = world.find("payment_method", id, "payment_method", in_path=True)
    if method["customer"] is None:
        raise refused("You must save this PaymentMethod to a customer before you can update it.", "payment_method")
    method = world.edit(method)
    if "metadata" in params:
        method["metadata"] = merged(method["metadata"] or {}, params["metadata"])
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    billing = dict(params.get("billing_details") or {})
    address = billing.pop("address", None)
    method["billing_details"].update(billing)
    method["billing_details"]["address"].update(address or {})
    method["card"].update(params.get("card") or {})
    world.announce("payment_method.updated", method, {})
    return method


def list_all(world: World, params: dict[str, Any]) -> Body:
    if "customer" in params:
        world.find("customer", params["customer"], "customer")
    elif world.store.rows("payment_method"):
        params = {**params, "customer": None}
    return listed(
        world, "payment_method", params, "/v1/payment_methods", equal_to(params, "customer", "type", "allow_redisplay")
    )


def list_of_customer(world: World, params: dict[str, Any], customer: str) -> Body:
    world.find("customer", customer, "customer", in_path=True)
    wanted = {**params, "customer": customer}
    return listed(
        world,
        "payment_method",
        params,
        f"/v1/customers/{customer}/payment_methods",
        equal_to(wanted, "customer", "type", "allow_redisplay"),
    )


def retrieve_of_customer(world: World, params: dict[str, Any], customer: str, id: str) -> Body:
    world.find("customer", customer, "customer", in_path=True)
    method = world.find("payment_method", id, "payment_method", in_path=True)
    if method["customer"] != customer:
        raise no_such("PaymentMethod", id, "payment_method", in_path=True)
    return method
