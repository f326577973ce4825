"""Setup attempts: one for each confirmation of a SetupIntent."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World


def begin(world: World, intent: Body, method: Body) -> Body:
    card = method["card"]
    return world.add(
        "setatt",
        {
            "id": None,
            "object": "setup_attempt",
            "application": None,
            "created": world.seconds(),
            "customer": intent["customer"],
            "customer_account": None,
            "flow_directions": None,
            "livemode": False,
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {
                "card": {
                    "brand": card["brand"],
                    "checks": dict(card["checks"]),
                    "country": card["country"],
                    "exp_month": card["exp_month"],
                    "exp_year": card["exp_year"],
                    "fingerprint": card["fingerprint"],
                    "funding": card["funding"],
                    "last4": card["last4"],
                    "network": card["brand"],
                    "three_d_secure": None,
                    "wallet": None,
                },
                "type": "card",
            },
            "setup_error": None,
            "setup_intent": intent["id"],
            "status": "requires_confirmation",
            "usage": intent["usage"],
        },
    )


def end(world: World, id: str, status: str, error: Body | None = None) -> None:
    attempt = world.store.edit("setup_attempt", id)
    attempt["status"], attempt["setup_error"] = status, error


def list_all(world: World, params: dict[str, Any]) -> Body:
    world.find("setup_intent", params["setup_intent"], "setup_intent")
    return listed(world, "setup_attempt", params, "/v1/setup_attempts", equal_to(params, "setup_intent"))
