"""Ephemeral keys: what lets a phone act for one customer for an hour."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import missing_parameter, refused
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

LIFETIME_SECONDS = 3_600


def create(world: World, params: dict[str, Any]) -> Body:
    """The key speaks the phone's API version, so the version must be said."""
    if world.origin.api_version is None:
        raise refused("You must specify an API version with the Stripe-Version header when creating an ephemeral key.")
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = world.find("customer", params["customer"], "customer")
    now = world.seconds()
    key = world.add(
        "ephkey",
        {
            "id": None,
            "object": "ephemeral_key",
            "created": now,
            "expires": now + LIFETIME_SECONDS,
            "livemode": False,
            "_customer": customer["id"],
        },
    )
    return {**key, "secret": f"ek_test_{world.identifiers.token(48)}"}


def delete(world: World, params: dict[str, Any], id: str) -> Body:
    key = world.find("ephemeral_key", id, "key", in_path=True)
    world.store.delete("ephemeral_key", id)
    return key
