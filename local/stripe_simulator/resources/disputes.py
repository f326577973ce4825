"""Disputes: money taken back by the bank, argued about, and given to one side."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator import evidence
from local.stripe_simulator.errors import refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.resources import balance_transactions
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

FEE = 1500  # R; kept even when the dispute is won
RESPONSE_SECONDS = 9 * 86_400
INQUIRY_SECONDS = 120 * 86_400  # D: one that did not escalate by then is closed
OPEN = frozenset({"needs_response", "under_review", "warning_needs_response", "warning_under_review"})
# Visa's, for the reasons that a bookings business meets.
_NETWORK_CODES = {
    "fraudulent": "10.4",
    "duplicate": "12.6.1",
    "product_not_received": "13.1",
    "subscription_canceled": "13.2",
    "product_unacceptable": "13.3",
    "credit_not_processed": "13.6",
    "general": "13.7",
}


def of_charge(world: World, charge: Body) -> Body | None:
    return world.store.get("dispute", charge["_dispute"]) if charge.get("_dispute") else None


def open_dispute(
    world: World,
    charge: Body,
    reason: str,
    *,
    inquiry: bool,
    amount: int | None = None,
    respond_within_seconds: int = RESPONSE_SECONDS,
) -> Body:
    charge = world.edit(charge)
    card = charge["payment_method_details"]["card"]
    dispute = world.add(
        "du",
        {
            "id": None,
            "object": "dispute",
            "amount": charge["amount_captured"] if amount is None else amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": world.seconds(),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": evidence.blank(),
            "evidence_details": {
                "due_by": world.seconds() + respond_within_seconds,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "network_reason_code": _NETWORK_CODES.get(reason, "10.4"),
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {
                    "brand": card["brand"],
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network": card["network"],
                    "network_reason_code": _NETWORK_CODES.get(reason, "10.4"),
                },
                "type": "card",
            },
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
            "_respond_within_seconds": respond_within_seconds,
        },
    )
    charge["disputed"], charge["_dispute"] = True, dispute["id"]
    takes_money = not inquiry or world.switches.inquiry_withdraws_funds
    if takes_money:
        _move_funds(world, dispute, -dispute["amount"], FEE)
    world.announce("charge.dispute.created", dispute)
    if takes_money:
        world.announce("charge.dispute.funds_withdrawn", dispute)
    if inquiry:
        world.schedule("dispute_ends", dispute["id"], dispute["created"] + INQUIRY_SECONDS)
    else:
        world.schedule("dispute_ends", dispute["id"], dispute["evidence_details"]["due_by"])
    return dispute


def ends(world: World, timer: Body) -> None:
    """Nobody answered in time, or the inquiry went to sleep: what silence leads to (I)."""
    dispute = world.get("dispute", timer["subject"])
    inquiry = dispute["status"].startswith("warning")
    if dispute["status"] in OPEN and (inquiry or world.switches.dispute_lost_when_past_due):
        decide(world, dispute, "lost")


def _move_funds(world: World, dispute: Body, amount: int, fee: int = 0) -> None:
    kind = "dispute" if amount < 0 else "dispute_reversal"
    moved = balance_transactions.record(
        world, dispute, "adjustment", amount, fee, reporting=kind, fee_words="Dispute fee"
    )
    dispute["balance_transactions"].append(dict(moved))


def retrieve(world: World, params: dict[str, Any], id: str) -> Body:
    return world.find("dispute", id, "id", in_path=True)


def list_all(world: World, params: dict[str, Any]) -> Body:
    return listed(world, "dispute", params, "/v1/disputes", equal_to(params, "charge", "payment_intent"))


def _opened(world: World, id: str) -> Body:
    dispute = world.edit(world.find("dispute", id, "id", in_path=True))
    if dispute["status"] not in OPEN:
        raise refused("This dispute is already closed.")
    return dispute


def update(world: World, params: dict[str, Any], id: str) -> Body:
    """Evidence is handed in unless `submit=false` keeps it as a draft; the verdict comes later, by itself."""
    given = params.get("evidence")
    if given is None and "submit" not in params:
        dispute = world.edit(world.find("dispute", id, "id", in_path=True))
        dispute["metadata"] = merged(dispute["metadata"], params.get("metadata"))
        world.announce("charge.dispute.updated", dispute, {})
        return dispute
    dispute = _opened(world, id)
    before = {"status": dispute["status"], "evidence": dict(dispute["evidence"])}
    dispute["metadata"] = merged(dispute["metadata"], params.get("metadata"))
    if dispute["status"].endswith("under_review") and world.switches.dispute_evidence_submitted_once:
        raise refused("Evidence was submitted for this dispute already, and can be submitted only once.")
    dispute["evidence"] = evidence.merged(dispute["evidence"], given or {})
    dispute["evidence_details"]["has_evidence"] = evidence.is_given(dispute["evidence"])
    if params.get("submit", True):
        _submit(world, dispute)
    changed = {name: old for name, old in before.items() if dispute[name] != old}
    world.announce("charge.dispute.updated", dispute, changed)
    world.announce("charge.updated", world.get("charge", dispute["charge"]), {})
    return dispute


def _submit(world: World, dispute: Body) -> None:
    inquiry, details = dispute["status"].startswith("warning"), dispute["evidence_details"]
    if not inquiry:
        # The bank takes its time from here on; an inquiry goes to sleep as it would have.
        world.unschedule("dispute_ends", dispute["id"])
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    details["submission_count"] += 1
    details["submission_method"] = "manual"
    details["past_due"] = world.seconds() > details["due_by"]
    verdict = evidence.verdict(dispute["evidence"])
    if verdict is not None:
        due = world.clock.now() + world.switches.dispute_resolution_seconds
        world.schedule("decide_dispute", dispute["id"], due, verdict=verdict)


def close(world: World, params: dict[str, Any], id: str) -> Body:
    """Giving up loses at once (R)."""
    return decide(world, _opened(world, id), "lost", tell_charge=True)


def decided(world: World, timer: Body) -> None:
    dispute = world.get("dispute", timer["subject"])
    if dispute["status"] in OPEN:
        decide(world, dispute, timer["verdict"])


def decide(world: World, dispute: Body, verdict: str, *, tell_charge: bool = False) -> Body:
    inquiry = dispute["status"].startswith("warning")
    if verdict == "escalated" and not inquiry:
        return dispute
    dispute = world.edit(dispute)
    for timer in ("decide_dispute", "dispute_ends"):
        world.unschedule(timer, dispute["id"])
    previous = {"status": dispute["status"]}
    if verdict == "escalated":
        return _escalate(world, dispute, previous)
    dispute["status"] = "warning_closed" if inquiry else verdict
    if dispute["balance_transactions"] and (inquiry or verdict == "won"):
        _move_funds(world, dispute, dispute["amount"])
        world.announce("charge.dispute.funds_reinstated", dispute)
    world.announce("charge.dispute.closed", dispute, previous)
    if tell_charge:
        world.announce("charge.updated", world.get("charge", dispute["charge"]), {})
    return dispute


def _escalate(world: World, dispute: Body, previous: Body) -> Body:
    """An inquiry that the bank is not satisfied with becomes a dispute, takes the money, and is argued anew (I)."""
    details = dispute["evidence_details"]
    details["due_by"] = world.seconds() + dispute["_respond_within_seconds"]
    world.schedule("dispute_ends", dispute["id"], details["due_by"])
    dispute["status"], dispute["is_charge_refundable"] = "needs_response", False
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    takes_money = not dispute["balance_transactions"]
    if takes_money:
        _move_funds(world, dispute, -dispute["amount"], FEE)
    world.announce("charge.dispute.updated", dispute, previous)
    if takes_money:
        world.announce("charge.dispute.funds_withdrawn", dispute)
    return dispute
