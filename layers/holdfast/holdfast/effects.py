"""Carries out the effect of an operation at Stripe, or finds out what an earlier try did. Answers with what is proved.

A repeated call goes under the same idempotency key, so it can never act twice. Only where Stripe answered with a server
error (which it would replay under that key for ever) and the object shows that nothing happened, the next key is used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from holdfast.booking import HOLD_PLACING, Booking, Kind, Operation
from holdfast.call_failures import CallFailed, CallRefused, CardRefused, OutcomeUnknown
from holdfast.settlement import (
    PLACING,
    Abandoned,
    Authorized,
    Captured,
    CardNeedsAction,
    CardSaved,
    Declined,
    NeedsAction,
    Refunded,
    Refused,
    Released,
    Verdict,
)
from holdfast.stripe_objects import Decline, Observation, PaymentIntent, SetupIntent, StripeRefund

# A customer who saw no answer has left by then; no hold may land on them any more (design: 15 minutes on-session).
CUSTOMER_WAITS: Final = timedelta(minutes=15)
# Stripe may forget a key after 24 h; from here on the key alone no longer protects, so a fresh one follows a look-up.
KEY_IS_SAFE: Final = timedelta(hours=23)
# So many keys may be spoilt by one request, and fewer by a visit of the clock: an outage may last, and those that it
# spoilt are passed by one after the other.
_NEW_KEYS: Final = 2
_MOST_KEYS: Final = 100


class Gateway(Protocol):
    """What the effects need of Stripe; `stripe_gateway` is the real one."""

    def authorize(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent: ...
    def save_card(self, booking_id: str, operation: Operation, key: str) -> SetupIntent: ...
    def capture(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent: ...
    def release(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent: ...
    def refund(self, booking_id: str, operation: Operation, key: str) -> StripeRefund: ...
    def find_authorization(self, customer_id: str, operation: Operation) -> PaymentIntent | None: ...
    def find_setup(self, customer_id: str, operation: Operation) -> SetupIntent | None: ...
    def observe(self, payment_intent_id: str) -> Observation: ...


class Found(Enum):
    """What looking for an effect showed, where it showed no result."""

    ABSENT = "it did not happen"
    UNCLEAR = "it is still happening, or cannot be told"


def idempotency_key(operation: Operation, number: int) -> str:
    return operation.operation_id if number == 1 else f"{operation.operation_id}:{number}"


def attempt(
    gateway: Gateway, booking: Booking, operation: Operation, *, first_key: int = 1, new_keys: int = _NEW_KEYS
) -> Verdict | None:
    """Try the effect. None: nothing is proved, and the operation stays under way. Raises NothingExecuted."""
    for number in range(first_key, _MOST_KEYS + 1):
        try:
            return _effect(gateway, booking, operation, idempotency_key(operation, number))
        except CardRefused as declined:
            if operation.kind in PLACING:
                return Declined(declined.decline, declined.intent)
            no = CallRefused(declined.decline.code, declined.decline.message)
            return _refused(gateway, booking, operation, no)
        except CallRefused as refused:
            return _refused(gateway, booking, operation, refused)
        except OutcomeUnknown as unknown:
            if not unknown.answered:
                return None
            if unknown.replayed:
                continue  # spoilt by an earlier try, after which somebody has looked
        found = look(gateway, booking, operation)
        if not isinstance(found, Found):
            return found
        new_keys -= 1
        if found is Found.UNCLEAR or new_keys == 0:
            return None
    return None


def recover(gateway: Gateway, booking: Booking, operation: Operation, now: datetime) -> Verdict | None:
    """Find out what became of an operation whose lease has ended, and finish it. Raises NothingExecuted."""
    waited = now - operation.started_at
    found = look(gateway, booking, operation)
    if operation.kind in PLACING and not operation.off_session and waited >= CUSTOMER_WAITS:
        return _nobody_waits(found)
    if not isinstance(found, Found):
        return found
    if found is Found.UNCLEAR:
        return None
    return attempt(gateway, booking, operation, first_key=1 if waited < KEY_IS_SAFE else 2, new_keys=1)


def _nobody_waits(found: Verdict | Found) -> Verdict | None:
    match found:
        case Found.UNCLEAR:
            return None
        case Found.ABSENT:
            return Abandoned(None)
        case Authorized(intent) | NeedsAction(intent) if intent.status != "succeeded":
            return Abandoned(intent)
        case CardSaved() | CardNeedsAction():
            return Abandoned(None)  # a card that is saved for nothing takes no money
        case _:
            return found


def _effect(gateway: Gateway, booking: Booking, operation: Operation, key: str) -> Verdict | None:
    match operation.kind:
        case Kind.AUTHORIZE | Kind.RENEW:
            verdict = authorization(gateway.authorize(booking.booking_id, operation, key))
            return None if isinstance(verdict, Found) else verdict
        case Kind.SCHEDULE:
            saved = saved_card(gateway.save_card(booking.booking_id, operation, key))
            return None if isinstance(saved, Found) else saved
        case Kind.CAPTURE:
            captured = gateway.capture(booking.booking_id, operation, key)
            return Captured(captured) if captured.status == "succeeded" else None
        case Kind.RELEASE:
            released = gateway.release(booking.booking_id, operation, key)
            return Released(released) if released.status == "canceled" else None
        case Kind.REFUND:
            return Refunded(gateway.refund(booking.booking_id, operation, key))


def look(gateway: Gateway, booking: Booking, operation: Operation) -> Verdict | Found:
    """What Stripe shows of this operation's effect."""
    try:
        if operation.kind in HOLD_PLACING:
            intent = gateway.find_authorization(booking.customer_id, operation)
            return Found.ABSENT if intent is None else authorization(intent)
        if operation.kind is Kind.SCHEDULE:
            setup = gateway.find_setup(booking.customer_id, operation)
            return Found.ABSENT if setup is None else saved_card(setup)
        assert operation.payment_intent_id is not None
        return evidence(operation, gateway.observe(operation.payment_intent_id))
    except CallRefused as refused:
        if operation.kind in PLACING:
            return Found.UNCLEAR  # the list was refused, which says nothing about the hold
        return Refused(refused.code, refused.message, None)
    except CallFailed:
        return Found.UNCLEAR


