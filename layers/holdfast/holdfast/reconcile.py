"""Takes what Stripe holds into the book: changes made outside, and results that arrived without us.

Pure. A booking with nothing under way and an observation in; the next facts and the lines out, none where both agree.
Applying it twice, late or in any order ends in the same state, because it compares states and never replays events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import (
    Booking,
    Hold,
    HoldState,
    Initiator,
    Outcome,
    Refund,
    RefundStatus,
    Setup,
    SetupState,
    with_refund,
)
from holdfast.coverage import mend_by, planned_at
from holdfast.declines import failed_authentication, is_about_the_card
from holdfast.dispute_adoption import observe_dispute
from holdfast.hold_settlement import with_live_hold, with_saved_card
from holdfast.log import Entry, wire_time
from holdfast.movements import refused_with
from holdfast.stripe_objects import Observation, PaymentIntent, SetupIntent, StripeRefund

# Stripe's reasons for an authorization that lapsed by itself: `automatic` is documented, `expired` only listed by the
# SDK.
LAPSED = frozenset({"automatic", "expired"})

# Why a booking is declined whose customer failed to authenticate.
AUTHENTICATION_FAILED: Final = "authentication_failed"

Change = tuple[Booking, Sequence[Entry]]


def observe(booking: Booking, seen: Observation, now: datetime) -> Change:
    """The booking brought up to what Stripe holds for its PaymentIntent. Unchanged, without lines, where they agree."""
    hold, renewal = booking.hold, booking.renewal
    if renewal is not None and renewal.payment_intent_id == seen.intent.id:
        return _observe_renewal(booking, renewal, seen.intent, now)
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
    if intent.status == "succeeded" and intent.id not in booking.captured_strangers:
        # Money that nobody asked for matters more than whatever staff know of already.
        taken = replace(
            booking,
            captured_strangers=(*booking.captured_strangers, intent.id),
            attention="unused_authorization_captured",
            attention_since=now,
        )
        return taken, [_outside("unused_authorization_captured", intent, amount=intent.amount_received)]
    alive = intent.status in ("requires_capture", "requires_action", "requires_confirmation", "processing")
    if not alive or intent.id in booking.superseded:
        return booking, []
    dropped = replace(booking, superseded=(*booking.superseded, intent.id))
    return dropped, [_outside("unused_authorization", intent, amount=intent.amount)]


def has_lapsed(intent: PaymentIntent) -> bool:
    """Canceled by Stripe at the end of its window, or in one of the states that Stripe names for it (recorded in its
    own list of states that cannot be canceled).
    """
    if intent.status == "canceled":
        return intent.cancellation_reason in LAPSED
    return intent.status in ("expired", "requires_reauthorization")


def _observe_hold(booking: Booking, hold: Hold, intent: PaymentIntent, now: datetime) -> Change:
    if hold.state is HoldState.ACTION_REQUIRED:
        return _observe_action(booking, hold, intent, now)
    if hold.state is HoldState.LIVE:
        return _observe_live(booking, hold, intent, now)
    if hold.state is HoldState.DECLINED and intent.status in ("requires_capture", "requires_action", "succeeded"):
        return _stranger(booking, intent, now)
    return booking, []


def _observe_action(booking: Booking, hold: Hold, intent: PaymentIntent, now: datetime) -> Change:
    """3-D Secure ended on the phone: a hold, or not. As long as the clock has not given it up, it is in time."""
    match intent.status:
        case "requires_capture":
            held = replace(with_live_hold(booking, _authenticated(hold, intent, now)), attempts=0, retry_at=None)
            return held, [_authorization(hold, intent, "succeeded", reason="authenticated")]
        case "requires_payment_method":
            return _not_authenticated(booking, hold, intent)
        case "canceled" if booking.mend_by is not None:
            lost = replace(booking, hold=replace(hold, state=HoldState.DECLINED, client_secret=None))
            return lost, [_authorization(hold, intent, "canceled", reason=intent.cancellation_reason or "canceled")]
        case "canceled":
            gone = replace(hold, state=HoldState.DECLINED, client_secret=None)
            outcome = Outcome.CANCELLED if booking.cancel_requested_at else Outcome.DECLINED
            closed = replace(booking, hold=gone, outcome=outcome, action_deadline=None)
            return closed, [_authorization(hold, intent, "canceled", reason=intent.cancellation_reason or "canceled")]
        case "succeeded":
            return _captured_outside(booking, hold, intent)
        case _:
            if booking.declined_because != AUTHENTICATION_FAILED or intent.status != "requires_action":
                return booking, []
            again = replace(booking, declined_because=None)
            return again, [_authorization(hold, intent, "pending", reason="requires_action")]


def _not_authenticated(booking: Booking, hold: Hold, intent: PaymentIntent) -> Change:
    """The customer failed to authenticate, or did, and the bank declined all the same.

    The phone still knows the client secret: a PaymentIntent that is given up must be canceled, or a hold could land on
    a booking that does not expect it.
    """
    decline = intent.decline
    by_the_bank = decline is not None and is_about_the_card(decline)
    if booking.mend_by is not None and not by_the_bank:
        # Asked for without the customer, who may still come and authenticate it, or has tried once and may again.
        failed = decline is not None and failed_authentication(decline)
        if not failed or booking.declined_because == AUTHENTICATION_FAILED:
            return booking, []
        told = replace(booking, declined_because=AUTHENTICATION_FAILED)
        return told, [_authorization(hold, intent, "pending", reason=AUTHENTICATION_FAILED)]
    because = decline.decline_code or decline.code if decline and by_the_bank else AUTHENTICATION_FAILED
    declined = replace(
        booking,
        hold=replace(hold, state=HoldState.DECLINED, client_secret=None),
        declined_because=because,
        superseded=(*booking.superseded, intent.id),
    )
    reason = (decline.shown if by_the_bank else decline.code) if decline else because
    entry = _authorization(hold, intent, "failed", reason=reason)
    if booking.mend_by is None:
        return replace(declined, outcome=Outcome.DECLINED, action_deadline=None), [entry]
    return replace(declined, refused_card=refused_with(booking, hold), next_try_at=None), [entry]


def _authenticated(hold: Hold, intent: PaymentIntent, now: datetime) -> Hold:
    """The customer came, so from Stripe's side it is they who placed it."""
    return replace(
        hold,
        state=HoldState.LIVE,
        charge_id=intent.charge_id,
        expires_at=intent.capture_before,
        placed_at=now,
        client_secret=None,
        brand=intent.brand or hold.brand,
        initiator=Initiator.CUSTOMER,
        payment_method_id=intent.payment_method_id or hold.payment_method_id,
    )


