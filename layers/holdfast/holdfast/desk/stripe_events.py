"""Applies one event of Stripe's: finds the booking, looks at the PaymentIntent, and writes what differs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from holdfast import hints
from holdfast.booking import Booking
from holdfast.call_failures import CallFailed, CallRefused
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import seconds_left
from holdfast.desk.outside import take_in, take_in_card
from holdfast.errors import OperationInProgress, StripeUnavailable
from holdfast.hints import Hint

# An outage of Stripe is no fault of its events: they go around, and the dead-letter queue keeps only what is broken.
_STRIPE_AWAY_SECONDS: Final = 120


class Applied(Enum):
    """What became of an event."""

    SEEN_BEFORE = "seen before"
    NOT_OURS = "not ours"
    NOTHING_NEW = "nothing new"
    TAKEN_IN = "taken in"


class Later(Exception):
    """Somebody is at this booking: look again in so many seconds. Not a failure."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class NotYetKnown(Exception):
    """The event names a booking of this deployment that is not in the table: retried, and then a person has to look."""


def apply(desk: Desk, event: Mapping[str, Any]) -> tuple[Applied, Booking | None]:
    """Bring the booking that this event is about up to date. Raises Later and NotYetKnown."""
    hint = hints.read(event)
    if hint is None:
        return Applied.NOT_OURS, None
    if desk.store.records.seen(hint.event_id):
        return Applied.SEEN_BEFORE, None
    booking = _booking_of(desk, hint)
    if booking is None:
        return Applied.NOT_OURS, None
    if booking.operation is not None:
        booking = _recovered(desk, booking)
    if hints.tells_nothing_new(booking, hint):
        desk.store.records.see(hint.event_id, desk.clock())
        return Applied.NOTHING_NEW, booking
    try:
        if hints.is_about_a_card(hint):
            after = take_in_card(desk, booking, setup_intent_id=hint.payment_intent_id, stripe_event_id=hint.event_id)
        else:
            after = take_in(desk, booking, payment_intent_id=hint.payment_intent_id, stripe_event_id=hint.event_id)
    except OperationInProgress as busy:
        raise Later(seconds_left(desk.booking(booking.booking_id), desk.clock())) from busy
    except StripeUnavailable as away:
        raise Later(_STRIPE_AWAY_SECONDS) from away
    return (Applied.TAKEN_IN if after.version != booking.version else Applied.NOTHING_NEW), after


def _booking_of(desk: Desk, hint: Hint) -> Booking | None:
    """By the metadata, which Stripe copies from the PaymentIntent to its charge; a dashboard's refund and a dispute
    carry none.
    """
    booking_id = _id_in(desk, hint.metadata)
    if booking_id is None:
        if hint.metadata.get("deployment") is not None:
            return None  # another deployment's, on the same Stripe account
        known = None if hints.is_about_a_card(hint) else desk.store.bookings.by_payment_intent(hint.payment_intent_id)
        booking_id = known or _ask_stripe(desk, hint)
    if booking_id is None:
        return None
    booking = desk.store.bookings.get(booking_id)
    if booking is None:
        raise NotYetKnown(booking_id)
    return booking


def _id_in(desk: Desk, metadata: Mapping[str, str]) -> str | None:
    return metadata["booking_id"] if desk.gateway.is_ours(metadata) else None


def _ask_stripe(desk: Desk, hint: Hint) -> str | None:
    if hint.object["object"] in ("payment_intent", "setup_intent"):
        return None  # its own metadata said nothing of us
    try:
        return _id_in(desk, desk.gateway.retrieve(hint.payment_intent_id).metadata)
    except CallRefused:
        return None
    except CallFailed as failed:
        raise Later(_STRIPE_AWAY_SECONDS) from failed


def _recovered(desk: Desk, booking: Booking) -> Booking:
    """An operation under way is finished first, but not before its lease has ended, nor sooner than the clock would."""
    now = desk.clock()
    if booking.retry_at is not None and now < booking.retry_at:
        raise Later(round((booking.retry_at - now).total_seconds()) + 1)
    try:
        recovered = desk.operations.recover(booking).booking
    except OperationInProgress as busy:
        raise Later(busy.retry_after) from busy
    if recovered.operation is not None:
        raise Later(seconds_left(recovered, desk.clock()))
    return recovered
