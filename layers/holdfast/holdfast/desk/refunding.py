"""Refunds: never more than was captured less what was refunded, in however many parts, raced by
however many callers.
"""

from __future__ import annotations

from holdfast.booking import Kind
from holdfast.caller import Caller, Role
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import idle
from holdfast.movements import Begin
from holdfast.operations import Settled
from holdfast.refund_rules import amount_to_refund, check_self_refund
from holdfast.requests import Reply, Request, answer
from holdfast.store import Record
from holdfast.stripe_objects import STRIPE_REFUND_REASONS


def refund(desk: Desk, request: Request, *, caller: Caller, booking_id: str, amount: int | None, reason: str) -> Reply:
    """Send back `amount` minor units (everything that may go back, if nothing is said)."""
    owner = None if caller.role is Role.STAFF else caller.subject

    def evaluate(record: Record) -> Settled:
        booking = desk.booking(booking_id, owner=owner)
        if owner is not None:
            check_self_refund(booking, desk.clock())
        booking = idle(desk, booking)
        owed = amount_to_refund(booking, amount, by_customer=owner is not None, now=desk.clock())
        assert booking.hold is not None
        step = Begin(
            kind=Kind.REFUND,
            amount=owed,
            reason=reason,
            actor="staff" if owner is None else "customer",
            payment_intent_id=booking.hold.payment_intent_id,
        )
        begun = desk.operations.begin(
            booking, booking, step, record=record, stripe_reason=_told_stripe(reason, by_customer=owner is not None)
        )
        return desk.operations.carry_out(begun)

    return answer(desk.operations, request, evaluate)


def _told_stripe(reason: str, *, by_customer: bool) -> str | None:
    """Stripe blocks card and address of what is refunded as `fraudulent`; that is not for customers to say."""
    if by_customer:
        return "requested_by_customer"
    return reason if reason in STRIPE_REFUND_REASONS else None
