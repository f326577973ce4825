"""Movements of money and why: a release, a capture, a cancellation at its price, and what each amount follows from.

Pure. Nothing here decides whether a movement is due; `next_step` and the use cases do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from holdfast.booking import Booking, HoldState, Kind, Outcome
from holdfast.log import wire_time
from holdfast.policy import cancellation_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Begin this operation. `details` is why this amount: enough to derive it again from the log alone."""

    kind: Kind
    amount: int
    reason: str
    actor: str = "clock"
    outcome: Outcome | None = None
    fee: int = 0
    payment_intent_id: str | None = None
    superseded: bool = False
    request_key: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Close:
    """No money is left to move; the booking ends like this."""

    outcome: Outcome
    reason: str
    fee: int = 0
    attention: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def release(
    booking: Booking, *, reason: str, outcome: Outcome, actor: str = "clock", details: Mapping[str, Any] | None = None
) -> Begin:
    """Give the whole hold back."""
    assert booking.hold is not None
    return Begin(
        kind=Kind.RELEASE,
        amount=booking.hold.amount,
        reason=reason,
        actor=actor,
        outcome=outcome,
        payment_intent_id=booking.hold.payment_intent_id,
        details=dict(details or {}),
    )


def capture(
    booking: Booking,
    amount: int,
    *,
    reason: str,
    outcome: Outcome,
    actor: str = "clock",
    fee: int = 0,
    details: Mapping[str, Any] | None = None,
) -> Begin:
    """Capture this much and let the rest of the hold go. Nothing to capture means a release."""
    assert booking.hold is not None
    if amount == 0:
        return release(booking, reason=reason, outcome=outcome, actor=actor, details=details)
    return Begin(
        kind=Kind.CAPTURE,
        amount=amount,
        reason=reason,
        actor=actor,
        outcome=outcome,
        fee=fee,
        payment_intent_id=booking.hold.payment_intent_id,
        details=dict(details or {}),
    )


def cancellation(booking: Booking) -> Begin | Close:
    """Carry out the wish to cancel, at the price of the instant at which it was made."""
    assert booking.cancel_requested_at is not None
    actor = booking.cancel_actor or "customer"
    if booking.hold is not None and booking.hold.state is HoldState.ACTION_REQUIRED:
        step = release(booking, reason="cancelled_before_authentication", outcome=Outcome.CANCELLED, actor=actor)
        return _answering(step, booking)
    amount, details = _cancellation_price(booking)
    if booking.captured > 0:
        return _after_outside_capture(booking, amount, details, actor)
    if booking.hold is None or booking.hold.state is not HoldState.LIVE:
        return Close(Outcome.CANCELLED, "nothing_held")
    reason = (
        "late_cancellation" if amount else "cancelled_in_time" if booking.cancel_charges_fee else "cancelled_by_staff"
    )
    return _answering(
        capture(booking, amount, reason=reason, outcome=Outcome.CANCELLED, actor=actor, fee=amount, details=details),
        booking,
    )


def _after_outside_capture(booking: Booking, fee: int, details: Mapping[str, Any], actor: str) -> Begin | Close:
    """Captured outside while the customer wanted to cancel: what they do not owe goes back, if it still can."""
    reason = "cancelled_after_outside_capture"
    kept = min(fee, booking.captured)
    owed = booking.refundable - fee
    if owed <= 0:
        return Close(Outcome.CANCELLED, reason, fee=kept, details=details)
    if booking.disputed or booking.refund_failed:
        return Close(Outcome.CANCELLED, reason, fee=kept, attention="refund_owed", details=details)
    step = Begin(
        kind=Kind.REFUND,
        amount=owed,
        reason=reason,
        actor=actor,
        outcome=Outcome.CANCELLED,
        fee=kept,
        payment_intent_id=booking.hold.payment_intent_id if booking.hold else None,
        details=details,
    )
    return _answering(step, booking)


def _answering(step: Begin, booking: Booking) -> Begin:
    """The request that recorded the wish gets its answer when the operation settles, whoever carries it out."""
    return replace(step, request_key=booking.cancel_request_key)


def _cancellation_price(booking: Booking) -> tuple[int, dict[str, Any]]:
    assert booking.cancel_requested_at is not None
    if booking.event_cancelled_at is not None:
        return 0, {"clause": "event_cancelled"}
    if not booking.cancel_charges_fee:
        return 0, {"clause": "staff_cancellation"}
    hold_amount = booking.hold.amount if booking.hold else booking.hold_amount
    quote = booking.cancel_quote
    if quote is not None:
        # The customer was promised this amount, whatever tier has begun since.
        return min(quote.amount, hold_amount), derivation(booking, quote.clause, quote.issued_at)
    fee = cancellation_fee(
        booking.policy,
        booking.price,
        hold_amount,
        now=booking.cancel_requested_at,
        starts_at=booking.fees_count_from,
        created_at=booking.created_at,
        moved_at=booking.moved_at,
    )
    return fee.amount, derivation(booking, fee.clause, booking.cancel_requested_at)


def derivation(booking: Booking, clause: str, at: datetime) -> dict[str, Any]:
    """Everything that the amount follows from, beside the policy that the log's first line carries. `fees_count_from`
    is there where windows are not counted from `starts_at`.
    """
    moved_by_customer = booking.fees_count_from != booking.starts_at
    return {
        "clause": clause,
        "evaluated_at": wire_time(at),
        "starts_at": wire_time(booking.starts_at),
        **({"fees_count_from": wire_time(booking.fees_count_from)} if moved_by_customer else {}),
        "booked_at": wire_time(booking.created_at),
        "moved_at": wire_time(booking.moved_at) if booking.moved_at else None,
        "price": booking.price.amount,
        "hold": booking.hold.amount if booking.hold else booking.hold_amount,
        "policy_hash": booking.policy.policy_hash,
    }
