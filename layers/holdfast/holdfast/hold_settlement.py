"""What the result of an authorization, a renewal or the saving of a card does to the booking and to the log.

Pure. At booking the customer is there, and a card that fails ends it. Later (the clock places, renews, tries again; the
customer offers another card) a failure leaves the booking open: a retry, or a deadline for the customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.booking import Booking, Hold, HoldState, Initiator, Kind, Operation, Outcome, Setup, SetupState
from holdfast.coverage import HOLD_SAFETY, deadline_to_mend, lapses_at
from holdfast.declines import Severity, severity
from holdfast.log import Entry, wire_time
from holdfast.staffs_list import cleared
from holdfast.stripe_objects import Decline, PaymentIntent, SetupIntent

Change = tuple[Booking, Sequence[Entry]]

# How long a customer who was asked for 3-D Secure has to come back (design: 30 minutes on-session).
ACTION_WINDOW: Final = timedelta(minutes=30)
# A hold that stands is how these end.
MENDED_BY_HOLD: Final = frozenset({"hold_expired", "kept_without_hold", "renewal_failed", "hold_refused"})


def new_hold(intent: PaymentIntent, operation: Operation, state: HoldState, now: datetime) -> Hold:
    """The authorization of this operation, as Stripe shows it."""
    live = state is HoldState.LIVE
    return Hold(
        payment_intent_id=intent.id,
        amount=intent.amount,
        state=state,
        operation_id=operation.operation_id,
        charge_id=intent.charge_id,
        expires_at=intent.capture_before if live else None,
        placed_at=now if live else None,
        client_secret=intent.client_secret if state is HoldState.ACTION_REQUIRED else None,
        initiator=Initiator.MERCHANT if operation.off_session else Initiator.CUSTOMER,
        brand=intent.brand or operation.brand,
        payment_method_id=operation.payment_method_id,
    )


def hold_details(hold: Hold) -> dict[str, Any]:
    return {"charge_id": hold.charge_id, "expires_at": wire_time(hold.expires_at) if hold.expires_at else None}


def entry_of(operation: Operation, status: str, **changes: Any) -> Entry:
    """A line about this operation."""
    plain: dict[str, Any] = {
        "kind": str(operation.kind),
        "status": status,
        "actor": operation.actor,
        "amount": operation.amount,
        "operation_id": operation.operation_id,
        "reason": operation.reason,
        "stripe_id": operation.payment_intent_id,
        "details": {},
    }
    return Entry(**plain | {name: value for name, value in changes.items() if value is not None})


def hold_not_missed(booking: Booking) -> Booking:
    """A hold stands, or the booking is over: what staff were told of a missing one needs nobody any more."""
    return cleared(booking, MENDED_BY_HOLD)


def with_live_hold(booking: Booking, hold: Hold) -> Booking:
    """The booking with this hold as its own: what it replaces has to go, and earlier failures no longer count."""
    held = replace(
        booking,
        hold=hold,
        renewal=None,
        superseded=_dropped(booking, hold.payment_intent_id),
        payment_method_id=hold.payment_method_id or booking.payment_method_id,
        card_brand=hold.brand or booking.card_brand,
        action_deadline=None if booking.new_card is None else booking.action_deadline,
        declines=0,
        next_try_at=None,
        refused_card=None,
        mend_by=None,
        kept_without_hold_at=None,
        declined_because=None,
        look_again_at=None,
    )
    return hold_not_missed(held)


def _dropped(booking: Booking, kept: str | None) -> tuple[str, ...]:
    """What can still take money, and is not used any more."""
    alive = (HoldState.LIVE, HoldState.ACTION_REQUIRED)
    others = [
        hold.payment_intent_id
        for hold in (booking.hold, booking.renewal)
        if hold is not None and hold.state in alive and hold.payment_intent_id != kept
    ]
    return (*booking.superseded, *(each for each in others if each not in booking.superseded))


def placed(idle: Booking, operation: Operation, intent: PaymentIntent, now: datetime) -> Change:
    """An authorization stands. A renewal's takes the place of the one before, which is dropped next."""
    hold = new_hold(intent, operation, HoldState.LIVE, now)
    details = hold_details(hold)
    if operation.kind is Kind.RENEW and idle.hold is not None:
        details["replaces"] = idle.hold.payment_intent_id
    return with_live_hold(idle, hold), [entry_of(operation, "succeeded", stripe_id=intent.id, details=details)]


