"""Events, as the account can read them back."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.listing import listed
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return world.find("event", id, "id", in_path=True)


def list_all(world: World, params: dict[str, Any]) -> Body:
    if "type" in params and "types" in params:
        raise refused("You may only specify one of these parameters: type, types.")
    patterns = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    success = params.get("delivery_success")

    def matches(event: Body) -> bool:
        if not any(fnmatchcase(event["type"], pattern) for pattern in patterns):
            return False
        return success is None or (event["pending_webhooks"] == 0) == success

    return listed(world, "event", params, "/v1/events", matches)
