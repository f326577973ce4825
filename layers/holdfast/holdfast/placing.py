"""Holds that the clock looks after: placed when their time comes, renewed before they lapse, tried again, given up.

Pure. `coverage` says how long an authorization lives and when one is needed; here is what is done about it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.booking import Booking, Outcome, Setup, SetupState
from holdfast.coverage import HOLD_SAFETY, comes_too_early, lapses_at, mend_by, planned_at, renew_at
from holdfast.log import Entry, wire_time
from holdfast.movements import Begin, Close, Write, may_ask, placement
from holdfast.policy import OnUnplaceableHold


def places_at(booking: Booking) -> datetime | None:
    """When a booking without a hold needs the clock: the time for its hold, a retry, the customer's deadline."""
    if booking.kept_without_hold_at is not None:
        return None
    asks = _asks_at(booking)
    return min(each for each in (asks, booking.mend_by) if each is not None)


def _asks_at(booking: Booking) -> datetime | None:
    if not may_ask(booking):
        return booking.updated_at if booking.mend_by is None else None
    planned = planned_at(booking)
    if booking.hold is None:
        return max(planned, booking.next_try_at or planned)
    return max(planned, booking.next_try_at or booking.updated_at)


def renews_at(booking: Booking) -> datetime | None:
    """When a hold that stands needs the clock: to be renewed, to be enlarged, to be placed later after all."""
    assert booking.hold is not None
    if booking.renewal is not None:
        return lapses_at(booking.hold, booking.created_at) - HOLD_SAFETY
    if comes_too_early(booking):
        return booking.updated_at
    if not may_ask(booking):
        return None
    asks = booking.updated_at if booking.hold.amount < booking.hold_amount else renew_at(booking)
    return None if asks is None else max(asks, booking.next_try_at or asks)


def step(booking: Booking, now: datetime) -> Begin | Close | Write | None:
    """What the hold of an open booking needs now, if anything."""
    return _of_a_hold(booking, now) if booking.is_held else _without_a_hold(booking, now)


def _of_a_hold(booking: Booking, now: datetime) -> Begin | Write | None:
    due = renews_at(booking)
    if due is None or now < due:
        return None
    if booking.renewal is not None:
        return renewal_dropped(booking, "authentication_deadline")
    if comes_too_early(booking):
        return _scheduled_again(booking)
    assert booking.hold is not None
    larger = booking.hold.amount < booking.hold_amount
    return placement(booking, booking.hold_amount, reason="repriced" if larger else "renewal")


def _without_a_hold(booking: Booking, now: datetime) -> Begin | Close | Write | None:
    if booking.kept_without_hold_at is not None:
        return None
    if booking.mend_by is not None and now >= booking.mend_by:
        return _given_up(booking, now)
    asks = _asks_at(booking)
    if asks is None or now < asks:
        return None
    if not may_ask(booking):
        return _deadline_set(booking, now)
    return placement(booking, booking.hold_amount, reason=_why(booking))


def _why(booking: Booking) -> str:
    if booking.declines:
        return "retry"
    return "hold_expired" if booking.hold is not None else "scheduled"


def _deadline_set(booking: Booking, now: datetime) -> Write:
    """The card cannot be asked again: from now on it is the customer's turn, until the deadline."""
    deadline = mend_by(booking, now)
    entry = Entry(
        kind="mend",
        status="pending",
        actor="clock",
        reason="new_payment_method",
        details={"deadline": wire_time(deadline)},
    )
    return Write(replace(booking, mend_by=deadline), (entry,))


def _given_up(booking: Booking, now: datetime) -> Close | Write:
    """The deadline has passed without a hold: what happens then is the policy's to say. Whoever is there already, or
    whose event has begun, is not cancelled.
    """
    before_it_began = booking.mend_by is not None and booking.mend_by <= booking.starts_at
    cancels = booking.policy.on_unplaceable_hold is OnUnplaceableHold.CANCEL
    if cancels and before_it_began and booking.checked_in_at is None:
        return Close(Outcome.DECLINED, "hold_unplaceable")
    kept = replace(
        booking, kept_without_hold_at=now, mend_by=None, next_try_at=None, refused_card=booking.payment_method_id
    )
    if kept.attention is None:
        kept = replace(kept, attention="kept_without_hold", attention_since=now)
    return Write(kept, (Entry(kind="mend", status="failed", actor="clock", reason="kept_without_hold"),))


def renews_for_nothing(booking: Booking) -> bool:
    """The booking is closed, and an authorization that was to replace its hold still waits for the customer."""
    return booking.renewal is not None and not booking.is_open


def renewal_dropped(booking: Booking, reason: str) -> Write:
    """Nobody authenticated the authorization that was to replace the hold, or nobody needs it any more.

    One with another card says nothing about the card that the booking has.
    """
    assert booking.renewal is not None
    tried = booking.renewal.payment_method_id or booking.payment_method_id
    dropped = replace(
        booking,
        renewal=None,
        superseded=(*booking.superseded, booking.renewal.payment_intent_id),
        refused_card=tried if tried == booking.payment_method_id else booking.refused_card,
    )
    entry = Entry(
        kind="renew",
        status="canceled",
        actor="clock",
        amount=booking.renewal.amount,
        operation_id=booking.renewal.operation_id,
        reason=reason,
        stripe_id=booking.renewal.payment_intent_id,
    )
    return Write(dropped, (entry,), unless=booking.renewal.payment_intent_id if booking.is_open else None)


def _scheduled_again(booking: Booking) -> Write:
    """The event was moved so far away that this hold would lapse before it is needed: it is let go, and another one
    placed when its time comes. A renewal that waited has been dropped by now.
    """
    hold = booking.hold
    assert hold is not None
    saved = booking.setup or Setup(
        payment_method_id=booking.payment_method_id, state=SetupState.SUCCEEDED, brand=booking.card_brand
    )
    scheduled = replace(
        booking,
        hold=None,
        setup=saved,
        superseded=(*booking.superseded, hold.payment_intent_id),
        reminded=(),
    )
    planned = planned_at(booking)
    entry = Entry(
        kind="schedule",
        status="succeeded",
        actor="clock",
        amount=booking.hold_amount,
        reason="event_moved",
        details={"hold_at": wire_time(planned)},
    )
    return Write(scheduled, (entry,))


def card_was_not_saved(booking: Booking) -> Close | Write:
    """3-D Secure for saving a card that nobody came for. It ends a booking that has no other card."""
    assert booking.new_card is not None
    asked = booking.new_card.setup_intent_id
    if booking.first_try:
        return Close(Outcome.DECLINED, "authentication_deadline", unless=asked)
    entry = Entry(kind="schedule", status="canceled", actor="clock", reason="authentication_deadline")
    return Write(replace(booking, new_card=None, action_deadline=None), (entry,), unless=asked)
