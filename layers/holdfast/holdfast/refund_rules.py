"""Who may refund how much of a booking, and why not.

Pure. Staff may send back all that is left. Customers may where the policy says so (`self_refund_until_hours`), and then
at most what cancelling would leave them at that instant: a refund is no way around the terms, nor around a fee that was
taken already. Nobody can refund a charge that the bank is moving.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast import money
from holdfast.booking import Booking, Outcome
from holdfast.dispute import Dispute
from holdfast.errors import Conflict, Forbidden, RuleRefused
from holdfast.log import wire_time
from holdfast.policy import cancellation_fee


def check_self_refund(booking: Booking, now: datetime) -> None:
    """Raises Forbidden where the policy leaves refunds to the organiser, RuleRefused after its deadline, which a
    customer who moves the booking does not put off.
    """
    hours = booking.policy.self_refund_until_hours
    if hours is None:
        raise Forbidden("The policy of this booking leaves refunds to the organiser.")
    if now > booking.fees_count_from - timedelta(hours=hours):
        raise RuleRefused(f"Customers may refund themselves until {hours} hours before the start.")


def most(booking: Booking, *, by_customer: bool, now: datetime) -> int:
    """How much of what is left may go back, in minor units."""
    if not by_customer:
        return booking.refundable
    return max(0, booking.refundable - kept_by_the_terms(booking, now))


def kept_by_the_terms(booking: Booking, now: datetime) -> int:
    """What the organiser may keep: a fee that was taken for a late cancellation or a no-show, else the fee of
    cancelling now; nothing of a cancelled event.
    """
    if booking.event_cancelled_at is not None:
        return 0
    if booking.outcome in (Outcome.CANCELLED, Outcome.NO_SHOW):
        return min(booking.fee, booking.captured)
    fee = cancellation_fee(
        booking.policy,
        booking.price,
        booking.most_chargeable,
        now=now,
        starts_at=booking.fees_count_from,
        created_at=booking.created_at,
        moved_at=booking.moved_at,
    )
    return min(fee.amount, booking.captured)


def amount_to_refund(booking: Booking, wanted: int | None, *, by_customer: bool, now: datetime) -> int:
    """The amount that goes back: what is wanted, or all that may. Raises Conflict and RuleRefused."""
    if booking.captured == 0:
        raise Conflict("Nothing was captured, so there is nothing to refund.")
    if booking.barred_by is not None:
        raise Conflict(disputed(booking.barred_by))
    limit = most(booking, by_customer=by_customer, now=now)
    if booking.refundable == 0 and wanted is None:
        raise Conflict("Everything was refunded already.")
    if limit == 0 and wanted is None:
        raise RuleRefused("Under the terms of this booking nothing is left for you to refund.")
    amount = limit if wanted is None else wanted
    if amount > booking.refundable:
        raise RuleRefused.at("/amount", f"Only {booking.refundable} is left to refund.")
    if amount > limit:
        raise RuleRefused.at("/amount", f"Under the terms of this booking you can refund at most {limit}.")
    step = money.minor_step(booking.currency)
    if amount % step:
        raise RuleRefused.at("/amount", f"Amounts in {booking.currency} are multiples of {step}.")
    return amount


def disputed(dispute: Dispute) -> str:
    """Why a disputed charge is not refunded: which dispute, and what it waits for."""
    if dispute.is_closed:
        return f"The charge was disputed ({dispute.described()}), and Stripe refunds it no more."
    until = f", answer by {wire_time(dispute.due_by)}" if dispute.awaits_answer and dispute.due_by else ""
    return f"The charge is disputed ({dispute.described()}{until}): the bank decides, it cannot be refunded."
