"""Disputes: money taken back by the bank, argued about, and given to one side."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.listing import equal_to, listed
from local.stripe_simulator.metadata import merged
from local.stripe_simulator.resources import balance_transactions
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

FEE = 1500  # R; kept even when the dispute is won
EVIDENCE_SECONDS = 9 * 86_400
OPEN = frozenset({"needs_response", "under_review", "warning_needs_response", "warning_under_review"})
EVIDENCE = (
    """access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
    customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
    duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt
    refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation
    shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file
    uncategorized_text"""
).split()
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "escalated"}
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


def of_charge(world: World, charge: Body) -> Body | None:
    return world.store.get("dispute", charge["_dispute"]) if charge.get("_dispute") else None


def open_dispute(world: World, charge: Body, reason: str, *, inquiry: bool, amount: int | None = None) -> Body:
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
            "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
            "evidence_details": {
                "due_by": world.seconds() + EVIDENCE_SECONDS,
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
        },
    )
    charge["disputed"], charge["_dispute"] = True, dispute["id"]
    takes_money = not inquiry or world.switches.inquiry_withdraws_funds
    if takes_money:
        _move_funds(world, dispute, -dispute["amount"], FEE)
    world.announce("charge.dispute.created", dispute)
    if takes_money:
        world.announce("charge.dispute.funds_withdrawn", dispute)
    return dispute


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
    dispute["evidence"].update(given or {})
    details = dispute["evidence_details"]
    details["has_evidence"] = any(dispute["evidence"][name] for name in EVIDENCE)
    if params.get("submit", True):
        _submit(world, dispute)
    changed = {name: old for name, old in before.items() if dispute[name] != old}
    world.announce("charge.dispute.updated", dispute, changed)
    world.announce("charge.updated", world.get("charge", dispute["charge"]), {})
    return dispute


def _submit(world: World, dispute: Body) -> None:
    dispute["status"] = "warning_under_review" if dispute["status"].startswith("warning") else "under_review"
    dispute["evidence_details"]["submission_count"] += 1
    dispute["evidence_details"]["submission_method"] = "manual"
    verdict = VERDICTS.get(dispute["evidence"]["uncategorized_text"] or "")
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
    dispute = world.edit(dispute)
    world.unschedule("decide_dispute", dispute["id"])
    previous = {"status": dispute["status"]}
    inquiry = dispute["status"].startswith("warning")
    if verdict == "escalated":
        return _escalate(world, dispute, previous) if inquiry else dispute
    dispute["status"] = "warning_closed" if inquiry else verdict
    if not inquiry and verdict == "won":
        _move_funds(world, dispute, dispute["amount"])
        world.announce("charge.dispute.funds_reinstated", dispute)
    world.announce("charge.dispute.closed", dispute, previous)
    if tell_charge:
        world.announce("charge.updated", world.get("charge", dispute["charge"]), {})
    return dispute


def _escalate(world: World, dispute: Body, previous: Body) -> Body:
    """An inquiry that the bank is not satisfied with becomes a dispute, and takes the money (I)."""
    dispute["status"], dispute["is_charge_refundable"] = "needs_response", False
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    _move_funds(world, dispute, -dispute["amount"], FEE)
    world.announce("charge.dispute.updated", dispute, previous)
    world.announce("charge.dispute.funds_withdrawn", dispute)
    return dispute
