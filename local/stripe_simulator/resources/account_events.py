"""Events, as the account can read them back."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from local.stripe_simulator.errors import no_such, refused
from local.stripe_simulator.listing import listed
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

REMEMBERED_SECONDS = 30 * 86_400  # D


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    event = world.find("event", id, "id", in_path=True)
    if _is_forgotten(world, event):
        raise no_such("event", id, "id", in_path=True)
    return event


def _is_forgotten(world: World, event: Body) -> bool:
    """Only to those who read back: deliveries under way are still made."""
    return int(event["created"]) < world.seconds() - REMEMBERED_SECONDS


def list_all(world: World, params: dict[str, Any]) -> Body:
    if "type" in params and "types" in params:
        raise refused("You may only specify one of these parameters: type, types.")
    patterns = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    success = params.get("delivery_success")

    for name in ("starting_after", "ending_before"):
        cursor = world.store.get("event", params[name]) if name in params else None
        if cursor is not None and _is_forgotten(world, cursor):
            raise no_such("event", cursor["id"], name, in_path=False)

    def matches(event: Body) -> bool:
        if _is_forgotten(world, event) or not any(fnmatchcase(event["type"], pattern) for pattern in patterns):
            return False
        return success is None or (event["pending_webhooks"] == 0) == success

    return listed(world, "event", params, "/v1/events", matches)
