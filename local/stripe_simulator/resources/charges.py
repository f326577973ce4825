"""Charges: what the bank said to one attempt, and what became of the money."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator import cards
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import balance_transactions, disputes, windows
from local.stripe_simulator.wire import Body, duplicate
from local.stripe_simulator.world import World

_WITHOUT_MEANING_HERE = dict.fromkeys(
    """application application_fee application_fee_amount balance_transaction failure_balance_transaction failure_code
    failure_message on_behalf_of receipt_number review source source_transfer transfer_data""".split()
)


def authorize(world: World, intent: Body, method: Body) -> Body:
    charge = world.add("ch", _body(world, intent, method))
    if intent["capture_method"] == "manual":
        deadline = world.seconds() + windows.seconds(world, intent, method)
        card = charge["payment_method_details"]["card"]
        card["capture_before"] = deadline
        card["extended_authorization"]["status"] = (
            "enabled" if windows.is_extended(world, intent, method) else "disabled"
        )
        world.schedule("expire", intent["id"], deadline + world.switches.expiry_lag_seconds)
        world.announce("charge.succeeded", charge)
    return charge


def settle(world: World, charge: Body, amount: int) -> Body:
    """The money arrives. Whatever was held beyond it is let go without a word (R)."""
    was_held = "capture_before" in charge["payment_method_details"]["card"]
    charge = world.edit(charge)
    charge["captured"], charge["amount_captured"] = True, amount
    charge["balance_transaction"] = balance_transactions.of_charge(world, charge)["id"]
    # A payment without a hold is born settled: its charge.succeeded already shows the money.
    world.announce("charge.captured" if was_held else "charge.succeeded", charge)
    card = cards.BY_NUMBER[charge["_number"]]
    if card.dispute_reason is not None:
        disputes.open_dispute(world, charge, card.dispute_reason, inquiry=card.inquiry)
    return charge


def fail(world: World, intent: Body, method: Body, why: cards.Decline) -> Body:
    charge = _body(world, intent, method)
    charge.update({"status": "failed", "paid": False, "failure_code": why.code, "failure_message": why.message})
    charge["outcome"].update(
        {"network_status": "declined_by_network", "reason": why.decline_code, "type": "issuer_declined"}
    )
    charge["outcome"].update({"seller_message": "The bank declined the payment.", **why.advice})
    world.add("ch", charge)
    world.announce("charge.failed", charge)
    return charge


def _body(world: World, intent: Body, method: Body) -> Body:
    card = method["card"]
    id = world.identifiers.new("ch")
    return {
        **_WITHOUT_MEANING_HERE,
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": duplicate(method["billing_details"]),
        "calculated_statement_descriptor": "HOLDFAST",
        "captured": False,
        "created": world.seconds(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "reason": None,
            "network_status": "approved_by_network",
            "risk_level": "normal",
            "risk_score": 12,
            "type": "authorized",
            "seller_message": "Payment complete.",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "amount_authorized": intent["amount"],
                "authorization_code": None,
                "brand": card["brand"],
                "checks": dict(card["checks"]),
                "country": card["country"],
                "exp_month": card["exp_month"],
                "exp_year": card["exp_year"],
                "extended_authorization": {"status": "disabled"},
                "fingerprint": card["fingerprint"],
                "funding": card["funding"],
                "incremental_authorization": {"status": "unavailable"},
                "installments": None,
                "last4": card["last4"],
                "mandate": None,
                "multicapture": {"status": "unavailable"},
                "network": card["brand"],
                "network_token": {"used": False},
                "network_transaction_id": world.identifiers.token(15),
                "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
                "regulated_status": card["regulated_status"],
                "three_d_secure": _authenticated(world) if intent["_authenticated"] else None,
                "wallet": None,
            },
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{id}",
        "refunded": False,
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer_group": intent["transfer_group"],
        "_number": method["_number"],
    }


def _authenticated(world: World) -> Body:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": world.identifiers.token(36),
        "version": "2.2.0",
    }


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return world.find("charge", id, "id", in_path=True)


def update(world: World, params: dict[str, Any], id: str) -> Body:
    charge = world.edit(world.find("charge", id, "id", in_path=True))
    before = public(charge)
    charge.update({name: params[name] for name in ("description", "receipt_email", "shipping") if name in params})
    charge["metadata"] = merged(charge["metadata"], params.get("metadata"))
    world.announce("charge.updated", charge, {name: old for name, old in before.items() if charge[name] != old})
    return charge


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "charge", params, "/v1/charges", equal_to(params, "customer", "payment_intent"))
