"""Movements of money and why: a release, a capture, a cancellation at its price, and what each amount follows from.

Pure. Nothing here decides whether a movement is due; `next_step` and the use cases do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from holdfast.booking import Booking, Hold, HoldState, Kind, Outcome
from holdfast.log import Entry, wire_time
from holdfast.policy import cancellation_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Begin this operation. `details` is why this amount: enough to derive it again from the log alone.

    `off_session`: the customer is not there. `payment_method_id` and `brand` name another card than the booking's.
    `facts` are written with it. `unless`: as in `Write`.
    """

    kind: Kind
    amount: int
    reason: str
    actor: str = "clock"
    outcome: Outcome | None = None
    fee: int = 0
    payment_intent_id: str | None = None
    superseded: bool = False
    request_key: str | None = None
    off_session: bool = False
    payment_method_id: str | None = None
    brand: str | None = None
    facts: tuple[Entry, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Facts to write, and no money to move: the booking as it is then, and the lines that say so.

    `unless`: this PaymentIntent or SetupIntent is given up because its customer did not come; a webhook is only a hint,
    so Stripe is asked first whether they did.
    """

    booking: Booking
    entries: tuple[Entry, ...] = ()
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """No money is left to move; the booking ends like this. `unless`: as in `Write`."""

    outcome: Outcome
    reason: str
    fee: int = 0
    attention: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    unless: str | None = None


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


def placement(booking: Booking, amount: int, *, reason: str, details: Mapping[str, Any] | None = None) -> Begin:
    """An authorization of this amount without the customer, on the card that the booking has saved.

    Where a hold stands, it is a renewal: the new one first, then the old one is let go.
    """
    return Begin(
        kind=Kind.RENEW if booking.is_held else Kind.AUTHORIZE,
        amount=amount,
        reason=reason,
        off_session=True,
        details=dict(details or {}),
    )


def refused_with(booking: Booking, waited: Hold) -> str | None:
    """Which card is not asked again, as nobody authenticated this authorization: its own, if it is the booking's."""
    own = waited.payment_method_id in (None, booking.payment_method_id)
    return booking.payment_method_id if own else booking.refused_card


def may_ask(booking: Booking) -> bool:
    """Whether the bank may be asked again with this card: not after a hard decline, nor after the last retry."""
    return booking.refused_card != booking.payment_method_id


def fee_without_hold(
    booking: Booking, fee: int, *, reason: str, outcome: Outcome, details: Mapping[str, Any], now: datetime
) -> Begin | Close | None:
    """The fee of a booking whose hold lapsed or never came: authorized off-session for just that amount, and then
    captured like any other. None: the bank is asked again later, or the customer has time for another card.
    """
    if fee == 0:
        return Close(outcome, "nothing_held", details=details)
    if not booking.policy.off_session_fees:
        return Close(outcome, reason, details=dict(details) | {"clause": "nothing held"})
    until = waits_until(booking)
    if until is not None and now < until:
        return None
    if not may_ask(booking):
        return Close(outcome, reason, attention="fee_not_collected", details=details)
    return placement(booking, fee, reason=reason, details=details)


def waits_until(booking: Booking) -> datetime | None:
    """Until when a fee without a hold is waited for: the bank's next try, or, where the card is not asked again, the
    customer's deadline to offer another one or to authenticate. None: it is not waited for.
    """
    if booking.is_held or booking.captured > 0:
        return None
    waits_for_customer = booking.hold is not None and booking.hold.state is HoldState.ACTION_REQUIRED
    return booking.mend_by if waits_for_customer or not may_ask(booking) else booking.next_try_at


def cancellation_waits_until(booking: Booking) -> datetime | None:
    """The same for a wish to cancel. What costs nothing, or may not be charged without a hold, waits for nobody."""
    until = waits_until(booking)
    if until is None or not booking.policy.off_session_fees:
        return None
    return until if cancellation_price(booking)[0] else None


def cancellation(booking: Booking, now: datetime) -> Begin | Close | Write | None:
    """Carry out the wish to cancel, at the price of the instant at which it was made.

    None: a fee is to be charged without a hold, and the bank is asked again later, or the customer is.
    """
    assert booking.cancel_requested_at is not None
    actor = booking.cancel_actor or "customer"
    amount, details = cancellation_price(booking)
    if booking.hold is not None and booking.hold.state is HoldState.ACTION_REQUIRED:
        if amount and booking.mend_by is not None:
            waits = booking.policy.off_session_fees and now < booking.mend_by
            return None if waits else without_authentication(booking)
        step = release(booking, reason="cancelled_before_authentication", outcome=Outcome.CANCELLED, actor=actor)
        return _answering(step, booking)
    if booking.captured > 0:
        return _after_outside_capture(booking, amount, details, actor)
    reason = (
        "late_cancellation" if amount else "cancelled_in_time" if booking.cancel_charges_fee else "cancelled_by_staff"
    )
    if not booking.is_held:
        unheld = fee_without_hold(booking, amount, reason=reason, outcome=Outcome.CANCELLED, details=details, now=now)
        return _answering(replace(unheld, actor=actor), booking) if isinstance(unheld, Begin) else unheld
    return _answering(
        capture(booking, amount, reason=reason, outcome=Outcome.CANCELLED, actor=actor, fee=amount, details=details),
        booking,
    )


def without_authentication(booking: Booking) -> Write:
    """Nobody authenticates this authorization any more: it has to go, and the card is not asked again."""
    assert booking.hold is not None
    dropped = replace(
        booking,
        hold=replace(booking.hold, state=HoldState.DECLINED, client_secret=None),
        superseded=(*booking.superseded, booking.hold.payment_intent_id),
        refused_card=refused_with(booking, booking.hold),
        next_try_at=None,
    )
    entry = Entry(
        kind="authorize",
        status="canceled",
        actor="clock",
        amount=booking.hold.amount,
        operation_id=booking.hold.operation_id,
        reason="authentication_deadline",
        stripe_id=booking.hold.payment_intent_id,
    )
    return Write(dropped, (entry,), unless=booking.hold.payment_intent_id)


def _after_outside_capture(booking: Booking, fee: int, details: Mapping[str, Any], actor: str) -> Begin | Close:
    """Captured outside while the customer wanted to cancel: what they do not owe goes back, if it still can."""
    reason = "cancelled_after_outside_capture"
    kept = min(fee, booking.captured)
    owed = booking.refundable - fee
    if owed <= 0:
        return Close(Outcome.CANCELLED, reason, fee=kept, details=details)
    if booking.barred_by is not None or booking.refund_failed:
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


def cancellation_price(booking: Booking) -> tuple[int, dict[str, Any]]:
    """What the wish to cancel costs, in minor units, and what that follows from."""
    assert booking.cancel_requested_at is not None
    if booking.event_cancelled_at is not None:
        return 0, {"clause": "event_cancelled"}
    if not booking.cancel_charges_fee:
        return 0, {"clause": "staff_cancellation"}
    hold_amount = booking.most_chargeable
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
    is there where windows are not counted from `starts_at`; `hold` is what caps the amount.
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
        "hold": booking.most_chargeable,
        "policy_hash": booking.policy.policy_hash,
    }
