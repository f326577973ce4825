"""A price that changes after booking: only by staff, and only with the customer's consent, which the log keeps."""

from __future__ import annotations

from dataclasses import replace

from holdfast import money
from holdfast.booking import Booking, Status
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import seconds_left, write
from holdfast.errors import Conflict, OperationInProgress, RuleRefused
from holdfast.log import Entry
from holdfast.money import Money
from holdfast.policy import check_against
from holdfast.requests import retrying

_PRICED = frozenset({Status.SCHEDULED, Status.HELD, Status.DECLINED, Status.EXPIRED, Status.ACTION_REQUIRED})


def reprice(desk: Desk, *, booking_id: str, price: Money, consent: str) -> Booking:
    """Another price for this booking, and the hold that goes with it: a larger one is placed by the clock, a smaller
    price leaves the hold as it is (Stripe cannot shrink one), and what is not charged is released in the end.
    """

    def decide() -> Booking:
        booking = desk.booking(booking_id)
        if booking.operation is not None:
            raise OperationInProgress(retry_after=seconds_left(booking, desk.clock()))
        if not booking.is_open or booking.cancel_requested_at is not None or booking.payment_status not in _PRICED:
            raise Conflict(f"The price of a booking that is {booking.payment_status} stays.")
        hold_amount = _hold_for(booking, price)
        if price == booking.price:
            return booking
        details = {
            "from": booking.price.amount,
            "to": price.amount,
            "hold_amount": hold_amount,
            "consent": consent,
            "policy_hash": booking.policy.policy_hash,
        }
        changed = replace(booking, price=price, hold_amount=hold_amount)
        entry = Entry(kind="reprice", status="succeeded", actor="staff", amount=price.amount, details=details)
        return write(desk, booking, changed, [entry])

    return retrying(desk.operations, decide)


def _hold_for(booking: Booking, price: Money) -> int:
    if price.currency != booking.currency:
        raise RuleRefused.at("/price/currency", f"This booking is in {booking.currency}.")
    money.validate_price(price, booking.policy.hold_ratio)
    check_against(booking.policy, price)
    return money.hold_amount(price, booking.policy.hold_ratio)
