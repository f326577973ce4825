"""A booking's life on both sides at once: a small Stripe, and the book with its log, each step on both.

Whatever happens at Stripe is done there first. The book follows by the result of its own operation, or by a webhook,
which may be kept back: then the two sides differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from holdfast.booking import Booking, Dispute, HoldState, Kind, Operation, Outcome, RefundStatus, begun
from holdfast.log import Entry, Line, Logged, append
from holdfast.reconcile import observe
from holdfast.settlement import (
    Abandoned,
    Authorized,
    Captured,
    Declined,
    NeedsAction,
    Refunded,
    Released,
    Verdict,
    settled,
)
from holdfast.sightings import Charge, Movement, Seen, Sighting, Source
from holdfast.stripe_objects import Observation, PaymentIntent, StripeRefund
from tests.unit import builders as make

GONE = ("canceled", "requires_payment_method")


@dataclass
class TwoSides:
    """Begins with a booking whose authorization is under way."""

    now: datetime = make.BOOKED
    stripe: dict[str, Observation] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    booking: Booking = field(default_factory=make.booking)
    _numbers: int = 0

    # --- the book ----------------------------------------------------------------------------------------------------

    def write(self, before: Booking | None, changed: Booking, entries: Sequence[Entry]) -> None:
        self.booking, lines = append(before, changed, entries, now=self.now)
        self.lines += lines

    def begin(self, kind: Kind, amount: int, **changes: Any) -> Operation:
        operation = make.operation(kind, operation_id=self._new("op"), amount=amount, **changes)
        entry = Entry(kind=str(kind), status="started", actor=operation.actor, amount=amount)
        if kind is Kind.AUTHORIZE:
            self.write(None, replace(self.booking, operation=operation), [entry])
        else:
            self.write(self.booking, begun(self.booking, operation), [entry])
        return operation

    def settle(self, operation: Operation, verdict: Verdict) -> None:
        changed, entries = settled(self.booking, operation, verdict, self.now)
        self.write(self.booking, changed, entries)

    def webhook(self, intent_id: str) -> None:
        changed, entries = observe(self.booking, self.stripe[intent_id], self.now)
        if entries or changed != self.booking:
            self.write(self.booking, changed, entries)

    # --- Stripe ------------------------------------------------------------------------------------------------------

    def _new(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}_{self._numbers}"

    @property
    def intent_id(self) -> str:
        assert self.booking.hold is not None
        return self.booking.hold.payment_intent_id

    def placed(self, status: str = "requires_capture") -> PaymentIntent:
        intent = make.intent(status, id=self._new("pi"), currency="eur", amount_received=0)
        self.stripe[intent.id] = Observation(intent=intent)
        return intent

    def change(self, intent_id: str, status: str, **changes: Any) -> PaymentIntent:
        seen = self.stripe[intent_id]
        before = changes.pop("capture_before", seen.intent.capture_before)
        changed = replace(seen.intent, status=status, capture_before=before, **changes)
        self.stripe[intent_id] = replace(seen, intent=changed)
        return changed

    def take(self, intent_id: str, amount: int) -> PaymentIntent:
        self._moves(Source.CHARGE, f"ch_{intent_id}", intent_id, amount, fee=amount // 40)
        return self.change(intent_id, "succeeded", amount_received=amount)

    def send_back(self, intent_id: str, amount: int, status: RefundStatus) -> StripeRefund:
        refund = make.stripe_refund(amount, status, refund_id=self._new("re"))
        seen = self.stripe[intent_id]
        self.stripe[intent_id] = replace(seen, refunds=(*seen.refunds, refund))
        self._moves(Source.REFUND, refund.id, intent_id, -amount)
        return refund

    def refund_becomes(self, intent_id: str, number: int, status: RefundStatus) -> bool:
        """Whether there was anything to become: what failed or was canceled stays so."""
        seen = self.stripe[intent_id]
        refund = seen.refunds[number % len(seen.refunds)]
        if refund.status in (RefundStatus.FAILED, RefundStatus.CANCELED) or refund.status is status:
            return False
        changed = tuple(replace(each, status=status) if each is refund else each for each in seen.refunds)
        self.stripe[intent_id] = replace(seen, refunds=changed)
        if status in (RefundStatus.FAILED, RefundStatus.CANCELED):
            self._moves(Source.REFUND, refund.id, intent_id, refund.amount)
        return True

    def dispute(self, intent_id: str, status: str) -> None:
        """Opened, or moved on."""
        seen = self.stripe[intent_id]
        if not seen.disputes:
            self._moves(Source.DISPUTE, "du_1", intent_id, -make.PRICE.amount, fee=1500)
        known: Dispute = make.dispute(status)
        self.stripe[intent_id] = replace(seen, disputes=(known,))

    def _moves(self, source: Source, source_id: str, intent_id: str, amount: int, fee: int = 0) -> None:
        self.movements.append(
            Movement(
                transaction_id=self._new("txn"),
                source=source,
                source_id=source_id,
                payment_intent_id=intent_id,
                amount=amount,
                currency="eur",
                fee=fee,
                fee_currency="eur",
            )
        )

    # --- what happens ------------------------------------------------------------------------------------------------

    def book(self, how: str) -> None:
        operation = self.begin(Kind.AUTHORIZE, make.HELD)
        match how:
            case "declined":
                self.settle(operation, Declined(make.decline(), self.placed("requires_payment_method")))
            case "abandoned":
                self.settle(operation, Abandoned(self.placed()))
            case "3ds":
                self.settle(operation, NeedsAction(self.placed("requires_action")))
            case _:
                self.settle(operation, Authorized(self.placed()))

    def may_happen(self) -> list[tuple[str, str]]:
        """What can come next, ours and others', each with its name."""
        hold, status = self.booking.hold, str(self.booking.payment_status)
        stale = [each for each in self.booking.superseded if self.stripe[each].intent.status != "succeeded"]
        own = {
            "drop": bool(stale) and self.booking.superseded[0] in stale,
            "capture": status == "held" and self._is("requires_capture"),
            "release": status in ("held", "action_required") and self._is("requires_capture", "requires_action"),
            "refund": status in ("captured", "partially_refunded", "refunding") and self._left() > 0,
        }
        outside = {
            "authenticate": self._is("requires_action"),
            "fail 3ds": self._is("requires_action"),
            "capture": self._is("requires_capture"),
            "cancel": self._is("requires_capture", "requires_action"),
            "expire": self._is("requires_capture"),
            "deadline": self._is("requires_capture"),
            "refund": self._is("succeeded") and self._refundable() > 0,
            "refund moves": hold is not None and bool(self.stripe[hold.payment_intent_id].refunds),
            "dispute": self._is("succeeded"),
            "duplicate": len(self.stripe) < 3,
        }
        return [("own", what) for what, can in own.items() if can] + [
            ("outside", what) for what, can in outside.items() if can
        ]

    def our_own(self, what: str, number: int) -> None:
        match what:
            case "drop":
                stale = self.booking.superseded[0]
                operation = self.begin(Kind.RELEASE, make.HELD, payment_intent_id=stale, superseded=True)
                self.settle(operation, Released(self.change(stale, "canceled")))
            case "capture":
                amount = 1 + number % make.HELD
                operation = self.begin(
                    Kind.CAPTURE, amount, payment_intent_id=self.intent_id, outcome=Outcome.COMPLETED
                )
                self.settle(operation, Captured(self.take(self.intent_id, amount)))
            case "release":
                operation = self.begin(Kind.RELEASE, make.HELD, payment_intent_id=self.intent_id)
                self.settle(operation, Released(self.change(self.intent_id, "canceled")))
            case "refund":
                amount = 1 + number % self._left()
                operation = self.begin(Kind.REFUND, amount, payment_intent_id=self.intent_id)
                status = (RefundStatus.SUCCEEDED, RefundStatus.PENDING)[number % 2]
                self.settle(operation, Refunded(self.send_back(self.intent_id, amount, status)))

    def outside(self, what: str, number: int) -> str | None:
        """Something at Stripe that is not our doing; the PaymentIntent that a webhook would name."""
        if what == "duplicate":
            return self.placed().id
        intent_id = self.intent_id
        return intent_id if self._done(what, intent_id, number) else None

    def _done(self, what: str, intent_id: str, number: int) -> bool:
        match what:
            case "authenticate":
                self.change(intent_id, "requires_capture", capture_before=make.LAPSES, charge_id="ch_1")
            case "fail 3ds":
                self.change(intent_id, "requires_payment_method")
            case "capture":
                self.take(intent_id, 1 + number % make.HELD)
            case "cancel":
                self.change(intent_id, "canceled", cancellation_reason="requested_by_customer")
            case "expire":
                self.change(intent_id, "canceled", cancellation_reason="automatic")
            case "deadline":
                self.change(intent_id, "requires_capture", capture_before=make.LAPSES - (1 + number % 5) * make.HOUR)
            case "refund":
                self.send_back(intent_id, 1 + number % self._refundable(), RefundStatus.SUCCEEDED)
            case "refund moves":
                status = list(RefundStatus)[number % len(RefundStatus)]
                return status is not RefundStatus.PENDING and self.refund_becomes(intent_id, number, status)
            case "dispute":
                words = ("needs_response", "under_review", "lost", "won")
                self.dispute(intent_id, words[number % len(words)])
        return True

    def _is(self, *statuses: str) -> bool:
        hold = self.booking.hold
        return hold is not None and self.stripe[hold.payment_intent_id].intent.status in statuses

    def _left(self) -> int:
        """What a refund of ours may still be: by the book, and by Stripe."""
        return min(self.booking.refundable, self._refundable()) if self._is("succeeded") else 0

    def _refundable(self) -> int:
        seen = self.stripe[self.intent_id]
        gone = sum(each.amount for each in seen.refunds if each.status in ("pending", "succeeded"))
        return seen.intent.amount_received - gone

    # --- how it looks ------------------------------------------------------------------------------------------------

    def seen(self) -> Seen:
        """Everything in Stripe's lists, as it is now."""
        sightings: list[Sighting] = []
        for observation in self.stripe.values():
            intent = observation.intent
            charge = self._charge(observation)
            sightings.append(
                Sighting(payment_intent_id=intent.id, object_id=intent.id, currency="eur", intent=intent, charge=charge)
            )
            sightings += [
                Sighting(payment_intent_id=intent.id, object_id=each.id, currency="eur", refund=each, charge=charge)
                for each in observation.refunds
            ]
            sightings += [
                Sighting(payment_intent_id=intent.id, object_id=each.dispute_id, currency="eur", dispute=each)
                for each in observation.disputes
            ]
        owners = dict.fromkeys(self.stripe, self.booking.booking_id)
        return Seen(sightings=tuple(sightings), movements=tuple(self.movements), owners=owners)

    @staticmethod
    def _charge(seen: Observation) -> Charge | None:
        if seen.intent.status in ("requires_action", "requires_payment_method"):
            return None
        captured = seen.intent.status == "succeeded"
        gone = sum(each.amount for each in seen.refunds if each.status in ("pending", "succeeded"))
        return Charge(
            succeeded=True,
            captured=captured,
            amount_captured=seen.intent.amount_received,
            amount_refunded=gone if captured else seen.intent.amount * (seen.intent.status == "canceled"),
            refunded=seen.intent.status == "canceled" or (captured and gone == seen.intent.amount_received),
            disputed=bool(seen.disputes),
        )

    def logged(self) -> list[Logged]:
        return [Logged(self.booking.booking_id, self.booking.event_id, line) for line in self.lines]

    @property
    def state(self) -> HoldState | None:
        return self.booking.hold.state if self.booking.hold else None
