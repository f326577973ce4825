"""What of an object the caller sees: no private facts, and the ids that it asked to expand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.identifiers import table_of
from local.stripe_simulator.listing import plain_list
from local.stripe_simulator.wire import Body, duplicate
from local.stripe_simulator.world import World

MAXIMUM_DEPTH = 4
_INTENT = {"customer", "payment_method", "on_behalf_of", "application"}
EXPANDABLE: dict[str, set[str]] = {
    "payment_intent": _INTENT | {"latest_charge", "review", "source", "transfer_data.destination"},
    "setup_intent": _INTENT | {"latest_attempt", "mandate", "single_use_mandate"},
    "setup_attempt": {"customer", "payment_method", "setup_intent", "application", "on_behalf_of"},
    "charge": {
        *("customer", "payment_intent", "balance_transaction", "failure_balance_transaction", "refunds", "review"),
        *("application", "application_fee", "on_behalf_of", "source_transfer", "transfer"),
    },
    "refund": {
        *("charge", "payment_intent", "balance_transaction", "failure_balance_transaction"),
        *("source_transfer_reversal", "transfer_reversal", "customer", "payment_method"),
    },
    "dispute": {"charge", "payment_intent"},
    "customer": {"default_source", "test_clock", "invoice_settings.default_payment_method", "sources", "subscriptions"},
    "payment_method": {"customer"},
    "balance_transaction": {"source"},
}


def public(body: Body) -> Body:
    return {name: duplicate(value) for name, value in body.items() if not name.startswith("_")}


def rendered(world: World, body: Body, expand: list[str], offset: int = 0) -> Body:
    seen = public(body)
    for path in expand:
        parts = path.split(".")
        if len(parts) - offset > MAXIMUM_DEPTH:
            raise refused(f"You cannot expand more than {MAXIMUM_DEPTH} levels of a property: {path}", "expand")
        _expand(world, seen, parts[offset:], path)
    return seen


def _expand(world: World, body: Body, parts: list[str], path: str) -> None:
    allowed = EXPANDABLE.get(str(body.get("object")), set())
    name, rest, holder = parts[0], parts[1:], body
    if name not in allowed and rest and f"{name}.{rest[0]}" in allowed:
        holder, name, rest = body[name] or {}, rest[0], rest[1:]
    elif name not in allowed:
        raise refused(f"This property cannot be expanded ({path}).", "expand")
    if name == "refunds" and body["object"] == "charge":
        refunds = [each for each in world.store.rows("refund").values() if each["charge"] == body["id"]]
        holder.setdefault(
            name, plain_list([public(each) for each in reversed(refunds)], f"/v1/charges/{body['id']}/refunds")
        )
        if rest:
            for each in holder[name]["data"]:
                _expand(world, each, rest[1:] if rest[0] == "data" else rest, path)
        return
    value = holder.get(name)
    if isinstance(value, str):
        value = holder[name] = _named(world, value)
    if rest and isinstance(value, dict):
        _expand(world, value, rest, path)


def _named(world: World, id: str) -> Any:
    table = table_of(id)
    found = world.store.get(table, id) if table else None
    if found is None:
        return id
    return deleted(found) if found.get("_deleted") else public(found)


def deleted(body: Body) -> Body:
    return {"id": body["id"], "object": body["object"], "deleted": True}


Renderer = Callable[[Body], Body]
