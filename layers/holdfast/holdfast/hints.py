"""What an event of Stripe's points at. Pure.

An event is a hint about an object: it may come twice, late, or in any order. So nothing is taken from it but which
PaymentIntent to look at, and whether it tells the book anything that the book does not say already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.booking import Booking, HoldState

_OBJECTS: Final = frozenset({"payment_intent", "charge", "refund", "dispute", "setup_intent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One event: its id and type, the PaymentIntent (or SetupIntent) it is about, and what its snapshot says."""

    event_id: str
    type: str
    payment_intent_id: str
    object: Mapping[str, Any]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(event: Mapping[str, Any]) -> Hint | None:
    """The hint in an event; None where it is about nothing that Holdfast keeps."""
    snapshot = (event.get("data") or {}).get("object") or {}
    kind = snapshot.get("object")
    if kind not in _OBJECTS or not isinstance(event.get("id"), str):
        return None
    intent = snapshot.get("id") if kind in ("payment_intent", "setup_intent") else snapshot.get("payment_intent")
    if isinstance(intent, Mapping):
        intent = intent.get("id")
    if not isinstance(intent, str):
        return None
    metadata = snapshot.get("metadata") or {}
    return Hint(
        event_id=event["id"],
        type=str(event.get("type")),
        payment_intent_id=intent,
        object=snapshot,
        metadata=dict(metadata),
    )


def is_about_a_card(hint: Hint) -> bool:
    """A SetupIntent: no money, but perhaps the card of a booking whose hold comes later."""
    return bool(hint.object["object"] == "setup_intent")


def tells_nothing_new(booking: Booking, hint: Hint) -> bool:
    """The book already says what this snapshot says, so there is no need to ask Stripe."""
    if (
        booking.hold is None
        or booking.hold.payment_intent_id != hint.payment_intent_id
        or booking.operation is not None
    ):
        return False
    match hint.object["object"]:
        case "payment_intent":
            return _intent_agrees(booking, booking.hold.state, hint.object)
        case "refund":
            refund = next((known for known in booking.refunds if known.refund_id == hint.object.get("id")), None)
            return refund is not None and str(refund.status) == hint.object.get("status")
        case "charge":
            return _charge_agrees(booking, booking.hold.state, hint.object)
        case _:
            return False


def _intent_agrees(booking: Booking, state: HoldState, intent: Mapping[str, Any]) -> bool:
    match intent.get("status"):
        case "requires_capture":
            return state is HoldState.LIVE
        case "requires_action":
            return state is HoldState.ACTION_REQUIRED
        case "succeeded":
            return state is HoldState.CAPTURED and booking.captured == intent.get("amount_received")
        case "canceled":
            return state in (HoldState.RELEASED, HoldState.EXPIRED)
        case _:
            return False


def _charge_agrees(booking: Booking, state: HoldState, charge: Mapping[str, Any]) -> bool:
    if charge.get("disputed"):
        return False
    if charge.get("captured"):
        same_capture = state is HoldState.CAPTURED and booking.captured == charge.get("amount_captured")
        return same_capture and booking.refunded == charge.get("amount_refunded")
    if charge.get("refunded"):
        # A refund of a charge that was never captured is the release of a hold, not money going back.
        return state in (HoldState.RELEASED, HoldState.EXPIRED)
    return state is HoldState.LIVE and charge.get("status") == "succeeded"
