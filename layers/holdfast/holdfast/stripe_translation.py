"""Stripe's words into ours: the only place that reads the SDK's objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from holdfast.booking import RefundStatus
from holdfast.dispute import Dispute
from holdfast.stripe_objects import Decline, PaymentIntent, SetupIntent, StripeRefund


def instant(epoch: int | None) -> datetime | None:
    """Stripe's Unix seconds as an instant."""
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


def _id(value: Any) -> str | None:
    """An expandable field: an id, or the object."""
    if value is None or isinstance(value, str):
        return value
    return str(value["id"])


def payment_intent(raw: Mapping[str, Any]) -> PaymentIntent:
    charge = raw.get("latest_charge")
    charge = charge if charge is not None and not isinstance(charge, str) else None
    card = ((charge.get("payment_method_details") or {}).get("card") or {}) if charge else {}
    error = raw.get("last_payment_error")
    return PaymentIntent(
        id=raw["id"],
        status=raw["status"],
        amount=raw["amount"],
        amount_received=raw.get("amount_received") or 0,
        created=datetime.fromtimestamp(raw["created"], UTC),
        client_secret=raw.get("client_secret"),
        cancellation_reason=raw.get("cancellation_reason"),
        charge_id=_id(raw.get("latest_charge")),
        capture_before=instant(card.get("capture_before")),
        disputed=bool(charge.get("disputed")) if charge else False,
        decline=decline(error) if error else None,
        brand=card.get("brand"),
        payment_method_id=_id(raw.get("payment_method")),
        metadata=dict(raw.get("metadata") or {}),
        currency=raw.get("currency"),
    )


def setup_intent(raw: Mapping[str, Any]) -> SetupIntent:
    error = raw.get("last_setup_error")
    return SetupIntent(
        id=raw["id"],
        status=raw["status"],
        client_secret=raw.get("client_secret"),
        payment_method_id=_id(raw.get("payment_method")),
        decline=decline(error) if error else None,
        metadata=dict(raw.get("metadata") or {}),
    )


def decline(error: Mapping[str, Any]) -> Decline:
    return Decline(
        code=error.get("code") or error.get("type") or "card_declined",
        decline_code=error.get("decline_code"),
        message=error.get("message") or "The card was declined.",
    )


def refund(raw: Mapping[str, Any]) -> StripeRefund:
    word = raw.get("status") or "pending"
    waits_for = raw.get("pending_reason")
    try:
        status = RefundStatus(word)
    except ValueError:
        # requires_action, or a word we do not know: not settled yet
        status, waits_for = RefundStatus.PENDING, waits_for or word
    return StripeRefund(
        id=raw["id"],
        amount=raw["amount"],
        status=status,
        failure_reason=raw.get("failure_reason"),
        operation_id=(raw.get("metadata") or {}).get("operation_id"),
        pending_reason=waits_for if status is RefundStatus.PENDING else None,
    )


def dispute(raw: Mapping[str, Any]) -> Dispute:
    details = raw.get("evidence_details") or {}
    moved = raw.get("balance_transactions") or []
    return Dispute(
        dispute_id=raw["id"],
        amount=raw["amount"],
        status=raw["status"],
        reason=raw["reason"],
        due_by=instant(details.get("due_by") or None),  # 0: the bank allows no answer
        currency=raw.get("currency"),
        charge_id=_id(raw.get("charge")),
        network_reason_code=raw.get("network_reason_code"),
        opened_at=instant(raw.get("created")),
        refundable=raw.get("is_charge_refundable"),
        withdrawn=-sum(each["amount"] for each in moved if each["amount"] < 0),
        reinstated=sum(each["amount"] for each in moved if each["amount"] > 0),
        fees=sum(each.get("fee") or 0 for each in moved),
        balance_currency=moved[0].get("currency") if moved else None,
        operation_id=(raw.get("metadata") or {}).get("operation_id"),
    )
