"""Customers: who a payment method belongs to, and which one is the default."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import no_such, refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.rendering import deleted
from local.stripe_simulator.resources import payment_methods
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

_PLAIN = ("address", "description", "email", "name", "phone", "shipping", "preferred_locales", "tax_exempt")


def create(world: World, params: dict[str, Any]) -> Body:
    customer: Body = {
        "id": world.identifiers.new("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.seconds(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": world.identifiers.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    customer.update({name: params[name] for name in _PLAIN if name in params})
    world.add("cus", customer)
    world.announce("customer.created", customer)
    if "payment_method" in params:
        payment_methods.attach_to(world, payment_methods.named(world, params["payment_method"]), customer)
    _choose_default(world, customer, params)
    return customer


def find(world: World, id: str, param: str = "customer") -> Body:
    return world.find("customer", id, param)


def find_in_path(world: World, id: str) -> Body:
    customer = world.find("customer", id, "id", in_path=True)
    if customer.get("_deleted"):
        raise no_such("customer", id, "id", in_path=True)
    return customer


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    customer = world.find("customer", id, "id", in_path=True)
    return deleted(customer) if customer.get("_deleted") else customer


def update(world: World, params: dict[str, Any], id: str) -> Body:
    customer = world.edit(find_in_path(world, id))
    changes = {name: params[name] for name in _PLAIN if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(customer["metadata"], params["metadata"])
    previous = {name: customer[name] for name, value in changes.items() if customer[name] != value}
    customer.update(changes)
    before = customer["invoice_settings"]["default_payment_method"]
    _choose_default(world, customer, params)
    if customer["invoice_settings"]["default_payment_method"] != before:
        previous["invoice_settings"] = {"default_payment_method": before}
    world.announce("customer.updated", customer, previous)
    return customer


def _choose_default(world: World, customer: Body, params: dict[str, Any]) -> None:
    settings = params.get("invoice_settings") or {}
    if "default_payment_method" not in settings:
        return
    id = settings["default_payment_method"]
    if id is not None:
        chosen = world.find("payment_method", id, "invoice_settings[default_payment_method]")
        if chosen["customer"] != customer["id"]:
            raise refused(
                f"The customer does not have a payment method with the ID {id}. The payment method must be attached to "
                "the customer.",
                "invoice_settings[default_payment_method]",
                code="resource_missing",
            )
    world.edit(customer)["invoice_settings"]["default_payment_method"] = id


def delete(world: World, params: dict[str, Any], id: str) -> Body:
    """Its payment methods are detached; the id stays known as deleted."""
    customer = world.edit(find_in_path(world, id))
    for method in list(world.store.rows("payment_method").values()):
        if method["customer"] == id:
            payment_methods.detach_from_customer(world, method)
    world.announce("customer.deleted", customer)
    customer["_deleted"] = True
    return deleted(customer)


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "customer", params, "/v1/customers", equal_to(params, "email"))
