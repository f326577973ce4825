"""Webhook endpoints: where events go, which ones, in which version, signed with what."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from local.stripe_simulator.errors import refused
from local.stripe_simulator.listing import listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.rendering import deleted, public
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

_TYPE = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)+")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


def create(world: World, params: dict[str, Any]) -> Body:
    """The secret is shown this once (D)."""
    _check_url(params["url"])
    endpoint = add(world, params["url"], params["enabled_events"], f"whsec_{world.identifiers.token(32)}", params)
    return {**public(endpoint), "secret": endpoint["_secrets"][0]["secret"]}


def add(world: World, url: str, enabled_events: list[str], secret: str, params: dict[str, Any]) -> Body:
    _check_events(enabled_events)
    version = params.get("api_version")
    if version is not None and not _VERSION.fullmatch(version):
        raise refused(f"Invalid Stripe API version: {version}", "api_version")
    return world.add(
        "we",
        {
            "id": None,
            "object": "webhook_endpoint",
            "api_version": version,
            "application": None,
            "created": world.seconds(),
            "description": params.get("description"),
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": merged({}, params.get("metadata")),
            "status": "enabled",
            "url": url,
            "_secrets": [{"secret": secret, "until": None}],
        },
    )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
    if not host or parts.scheme not in {"http", "https"}:
        raise refused("Invalid URL: An explicit scheme (such as https) must be provided.", "url", code="url_invalid")
    if parts.scheme == "http" and not local:
        raise refused("Invalid URL: URL must use https.", "url", code="url_invalid")


def _check_events(types: list[str]) -> None:
    if not types:
        raise refused("You must provide at least one event type.", "enabled_events")
    for index, type in enumerate(types):
        if type != "*" and not _TYPE.fullmatch(type):
            raise refused(f"Invalid enabled_events[{index}]: {type}", f"enabled_events[{index}]")


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return world.find("webhook_endpoint", id, "webhook_endpoint", in_path=True)


def update(world: World, params: dict[str, Any], id: str) -> Body:
    endpoint = world.edit(world.find("webhook_endpoint", id, "webhook_endpoint", in_path=True))
    if "url" in params:
        _check_url(params["url"])
    if "enabled_events" in params:
        _check_events(params["enabled_events"])
    endpoint.update({name: params[name] for name in ("url", "enabled_events", "description") if name in params})
    endpoint["metadata"] = merged(endpoint["metadata"], params.get("metadata"))
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    return endpoint


def delete(world: World, params: dict[str, Any], id: str) -> Body:
    endpoint = world.find("webhook_endpoint", id, "webhook_endpoint", in_path=True)
    world.store.delete("webhook_endpoint", id)
    return deleted(endpoint)


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "webhook_endpoint", params, "/v1/webhook_endpoints")


def roll_secret(world: World, id: str, secret: str | None, keep_old_seconds: float) -> tuple[Body, str]:
    """For a while both secrets sign, so that the receiver can change over (I)."""
    endpoint = world.edit(world.find("webhook_endpoint", id, "webhook_endpoint", in_path=True))
    fresh = secret or f"whsec_{world.identifiers.token(32)}"
    until = world.clock.now() + keep_old_seconds
    old = [{**each, "until": until if each["until"] is None else each["until"]} for each in endpoint["_secrets"]]
    endpoint["_secrets"] = [{"secret": fresh, "until": None}, *old]
    return endpoint, fresh


def live_secrets(world: World, endpoint: Body) -> list[str]:
    now = world.clock.now()
    return [each["secret"] for each in endpoint["_secrets"] if each["until"] is None or each["until"] > now]
