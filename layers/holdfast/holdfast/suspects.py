"""Which bookings of a span have to be looked at: where Stripe's lists and the log do not plainly agree with the book.

Pure. A page of a list shows a hundred objects for one call, and a booking that says what they show needs no further
question. Suspicion proves nothing: a booking may have changed since the page was read. Who looks, decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Final

from holdfast.booking import Booking, HoldState
from holdfast.log import Logged
from holdfast.sightings import Charge, Movement, Seen, Sighting, Source
from holdfast.stripe_objects import PaymentIntent
from holdfast.sums import Flow, Money, of_line

_DEAD: Final = frozenset({"canceled", "requires_payment_method"})
_PLACED: Final = frozenset({"authorize", "renew"})
_LET_GO: Final = frozenset({"hold_released", "hold_expired"})


def suspects(
    bookings: Mapping[str, Booking], seen: Seen, owners: Mapping[str, str], lines: Iterable[Logged]
) -> dict[str, frozenset[str]]:
    """Bookings by id, each with the PaymentIntents to look at there.

    `owners` says which booking a PaymentIntent belongs to. A booking that is not in `bookings` does not exist.
    """
    found: dict[str, set[str]] = {}
    for sighting in seen.sightings:
        booking_id = owners.get(sighting.payment_intent_id)
        if booking_id is not None and not agrees(bookings.get(booking_id), sighting):
            found.setdefault(booking_id, set()).add(sighting.payment_intent_id)
    for movement in seen.movements:
        booking_id = owners.get(movement.payment_intent_id)
        if booking_id is not None and not _knows_movement(bookings.get(booking_id), movement):
            found.setdefault(booking_id, set()).add(movement.payment_intent_id)
    shown = _shown(seen)
    for logged in lines:
        booking = bookings.get(logged.booking_id)
        if booking is None or not _borne_out(booking, logged.line, shown):
            found.setdefault(logged.booking_id, set()).update(_intents_of(booking, logged.line))
    return {booking_id: frozenset(intents) for booking_id, intents in found.items()}


def agrees(booking: Booking | None, sighting: Sighting) -> bool:
    """Whether the book says what this object shows. Disputes are few, so each is looked at."""
    if booking is None or sighting.dispute is not None or sighting.currency not in (None, booking.currency):
        return False
    own = booking.hold is not None and booking.hold.payment_intent_id == sighting.payment_intent_id
    if sighting.intent is not None and not _intent_agrees(booking, own, sighting.intent, past=sighting.past):
        return False
    if sighting.charge is not None and not _charge_agrees(booking, own, sighting.charge, sighting.payment_intent_id):
        return False
    return sighting.refund is None or _refund_agrees(booking, own, sighting)


def _intent_agrees(booking: Booking, own: bool, intent: PaymentIntent, *, past: bool) -> bool:
    if not own:
        return intent.status in _DEAD or (intent.id in booking.superseded and intent.status != "succeeded")
    hold = booking.hold
    assert hold is not None
    match intent.status:
        case "requires_action":
            return hold.state is HoldState.ACTION_REQUIRED
        case "requires_capture" if past:
            return hold.state not in (HoldState.ACTION_REQUIRED, HoldState.DECLINED)
        case "requires_capture":
            return hold.state is HoldState.LIVE and intent.capture_before in (None, hold.expires_at)
        case "succeeded":
            return hold.state is HoldState.CAPTURED and intent.amount_received == booking.captured
        case "canceled":
            return hold.state in (HoldState.RELEASED, HoldState.EXPIRED, HoldState.DECLINED)
        case "requires_payment_method":
            return hold.state is HoldState.DECLINED
        case _:
            return False


def _charge_agrees(booking: Booking, own: bool, charge: Charge, intent_id: str) -> bool:
    if not charge.succeeded:
        return True  # a declined attempt never took anything
    if not own:
        gone = not charge.captured and charge.refunded
        return gone or (intent_id in booking.superseded and not charge.captured)
    assert booking.hold is not None
    state = booking.hold.state
    if charge.captured:
        same = (booking.captured, booking.refunded) == (charge.amount_captured, charge.amount_refunded)
        return state is HoldState.CAPTURED and same and bool(booking.disputes) == charge.disputed
    if charge.refunded:
        return state in (HoldState.RELEASED, HoldState.EXPIRED, HoldState.DECLINED)
    return state is HoldState.LIVE


def _refund_agrees(booking: Booking, own: bool, sighting: Sighting) -> bool:
    """The release of a hold is a refund to Stripe and none to us: of it the charge says all there is to say."""
    refund = sighting.refund
    assert refund is not None
    if sighting.charge is not None and not sighting.charge.captured:
        return True
    known = next((each for each in booking.refunds if each.refund_id == refund.id), None)
    return own and known is not None and (known.status, known.amount) == (refund.status, refund.amount)


def _knows_movement(booking: Booking | None, movement: Movement) -> bool:
    if booking is None or booking.hold is None or movement.currency != booking.currency:
        return False
    if booking.hold.payment_intent_id != movement.payment_intent_id:
        return False
    match movement.source:
        case Source.CHARGE:
            return booking.captured == movement.amount
        case Source.REFUND:
            refund = next((each for each in booking.refunds if each.refund_id == movement.source_id), None)
            # Positive: it came back, so the book must not count it any more.
            return refund is not None and (movement.amount < 0 or not refund.counts)
        case Source.DISPUTE:
            return False


def _shown(seen: Seen) -> Set[str]:
    """Every object and PaymentIntent whose present state Stripe showed; a cancel is for good, whenever it was seen."""
    sure = [
        each
        for each in seen.sightings
        if not each.past or (each.intent is not None and each.intent.status == "canceled")
    ]
    sighted = {name for each in sure for name in (each.payment_intent_id, each.object_id)}
    return sighted | {name for each in seen.movements for name in (each.payment_intent_id, each.source_id)}


def _borne_out(booking: Booking, line: Mapping[str, Any], shown: Set[str]) -> bool:
    """Whether what the line says has happened was seen at Stripe, and stands in the booking."""
    moved = of_line(line)
    if moved is not None:
        return moved.object_id in shown and _stands(booking, line, moved)
    if line["kind"] in _PLACED and line["status"] == "succeeded":
        return line["stripe_id"] in shown and booking.hold is not None
    let_go = line["kind"] == "release" and line["status"] == "succeeded"
    if let_go or (line["kind"] == "external" and line["reason"] in _LET_GO):
        return line["stripe_id"] in shown
    return True


def _stands(booking: Booking, line: Mapping[str, Any], moved: Money) -> bool:
    if line["reason"] == "unused_authorization_captured":
        return True  # by another PaymentIntent than the booking's, so not in its sums
    if moved.flow is Flow.CAPTURED:
        return booking.captured == moved.amount
    return any(refund.refund_id == moved.object_id for refund in booking.refunds)


def _intents_of(booking: Booking | None, line: Mapping[str, Any]) -> Iterator[str]:
    """The line's PaymentIntent, if it names one, and the booking's own."""
    stripe_id = line["stripe_id"]
    if stripe_id is not None and stripe_id.startswith("pi_"):
        yield stripe_id
    if booking is not None and booking.hold is not None:
        yield booking.hold.payment_intent_id
