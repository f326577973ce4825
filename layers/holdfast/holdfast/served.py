"""How bookings, events, cards and refunds look on the wire; `views` documents the same shapes for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from holdfast import money
from holdfast.booking import Booking, Hold, HoldState, Operation, Status
from holdfast.coverage import lapses_at, planned_at
from holdfast.event import Event
from holdfast.log import wire_time
from holdfast.policy import text
from holdfast.policy_languages import DEFAULT_LOCALE
from holdfast.served_terms import terms_of_booking, terms_of_event
from holdfast.stripe_objects import StripeRefund

View = dict[str, Any]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)


def booking_view(booking: Booking, now: datetime | None = None) -> View:
    """As it is at `now`; right after a change that is the time of the change."""
    status = booking.payment_status
    return {
        "booking_id": booking.booking_id,
        "user_id": booking.user_id,
        "event_id": booking.event_id,
        "payment_status": str(status),
        "outcome": str(booking.outcome),
        "price": {"amount": booking.price.amount, "currency": booking.price.currency},
        "hold": _hold(booking.hold),
        "captured": booking.captured,
        "refunded": booking.refunded,
        "fee": booking.fee,
        "starts_at": wire_time(booking.starts_at),
        "timezone": booking.timezone,
        "policy": {
            "hash": booking.policy.policy_hash,
            "locale": booking.locale,
            "accepted_at": wire_time(booking.created_at),
        },
        **terms_of_booking(booking, now or booking.updated_at),
        "checked_in_at": _time(booking.checked_in_at),
        "cancelled_at": _time(booking.cancelled_at),
        "next_action": _next_action(booking, status),
        "action_required_by": _time(_action_required_by(booking, status)),
        "hold_at": _time(_hold_at(booking, status)),
        "created_at": wire_time(booking.created_at),
        "updated_at": wire_time(booking.updated_at),
        "version": booking.version,
        "refunds": [
            {"refund_id": each.refund_id, "amount": each.amount, "status": str(each.status)} for each in booking.refunds
        ],
    }


def _hold(hold: Hold | None) -> View | None:
    """Null until a hold is placed; then it stays, whatever became of it."""
    if hold is None or hold.placed_at is None:
        return None
    return {"amount": hold.amount, "expires_at": _time(hold.expires_at), "payment_intent_id": hold.payment_intent_id}


def _next_action(booking: Booking, status: Status) -> View | None:
    """What the customer's phone has to do, if anything: authenticate a payment or a card, or offer another card."""
    if not booking.is_open:
        return None
    hold, renewal, card = booking.hold, booking.renewal, booking.new_card
    if status is Status.ACTION_REQUIRED and hold is not None and hold.state is HoldState.ACTION_REQUIRED:
        return {"type": "confirm_payment", "client_secret": hold.client_secret}
    if card is not None:
        return {"type": "confirm_setup", "client_secret": card.client_secret}
    if renewal is not None:
        return {"type": "confirm_payment", "client_secret": renewal.client_secret}
    if booking.kept_without_hold_at is None and (booking.declines or booking.refused_card is not None):
        return {"type": "new_payment_method", "client_secret": None}
    return None


def _action_required_by(booking: Booking, status: Status) -> datetime | None:
    """Until when the customer can do it; then the policy says what becomes of the booking."""
    if _next_action(booking, status) is None:
        return None
    if booking.mend_by is not None or not booking.is_held or booking.hold is None:
        return booking.mend_by or booking.action_deadline
    return lapses_at(booking.hold, booking.created_at)


def _hold_at(booking: Booking, status: Status) -> datetime | None:
    """When the hold of a booking that only has its card saved is to be placed."""
    if status is not Status.SCHEDULED:
        return None
    return planned_at(booking)


def staff_booking_view(booking: Booking, now: datetime | None = None) -> View:
    """What staff see beside it: why and since when somebody has to look."""
    attention = None
    if booking.attention is not None:
        attention = {"reason": booking.attention, "since": _time(booking.attention_since)}
    return booking_view(booking, now) | {"attention": attention}


def event_view(event: Event, now: datetime, locale: str = DEFAULT_LOCALE) -> View:
    """For somebody who would book at `now`, in one of the languages that the policy's text exists in."""
    return {
        "event_id": event.event_id,
        "title": event.title,
        "price": {"amount": event.price.amount, "currency": event.price.currency},
        "hold_amount": money.hold_amount(event.price, event.policy.hold_ratio),
        "starts_at": wire_time(event.starts_at),
        "ends_at": wire_time(event.ends_at),
        "timezone": event.timezone,
        "policy": event.policy.to_json() | {"text": text(event.policy, event.price, event.timezone, locale)},
        "policy_hash": event.policy.policy_hash,
        "policy_locale": locale,
        **terms_of_event(event, now),
        "cancelled_at": _time(event.cancelled_at),
        "created_at": wire_time(event.created_at),
        "updated_at": wire_time(event.updated_at),
        "version": event.version,
    }


def refund_view(booking: Booking, operation: Operation, refund: StripeRefund) -> View:
    return {
        "refund_id": refund.id,
        "booking_id": booking.booking_id,
        "amount": refund.amount,
        "currency": operation.currency,
        "status": str(refund.status),
    }