def needs_action(idle: Booking, operation: Operation, intent: PaymentIntent, now: datetime) -> Change:
    """The bank wants the customer. A hold that stands goes on standing; without one there is a deadline."""
    waiting = new_hold(intent, operation, HoldState.ACTION_REQUIRED, now)
    if operation.kind is Kind.RENEW:
        superseded = idle.superseded
        if idle.renewal is not None:
            superseded = (*superseded, idle.renewal.payment_intent_id)
        changed = replace(idle, renewal=waiting, superseded=superseded)
        assert idle.hold is not None
        return changed, [_waits(operation, intent.id, lapses_at(idle.hold, idle.created_at) - HOLD_SAFETY)]
    if idle.waits_for_its_first_card:
        dropped = _dropped(idle, intent.id)
        changed = replace(idle, hold=waiting, superseded=dropped, action_deadline=now + ACTION_WINDOW)
        return changed, [_waits(operation, intent.id, now + ACTION_WINDOW)]
    deadline = deadline_to_mend(idle, now)
    dropped = _dropped(idle, intent.id)
    changed = replace(idle, hold=waiting, renewal=None, superseded=dropped, mend_by=deadline, next_try_at=None)
    return changed, [_waits(operation, intent.id, deadline)]


def _waits(operation: Operation, stripe_id: str, deadline: datetime) -> Entry:
    """The customer is wanted, until then."""
    details = {"deadline": wire_time(deadline)}
    return entry_of(operation, "pending", stripe_id=stripe_id, reason="requires_action", details=details)


def declined(
    idle: Booking, operation: Operation, decline: Decline, intent: PaymentIntent | None, now: datetime
) -> Change:
    """The bank said no."""
    if operation.kind is Kind.SCHEDULE or not operation.off_session:
        return _declined_with_the_customer(idle, operation, decline, intent, now)
    asks = severity(decline)
    if asks is Severity.AUTHENTICATION and intent is not None:
        return needs_action(idle, operation, intent, now)
    return _declined_without(idle, operation, decline, intent, now, may_be_retried=asks is Severity.SOFT)


def _decline_details(decline: Decline) -> dict[str, Any]:
    return {"code": decline.code, "decline_code": decline.shown}


def _declined_with_the_customer(
    idle: Booking, operation: Operation, decline: Decline, intent: PaymentIntent | None, now: datetime
) -> Change:
    """Whoever is there is told, and can try another card. What the booking has stays; one that has nothing ends."""
    entry = entry_of(
        operation,
        "failed",
        stripe_id=intent.id if intent else None,
        reason=decline.shown,
        details=_decline_details(decline),
    )
    if not idle.first_try:
        return idle, [entry]
    hold = new_hold(intent, operation, HoldState.DECLINED, now) if intent else None
    because = decline.decline_code or decline.code
    return replace(idle, hold=hold, outcome=Outcome.DECLINED, declined_because=because), [entry]


def _declined_without(
    idle: Booking,
    operation: Operation,
    decline: Decline,
    intent: PaymentIntent | None,
    now: datetime,
    *,
    may_be_retried: bool,
) -> Change:
    """The clock was refused: a soft decline is retried on schedule, any other one waits for another card."""
    waits = idle.hold_terms.retry_minutes
    again = may_be_retried and idle.declines < len(waits)
    changed = replace(
        idle,
        declines=idle.declines + 1,
        next_try_at=now + timedelta(minutes=waits[idle.declines]) if again else None,
        refused_card=idle.refused_card if again else operation.payment_method_id,
    )
    if operation.kind is Kind.AUTHORIZE:
        changed = _without_a_hold(changed, operation, intent, now)
    elif not again and changed.attention is None:
        changed = replace(changed, attention="renewal_failed", attention_since=now)
    details = _decline_details(decline) | {
        "will_retry_at": wire_time(changed.next_try_at) if changed.next_try_at else None,
        "deadline": wire_time(changed.mend_by) if changed.mend_by else None,
    }
    return changed, [
        entry_of(operation, "failed", stripe_id=intent.id if intent else None, reason=decline.shown, details=details)
    ]


