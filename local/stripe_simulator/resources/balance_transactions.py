"""What every movement does to the account's balance: amount, fee, net."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

SETTLES_AFTER_SECONDS = 2 * 86_400


def of_charge(world: World, charge: Body) -> Body:
    """2.9 % and 30, as a US account pays for cards."""
    fee = round(charge["amount_captured"] * 0.029) + 30
    return record(world, charge, "charge", charge["amount_captured"], fee, reporting="charge")


def record(
    world: World, source: Body, type: str, amount: int, fee: int = 0, *, reporting: str, fee_words: str | None = None
) -> Body:
    now = world.seconds()
    words = fee_words or "Stripe processing fees"
    details = {"amount": fee, "application": None, "currency": source["currency"], "description": words}
    return world.add(
        "txn",
        {
            "id": None,
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + SETTLES_AFTER_SECONDS,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [{**details, "type": "stripe_fee"}] if fee else [],
            "net": amount - fee,
            "reporting_category": reporting,
            "source": source["id"],
            "status": "pending",
            "type": type,
        },
    )


def _aged(world: World, body: Body) -> Body:
    """Money becomes available as time passes, without an event."""
    if body["status"] == "pending" and body["available_on"] <= world.seconds():
        return {**body, "status": "available"}
    return body


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return _aged(world, world.find("balance_transaction", id, "id", in_path=True))


def list_all(world: World, params: dict[str, Any]) -> Body:
    page = listed(
        world,
        "balance_transaction",
        params,
        "/v1/balance_transactions",
        equal_to(params, "source", "type", "currency"),
    )
    page["data"] = [_aged(world, body) for body in page["data"]]
    return page
