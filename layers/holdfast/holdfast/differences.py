"""Where Stripe and the book say different things of a booking, and what each difference is called.

Pure. One booking, its whole log and what Stripe holds for it now: whatever `reconcile.observe` would take in is a
difference that can be adopted, and what then still differs is for staff. States are compared, so asking twice, late or
in any order finds the same. Which bookings are worth the question is `suspects`' to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from holdfast.booking import Booking, HoldState, RefundStatus
from holdfast.log import Entry
from holdfast.reconcile import observe
from holdfast.stripe_objects import Observation
from holdfast.sums import Flow, of_line


class Drift(StrEnum):
    """What kind of difference it is: reasons of the staff's list, dimensions of a metric, rows of the runbook."""

    # Stripe is ahead of the book: a webhook never came, or somebody worked in the dashboard. Adopted.
    MISSED_AUTHORIZATION = "missed_authorization"
    MISSED_DECLINE = "missed_decline"
    MISSED_CAPTURE = "missed_capture"
    MISSED_RELEASE = "missed_release"
    EXPIRED_HOLD = "expired_hold"
    DEADLINE_CHANGED = "deadline_changed"
    OUTSIDE_REFUND = "outside_refund"
    FAILED_REFUND = "failed_refund"
    REFUND_CHANGED = "refund_changed"
    DISPUTE_FEE = "dispute_fee"
    UNKNOWN_DISPUTE = "unknown_dispute"
    DISPUTE_CHANGED = "dispute_changed"
    DUPLICATE_AUTHORIZATION = "duplicate_authorization"
    OUTSIDE_CHANGE = "outside_change"
    # No rule mends these: a person decides.
    UNUSED_AUTHORIZATION_CAPTURED = "unused_authorization_captured"
    WRONG_CURRENCY = "wrong_currency"
    ORPHAN_INTENT = "orphan_intent"
    INTENT_MISSING = "intent_missing"
    HOLD_STATE_DIFFERS = "hold_state_differs"
    CAPTURED_AMOUNT_DIFFERS = "captured_amount_differs"
    REFUND_MISSING = "refund_missing"
    DISPUTE_MISSING = "dispute_missing"
    LOG_DIFFERS = "log_differs"
    NOT_COMPARED = "not_compared"
    SUMS_DIFFER = "sums_differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that the book and Stripe say differently, of one booking and one object.

    `book` and `stripe` are what each side says, where it is an amount (minor units of `currency`); `detail` where it is
    not. `adoptable`: taking in what Stripe holds mends it, or at least writes it down. `left`: even then it differs.
    """

    drift: Drift
    booking_id: str | None
    object_id: str | None
    currency: str | None = None
    book: int | None = None
    stripe: int | None = None
    detail: str = ""
    adoptable: bool = False
    left: bool = False

    @property
    def key(self) -> tuple[str | None, str | None, Drift]:
        return self.booking_id, self.object_id, self.drift


def differences(
    booking: Booking,
    lines: Sequence[Mapping[str, Any]],
    observations: Iterable[Observation],
    *,
    missing: Set[str] = frozenset(),
    fees: Mapping[str, int] = MappingProxyType({}),
    now: datetime,
) -> list[Difference]:
    """Everything in which the booking, its whole log and Stripe differ.

    `missing` are PaymentIntents that Stripe does not know; `fees` what disputes have cost beside their amount, by
    dispute. Only for a booking with nothing under way: until that is settled nobody can say what differs.
    """
    found = list(_own_log(booking, lines))
    contradicted = {each.object_id for each in found}
    hold = booking.hold
    for intent_id in sorted(missing):
        own = hold is not None and hold.payment_intent_id == intent_id
        detail = f"the book says {hold.state if own and hold else 'that it was placed'}, Stripe does not know it"
        found.append(_left(booking, Drift.INTENT_MISSING, intent_id, detail=detail))
    for seen in observations:
        if seen.intent.id not in contradicted:
            found += _of_intent(booking, seen, fees, now)
    if contradicted:
        # Nothing is taken into a booking that is not what its own log says: somebody has to find out first.
        found = [replace(each, adoptable=False, left=True) for each in found]
    return _once(found)


def has_news(booking: Booking, seen: Observation, now: datetime) -> bool:
    """Whether there is something in this observation that may be taken into the book."""
    return seen.intent.currency in (None, booking.currency) and bool(observe(booking, seen, now)[1])


def without_a_booking(booking_id: str) -> Difference:
    """A log whose booking is not there."""
    return Difference(
        drift=Drift.LOG_DIFFERS,
        booking_id=booking_id,
        object_id=f"{booking_id}#booking",
        detail="there is a log, and no booking",
        left=True,
    )


def orphan(booking_id: str, seen: Observation) -> Difference | None:
    """A PaymentIntent that names a booking which does not exist, unless it is canceled or all of it went back."""
    intent = seen.intent
    if intent.status == "canceled" or _given_back(seen):
        return None
    return Difference(
        drift=Drift.ORPHAN_INTENT,
        booking_id=booking_id,
        object_id=intent.id,
        currency=intent.currency,
        stripe=intent.amount_received or intent.amount,
        detail=f"{intent.status}, and there is no such booking",
        left=True,
    )


def _of_intent(booking: Booking, seen: Observation, fees: Mapping[str, int], now: datetime) -> list[Difference]:
    intent = seen.intent
    if intent.currency not in (None, booking.currency):
        # Nothing of it may be taken in: its amounts would be read in the booking's currency.
        if intent.status in _DEAD or _given_back(seen):
            return []
        detail = f"{intent.status} in {intent.currency}, the booking is in {booking.currency}"
        difference = _left(booking, Drift.WRONG_CURRENCY, intent.id, detail=detail)
        return [replace(difference, currency=intent.currency, stripe=intent.amount_received or intent.amount)]
    adopted, entries = observe(booking, seen, now)
    named = [_named(booking, seen, entry, fees) for entry in entries]
    return [*named, *_residual(adopted, seen)]


# Lines that say that an authorization stands, and reasons of those that say that it is gone.
_PLACED: Final = frozenset({"authorize", "renew"})
_LET_GO: Final = frozenset({"hold_released", "hold_expired"})
# What takes no money any more: canceled, or declined and never confirmed again.
_DEAD: Final = frozenset({"canceled", "requires_payment_method"})
_BY_REASON: Final[Mapping[str, Drift]] = MappingProxyType(
    {
        "captured": Drift.MISSED_CAPTURE,
        "hold_released": Drift.MISSED_RELEASE,
        "hold_expired": Drift.EXPIRED_HOLD,
        "capture_before_changed": Drift.DEADLINE_CHANGED,
        "unused_authorization": Drift.DUPLICATE_AUTHORIZATION,
        "unused_authorization_captured": Drift.UNUSED_AUTHORIZATION_CAPTURED,
    }
)


def _named(booking: Booking, seen: Observation, entry: Entry, fees: Mapping[str, int]) -> Difference:
    """What the line is called that taking in would write."""
    drift, book, stripe = _drift(booking, seen, entry, fees), None, entry.amount
    match drift:
        case Drift.MISSED_CAPTURE:
            book = booking.captured
        case Drift.OUTSIDE_REFUND | Drift.FAILED_REFUND:
            known = next((each for each in booking.refunds if each.refund_id == entry.stripe_id), None)
            book = known.amount if known is not None and known.counts else 0
            stripe = 0 if drift is Drift.FAILED_REFUND else entry.amount
        case Drift.DISPUTE_FEE:
            book, stripe = 0, fees[str(entry.stripe_id)]
    return Difference(
        drift=drift,
        booking_id=booking.booking_id,
        object_id=entry.stripe_id or seen.intent.id,
        currency=booking.currency,
        book=book,
        stripe=stripe,
        detail=f"{entry.status}, {entry.reason}" if entry.reason else entry.status,
        adoptable=True,
    )


def _drift(booking: Booking, seen: Observation, entry: Entry, fees: Mapping[str, int]) -> Drift:
    if entry.kind == "dispute":
        if fees.get(str(entry.stripe_id)):
            return Drift.DISPUTE_FEE
        known = any(each.dispute_id == entry.stripe_id for each in booking.disputes)
        return Drift.DISPUTE_CHANGED if known else Drift.UNKNOWN_DISPUTE
    if any(refund.id == entry.stripe_id for refund in seen.refunds):
        if all(refund.refund_id != entry.stripe_id for refund in booking.refunds):
            return Drift.OUTSIDE_REFUND
        failed = entry.status in (RefundStatus.FAILED, RefundStatus.CANCELED)
        return Drift.FAILED_REFUND if failed else Drift.REFUND_CHANGED
    if entry.kind in _PLACED:
        return Drift.MISSED_AUTHORIZATION if entry.status == "succeeded" else Drift.MISSED_DECLINE
    return _BY_REASON.get(entry.reason or "", Drift.OUTSIDE_CHANGE)


# What Stripe may say of the booking's own PaymentIntent in each state of its hold, once everything was taken in. Words
# that we do not know are no agreement.
_AGREE: Final[Mapping[HoldState, frozenset[str]]] = MappingProxyType(
    {
        # After its deadline a hold that was authenticated late waits for the clock, which lets it go.
        HoldState.ACTION_REQUIRED: frozenset(
            {"requires_action", "requires_confirmation", "processing", "requires_capture"}
        ),
        HoldState.LIVE: frozenset({"requires_capture"}),
        HoldState.CAPTURED: frozenset({"succeeded"}),
        HoldState.RELEASED: frozenset({"canceled"}),
        HoldState.EXPIRED: frozenset({"canceled"}),
    }
)


def _residual(booking: Booking, seen: Observation) -> Iterator[Difference]:
    """What differs although everything was taken in."""
    hold, intent = booking.hold, seen.intent
    if hold is None or hold.payment_intent_id != intent.id or hold.state is HoldState.DECLINED:
        if intent.status == "succeeded" and not _given_back(seen):
            yield _left(
                booking,
                Drift.UNUSED_AUTHORIZATION_CAPTURED,
                intent.id,
                book=0,
                stripe=intent.amount_received,
                detail="the booking does not use it",
            )
        return
    agree = _AGREE.get(hold.state)
    if agree is not None and intent.status not in agree:
        detail = f"the book says {hold.state}, Stripe {intent.status}"
        yield _left(
            booking,
            Drift.HOLD_STATE_DIFFERS,
            intent.id,
            book=booking.captured,
            stripe=intent.amount_received,
            detail=detail,
        )
    elif hold.state is HoldState.CAPTURED:
        yield from _residual_money(booking, seen)


def _residual_money(booking: Booking, seen: Observation) -> Iterator[Difference]:
    received = seen.intent.amount_received
    if received != booking.captured:
        yield _left(
            booking, Drift.CAPTURED_AMOUNT_DIFFERS, seen.intent.id, book=booking.captured, stripe=received, detail=""
        )
    at_stripe = {refund.id for refund in seen.refunds}
    for refund in booking.refunds:
        if refund.refund_id not in at_stripe:
            detail = f"the book says {refund.status}, Stripe has no such refund"
            yield _left(booking, Drift.REFUND_MISSING, refund.refund_id, book=refund.amount, stripe=0, detail=detail)
    opened = {dispute.dispute_id for dispute in seen.disputes}
    for dispute in booking.disputes:
        if dispute.dispute_id not in opened:
            detail = f"the book says {dispute.status}, Stripe has no such dispute"
            yield _left(booking, Drift.DISPUTE_MISSING, dispute.dispute_id, detail=detail)


def _own_log(booking: Booking, lines: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    """Where the booking does not say what its own log says: the money first, then the authorization."""
    captured = refunded = 0
    placed: str | None = None
    for line in lines:
        moved = of_line(line)
        if moved is not None and line["reason"] != Drift.UNUSED_AUTHORIZATION_CAPTURED:
            captured += moved.amount if moved.flow is Flow.CAPTURED else 0
            refunded += {Flow.REFUNDED: moved.amount, Flow.RETURNED: -moved.amount}.get(moved.flow, 0)
        placed = _placed_after(placed, line)
    for what, said, logged in (("captured", booking.captured, captured), ("refunded", booking.refunded, refunded)):
        if said != logged:
            detail = f"{what}: the booking says {said}, its log {logged}"
            yield _left(booking, Drift.LOG_DIFFERS, f"{booking.booking_id}#{what}", book=said, detail=detail)
    if placed is not None and booking.hold is None and placed not in booking.superseded:
        detail = "the log says that it was placed, and the booking has no PaymentIntent"
        yield _left(booking, Drift.LOG_DIFFERS, placed, detail=detail)


def _placed_after(placed: str | None, line: Mapping[str, Any]) -> str | None:
    """The authorization that stands according to the log, up to and with this line."""
    kind, status = line["kind"], line["status"]
    if kind in _PLACED and status == "succeeded":
        return str(line["stripe_id"])
    if kind == "authorize" or (kind == "external" and line["reason"] in _LET_GO):
        return None  # a new attempt has begun, or what was placed is gone
    if kind == "release" and status == "succeeded" and line["stripe_id"] == placed:
        return None
    return placed


def _given_back(seen: Observation) -> bool:
    """Everything that was taken is on its way back, or back."""
    returned = sum(
        refund.amount for refund in seen.refunds if refund.status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
    )
    return seen.intent.status == "succeeded" and returned >= seen.intent.amount_received


def _left(
    booking: Booking,
    drift: Drift,
    object_id: str,
    *,
    detail: str,
    book: int | None = None,
    stripe: int | None = None,
) -> Difference:
    return Difference(
        drift=drift,
        booking_id=booking.booking_id,
        object_id=object_id,
        currency=booking.currency,
        book=book,
        stripe=stripe,
        detail=detail,
        left=True,
    )


def _once(found: Iterable[Difference]) -> list[Difference]:
    """What is adoptable and left under the same name is one difference that is both."""
    result: dict[tuple[str | None, str | None, Drift], Difference] = {}
    for each in found:
        before = result.get(each.key)
        if before is not None:
            each = replace(each, adoptable=before.adoptable or each.adoptable, left=before.left or each.left)
        result[each.key] = each
    return list(result.values())
