"""A quote for a cancellation: said and signed, and taken at its word when it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from holdfast.booking import Booking
from holdfast.caller import Caller
from holdfast.cancellation import deadline, quoted, refuse_closed, terms
from holdfast.cancellation_quotes import CancelQuote, KeyUnknown, NotAQuote, Token, is_over, read, sign
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import seconds_left
from holdfast.errors import Conflict, OperationInProgress, RuleRefused
from holdfast.log import wire_time
from holdfast.moving import brought_up
from holdfast.policy import to_second
from holdfast.venue_time import venue_time

if TYPE_CHECKING:
    from holdfast.quote_keys import QuoteKeys

_AT: Final = "/quote"


def quote(desk: Desk, keys: QuoteKeys, *, caller: Caller, booking_id: str, charge_fee: bool | None) -> dict[str, Any]:
    """What cancelling costs now, good for five minutes. Staff are quoted a fee only if they say that they charge one.

    Raises Conflict where the booking cannot be cancelled, and OperationInProgress while its money is moving: then
    nobody knows yet what there is to cancel.
    """
    booking = desk.booking(booking_id, owner=None if caller.is_staff else caller.subject)
    now = to_second(desk.clock())
    refuse_closed(booking, now, by_staff=caller.is_staff)
    if booking.operation is not None:
        raise OperationInProgress(retry_after=seconds_left(booking, now))
    booking, _ = brought_up(booking, desk.store.events.get(booking.event_id))
    offer = quoted(booking, now, charges_fee=charge_fee is True or not caller.is_staff)
    token = Token(issued_at=now, charges_fee=offer.charges_fee, amount=offer.amount, terms=terms(booking))
    until = deadline(booking, offer)
    return {
        "amount": offer.amount,
        "currency": booking.currency,
        "clause": offer.clause,
        "deadline": wire_time(until) if until else None,
        "venue_deadline": venue_time(until, booking.timezone) if until else None,
        "expires_at": wire_time(offer.expires_at),
        "quote": sign(token, keys.signing(), booking_id=booking_id, caller=caller.actor),
    }


def accepted(desk: Desk, keys: Callable[[], QuoteKeys], booking: Booking, *, caller: Caller, text: str) -> CancelQuote:
    """The quote that this text is, for this booking as it is now.

    Raises RuleRefused where it is none of ours for this caller and booking, or too old, and Conflict where the booking
    is not what it was when it was quoted.
    """
    token = _proved(keys(), booking, caller, text)
    offer = quoted(booking, token.issued_at, charges_fee=token.charges_fee)
    promised = CancelQuote(
        amount=token.amount, clause=offer.clause, charges_fee=token.charges_fee, issued_at=token.issued_at
    )
    if is_over(promised, desk.clock()):
        raise RuleRefused.at(_AT, "The quote has expired: ask for a new one.")
    if token.terms != terms(booking) and booking.event_cancelled_at is None:
        raise Conflict("The booking has changed since this quote: ask for a new one.")
    return promised


def _proved(keys: QuoteKeys, booking: Booking, caller: Caller, text: str) -> Token:
    bound = {"booking_id": booking.booking_id, "caller": caller.actor}
    try:
        try:
            return read(text, keys.proving(), **bound)
        except KeyUnknown:
            return read(text, keys.newer(), **bound)
    except NotAQuote:
        raise RuleRefused.at(_AT, "This is not a quote that was given to you for this booking.") from None
