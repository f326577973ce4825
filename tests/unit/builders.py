"""A booking, an operation, an event, an observation in one line: what a test does not name has a plain value.

The story behind the values: a place at 50.00 EUR was booked three days before it starts, and 60.00 EUR were blocked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.booking import (
    Booking,
    Hold,
    HoldState,
    Kind,
    Operation,
    Outcome,
    Refund,
    RefundStatus,
    Setup,
    SetupState,
)
from holdfast.dispute import Dispute
from holdfast.event import Event
from holdfast.money import Money
from holdfast.policy import DEFAULT
from holdfast.settlement import PLACING
from holdfast.stripe_objects import Decline, Observation, PaymentIntent, SetupIntent, StripeRefund

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

START: Final = datetime(2026, 11, 23, 20, tzinfo=UTC)
END: Final = START + 2 * HOUR
BOOKED: Final = START - 3 * DAY
NO_SHOW: Final = START + 30 * MINUTE
SETTLES: Final = END + 24 * HOUR
LAPSES: Final = BOOKED + 7 * DAY
# Of a booking that was made long before: when it was, and when its hold is placed.
LONG_AGO: Final = START - 60 * DAY
PLACES: Final = START - 3 * DAY

PRICE: Final = Money(5000, "eur")
HELD: Final = 6000
LEASE: Final = 34 * SECOND


def booking(**changes: Any) -> Booking:
    """Booked, and nothing placed on the card yet."""
    plain: dict[str, Any] = {
        "booking_id": "bk_1",
        "user_id": "did:privy:alice",
        "event_id": "yoga",
        "customer_id": "cus_1",
        "payment_method_id": "pm_1",
        "price": PRICE,
        "hold_amount": HELD,
        "policy": DEFAULT,
        "event_version": 1,
        "starts_at": START,
        "ends_at": END,
        "timezone": "Europe/Berlin",
        "created_at": BOOKED,
        "updated_at": BOOKED,
        # Whoever is reminded is a test of its own.
        "reminded": ("hold_coming", "free_cancellation_ending"),
    }
    return Booking(**(plain | changes))


def hold(state: HoldState = HoldState.LIVE, **changes: Any) -> Hold:
    waiting = state is HoldState.ACTION_REQUIRED
    plain: dict[str, Any] = {
        "payment_intent_id": "pi_1",
        "amount": HELD,
        "state": state,
        "operation_id": "op_authorize",
        "charge_id": None if waiting else "ch_1",
        "expires_at": None if waiting else LAPSES,
        "placed_at": None if waiting else BOOKED,
        "client_secret": "pi_1_secret_1" if waiting else None,
    }
    return Hold(**(plain | changes))


def held(**changes: Any) -> Booking:
    """60.00 EUR are blocked on the card."""
    return booking(**({"hold": hold()} | changes))


def waiting_for_3ds(**changes: Any) -> Booking:
    """The bank wants the customer; there is half an hour for it."""
    return booking(
        **({"hold": hold(HoldState.ACTION_REQUIRED), "action_deadline": BOOKED + 30 * MINUTE} | changes),
    )


def setup(state: SetupState = SetupState.SUCCEEDED, **changes: Any) -> Setup:
    """A card that is saved for later, or that the bank wants the customer for."""
    plain: dict[str, Any] = {
        "payment_method_id": "pm_1",
        "state": state,
        "setup_intent_id": "seti_1",
        "brand": "visa",
        "operation_id": "op_schedule",
        "client_secret": "seti_1_secret_1" if state is SetupState.ACTION_REQUIRED else None,
    }
    return Setup(**(plain | changes))


def scheduled(**changes: Any) -> Booking:
    """Booked two months ahead: the card is saved, and the hold comes three days before the start."""
    return booking(**({"created_at": LONG_AGO, "updated_at": LONG_AGO, "setup": setup()} | changes))


def saving(**changes: Any) -> Booking:
    """The same, while the bank still wants the customer before the card may be saved."""
    waiting = setup(SetupState.ACTION_REQUIRED)
    plain = {"setup": None, "new_card": waiting, "action_deadline": LONG_AGO + 30 * MINUTE}
    return scheduled(**(plain | changes))


def refused(**changes: Any) -> Booking:
    """The clock asked for the hold when its time came, the bank said no, and the customer has until the first fee."""
    no = hold(HoldState.DECLINED, placed_at=None, expires_at=None, charge_id=None)
    plain = {"hold": no, "declines": 1, "refused_card": "pm_1", "mend_by": START - DAY, "updated_at": PLACES}
    return scheduled(**(plain | changes))


def lapsed(**changes: Any) -> Booking:
    """The hold is gone by itself, and the booking is open still."""
    return booking(**({"hold": hold(HoldState.EXPIRED)} | changes))


def captured(amount: int = PRICE.amount, **changes: Any) -> Booking:
    """Completed, and paid."""
    return booking(
        **({"hold": hold(HoldState.CAPTURED), "captured": amount, "outcome": Outcome.COMPLETED} | changes),
    )


def ended(state: HoldState, outcome: Outcome = Outcome.CANCELLED, **changes: Any) -> Booking:
    """Over, with nothing captured."""
    return booking(**({"hold": hold(state), "outcome": outcome} | changes))


def operation(kind: Kind, **changes: Any) -> Operation:
    by_customer, by_clock = kind in (Kind.AUTHORIZE, Kind.SCHEDULE), kind is Kind.RENEW
    plain: dict[str, Any] = {
        "operation_id": f"op_{kind}",
        "kind": kind,
        "amount": HELD if kind in PLACING or kind is Kind.RELEASE else PRICE.amount,
        "currency": PRICE.currency,
        "started_at": BOOKED,
        "lease_until": BOOKED + LEASE,
        "actor": "customer" if by_customer else "clock" if by_clock else "staff",
        "reason": "booked" if by_customer else "renewal" if by_clock else "wanted",
        "payment_intent_id": None if kind in PLACING else "pi_1",
        "customer_id": "cus_1" if kind in PLACING else None,
        "payment_method_id": "pm_1" if kind in PLACING else None,
        "off_session": by_clock,
    }
    return Operation(**(plain | changes))


# The state that an operation of this kind needs.
BEFORE: Final[dict[Kind, Callable[[], Booking]]] = {
    Kind.AUTHORIZE: booking,
    Kind.SCHEDULE: booking,
    Kind.RENEW: held,
    Kind.CAPTURE: held,
    Kind.RELEASE: held,
    Kind.REFUND: captured,
}


def under_way(kind: Kind, **changes: Any) -> Booking:
    """A booking in the state that this operation needs, with the operation begun; changes are the operation's."""
    return replace(BEFORE[kind](), operation=operation(kind, **changes))