def authorization(intent: PaymentIntent) -> Verdict | Found:
    """What a PaymentIntent of ours says about the authorization."""
    match intent.status:
        case "requires_capture" | "succeeded":
            return Authorized(intent)  # captured by somebody already: what they took is taken in once there is a hold
        case "requires_action":
            return NeedsAction(intent)
        case "requires_payment_method":
            generic = Decline(code="card_declined", decline_code=None, message="The card was declined.")
            return Declined(intent.decline or generic, intent)
        case "requires_confirmation":
            return Abandoned(intent)  # created and never confirmed: our one call does both, so nobody will
        case "canceled":
            return Declined(
                Decline(code="canceled", decline_code=None, message="The authorization was canceled."), intent
            )
        case _:
            return Found.UNCLEAR


def saved_card(setup: SetupIntent) -> Verdict | Found:
    """What a SetupIntent of ours says about the card that it is to save."""
    match setup.status:
        case "succeeded":
            return CardSaved(setup)
        case "requires_action":
            return CardNeedsAction(setup)
        case "requires_payment_method" | "requires_confirmation" | "canceled":
            generic = Decline(code="card_declined", decline_code=None, message="The card was declined.")
            return Declined(setup.decline or generic, None)
        case _:
            return Found.UNCLEAR


def evidence(operation: Operation, seen: Observation) -> Verdict | Found:
    """What the PaymentIntent and its refunds say about a capture, release or refund."""
    if operation.kind is Kind.REFUND:
        ours = next((refund for refund in seen.refunds if refund.operation_id == operation.operation_id), None)
        return Refunded(ours) if ours else Found.ABSENT
    status = seen.intent.status
    if status in ("requires_capture", "requires_action", "requires_payment_method", "requires_confirmation"):
        return Found.ABSENT
    if operation.kind is Kind.CAPTURE and status == "succeeded":
        if seen.intent.metadata.get("operation_id") == operation.operation_id:
            return Captured(seen.intent)
        return Refused("captured_outside", "The hold was captured by somebody else.", seen)
    if operation.kind is Kind.RELEASE and status == "canceled":
        return Released(seen.intent)
    if status in ("canceled", "succeeded", "expired", "requires_reauthorization"):
        return Refused(status, f"The hold is {status} already.", seen)
    return Found.UNCLEAR


def _refused(gateway: Gateway, booking: Booking, operation: Operation, refused: CallRefused) -> Verdict | None:
    """A definite no. What Stripe holds now says whether the goal was reached by somebody else, or by an earlier try of
    ours.
    """
    if operation.kind in PLACING:
        # An earlier try whose answer was lost may have placed the hold that this one was refused.
        found = look(gateway, booking, operation)
        if found is Found.ABSENT:
            return Refused(refused.code, refused.message, None)
        return None if isinstance(found, Found) else found
    if operation.payment_intent_id is None:
        return Refused(refused.code, refused.message, None)
    try:
        seen = gateway.observe(operation.payment_intent_id)
    except CallRefused:
        return Refused(refused.code, refused.message, None)
    except CallFailed:
        return None
    proof = evidence(operation, seen)
    if isinstance(proof, Captured | Refunded):
        return proof
    return Refused(refused.code, refused.message, seen)
