"""A booking on a virtual clock: the rules decide, a bank that is told what to say answers, nobody else is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from holdfast.booking import Booking, Initiator, Kind, Operation, begun
from holdfast.coverage import is_held_at_once, window
from holdfast.event import Event
from holdfast.log import append
from holdfast.movements import Begin, Close, Write
from holdfast.next_step import LookAgain, due_at, next_step
from holdfast.reconcile import observe
from holdfast.settlement import Authorized, Captured, CardSaved, Declined, Released, Verdict, settled
from holdfast.stripe_objects import Observation, PaymentIntent, SetupIntent
from tests.unit.builders import LEASE

Bank = Callable[[Booking, Operation, datetime], Declined | None]


def approves(_: Booking, __: Operation, ___: datetime) -> None:
    """A bank that says yes to everything."""


@dataclass
class Life:
    """`known`: whether Stripe gives `capture_before`. `visits` are the instants at which the clock looked."""

    booking: Booking
    event: Event
    bank: Bank = approves
    known: bool = True
    now: datetime = field(init=False)
    visits: list[datetime] = field(default_factory=list)
    holds: list[tuple[datetime, datetime]] = field(default_factory=list)
    captured: list[tuple[datetime, int]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.booking.created_at

    # --- what happens ------------------------------------------------------------------------------------------------

    def book(self) -> None:
        """The customer is there: a hold at once, or a saved card."""
        each = self.booking
        at_once = is_held_at_once(
            each.policy,
            each.hold_terms,
            brand=each.card_brand,
            now=self.now,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
        )
        kind = Kind.AUTHORIZE if at_once else Kind.SCHEDULE
        self._move(Begin(kind=kind, amount=each.hold_amount, reason="booked", actor="customer"), first=True)

    def visit(self) -> bool:
        """The clock comes when the booking is due; whether it ever does again."""
        due = due_at(self.booking)
        if due is None:
            return False
        self.now = max(self.now, due)
        self.visits.append(self.now)
        self._lapse()
        while self._step():
            pass
        return True

    def visits_until(self, moment: datetime) -> Iterator[datetime]:
        """One visit after the other, up to an instant; and then it is that instant."""
        while (due := due_at(self.booking)) is not None and due <= moment:
            self.visit()
            yield self.now
        self.now = max(self.now, moment)
        self._lapse()

    def _step(self) -> bool:
        match next_step(self.booking, self.event, self.now):
            case Begin() as step:
                self._move(step)
                return True
            case Write(changed, entries):
                self._put(changed, entries)
                return True
            case Close(outcome=outcome, attention=attention):
                self._put(replace(self.booking, outcome=outcome, attention=attention), [])
                return True
            case LookAgain(at):
                self._put(replace(self.booking, look_again_at=at), [])
                return False
            case _:
                return False

    def _put(self, changed: Booking, entries: Any) -> None:
        self.booking, lines = append(self.booking, changed, entries, now=self.now)
        self.lines += lines

    # --- Stripe ----------------------------------------------------------------------------------------------------

    def _move(self, step: Begin, *, first: bool = False) -> None:
        operation = Operation(
            operation_id=f"op_{len(self.lines)}",
            kind=step.kind,
            amount=step.amount,
            currency=self.booking.currency,
            started_at=self.now,
            lease_until=self.now + LEASE,
            actor=step.actor,
            reason=step.reason,
            payment_intent_id=step.payment_intent_id,
            payment_method_id=step.payment_method_id or self.booking.payment_method_id,
            outcome=step.outcome,
            fee=step.fee,
            superseded=step.superseded,
            off_session=step.off_session,
            brand=self.booking.card_brand,
        )
        self.booking = replace(self.booking, operation=operation) if first else begun(self.booking, operation)
        changed, entries = settled(self.booking, operation, self._verdict(operation), self.now)
        self._put(changed, entries)

    def _verdict(self, operation: Operation) -> Verdict:
        match operation.kind:
            case Kind.SCHEDULE:
                return CardSaved(SetupIntent(id="seti_1", status="succeeded"))
            case Kind.CAPTURE:
                self.captured.append((self.now, operation.amount))
                return Captured(self._intent("succeeded", operation, received=operation.amount))
            case Kind.RELEASE:
                return Released(self._intent("canceled", operation))
            case _:
                refused = self.bank(self.booking, operation, self.now)
                return refused or self._authorized(operation)

    def _authorized(self, operation: Operation) -> Authorized:
        initiator = Initiator.MERCHANT if operation.off_session else Initiator.CUSTOMER
        lapses = self.now + window(operation.brand, initiator)
        self.holds.append((self.now, lapses))
        return Authorized(self._intent("requires_capture", operation, lapses=lapses if self.known else None))

    def _intent(
        self, status: str, operation: Operation, *, received: int = 0, lapses: datetime | None = None
    ) -> PaymentIntent:
        return PaymentIntent(
            id=operation.payment_intent_id or f"pi_{operation.operation_id}",
            status=status,
            amount=operation.amount,
            amount_received=received,
            created=self.now,
            charge_id="ch_1",
            capture_before=lapses,
        )

    def _lapse(self) -> None:
        """Stripe cancels an authorization when its window is over, and says so."""
        hold = self.booking.hold
        if not self.booking.is_held or hold is None or self.holds[-1][1] >= self.now:
            return
        gone = PaymentIntent(
            id=hold.payment_intent_id,
            status="canceled",
            amount=hold.amount,
            amount_received=0,
            created=self.now,
            cancellation_reason="automatic",
        )
        changed, entries = observe(self.booking, Observation(intent=gone), self.now)
        self._put(changed, entries)


def days(number: float) -> timedelta:
    return timedelta(days=number)