def _observe_renewal(booking: Booking, renewal: Hold, intent: PaymentIntent, now: datetime) -> Change:
    """A renewal that waited for its customer: now it takes the place of the hold that stood meanwhile."""
    match intent.status:
        case "requires_capture" if booking.is_held and booking.is_open:
            entry = _authorization(renewal, intent, "succeeded", reason="authenticated", kind="renew")
            return with_live_hold(booking, _authenticated(renewal, intent, now)), [entry]
        case "canceled" | "expired" | "requires_reauthorization":
            entry = _authorization(
                renewal, intent, "canceled", reason=intent.cancellation_reason or intent.status, kind="renew"
            )
            return replace(booking, renewal=None, refused_card=refused_with(booking, renewal)), [entry]
        case "requires_capture" | "succeeded":
            unused, entries = _stranger(booking, intent, now)
            return (replace(unused, renewal=None), entries) if entries else (booking, [])
        case _:
            return booking, []


def observe_setup(booking: Booking, seen: SetupIntent) -> Change:
    """A card that was to be saved, after its customer was asked for 3-D Secure."""
    waiting = booking.new_card
    if waiting is None or waiting.setup_intent_id != seen.id or not booking.is_open:
        return booking, []
    match seen.status:
        case "succeeded":
            saved = replace(waiting, state=SetupState.SUCCEEDED, client_secret=None)
            hold_at = planned_at(booking)
            details = {"hold_at": wire_time(hold_at), "payment_method_id": saved.payment_method_id}
            return with_saved_card(booking, saved), [
                _saving(booking, waiting, "succeeded", reason="authenticated", **details)
            ]
        case "requires_payment_method" | "canceled":
            code = seen.decline.code if seen.decline else "authentication_failed"
            failed = replace(booking, new_card=None, action_deadline=None)
            if booking.first_try:
                failed = replace(failed, outcome=Outcome.DECLINED, declined_because=AUTHENTICATION_FAILED)
            return failed, [_saving(booking, waiting, "failed", reason=code)]
        case _:
            return booking, []


def _saving(booking: Booking, card: Setup, status: str, *, reason: str, **details: Any) -> Entry:
    return Entry(
        kind="schedule",
        status=status,
        actor="stripe",
        amount=booking.hold_amount,
        operation_id=card.operation_id,
        reason=reason,
        stripe_id=card.setup_intent_id,
        details=details,
    )


def _authorization(hold: Hold, intent: PaymentIntent, status: str, *, reason: str, kind: str = "authorize") -> Entry:
    return Entry(
        kind=kind,
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
        case _ if has_lapsed(intent):
            lapsed = _voided(replace(booking, hold=replace(hold, state=HoldState.EXPIRED)), hold, now)
            if booking.is_open and booking.attention is None:
                lapsed = replace(lapsed, attention="hold_expired", attention_since=now)
            return _renewal_instead(lapsed, now), [_outside("hold_expired", intent, amount=intent.amount)]
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
            return moved, [
                _outside("capture_before_changed", intent, amount=None, expires_at=wire_time(intent.capture_before))
            ]
        case _:
            return booking, []


def _voided(lapsed: Booking, hold: Hold, now: datetime) -> Booking:
    """A hold that is taken back before its time is placed again at once; the next one after the waits of a soft
    decline, because a bank that takes back each of them is not asked for one every minute; the last one stays gone.
    """
    if not lapsed.is_open or hold.expires_at is None or now >= hold.expires_at:
        return lapsed
    waits = (0, *lapsed.hold_terms.retry_minutes)
    if lapsed.voided >= len(waits):
        return replace(lapsed, voided=lapsed.voided + 1, refused_card=lapsed.payment_method_id)
    again = now + timedelta(minutes=waits[lapsed.voided]) if waits[lapsed.voided] else None
    return replace(lapsed, voided=lapsed.voided + 1, next_try_at=again)


def _renewal_instead(lapsed: Booking, now: datetime) -> Booking:
    """A renewal that waits for the customer while its old hold lapses is what the booking waits for from now on."""
    if lapsed.renewal is None or not lapsed.is_open:
        return lapsed
    return replace(lapsed, hold=lapsed.renewal, renewal=None, mend_by=mend_by(lapsed, now), next_try_at=None)


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
    book, and staff hear of it, whoever made it and also where it had failed before we heard of it at all.
    """
    known = next((refund for refund in booking.refunds if refund.refund_id == seen.id), None)
    if known is not None and known.status is seen.status and known.amount == seen.amount:
        return booking, []
    operation_id = known.operation_id if known else None
    reason = known.reason if known else None
    refund = Refund(refund_id=seen.id, amount=seen.amount, status=seen.status, operation_id=operation_id, reason=reason)
    changed = with_refund(booking, refund)
    if seen.status in (RefundStatus.FAILED, RefundStatus.CANCELED) and booking.attention is None:
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
