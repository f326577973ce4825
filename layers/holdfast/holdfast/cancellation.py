"""What cancelling a booking costs: its timetable, the wish with its time, and what a wish comes to.

Pure. A quote and a cancellation ask the same functions, so that what was said is what is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from holdfast.booking import Booking
from holdfast.cancellation_quotes import CancelQuote, fingerprint
from holdfast.cancellation_schedule import Schedule, cancellation_schedule, period_at
from holdfast.errors import Conflict
from holdfast.log import Entry, wire_time
from holdfast.movements import Begin, Close, cancellation, cancellation_price
from holdfast.no_show import grace_ends_at


def refuse_closed(booking: Booking, now: datetime, *, by_staff: bool) -> None:
    """Raises Conflict where nobody can cancel any more. Whoever did not come has missed it: from the end of the grace
    on it is the no-show's fee, notice and contest that count, and only staff still cancel.
    """
    if not booking.is_open:
        raise Conflict(f"The booking is closed: {booking.outcome}.")
    if booking.checked_in_at is not None:
        raise Conflict("The customer was checked in.")
    if not by_staff and booking.cancel_requested_at is None and now >= grace_ends_at(booking):
        raise Conflict("The event has begun, and it is too late to cancel.")


def schedule_of(booking: Booking) -> Schedule:
    """From the booking on, what its policy charges for cancelling at which time."""
    return cancellation_schedule(
        booking.policy,
        booking.price,
        booking.most_chargeable,
        starts_at=booking.fees_count_from,
        created_at=booking.created_at,
        moved_at=booking.moved_at,
    )


def wished(
    booking: Booking,
    at: datetime,
    *,
    actor: str,
    charges_fee: bool,
    request_key: str | None = None,
    quote: CancelQuote | None = None,
) -> Booking:
    """The booking with the wish to cancel it. The first wish counts: one that is there already stays."""
    if booking.cancel_requested_at is not None:
        return booking
    return replace(
        booking,
        cancel_requested_at=at,
        cancel_actor=actor,
        cancel_charges_fee=charges_fee,
        cancel_request_key=request_key,
        cancel_quote=quote,
    )


def wish_entry(booking: Booking) -> Entry:
    """The line that says so, and which instant counts; with what was quoted, if it was."""
    assert booking.cancel_requested_at is not None
    details: dict[str, Any] = {
        "charges_fee": booking.cancel_charges_fee,
        "requested_at": wire_time(booking.cancel_requested_at),
    }
    quote = booking.cancel_quote
    if quote is not None:
        details["quote"] = {
            "amount": quote.amount,
            "clause": quote.clause,
            "issued_at": wire_time(quote.issued_at),
            "expires_at": wire_time(quote.expires_at),
        }
    return Entry(kind="cancel_request", status="succeeded", actor=booking.cancel_actor or "customer", details=details)


def quoted(booking: Booking, at: datetime, *, charges_fee: bool) -> CancelQuote:
    """What carrying out a wish of this instant would take, and the clause it follows from."""
    wish = wished(booking, at, actor="customer", charges_fee=charges_fee)
    step = cancellation(wish, at)
    uncollected = isinstance(step, Close) and step.attention is not None
    if (isinstance(step, Close) and not uncollected) or (isinstance(step, Begin) and not step.off_session):
        clause = step.details.get("clause") or step.reason.replace("_", " ")
        return CancelQuote(amount=step.fee, clause=clause, charges_fee=charges_fee, issued_at=at)
    # There is no hold, and the fee is to be charged without one, or is owed all the same.
    amount, details = cancellation_price(wish)
    return CancelQuote(amount=amount, clause=str(details["clause"]), charges_fee=charges_fee, issued_at=at)


def deadline(booking: Booking, quote: CancelQuote) -> datetime | None:
    """The last second in which the quote's clause holds. What no window ends is good until the start; after that there
    is no deadline (None).
    """
    period = period_at(schedule_of(booking), quote.issued_at)
    if period.fee.clause == quote.clause and period.until is not None:
        return period.until
    return booking.starts_at if quote.issued_at <= booking.starts_at else None


def terms(booking: Booking) -> str:
    """A fingerprint of everything that a quote depends on. Whatever changes it ends the quote."""
    return fingerprint(_terms(booking))


def _terms(booking: Booking) -> Mapping[str, Any]:
    hold = booking.hold
    return {
        "event_id": booking.event_id,
        "starts_at": wire_time(booking.starts_at),
        "fees_count_from": wire_time(booking.fees_count_from),
        "booked_at": wire_time(booking.created_at),
        "moved_at": wire_time(booking.moved_at) if booking.moved_at else None,
        "price": [booking.price.amount, booking.price.currency],
        "hold": [hold.amount, str(hold.state)] if hold else [booking.hold_amount, None],
        "captured": booking.captured,
        "refunded": booking.refunded,
        "policy": booking.policy.policy_hash,
        "wished": [wire_time(booking.cancel_requested_at), booking.cancel_charges_fee]
        if booking.cancel_requested_at
        else None,
    }
