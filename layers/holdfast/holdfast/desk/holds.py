"""Booking a place: the price is the event's, the hold is 120 % of it (or what the policy says), the customer is
present.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from holdfast import money
from holdfast.booking import Booking, Kind, Status
from holdfast.desk.desk import Desk
from holdfast.desk.outside import take_in
from holdfast.errors import CardDeclined, Conflict, NotFound, OperationInProgress, RuleRefused, TooFarAhead
from holdfast.event import Event
from holdfast.movements import Begin
from holdfast.next_step import CUSTOMER_INITIATED_WINDOW, HOLD_SAFETY, last_charge_at
from holdfast.operations import Settled
from holdfast.policy import text
from holdfast.requests import Reply, Request, answer, done
from holdfast.store import Check, Record


def place(
    desk: Desk,
    request: Request,
    *,
    user_id: str,
    event_id: str,
    payment_method_id: str | None,
    accepted_policy_hash: str | None,
) -> Reply:
    """Book a place and put the hold on the card, in one call to Stripe, because the customer waits."""

    def evaluate(record: Record) -> Settled:
        now = desk.clock()
        event = _bookable(desk, event_id, accepted_policy_hash, now)
        user = desk.store.users.get(user_id)
        customer_id = user.customer_id if user else None
        card = payment_method_id or (desk.store.users.default_card(user) if user else None)
        if card is None:
            raise RuleRefused.at("/payment_method_id", "There is no saved card; save one first, or name one.")
        known = desk.store.users.card(user_id, card)
        if known is None or known.detaching_at is not None or customer_id is None:
            raise NotFound("There is no such payment method.")
        booking = _new(desk, event, user_id=user_id, customer_id=customer_id, payment_method_id=card, now=now)
        begun = desk.operations.begin(
            None,
            booking,
            Begin(
                kind=Kind.AUTHORIZE,
                amount=booking.hold_amount,
                reason="booked",
                actor="customer",
                details=_accepted(event),
            ),
            record=record,
            check=Check(event_id=event_id, event_version=event.version, payment_method=(user_id, card)),
        )
        return desk.operations.carry_out(begun)

    return answer(desk.operations, request, evaluate)


def _bookable(desk: Desk, event_id: str, accepted_policy_hash: str | None, now: datetime) -> Event:
    event = desk.event(event_id)
    if event.cancelled_at is not None:
        raise Conflict("The event was cancelled.")
    if accepted_policy_hash is not None and accepted_policy_hash != event.policy.policy_hash:
        raise Conflict("The policy of this event has changed; show the customer the new one.")
    if now >= event.starts_at:
        raise RuleRefused.at("/event_id", "The event has begun.")
    policy = event.policy
    last_charge = last_charge_at(
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        policy_minutes=policy.no_show_grace_minutes + policy.no_show_contest_minutes,
        settle_hours=policy.settle_hours,
    )
    if last_charge + HOLD_SAFETY > now + CUSTOMER_INITIATED_WINDOW:
        raise TooFarAhead.at(
            "/event_id", "The event settles later than a hold that is placed now can live; book nearer to it."
        )
    return event


def _new(desk: Desk, event: Event, *, user_id: str, customer_id: str, payment_method_id: str, now: datetime) -> Booking:
    return Booking(
        booking_id=desk.new_id("bk"),
        user_id=user_id,
        event_id=event.event_id,
        customer_id=customer_id,
        payment_method_id=payment_method_id,
        price=event.price,
        hold_amount=money.hold_amount(event.price, event.policy.hold_ratio),
        policy=event.policy,
        event_version=event.version,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        created_at=now,
        updated_at=now,
    )


def _accepted(event: Event) -> dict[str, Any]:
    """What the customer agreed to: the exact amount that is blocked (PSD2 art. 75) and the policy, word for word."""
    return {
        "price": event.price.amount,
        "policy": event.policy.to_json(),
        "policy_hash": event.policy.policy_hash,
        "policy_text": text(event.policy, event.price),
        "event_version": event.version,
    }


def confirm(desk: Desk, request: Request, *, user_id: str, booking_id: str) -> Reply:
    """After 3-D Secure on the phone: look at the PaymentIntent and take in what came of it."""

    def evaluate(_: Record) -> Settled:
        booking = desk.booking(booking_id, owner=user_id)
        if booking.operation is not None and booking.operation.kind is Kind.AUTHORIZE:
            booking = desk.operations.recover(booking).booking
        if booking.operation is None and booking.payment_status is Status.ACTION_REQUIRED:
            booking = take_in(desk, booking)
        return _confirmed(booking)

    return answer(desk.operations, request, evaluate)


def _confirmed(booking: Booking) -> Settled:
    status = booking.payment_status
    if status is Status.HELD:
        return done(booking)
    if status in (Status.ACTION_REQUIRED, Status.AUTHORIZING):
        return Settled(booking, None)
    if booking.operation is not None:
        raise OperationInProgress()
    if booking.declined_because == "authentication_failed":
        raise CardDeclined(
            "The authentication failed.", decline_code="authentication_required", booking_id=booking.booking_id
        )
    raise Conflict(f"The booking has ended: it is {status}.")