def _without_a_hold(booking: Booking, operation: Operation, intent: PaymentIntent | None, now: datetime) -> Booking:
    """No hold came. The last one that did goes on being shown."""
    hold = booking.hold
    if (hold is None or hold.placed_at is None) and intent is not None:
        hold = new_hold(intent, operation, HoldState.DECLINED, now)
    return replace(booking, hold=hold, mend_by=deadline_to_mend(booking, now))


def refused(idle: Booking, operation: Operation, code: str, message: str, now: datetime) -> Change:
    """Stripe will not do this at all: the card or the customer is gone, or the request makes no sense to it."""
    failed = entry_of(operation, "failed", reason=code, details={"message": message})
    if idle.first_try:
        return replace(idle, outcome=Outcome.DECLINED), [failed]
    if not operation.off_session:
        return idle, [failed]
    decline = Decline(code=code, decline_code=None, message=message)
    changed, entries = _declined_without(idle, operation, decline, None, now, may_be_retried=False)
    if changed.attention is None:
        changed = replace(changed, attention="hold_refused", attention_since=now)
    return changed, entries


def abandoned(idle: Booking, operation: Operation, found: PaymentIntent | None) -> Change:
    """Nobody waits for this one any more: what was found of it has to go. A booking that has nothing else ends."""
    stale = idle.superseded if found is None else (*idle.superseded, found.id)
    entry = entry_of(operation, "failed", stripe_id=found.id if found else None, reason="abandoned")
    changed = replace(idle, superseded=stale)
    if idle.first_try:
        changed = replace(changed, outcome=Outcome.DECLINED)
    return changed, [entry]


def card_saved(idle: Booking, operation: Operation, setup: SetupIntent, hold_at: datetime) -> Change:
    """The card can be charged without its customer from now on."""
    saved = _setup(operation, setup, SetupState.SUCCEEDED)
    details: Mapping[str, Any] = {"hold_at": wire_time(hold_at), "payment_method_id": saved.payment_method_id}
    return with_saved_card(idle, saved), [entry_of(operation, "succeeded", stripe_id=setup.id, details=details)]


def with_saved_card(booking: Booking, saved: Setup) -> Booking:
    """The booking with this card; refusals of the one before say nothing about it, and their deadline is met.

    A hold on the card before that still waits for its customer is not waited for any more.
    """
    hold = booking.hold
    waited = hold is not None and hold.state is HoldState.ACTION_REQUIRED
    return replace(
        booking,
        hold=None if waited else hold,
        superseded=_dropped(booking, None) if waited else booking.superseded,
        voided=0,
        setup=saved,
        new_card=None,
        action_deadline=None,
        payment_method_id=saved.payment_method_id,
        card_brand=saved.brand or booking.card_brand,
        declines=0,
        next_try_at=None,
        refused_card=None,
        mend_by=None,
        kept_without_hold_at=None,
        declined_because=None,
    )


def card_needs_action(idle: Booking, operation: Operation, setup: SetupIntent, now: datetime) -> Change:
    """The bank wants the customer before the card may be saved."""
    waiting = _setup(operation, setup, SetupState.ACTION_REQUIRED)
    changed = replace(idle, new_card=waiting, action_deadline=now + ACTION_WINDOW)
    return changed, [_waits(operation, setup.id, now + ACTION_WINDOW)]


def _setup(operation: Operation, setup: SetupIntent, state: SetupState) -> Setup:
    assert operation.payment_method_id is not None
    return Setup(
        payment_method_id=operation.payment_method_id,
        state=state,
        setup_intent_id=setup.id,
        brand=operation.brand,
        operation_id=operation.operation_id,
        client_secret=setup.client_secret if state is SetupState.ACTION_REQUIRED else None,
    )
