"""How disputes and their evidence look on the wire; `views` documents the same shapes for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.booking import Booking
from holdfast.dispute import Dispute
from holdfast.evidence_fields import MOST_CHARACTERS, characters, evidence_hash
from holdfast.log import wire_time

View = dict[str, Any]


def dispute_view(booking: Booking, dispute: Dispute) -> View:
    """A dispute as staff see it. `answering` is what is on its way to Stripe, if anything is."""
    response = booking.dispute_response
    answering = response if response is not None and response.dispute_id == dispute.dispute_id else None
    return {
        "dispute_id": dispute.dispute_id,
        "booking_id": booking.booking_id,
        "event_id": booking.event_id,
        "status": dispute.status,
        "reason": dispute.reason,
        "network_reason_code": dispute.network_reason_code,
        "is_inquiry": dispute.is_inquiry,
        "amount": dispute.amount,
        "currency": dispute.currency or booking.currency,
        "charge_id": dispute.charge_id,
        "opened_at": _time(dispute.opened_at),
        "due_by": _time(dispute.due_by),
        "refundable": not dispute.bars_refunds,
        "funds": _funds(dispute),
        "answering": str(answering.kind) if answering is not None else None,
        "submitted_at": _time(dispute.submitted_at),
        "evidence_hash": dispute.evidence_hash,
    }


def _funds(dispute: Dispute) -> View | None:
    if dispute.balance_currency is None:
        return None
    return {
        "withdrawn": dispute.withdrawn,
        "reinstated": dispute.reinstated,
        "fees": dispute.fees,
        "currency": dispute.balance_currency,
    }


def packet_view(
    booking: Booking, dispute: Dispute, *, evidence: Mapping[str, str], assembled: Mapping[str, str], edited: list[str]
) -> View:
    """A dispute with its evidence: what would be sent now, or what was sent. `evidence_hash` is of this text."""
    return dispute_view(booking, dispute) | {
        "evidence_hash": evidence_hash(evidence),
        "evidence": dict(evidence),
        "assembled": dict(assembled),
        "edited": edited,
        "characters": characters(evidence),
        "characters_left": MOST_CHARACTERS - characters(evidence),
        "dispute_ids": [each.dispute_id for each in booking.disputes],
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)
