"""Another card for a booking: because its hold could not be placed or renewed, or because the customer wants so."""

from __future__ import annotations

from holdfast.booking import Booking, Kind, Status
from holdfast.coverage import planned_at
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import idle
from holdfast.desk.holds import usable_card
from holdfast.errors import Conflict
from holdfast.movements import Begin, cancellation_price, cancellation_waits_until
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer, done
from holdfast.store import Check, Record
from holdfast.store.users import Card

_CHANGEABLE = frozenset({Status.SCHEDULED, Status.ACTION_REQUIRED, Status.HELD, Status.DECLINED, Status.EXPIRED})


def change_card(desk: Desk, request: Request, *, user_id: str, booking_id: str, payment_method_id: str) -> Reply:
    """Use this card from now on. The customer is present, so 3-D Secure is possible there and then.

    A booking without a hold whose time has come gets one, one that is held gets a new hold before the old one is let
    go, and one that is scheduled has the card saved. The card that it has already changes nothing while it is good.
    Whoever cancelled late, without a hold, pays what they owe with it.
    """

    def evaluate(record: Record) -> Settled:
        booking = desk.booking(booking_id, owner=user_id)
        waited_for = booking.cancel_requested_at is None or cancellation_waits_until(booking) is not None
        if not booking.is_open or not waited_for:
            raise Conflict(f"The booking is closed: {'cancelled' if booking.is_open else booking.outcome}.")
        booking = idle(desk, booking)
        _, card = usable_card(desk, user_id, payment_method_id)
        if _is_good(booking, card):
            return done(booking)
        if booking.payment_status not in _CHANGEABLE:
            raise Conflict(f"A booking that is {booking.payment_status} needs no card.")
        begun = desk.operations.begin(
            booking,
            booking,
            _step(desk, booking, card),
            record=record,
            check=Check(payment_method=(user_id, card.payment_method_id)),
        )
        return desk.operations.carry_out(begun)

    return answer(desk.operations, request, evaluate)


def _is_good(booking: Booking, card: Card) -> bool:
    """The booking has this very card, and nothing is wrong with it."""
    in_use = card.payment_method_id == booking.payment_method_id
    fine = booking.payment_status in (Status.HELD, Status.SCHEDULED) and not booking.declines
    return in_use and fine and booking.refused_card is None and booking.renewal is None and booking.new_card is None


def _step(desk: Desk, booking: Booking, card: Card) -> Begin:
    return Begin(
        kind=_kind(desk, booking),
        amount=booking.hold_amount if booking.cancel_requested_at is None else cancellation_price(booking)[0],
        reason="new_payment_method",
        actor="customer",
        payment_method_id=card.payment_method_id,
        brand=card.brand,
    )


def _kind(desk: Desk, booking: Booking) -> Kind:
    if booking.is_held:
        return Kind.RENEW
    too_early = desk.clock() < planned_at(booking) and booking.cancel_requested_at is None
    return Kind.SCHEDULE if booking.hold is None and too_early else Kind.AUTHORIZE
