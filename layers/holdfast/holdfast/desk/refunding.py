"""Refunds: never more than was captured less what was refunded, in however many parts, raced by
however many callers.
"""

from __future__ import annotations

from datetime import timedelta

from holdfast import money
from holdfast.booking import Booking, Kind, Status
from holdfast.caller import Caller, Role
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import idle
from holdfast.errors import Conflict, Forbidden, RuleRefused
from holdfast.movements import Begin
from holdfast.operations import Settled
from holdfast.requests import Reply, Request, answer
from holdfast.store import Record
from holdfast.stripe_objects import STRIPE_REFUND_REASONS


def refund(desk: Desk, request: Request, *, caller: Caller, booking_id: str, amount: int | None, reason: str) -> Reply:
    """Send back `amount` minor units (everything that is left, if nothing is said)."""
    owner = None if caller.role is Role.STAFF else caller.subject

    def evaluate(record: Record) -> Settled:
        booking = desk.booking(booking_id, owner=owner)
        if owner is not None:
            _may_refund_oneself(desk, booking)
        booking = idle(desk, booking)
        owed = _amount(booking, amount)
        assert booking.hold is not None
        step = Begin(
            kind=Kind.REFUND,
            amount=owed,
            reason=reason,
            actor="staff" if owner is None else "customer",
            payment_intent_id=booking.hold.payment_intent_id,
        )
        begun = desk.operations.begin(
            booking, booking, step, record=record, stripe_reason=reason if reason in STRIPE_REFUND_REASONS else None
        )
        return desk.operations.carry_out(begun)

    return answer(desk.operations, request, evaluate)


def _may_refund_oneself(desk: Desk, booking: Booking) -> None:
    hours = booking.policy.self_refund_until_hours
    if hours is None:
        raise Forbidden("The policy of this booking leaves refunds to the organiser.")
    if desk.clock().replace(microsecond=0) > booking.starts_at - timedelta(hours=hours):
        raise RuleRefused(f"Customers may refund themselves until {hours} hours before the start.")


def _amount(booking: Booking, wanted: int | None) -> int:
    if booking.captured == 0:
        raise Conflict("Nothing was captured, so there is nothing to refund.")
    if booking.payment_status is Status.DISPUTED:
        raise Conflict("The charge is disputed: the bank decides, it cannot be refunded.")
    if booking.refundable == 0 and wanted is None:
        raise Conflict("Everything was refunded already.")
    amount = booking.refundable if wanted is None else wanted
    if amount > booking.refundable:
        raise RuleRefused.at("/amount", f"Only {booking.refundable} is left to refund.")
    if amount % money.minor_step(booking.currency):
        raise RuleRefused.at(
            "/amount", f"Amounts in {booking.currency} are multiples of {money.minor_step(booking.currency)}."
        )
    return amount
