"""Brings a booking up to what Stripe holds: after 3-D Secure, after a webhook, after somebody worked
in the dashboard.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from holdfast.booking import Booking
from holdfast.call_failures import CallFailed
from holdfast.desk.desk import Desk
from holdfast.errors import OperationInProgress, StripeUnavailable
from holdfast.log import append
from holdfast.reconcile import Change, observe, observe_setup
from holdfast.store import Commit, ConcurrentChange
from holdfast.stripe_objects import Observation

_TRIES = 6


def take_in(
    desk: Desk, booking: Booking, *, payment_intent_id: str | None = None, stripe_event_id: str | None = None
) -> Booking:
    """Look at the PaymentIntent (the booking's own, if none is named) and write what differs, if anything does.

    Only for a booking with nothing under way: raises OperationInProgress otherwise, and StripeUnavailable where Stripe
    cannot be asked.
    """

    def look(booking: Booking, now: datetime) -> Change:
        return observe(booking, _look(desk, booking, payment_intent_id), now)

    return _write_what_differs(desk, booking, look, stripe_event_id)


def take_in_card(desk: Desk, booking: Booking, *, setup_intent_id: str, stripe_event_id: str | None = None) -> Booking:
    """The same for the SetupIntent of a card that is being saved."""

    def look(booking: Booking, _: datetime) -> Change:
        try:
            return observe_setup(booking, desk.gateway.retrieve_setup(setup_intent_id))
        except CallFailed as failed:
            raise StripeUnavailable() from failed

    return _write_what_differs(desk, booking, look, stripe_event_id)


def _write_what_differs(
    desk: Desk, booking: Booking, look: Callable[[Booking, datetime], Change], stripe_event_id: str | None
) -> Booking:
    for _ in range(_TRIES):
        if booking.operation is not None:
            raise OperationInProgress()
        now = desk.clock()
        changed, entries = look(booking, now)
        if not entries and changed == booking:
            if stripe_event_id is not None:
                desk.store.records.see(stripe_event_id, now)
            return booking
        after, lines = append(booking, changed, entries, now=now, origin=desk.origin)
        commit = Commit(
            after=after, lines=lines, before_version=booking.version, now=now, stripe_event_id=stripe_event_id
        )
        try:
            return desk.store.bookings.commit(commit)
        except ConcurrentChange:
            desk.budget.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter
            booking = desk.booking(booking.booking_id)
    raise OperationInProgress()


def _look(desk: Desk, booking: Booking, payment_intent_id: str | None) -> Observation:
    target = payment_intent_id or (booking.hold.payment_intent_id if booking.hold else None)
    if target is None:
        raise ValueError("the booking has no PaymentIntent to look at")
    try:
        return desk.gateway.observe(target)
    except CallFailed as failed:
        raise StripeUnavailable() from failed
