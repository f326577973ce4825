"""Controls over objects: what cardholders, banks and networks decide."""

from __future__ import annotations

import math
from typing import Any

from local.stripe_simulator.control.input import ControlRefused, fields
from local.stripe_simulator.rendering import public
from local.stripe_simulator.resources import captures, challenges, disputes, refunds
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

# S: what the SDK lists; the first four are the caller's own, the rest Stripe's.
REASONS = (
    *("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
    *("automatic", "expired", "void_invoice", "failed_invoice"),
)
# What each word of a test means to an open dispute; an inquiry that is won or lost is closed without money.
VERDICTS = {"won": "won", "lost": "lost", "needs_response": "escalated", "warning_closed": "lost"}
ENDINGS = ("canceled", "expired", "requires_reauthorization")


def _outcome(given: dict[str, Any]) -> str:
    if given["outcome"] not in challenges.OUTCOMES:
        raise ControlRefused(f"outcome is one of {', '.join(challenges.OUTCOMES)}")
    return str(given["outcome"])


def authenticate_payment(world: World, body: Any, id: str) -> Body:
    given = fields(body, {"outcome": str, "payment_method": str}, ("outcome",))
    return public(challenges.answer_payment(world, id, _outcome(given), given.get("payment_method")))


def authenticate_setup(world: World, body: Any, id: str) -> Body:
    return public(challenges.answer_setup(world, id, _outcome(fields(body, {"outcome": str}, ("outcome",)))))


def expire(world: World, body: Any, id: str) -> Body:
    """Before its time, and for any reason; the dates are those of the moment."""
    given = fields(body, {"cancellation_reason": str, "status": str})
    if given.get("cancellation_reason") not in {None, *REASONS}:
        raise ControlRefused(f"cancellation_reason is one of {', '.join(REASONS)}")
    if given.get("status", "canceled") not in ENDINGS:
        raise ControlRefused(f"status is one of {', '.join(ENDINGS)}")
    intent = world.find("payment_intent", id, "intent", in_path=True)
    if intent["status"] != "requires_capture":
        raise ControlRefused(f"{id} holds nothing: its status is {intent['status']}")
    captures.void(world, id, reason=given.get("cancellation_reason"), status=given.get("status", "canceled"))
    return public(intent)


def settle_refund(world: World, body: Any, id: str) -> Body:
    given = fields(body, {"status": str, "failure_reason": str, "after_seconds": (int, float)}, ("status",))
    status, reason = given["status"], given.get("failure_reason")
    if status not in {"pending", "requires_action", "succeeded", "failed", "canceled"}:
        raise ControlRefused("status is pending, requires_action, succeeded, failed or canceled")
    if reason is not None and (status != "failed" or reason not in refunds.FAILURES):
        raise ControlRefused(f"failure_reason is about a refund that failed: {', '.join(refunds.FAILURES)}")
    due = _due(world, given)
    refund = world.find("refund", id, "id", in_path=True)
    if refund["balance_transaction"] is None:
        raise ControlRefused("the release of a hold is final")
    world.unschedule("settle_refund", id)
    if due is not None:
        world.schedule("settle_refund", id, due, status=status, failure_reason=reason)
        return public(refund)
    return public(refunds.move(world, refund, status, reason))


def _due(world: World, given: dict[str, Any]) -> float | None:
    """When it is to happen, on the simulator's clock; nothing means now."""
    if "after_seconds" not in given:
        return None
    seconds = float(given["after_seconds"])
    if not 0 <= seconds < math.inf:
        raise ControlRefused("after_seconds starts at 0")
    return world.clock.now() + seconds


def open_dispute(world: World, body: Any) -> Body:
    known = {"charge": str, "payment_intent": str, "reason": str, "amount": int, "inquiry": bool}
    given = fields(body, {**known, "respond_within_seconds": int})
    within = given.get("respond_within_seconds", disputes.RESPONSE_SECONDS)
    if within < 1:
        raise ControlRefused("respond_within_seconds starts at 1")
    if ("charge" in given) == ("payment_intent" in given):
        raise ControlRefused("either charge or payment_intent")
    charge_id = given.get("charge")
    if "payment_intent" in given:
        charge_id = world.find("payment_intent", given["payment_intent"], "payment_intent")["latest_charge"]
    charge = world.find("charge", str(charge_id), "charge")
    if not charge["captured"]:
        raise ControlRefused("only money that was captured can be disputed")
    if disputes.of_charge(world, charge) is not None:
        raise ControlRefused("the charge is disputed already")
    amount: int = given["amount"] if "amount" in given else charge["amount_captured"]
    if not 1 <= amount <= charge["amount_captured"]:
        raise ControlRefused("amount is between 1 and what was captured")
    return public(
        disputes.open_dispute(
            world,
            charge,
            given.get("reason", "fraudulent"),
            inquiry=given.get("inquiry", False),
            amount=amount,
            respond_within_seconds=within,
        )
    )


def decide_dispute(world: World, body: Any, id: str) -> Body:
    given = fields(body, {"status": str, "after_seconds": (int, float)}, ("status",))
    verdict, due = VERDICTS.get(given["status"]), _due(world, given)
    if verdict is None:
        raise ControlRefused(f"status is one of {', '.join(VERDICTS)}")
    dispute = world.find("dispute", id, "id", in_path=True)
    if dispute["status"] not in disputes.OPEN:
        raise ControlRefused("the dispute is closed already")
    if given["status"] not in {"won", "lost"} and not dispute["status"].startswith("warning"):
        raise ControlRefused(f"only an inquiry becomes {given['status']}")
    if due is not None:
        world.schedule("decide_dispute", id, due, verdict=verdict)
        return public(dispute)
    return public(disputes.decide(world, dispute, verdict))
