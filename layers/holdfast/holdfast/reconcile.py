"""Takes what Stripe holds into the book: changes made outside, and results that arrived without us.

Pure. A booking with nothing under way and an observation in; the next facts and the lines out, none where both agree.
Applying it twice, late or in any order ends in the same state, because it compares states and never replays events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from holdfast.booking import Booking, Hold, HoldState, Outcome, Refund, RefundStatus, with_refund
from holdfast.dispute_adoption import observe_dispute
from holdfast.log import Entry, wire_time
from holdfast.next_step import too_short
from holdfast.stripe_objects import Observation, PaymentIntent, StripeRefund

# Stripe's reasons for an authorization that lapsed by itself: `automatic` is documented, `expired` only listed by the
# SDK.
LAPSED = frozenset({"automatic", "expired"})

Change = tuple[Booking, Sequence[Entry]]


def observe(booking: Booking, seen: Observation, now: datetime) -> Change:
    """The booking brought up to what Stripe holds for its PaymentIntent. Unchanged, without lines, where they agree."""
    hold = booking.hold
    if hold is None or hold.payment_intent_id != seen.intent.id:
        return _stranger(booking, seen.intent, now)
    booking, entries = _observe_hold(booking, hold, seen.intent, now)
    if booking.captured > 0:
        for refund in seen.refunds:
            booking, more = observe_refund(booking, refund, now)
            entries = [*entries, *more]
    for dispute in seen.disputes:
        booking, more = observe_dispute(booking, dispute, now)
        entries = [*entries, *more]
    return booking, entries


def _outside(change: str, intent: PaymentIntent, *, amount: int | None, **details: Any) -> Entry:
    return Entry(
        kind="external",
        status="succeeded",
        actor="stripe",
        amount=amount,
        reason=change,
        stripe_id=intent.id,
        details=details,
    )


def _stranger(booking: Booking, intent: PaymentIntent, now: datetime) -> Change:
    """An authorization with our booking's name on it that the booking does not use: it has to go if it could still take
    money.
    """
    if intent.status == "succeeded" and booking.attention != "unused_authorization_captured":
        taken = replace(booking, attention="unused_authorization_captured", attention_since=now)
        return taken, [_outside("unused_authorization_captured", intent, amount=intent.amount_received)]
    alive = intent.status in ("requires_capture", "requires_action", "requires_confirmation", "processing")
    if not alive or intent.id in booking.superseded:
        return booking, []
    dropped = replace(booking, superseded=(*booking.superseded, intent.id))
    return dropped, [_outside("unused_authorization", intent, amount=intent.amount)]


def _observe_hold(booking: Booking, hold: Hold, intent: PaymentIntent, now: datetime) -> Change:
    if hold.state is HoldState.ACTION_REQUIRED:
        return _observe_action(booking, hold, intent, now)
    if hold.state is HoldState.LIVE:
        return _observe_live(booking, hold, intent, now)
    if hold.state is HoldState.DECLINED and intent.status in ("requires_capture", "requires_action"):
        return _stranger(booking, intent, now)
    return booking, []


def _observe_action(booking: Booking, hold: Hold, intent: PaymentIntent, now: datetime) -> Change:
    """3-D Secure ended on the phone: a hold, or not. After the deadline a late hold is left to the clock, which
    releases it.
    """
    match intent.status:
        case "requires_capture":
            if booking.action_deadline is not None and now >= booking.action_deadline:
                return booking, []
            placed = replace(
                hold,
                state=HoldState.LIVE,
                charge_id=intent.charge_id,
                expires_at=intent.capture_before,
                placed_at=now,
                client_secret=None,
            )
            entry = _authorization(hold, intent, "succeeded", reason="authenticated")
            held = replace(booking, hold=placed, action_deadline=None, attempts=0, retry_at=None)
            if too_short(held) and held.attention is None:
                held = replace(held, attention="hold_too_short", attention_since=now)
            return held, [entry]
        case "requires_payment_method":
            # The phone still knows the client secret: the PaymentIntent must be canceled, or a hold could land on a
            # closed booking.
            declined = replace(hold, state=HoldState.DECLINED, client_secret=None)
            reason = intent.decline.code if intent.decline else "authentication_failed"
            closed = replace(
                booking,
                hold=declined,
                outcome=Outcome.DECLINED,
                declined_because="authentication_failed",
                action_deadline=None,
                superseded=(*booking.superseded, intent.id),
            )
            return closed, [_authorization(hold, intent, "failed", reason=reason)]
        case "canceled":
            gone = replace(hold, state=HoldState.DECLINED, client_secret=None)
            outcome = Outcome.CANCELLED if booking.cancel_requested_at else Outcome.DECLINED
            closed = replace(booking, hold=gone, outcome=outcome, action_deadline=None)
            return closed, [_authorization(hold, intent, "canceled", reason=intent.cancellation_reason or "canceled")]
        case "succeeded":
            return _captured_outside(booking, hold, intent)
        case _:
            return booking, []


def _authorization(hold: Hold, intent: PaymentIntent, status: str, *, reason: str) -> Entry:
    return Entry(
        kind="authorize",
        status=status,
        actor="stripe",
        amount=intent.amount,
        operation_id=hold.operation_id,
        reason=reason,
        stripe_id=intent.id,
        details={"expires_at": wire_time(intent.capture_before) if intent.capture_before else None},
    )


def _observe_live(booking: Booking, hold: Hold, intent: PaymentIntent, now: datetime) -> Change:
    match intent.status:
        case "canceled" if intent.cancellation_reason in LAPSED:
            lapsed = replace(booking, hold=replace(hold, state=HoldState.EXPIRED))
            if booking.is_open and booking.attention is None:
                lapsed = replace(lapsed, attention="hold_expired", attention_since=now)
            return lapsed, [_outside("hold_expired", intent, amount=intent.amount)]
        case "canceled":
            released = replace(booking, hold=replace(hold, state=HoldState.RELEASED))
            if booking.is_open:
                at = booking.cancel_requested_at or now
                released = replace(released, outcome=Outcome.CANCELLED, cancelled_at=at)
            return released, [_outside("hold_released", intent, amount=intent.amount)]
        case "succeeded":
            return _captured_outside(booking, hold, intent)
        case "requires_capture" if intent.capture_before is not None and intent.capture_before != hold.expires_at:
            moved = replace(booking, hold=replace(hold, expires_at=intent.capture_before))
            if too_short(moved) and moved.attention is None:
                moved = replace(moved, attention="hold_too_short", attention_since=now)
            return moved, [
                _outside("capture_before_changed", intent, amount=None, expires_at=wire_time(intent.capture_before))
            ]
        case _:
            return booking, []


def _captured_outside(booking: Booking, hold: Hold, intent: PaymentIntent) -> Change:
    """Somebody captured in the dashboard.

    A customer's wish to cancel stays open: the clock refunds what they do not owe.
    """
    outcome = Outcome.COMPLETED if booking.is_open and booking.cancel_requested_at is None else booking.outcome
    captured = replace(
        booking,
        hold=replace(
            hold,
            state=HoldState.CAPTURED,
            charge_id=intent.charge_id or hold.charge_id,
            placed_at=hold.placed_at or intent.created,
            client_secret=None,
        ),
        captured=intent.amount_received,
        outcome=outcome,
        action_deadline=None,
    )
    return captured, [_outside("captured", intent, amount=intent.amount_received)]


def observe_refund(booking: Booking, seen: StripeRefund, now: datetime) -> Change:
    """A refund that moved on, or one that somebody made outside. A refund that failed gives its money back to the
    book.
    """
    known = next((refund for refund in booking.refunds if refund.refund_id == seen.id), None)
    if known is not None and known.status is seen.status and known.amount == seen.amount:
        return booking, []
    operation_id = known.operation_id if known else None
    reason = known.reason if known else None
    refund = Refund(refund_id=seen.id, amount=seen.amount, status=seen.status, operation_id=operation_id, reason=reason)
    changed = with_refund(booking, refund)
    if seen.status in (RefundStatus.FAILED, RefundStatus.CANCELED) and known is not None and booking.attention is None:
        changed = replace(changed, attention="refund_failed", attention_since=now)
    entry = Entry(
        kind="refund" if known else "external",
        status=str(seen.status),
        actor="stripe",
        amount=seen.amount,
        operation_id=operation_id,
        reason=seen.failure_reason or ("refund_updated" if known else "refunded"),
        stripe_id=seen.id,
        details={"pending_reason": seen.pending_reason} if seen.pending_reason else {},
    )
    return changed, [entry]