def event(**changes: Any) -> Event:
    plain: dict[str, Any] = {
        "event_id": "yoga",
        "title": "Yoga",
        "price": PRICE,
        "starts_at": START,
        "ends_at": END,
        "timezone": "Europe/Berlin",
        "policy": DEFAULT,
        "created_at": BOOKED - 10 * DAY,
        "updated_at": BOOKED - 10 * DAY,
    }
    return Event(**(plain | changes))


def intent(status: str = "requires_capture", **changes: Any) -> PaymentIntent:
    placed = status in ("requires_capture", "succeeded", "canceled")
    plain: dict[str, Any] = {
        "id": "pi_1",
        "status": status,
        "amount": HELD,
        "amount_received": PRICE.amount if status == "succeeded" else 0,
        "created": BOOKED,
        "client_secret": "pi_1_secret_1",
        "charge_id": "ch_1" if placed else None,
        "capture_before": LAPSES if status == "requires_capture" else None,
    }
    return PaymentIntent(**(plain | changes))


def setup_intent(status: str = "succeeded", **changes: Any) -> SetupIntent:
    plain: dict[str, Any] = {"id": "seti_1", "client_secret": "seti_1_secret_1", "payment_method_id": "pm_1"}
    return SetupIntent(status=status, **(plain | changes))


def seen(
    status: str = "requires_capture",
    *,
    refunds: tuple[StripeRefund, ...] = (),
    disputes: tuple[Dispute, ...] = (),
    **changes: Any,
) -> Observation:
    """What Stripe holds, of the PaymentIntent `pi_1`."""
    return Observation(intent=intent(status, **changes), refunds=refunds, disputes=disputes)


def stripe_refund(
    amount: int = 1000, status: RefundStatus = RefundStatus.SUCCEEDED, *, refund_id: str = "re_1", **changes: Any
) -> StripeRefund:
    return StripeRefund(id=refund_id, amount=amount, status=status, **changes)


def refund(amount: int = 1000, status: RefundStatus = RefundStatus.SUCCEEDED, *, refund_id: str = "re_1") -> Refund:
    return Refund(refund_id=refund_id, amount=amount, status=status)


def dispute(status: str = "needs_response", *, dispute_id: str = "du_1", **changes: Any) -> Dispute:
    plain: dict[str, Any] = {"amount": PRICE.amount, "reason": "fraudulent"}
    return Dispute(dispute_id=dispute_id, status=status, **(plain | changes))


def decline(code: str = "card_declined", decline_code: str | None = "insufficient_funds") -> Decline:
    return Decline(code=code, decline_code=decline_code, message="Your card has insufficient funds.")
