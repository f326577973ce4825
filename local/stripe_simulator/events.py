"""How a change becomes an event, and which endpoints are owed it."""

from __future__ import annotations

from local.stripe_simulator.rendering import public
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World


def announce(world: World, type: str, subject: Body, previous: Body | None = None) -> None:
    data: Body = {"object": public(subject)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = world.add(
        "evt",
        {
            "id": None,
            "object": "event",
            "api_version": world.switches.account_api_version,
            "created": world.seconds(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": world.origin.request_id, "idempotency_key": world.origin.idempotency_key},
            "type": type,
        },
    )
    for endpoint in world.store.rows("webhook_endpoint").values():
        if endpoint["status"] == "enabled" and {"*", type} & set(endpoint["enabled_events"]):
            owe(world, event, endpoint)


def owe(world: World, event: Body, endpoint: Body) -> None:
    """One delivery per endpoint, in the order of the events."""
    setting = world.store.get("setting", "webhooks") or {}
    id = f"{event['id']}:{endpoint['id']}"
    world.store.insert(
        "delivery",
        id,
        {
            "id": id,
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "status": "held" if setting.get("mode") == "hold" else "pending",
            "due": world.clock.now() + float(setting.get("delay_seconds", 0)),
            "copies_left": int(setting.get("duplicate", 0)),
            "attempts": [],
        },
    )
    world.edit(event)["pending_webhooks"] += 1
