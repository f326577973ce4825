"""Booking a place: the price is the event's, the hold is 120 % of it (or what the policy says), the customer is
present. Near events get their hold now; for far-away ones the card is saved, and the hold comes later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast import money
from holdfast.booking import Booking, Kind, Status
from holdfast.coverage import is_held_at_once, planned_at
from holdfast.desk.desk import Desk
from holdfast.desk.outside import take_in, take_in_card
from holdfast.errors import CardDeclined, Conflict, NotFound, OperationInProgress, RuleRefused, TooFarAhead
from holdfast.event import Event
from holdfast.log import wire_time
from holdfast.money import Money
from holdfast.movements import Begin
from holdfast.operations import Settled
from holdfast.policy import text
from holdfast.policy_languages import DEFAULT_LOCALE
from holdfast.reconcile import AUTHENTICATION_FAILED
from holdfast.requests import Reply, Request, answer, done
from holdfast.settlement import PLACING
from holdfast.store import Check, Record
from holdfast.store.users import Card
from holdfast.stripe_objects import shown

# Nobody's card is good for longer, and no bank honours a consent that is older.
FURTHEST_START: Final = timedelta(days=730)


def place(
    desk: Desk,
    request: Request,
    *,
    user_id: str,
    event_id: str,
    payment_method_id: str | None,
    accepted_policy_hash: str | None,
    accepted_price: Money | None = None,
    locale: str = DEFAULT_LOCALE,
) -> Reply:
    """Book a place: the hold, or the saving of the card, in one call to Stripe, because the customer waits. `locale` is
    the language in which they read the policy. The price and the policy are the event's; what was accepted only says
    what the customer saw, and where that is something else nothing is booked.
    """

    def evaluate(record: Record) -> Settled:
        now = desk.clock()
        event = _bookable(desk, event_id, now)
        _check_what_was_shown(event, accepted_policy_hash, accepted_price)
        customer_id, card = usable_card(desk, user_id, payment_method_id)
        booking = _new(desk, event, user_id=user_id, customer_id=customer_id, card=card, now=now)
        booking = replace(booking, locale=locale)
        begun = desk.operations.begin(
            None,
            booking,
            _first_step(booking, event, now),
            record=record,
            check=Check(
                event_id=event_id, event_version=event.version, payment_method=(user_id, card.payment_method_id)
            ),
        )
        return desk.operations.carry_out(begun)

    return answer(desk.operations, request, evaluate)


def usable_card(desk: Desk, user_id: str, payment_method_id: str | None) -> tuple[str, Card]:
    """The user's Stripe customer and this card of theirs (the default one, if none is named).

    Raises RuleRefused where there is none to choose, NotFound where it is not theirs.
    """
    user = desk.store.users.get(user_id)
    chosen = payment_method_id or (desk.store.users.default_card(user) if user else None)
    if chosen is None:
        raise RuleRefused.at("/payment_method_id", "There is no saved card; save one first, or name one.")
    card = desk.store.users.card(user_id, chosen)
    if card is None or card.detaching_at is not None or user is None or user.customer_id is None:
        raise NotFound("There is no such payment method.")
    return user.customer_id, card


def _check_what_was_shown(event: Event, policy_hash: str | None, price: Money | None) -> None:
    if policy_hash is not None and policy_hash != event.policy.policy_hash:
        raise Conflict("The policy of this event has changed; show the customer the new one.")
    if price is not None and price != event.price:
        raise Conflict("The price of this event has changed; show the customer the new one.")


def _bookable(desk: Desk, event_id: str, now: datetime) -> Event:
    event = desk.event(event_id)
    if event.cancelled_at is not None:
        raise Conflict("The event was cancelled.")
    if now >= event.starts_at:
        raise RuleRefused.at("/event_id", "The event has begun.")
    if event.starts_at - now > FURTHEST_START:
        raise TooFarAhead.at("/event_id", "The event starts in more than two years; book nearer to it.")
    return event


def _first_step(booking: Booking, event: Event, now: datetime) -> Begin:
    """Hold now, or save the card for a hold that comes later."""
    details = _accepted(booking, event)
    at_once = is_held_at_once(
        booking.policy,
        booking.hold_terms,
        brand=booking.card_brand,
        now=now,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
    )
    if not at_once:
        details["hold_at"] = wire_time(planned_at(booking))
    return Begin(
        kind=Kind.AUTHORIZE if at_once else Kind.SCHEDULE,
        amount=booking.hold_amount,
        reason="booked",
        actor="customer",
        details=details,
    )


def _new(desk: Desk, event: Event, *, user_id: str, customer_id: str, card: Card, now: datetime) -> Booking:
    return Booking(
        booking_id=desk.new_id("bk"),
        user_id=user_id,
        event_id=event.event_id,
        customer_id=customer_id,
        payment_method_id=card.payment_method_id,
        price=event.price,
        hold_amount=money.hold_amount(event.price, event.policy.hold_ratio),
        policy=event.policy,
        event_version=event.version,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        created_at=now,
        updated_at=now,
        card_brand=card.brand,
        hold_terms=desk.hold_terms(),
    )


def _accepted(booking: Booking, event: Event) -> dict[str, Any]:
    """What the customer agreed to, and when: the exact amount that is blocked (PSD2 art. 75) and the policy, word for
    word. The time is the server's: the phone's clock proves nothing.
    """
    return {
        "title": event.title,
        "price": booking.price.amount,
        "hold": booking.hold_amount,
        "policy": booking.policy.to_json(),
        "policy_hash": booking.policy.policy_hash,
        "policy_text": text(booking.policy, booking.price, booking.timezone, booking.locale),
        "policy_locale": booking.locale,
        "accepted_at": wire_time(booking.created_at),
        "starts_at": wire_time(booking.starts_at),
        "timezone": booking.timezone,
        "event_version": event.version,
    }


def confirm(desk: Desk, request: Request, *, user_id: str, booking_id: str) -> Reply:
    """After 3-D Secure on the phone: look at what it was for, and take in what came of it."""

    def evaluate(_: Record) -> Settled:
        booking = desk.booking(booking_id, owner=user_id)
        if booking.operation is not None and booking.operation.kind in PLACING:
            booking = desk.operations.recover(booking).booking
        if booking.operation is None and booking.is_open:
            booking = _looked_at(desk, booking)
        return _confirmed(booking)

    return answer(desk.operations, request, evaluate)


def _looked_at(desk: Desk, booking: Booking) -> Booking:
    """Whatever of this booking waits for its customer, brought up to what Stripe says of it."""
    if booking.new_card is not None and booking.new_card.setup_intent_id is not None:
        booking = take_in_card(desk, booking, setup_intent_id=booking.new_card.setup_intent_id)
    if booking.payment_status is Status.ACTION_REQUIRED and booking.hold is not None:
        return take_in(desk, booking)
    if booking.renewal is not None:
        return take_in(desk, booking, payment_intent_id=booking.renewal.payment_intent_id)
    return booking


def _confirmed(booking: Booking) -> Settled:
    status = booking.payment_status
    waits = booking.renewal is not None or booking.new_card is not None
    if status in (Status.HELD, Status.SCHEDULED) and not waits:
        return done(booking)
    if status is Status.ACTION_REQUIRED and booking.declined_because == AUTHENTICATION_FAILED:
        raise CardDeclined(
            "The authentication failed; it can be tried again.",
            decline_code="authentication_required",
            booking_id=booking.booking_id,
        )
    if booking.is_open and (waits or status in (Status.ACTION_REQUIRED, Status.AUTHORIZING)):
        return Settled(booking, None)
    if booking.operation is not None:
        raise OperationInProgress()
    if status is Status.DECLINED and booking.declined_because is not None:
        failed = booking.declined_because == AUTHENTICATION_FAILED
        raise CardDeclined(
            "The authentication failed." if failed else "The card was declined.",
            decline_code="authentication_required" if failed else shown(booking.declined_because),
            booking_id=booking.booking_id,
        )
    if booking.is_open:
        raise Conflict(f"There is nothing to confirm: the booking is {status}.")
    raise Conflict(f"The booking has ended: it is {status}.")
