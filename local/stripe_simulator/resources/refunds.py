"""Refunds: money that goes back, and holds that are let go, which Stripe writes down as refunds too."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator import cards
from local.stripe_simulator.errors import ApiError, missing_parameter, refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.money import written
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import balance_transactions, disputes
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

# D, in the SDK's own words.
FAILURES = (
    *("lost_or_stolen_card", "expired_or_canceled_card", "charge_for_pending_refund_disputed", "insufficient_funds"),
    *("declined", "merchant_request", "unknown"),
)
DEFAULT_FAILURE = "expired_or_canceled_card"


def create(world: World, params: dict[str, Any]) -> Body:
    charge = world.edit(_charge_of(world, params))
    _check_refundable(world, charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if amount > left:
        asked, rest = written(amount, charge["currency"]), written(left, charge["currency"])
        raise refused(f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", "amount")
    kind = cards.BY_NUMBER[charge["_number"]].refund
    refund = _recorded(world, charge, amount, params.get("reason"), merged({}, params.get("metadata")))
    refund["balance_transaction"] = balance_transactions.record(world, refund, "refund", -amount, reporting="refund")[
        "id"
    ]
    if kind != "succeeds":
        due = world.clock.now() + world.switches.refund_settlement_seconds
        world.schedule("settle_refund", refund["id"], due, status="failed" if kind == "fails_later" else "succeeded")
    if kind == "settles_later":
        refund["status"], refund["pending_reason"] = "pending", "processing"
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    world.announce("refund.created", refund)
    world.announce("charge.refunded", charge, {name: old for name, old in before.items() if charge[name] != old})
    return refund


def _charge_of(world: World, params: dict[str, Any]) -> Body:
    if "charge" in params and "payment_intent" in params:
        raise refused("You may only specify one of these parameters: charge, payment_intent.")
    if "charge" in params:
        return world.find("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise missing_parameter(
            "payment_intent",
            "One of the following params should be provided for this request: payment_intent or charge.",
        )
    intent = world.find("payment_intent", params["payment_intent"], "payment_intent")
    charge = world.store.get("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or charge["status"] != "succeeded":
        raise refused(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return charge


def _check_refundable(world: World, charge: Body) -> None:
    if charge["refunded"]:
        raise refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["status"] != "succeeded":
        raise refused(f"Charge {charge['id']} was not successful; it cannot be refunded.", "charge")
    if not charge["captured"]:
        raise refused(
            f"This uncaptured Charge was created by a PaymentIntent ({charge['payment_intent']}). You must cancel the "
            "PaymentIntent instead of refunding the Charge."
        )
    dispute = disputes.of_charge(world, charge)
    if dispute is not None and not dispute["is_charge_refundable"]:
        raise refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")


def release(world: World, charge: Body, reason: str | None) -> tuple[Body, Body]:
    """A hold is let go: refunded, though nothing was ever captured and the balance never moved (H)."""
    charge = world.edit(charge)
    refund = _recorded(world, charge, charge["amount"], reason, {})
    charge["amount_refunded"], charge["refunded"] = charge["amount"], True
    return charge, refund


def _recorded(world: World, charge: Body, amount: int, reason: str | None, metadata: dict[str, str]) -> Body:
    return world.add(
        "re",
        {
            "id": None,
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": world.seconds(),
            "currency": charge["currency"],
            "destination_details": {
                "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
                if charge["captured"]
                else {"type": "reversal"},
                "type": "card",
            },
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        },
    )


def settle(world: World, timer: Body) -> None:
    refund = world.get("refund", timer["subject"])
    if refund["status"] not in {"failed", "canceled"}:
        move(world, refund, timer["status"], timer.get("failure_reason"))


def move(world: World, refund: Body, status: str, failure_reason: str | None = None) -> Body:
    """The bank's later word on a refund; a failed or cancelled one gives the money back to the charge (I)."""
    refund = world.edit(refund)
    previous = {"status": refund["status"]}
    if refund["status"] == status:
        return refund
    if refund["status"] in {"failed", "canceled"}:
        raise refused(f"A refund that {refund['status']} cannot become {status}.", "status")
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "pending":
        refund["pending_reason"] = "processing"
    if status in {"failed", "canceled"}:
        _give_back(world, refund, failed=status == "failed")
    if status == "failed":
        refund["failure_reason"] = failure_reason or DEFAULT_FAILURE
        refund["destination_details"]["card"]["reference_status"] = "unavailable"
        world.announce("refund.failed", refund)
    if status != "failed" or world.switches.refund_failure_emits_updated:
        world.announce("refund.updated", refund, previous)
    if world.switches.refund_emits_legacy_updated:
        world.announce("charge.refund.updated", refund, previous)
    return refund


def _give_back(world: World, refund: Body, *, failed: bool) -> None:
    charge = world.edit(world.get("charge", refund["charge"]))
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    kind = "refund_failure" if failed else "payment_refund"
    returned = balance_transactions.record(world, refund, kind, refund["amount"], reporting="refund_failure")
    refund["failure_balance_transaction"] = returned["id"]


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return world.find("refund", id, "id", in_path=True)


def update(world: World, params: dict[str, Any], id: str) -> Body:
    refund = world.edit(world.find("refund", id, "id", in_path=True))
    before = public(refund)["metadata"]
    refund["metadata"] = merged(refund["metadata"], params.get("metadata"))
    if refund["metadata"] != before:
        world.announce("refund.updated", refund, {"metadata": before})
        if world.switches.refund_emits_legacy_updated:
            world.announce("charge.refund.updated", refund, {"metadata": before})
    return refund


def cancel(world: World, params: dict[str, Any], id: str) -> Body:
    """Only a refund that waits for the customer can be called back (D)."""
    refund = world.find("refund", id, "id", in_path=True)
    if refund["status"] != "requires_action":
        raise _not_cancelable(refund)
    return move(world, refund, "canceled")


def _not_cancelable(refund: Body) -> ApiError:
    return refused(
        f"This refund has a status of {refund['status']}. Only refunds with a status of requires_action can be "
        "canceled."
    )


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "refund", params, "/v1/refunds", equal_to(params, "charge", "payment_intent"))
