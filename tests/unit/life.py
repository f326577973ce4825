"""One booking between the clock, the desk, Stripe, the bank, the phone and the dashboard, in any order.

Stripe's side is kept in plain fields: a PaymentIntent for each authorization, a SetupIntent for each card to be saved.
The rules are the real ones; what a use case decides beside them is asked of it, or repeated here in a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast import effects, log, placing
from holdfast.booking import (
    Booking,
    HoldState,
    Initiator,
    Kind,
    Operation,
    Outcome,
    RefundStatus,
    Status,
    begun,
    check_transition,
)
from holdfast.coverage import coverage, is_held_at_once, window
from holdfast.declines import LEAST_MINUTES_BETWEEN, Severity, severity
from holdfast.desk import Desk, attendance, mending, repricing
from holdfast.effects import CUSTOMER_WAITS, Found
from holdfast.event import Event
from holdfast.log import Entry
from holdfast.money import Money
from holdfast.movements import Begin, Close, Write, capture
from holdfast.moving import brought_up
from holdfast.next_step import LookAgain, Recover, Step, due_at, next_step, no_show_at
from holdfast.no_show import grace_ends_at
from holdfast.policy import DEFAULT, NoShowCapture, OnUnplaceableHold, Percent, Tier
from holdfast.reconcile import observe, observe_setup
from holdfast.settlement import (
    PLACING,
    Captured,
    Refunded,
    Refused,
    Released,
    Verdict,
    failed_attempt,
    settled,
)
from holdfast.staffs_list import CONTESTED, noticed
from holdfast.store.users import Card
from holdfast.stripe_objects import Decline, Observation, PaymentIntent, SetupIntent, StripeRefund
from tests.unit.builders import (
    DAY,
    HELD,
    HOUR,
    LEASE,
    MINUTE,
    SECOND,
    START,
    booking,
    decline,
    dispute,
    event,
    intent,
    setup_intent,
    stripe_refund,
)

T = TypeVar("T")
POLICIES = [
    DEFAULT,
    replace(DEFAULT, no_show_capture=NoShowCapture.ALWAYS, capture_on_attendance=False),
    replace(
        DEFAULT,
        no_show_capture=NoShowCapture.STAFF,
        no_show_contest_minutes=45,
        settle_hours=2,
        no_show_fee=Percent(DEFAULT.hold_ratio * 40),
        cancellation_tiers=(Tier(48, Percent(DEFAULT.hold_ratio * 20)), Tier(2, Percent(DEFAULT.hold_ratio * 100))),
    ),
    replace(
        DEFAULT,
        no_show_capture=NoShowCapture.ALWAYS,
        no_show_contest_minutes=24 * 60,
        on_unplaceable_hold=OnUnplaceableHold.KEEP,
        free_cancellation_hours=240,
        cancellation_tiers=(Tier(240, Percent(DEFAULT.hold_ratio * 50)),),
    ),
    replace(DEFAULT, on_unplaceable_hold=OnUnplaceableHold.KEEP, off_session_fees=False),
]


_CHOICES: dict[int, Sequence[Any]] = {}


def chosen_from(values: Sequence[T]) -> st.SearchStrategy[T]:
    """For Hypothesis a strategy, and for the long lives a list to choose from."""
    strategy = st.sampled_from(values)
    _CHOICES[id(strategy)] = values
    return strategy


MOSTLY = chosen_from([True, True, True, False])
BANKS = ["approves", "wants its customer", "has no money just now", "will never", "does not know the card"]
HARD, SOFT = decline(decline_code="lost_card"), decline()
WANTS_ITS_CUSTOMER = decline("authentication_required", None)
ALIVE = ("requires_capture", "requires_action")
CARD = Card(payment_method_id="", brand="visa", last4="4242", exp_month=1, exp_year=2030, country=None, created_at="")
# More steps than this at one instant, and the clock is going round in circles.
STEPS_AT_ONCE = 12
# Of a whole life: nobody is visited for ever.
VISITS_TO_THE_END = 150


class Life(RuleBasedStateMachine):
    """Rules are what somebody may do next; invariants are what holds after each of them."""

    reached: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.event: Event = event()
        self.booking: Booking = booking()
        self.lines: list[log.Line] = []
        self.version = 0
        self.operations = 0
        self.bank = "approves"
        self.says_until_when = True
        self.short = False
        self.stripe: dict[str, Observation] = {}
        self.setups: dict[str, SetupIntent] = {}
        self.lapses: dict[str, datetime] = {}
        # PaymentIntents that the phone can confirm, whatever we think of them meanwhile.
        self.shown: set[str] = set()
        self.refusals: list[tuple[datetime, str]] = []
        self.refused: set[str] = set()
        self.captures = 0

    # --- what the store does: append in one transaction ---------------------------------------------------------------

    def write(self, before: Booking | None, changed: Booking, entries: list[Entry] | tuple[Entry, ...]) -> None:
        after, lines = log.append(before, changed, entries, now=self.now)
        assert after.version == self.version + 1
        assert after.sequence == len(self.lines) + len(lines)
        self.version = after.version
        self.lines += lines
        self.booking = after
        self.reached.update(f"{line['kind']} {line['status']} {line['reason']}" for line in lines)
        self.reached.update((str(after.payment_status), str(after.outcome)))
        self.shown.update(
            each.payment_intent_id for each in (after.hold, after.renewal) if each is not None and each.client_secret
        )

    def begin(self, before: Booking | None, changed: Booking, step: Begin, *, answered: bool, facts=()) -> None:
        self.operations += 1
        of_a_card = step.kind in PLACING
        operation = Operation(
            operation_id=f"op_{self.operations}",
            kind=step.kind,
            amount=step.amount,
            currency="eur",
            started_at=self.now,
            lease_until=self.now + LEASE,
            actor=step.actor,
            reason=step.reason,
            payment_intent_id=step.payment_intent_id,
            payment_method_id=(step.payment_method_id or changed.payment_method_id) if of_a_card else None,
            outcome=step.outcome,
            fee=step.fee,
            superseded=step.superseded,
            off_session=step.off_session,
            brand=changed.card_brand if of_a_card else None,
        )
        entry = Entry(kind=str(step.kind), status="started", actor=step.actor, amount=step.amount, reason=step.reason)
        started = replace(changed, operation=operation) if before is None else begun(changed, operation)
        self.write(before, started, [*facts, entry])
        if answered:
            self.the_effect()

    # --- the start ----------------------------------------------------------------------------------------------------

    @initialize(
        terms=chosen_from(range(len(POLICIES))),
        lead=chosen_from([10 * MINUTE, 5 * HOUR, 3 * DAY, 20 * DAY, 60 * DAY]),
        lasts=chosen_from([2 * HOUR, 2 * HOUR, 12 * DAY]),
        bank=chosen_from(5 * ["approves"] + 2 * ["wants its customer"] + BANKS[2:]),
        later=chosen_from(BANKS),
        says_until_when=MOSTLY,
        short=chosen_from([False, True]),
        answered=MOSTLY,
        age=chosen_from([0, 0, 1, 2, 3, 4, 6, 8]),
    )
    def book(
        self,
        terms: int,
        lead: timedelta,
        lasts: timedelta,
        bank: str,
        later: str,
        says_until_when: bool,
        short: bool,
        answered: bool,
        age: int,
    ) -> None:
        """`bank` is how it answers the customer who books, `later` what it says from then on. `age`: how often the
        clock has come before anything else happens.
        """
        policy = POLICIES[terms]
        self.now, self.bank = START - lead, bank
        self.says_until_when, self.short = says_until_when, short
        self.event = event(starts_at=START, ends_at=START + lasts, policy=policy)
        new = booking(
            policy=policy,
            created_at=self.now,
            updated_at=self.now,
            starts_at=START,
            ends_at=START + lasts,
            card_brand="visa",
            reminded=(),
        )
        at_once = is_held_at_once(
            policy, new.hold_terms, brand="visa", now=self.now, starts_at=START, ends_at=START + lasts
        )
        kind = Kind.AUTHORIZE if at_once else Kind.SCHEDULE
        self.begin(None, new, Begin(kind=kind, amount=HELD, reason="booked", actor="customer"), answered=answered)
        self.bank = later
        for _ in range(age):
            if self.booking.is_open and due_at(self.booking) is not None:
                self.the_clock_comes_when_it_is_due(answered=True)

    # --- time and the clock -------------------------------------------------------------------------------------------

    def at(self, moment: datetime) -> None:
        """It is this instant: what lapsed until then is gone at Stripe, whether or not anybody hears of it."""
        self.now = max(self.now, moment)
        for payment_intent_id, lapses in self.lapses.items():
            if self.status(payment_intent_id) == "requires_capture" and lapses <= self.now:
                self.set(payment_intent_id, status="canceled", cancellation_reason="automatic")

    @rule(span=chosen_from([SECOND, MINUTE, 20 * MINUTE, HOUR, 12 * HOUR, 3 * DAY]))
    def time_passes(self, span: timedelta) -> None:
        self.at(self.now + span)

    @precondition(lambda self: due_at(self.booking) is not None)
    @rule(answered=MOSTLY)
    def the_clock_comes_when_it_is_due(self, answered: bool) -> None:
        due = due_at(self.booking)
        assert due is not None
        self.at(due)
        self.visit(answered=answered)

    @precondition(lambda self: due_at(self.booking) is not None)
    @rule()
    def the_clock_comes_in_time_and_stripe_answers(self) -> None:
        self.the_clock_comes_when_it_is_due(answered=True)

    @precondition(lambda self: due_at(self.booking) is not None)
    @rule(times=chosen_from(range(2, 7)))
    def the_clock_comes_again_and_again(self, times: int) -> None:
        for _ in range(times):
            if due_at(self.booking) is not None:
                self.the_clock_comes_when_it_is_due(answered=True)

    @rule(answered=MOSTLY)
    def the_clock_comes_for_another_reason(self, answered: bool) -> None:
        if self.booking.retry_at is None or self.now >= self.booking.retry_at:
            self.take_step(answered=answered)

    def visit(self, *, answered: bool) -> None:
        """Steps until nothing is due: each does something, and they come to an end."""
        for steps in count(1):
            due = due_at(self.booking)
            if due is None or due > self.now:
                return
            assert steps <= STEPS_AT_ONCE, "the clock goes round in circles"
            version = self.version
            self.take_step(answered=answered)
            assert self.version > version, "the clock was called for nothing"

    def take_step(self, *, answered: bool) -> Step:
        moved, facts = brought_up(self.booking, self.event)
        step = next_step(moved, self.event, self.now)
        match step:
            case None:
                if facts:
                    self.write(self.booking, moved, list(facts))
            case Recover() if answered:
                self.the_effect()
            case Recover():
                self.find_nothing_out()
            case LookAgain(at):
                assert at > self.now
                self.write(self.booking, replace(moved, look_again_at=at), list(facts))
            case Write(changed, entries):
                assert changed != moved
                self.write(self.booking, changed, [*facts, *entries])
            case Close():
                assert moved.is_open
                assert not moved.holds_money
                self.write(
                    self.booking,
                    noticed(replace(moved, outcome=step.outcome, fee=step.fee), step.attention, self.now),
                    [*facts, Entry(kind="close", status="succeeded", actor="clock", reason=step.reason)],
                )
            case Begin():
                self.judge(moved, step)
                self.begin(self.booking, moved, step, answered=answered, facts=facts)
        return step

    def judge(self, moved: Booking, step: Begin) -> None:
        """What no step may ever be."""
        assert 0 <= step.fee <= max(moved.hold_amount, moved.hold.amount if moved.hold else 0)
        if step.kind is Kind.CAPTURE:
            assert moved.hold is not None
            assert 0 < step.amount <= moved.hold.amount
            assert self.event.cancelled_at is None
        if step.kind is Kind.REFUND:
            assert 0 < step.amount <= moved.refundable
        if step.outcome is Outcome.NO_SHOW or step.reason == "no_show":
            self.judge_no_show(moved, step)
        if step.kind in PLACING:
            self.judge_what_is_asked_of_the_card(moved, step)

    def judge_no_show(self, moved: Booking, step: Begin) -> None:
        assert moved.checked_in_at is None
        assert self.now >= self.event.starts_at + timedelta(minutes=moved.policy.no_show_grace_minutes)
        if step.kind is Kind.RELEASE or moved.no_show_upheld_at is not None:
            return
        assert moved.waived_at is None
        assert moved.contested_at is None
        if contest := moved.policy.no_show_contest_minutes:
            assert moved.no_show_noticed_at is not None, "charged without notice"
            assert self.now >= moved.no_show_noticed_at + timedelta(minutes=contest)

    def judge_what_is_asked_of_the_card(self, moved: Booking, step: Begin) -> None:
        """By the clock: without the customer, not more often than is allowed, and never of a card that said no."""
        assert step.off_session
        assert moved.is_open
        assert moved.event_cancelled_at is None
        assert 0 < step.amount <= moved.hold_amount
        if step.reason in ("no_show", "late_cancellation", "attended"):
            assert moved.policy.off_session_fees
        assert moved.payment_method_id not in self.refused, "asked again after a hard decline"
        pause = timedelta(minutes=LEAST_MINUTES_BETWEEN)
        assert not [card for at, card in self.refusals if card == moved.payment_method_id and self.now - at < pause]

    def find_nothing_out(self) -> None:
        """The step comes again later, as `operations` postpones it."""
        assert self.booking.operation is not None
        longer = replace(self.booking.operation, lease_until=self.now + LEASE)
        self.write(self.booking, replace(self.booking, operation=longer), [])
        self.write(self.booking, failed_attempt(self.booking, self.now, what="operation_in_doubt"), [])

    # --- results ------------------------------------------------------------------------------------------------------

    def under_way(self) -> bool:
        return self.booking.operation is not None

    def idle(self) -> bool:
        return self.version > 0 and self.booking.operation is None

    def settle(self, verdict: Verdict) -> None:
        assert self.booking.operation is not None
        changed, entries = settled(self.booking, self.booking.operation, verdict, self.now)
        assert changed.operation is None
        assert entries
        self.write(self.booking, changed, list(entries))

    def the_effect(self) -> None:
        """What Stripe does with the operation under way, and the booking after it."""
        under_way = self.booking.operation
        assert under_way is not None
        verdict = self.of_the_card(under_way) if under_way.kind in PLACING else self.moved(under_way)
        if isinstance(verdict, Found) or verdict is None:
            self.find_nothing_out()
        else:
            self.settle(verdict)

    def of_the_card(self, operation: Operation) -> Verdict | Found | None:
        """What `effects` makes of what is there, or of what the bank says now. A customer does not wait for ever."""
        nobody_waits = not operation.off_session and self.now >= operation.started_at + CUSTOMER_WAITS
        if nobody_waits:
            return effects._nobody_waits(self.found(operation))
        if self.found(operation) is Found.ABSENT:
            self.ask_the_bank(operation)
        found = self.found(operation)
        if found is Found.ABSENT:
            self.said_no(operation, decline("resource_missing", None))
            return Refused("resource_missing", "No such payment method", None)
        return found

    def found(self, operation: Operation) -> Verdict | Found:
        name = operation.operation_id.removeprefix("op")
        if operation.kind is Kind.SCHEDULE:
            setup = self.setups.get(f"seti{name}")
            return Found.ABSENT if setup is None else effects.saved_card(setup)
        placed = self.stripe.get(f"pi{name}")
        return Found.ABSENT if placed is None else effects.authorization(placed.intent)

    def ask_the_bank(self, operation: Operation) -> None:
        name = operation.operation_id.removeprefix("op")
        card = str(operation.payment_method_id)
        status, why = {
            "approves": ("requires_capture", None),
            "wants its customer": ("requires_action", None),
            "has no money just now": ("requires_payment_method", SOFT),
            "will never": ("requires_payment_method", HARD),
            "does not know the card": ("", decline("resource_missing", None)),
        }[self.bank]
        if status == "requires_action" and operation.off_session:
            status, why = "requires_payment_method", WANTS_ITS_CUSTOMER
        if operation.kind is Kind.SCHEDULE:
            ready = "succeeded" if status == "requires_capture" else status
            if ready:
                self.setups[f"seti{name}"] = setup_intent(ready, id=f"seti{name}", decline=why, payment_method_id=card)
        elif status:
            lapses = self.now + self.window_of(operation)
            self.stripe[f"pi{name}"] = Observation(
                intent=intent(
                    status,
                    id=f"pi{name}",
                    amount=operation.amount,
                    created=self.now,
                    decline=why,
                    client_secret=f"pi{name}_secret",
                    capture_before=lapses if self.says_until_when and status == "requires_capture" else None,
                    payment_method_id=card,
                    brand="visa",
                )
            )
            self.lapses[f"pi{name}"] = lapses
        if why is None and status != "requires_action":
            self.said_yes(card)
        elif why is not None and status:
            self.said_no(operation, why)

    def said_no(self, operation: Operation, why: Decline) -> None:
        """Remembered of what the clock asks: a customer who is there may be asked as often as they like."""
        if not operation.off_session:
            return
        card = str(operation.payment_method_id)
        if severity(why) is Severity.SOFT:
            self.refusals.append((self.now, card))
        if severity(why) is Severity.HARD:
            self.refused.add(card)

    def said_yes(self, card: str) -> None:
        """What was refused before is forgotten."""
        self.refused.discard(card)
        self.refusals = [each for each in self.refusals if each[1] != card]

    def window_of(self, operation: Operation) -> timedelta:
        if self.short:
            return 30 * HOUR
        return window("visa", Initiator.MERCHANT if operation.off_session else Initiator.CUSTOMER)

    def moved(self, operation: Operation) -> Verdict:
        """The effect, if what Stripe holds still allows it; a refusal with what it holds, if not."""
        target = str(operation.payment_intent_id)
        status = self.status(target)
        if operation.kind is Kind.CAPTURE and status == "requires_capture":
            self.captures += 1
            self.set(target, status="succeeded", amount_received=operation.amount)
            return Captured(self.stripe[target].intent)
        if operation.kind is Kind.RELEASE and status in (*ALIVE, "requires_payment_method"):
            self.set(target, status="canceled")
            return Released(self.stripe[target].intent)
        if operation.kind is Kind.REFUND and operation.amount <= self.left(target) and not self.is_disputed(target):
            return Refunded(self.refund_at_stripe(target, operation.amount, operation.operation_id))
        return Refused("payment_intent_unexpected_state", f"It is {status}.", self.stripe[target])

    @precondition(under_way)
    @rule()
    def it_is_carried_out(self) -> None:
        self.the_effect()

    @precondition(lambda self: self.under_way() and self.booking.operation.kind in PLACING)
    @rule()
    def it_happens_and_nobody_hears_of_it(self) -> None:
        operation = self.booking.operation
        assert operation is not None
        if self.now < operation.lease_until and self.found(operation) is Found.ABSENT:
            self.ask_the_bank(operation)

    @precondition(lambda self: self.under_way() and self.booking.operation.payment_intent_id is not None)
    @rule()
    def stripe_refuses_for_no_visible_reason(self) -> None:
        assert self.booking.operation is not None
        target = self.stripe[str(self.booking.operation.payment_intent_id)]
        self.settle(Refused("payment_intent_unexpected_state", "not now", target))

    @precondition(under_way)
    @rule()
    def stripe_turns_us_away(self) -> None:
        """Nothing was executed: the lease ends, and who was told so may have left."""
        operation = self.booking.operation
        assert operation is not None
        if operation.started_at < self.now or self.found_anything(operation):
            return
        ended = replace(self.booking, operation=replace(operation, lease_until=self.now))
        if operation.kind in PLACING and not operation.off_session:
            ended = replace(ended, retry_at=operation.started_at + CUSTOMER_WAITS)
        self.write(self.booking, ended, [])

    def found_anything(self, operation: Operation) -> bool:
        return operation.kind in PLACING and self.found(operation) is not Found.ABSENT

    @rule(bank=chosen_from(BANKS))
    def the_bank_changes_its_mind(self, bank: str) -> None:
        self.bank = bank

    # --- the customer and the desk ------------------------------------------------------------------------------------

    def desk(self) -> Desk:
        return cast("Desk", SimpleNamespace(clock=lambda: self.now))

    def may_change(self) -> bool:
        return self.idle() and self.booking.is_open and self.booking.cancel_requested_at is None

    @precondition(may_change)
    @rule(number=chosen_from([1, 2]), answered=MOSTLY)
    def the_customer_offers_a_card(self, number: int, answered: bool) -> None:
        of = self.booking
        card = replace(CARD, payment_method_id=f"pm_{number}")
        if of.payment_status not in mending._CHANGEABLE or mending._is_good(of, card):
            return
        self.begin(of, of, mending._step(self.desk(), of, card), answered=answered)

    @precondition(may_change)
    @rule(price=chosen_from([3000, 5000, 8000]))
    def staff_reprice(self, price: int) -> None:
        of, to = self.booking, Money(price, "eur")
        if of.payment_status not in repricing._PRICED or of.price == to:
            return
        changed = replace(of, price=to, hold_amount=repricing._hold_for(of, to))
        self.write(of, changed, [Entry(kind="reprice", status="succeeded", actor="staff", amount=price)])

    @precondition(lambda self: self.booking.checked_in_at is None and self.version > 0)
    @rule()
    def staff_check_in(self) -> None:
        of = self.booking
        closed = not of.is_open or of.cancel_requested_at is not None
        unmade = of.operation is None and of.waits_for_its_first_card
        if of.outcome is not Outcome.NO_SHOW and (closed or unmade):
            return
        arrived = attendance._decided(replace(of, checked_in_at=self.now, look_again_at=None))
        self.write(of, arrived, [Entry(kind="check_in", status="succeeded", actor="staff")])
        self.event = replace(self.event, checked_in=self.event.checked_in + 1)

    @rule()
    def somebody_else_is_checked_in(self) -> None:
        self.event = replace(self.event, checked_in=self.event.checked_in + 1)

    @precondition(lambda self: self.booking.is_open and self.booking.waived_at is None and self.version > 0)
    @rule()
    def staff_waive(self) -> None:
        waived = attendance._decided(replace(self.booking, waived_at=self.now, look_again_at=None))
        self.write(self.booking, waived, [Entry(kind="waive", status="succeeded", actor="staff")])

    @precondition(lambda self: self.idle() and self.booking.is_open and self.booking.no_show_noticed_at is not None)
    @rule()
    def the_customer_contests(self) -> None:
        of = self.booking
        if of.contested_at is None and self.now < no_show_at(of):
            contested = noticed(replace(of, contested_at=self.now, look_again_at=None), CONTESTED, self.now)
            self.write(of, contested, [Entry(kind="contest", status="succeeded", actor="customer")])

    @precondition(lambda self: self.booking.is_open and self.booking.cancel_requested_at is None and self.version > 0)
    @rule()
    def staff_say_that_they_did_not_come(self) -> None:
        of = self.booking
        spared = of.checked_in_at is not None or of.waived_at is not None
        if of.no_show_upheld_at is None and not spared and self.now >= grace_ends_at(of):
            upheld = replace(of, no_show_upheld_at=self.now, look_again_at=None)
            self.write(of, upheld, [Entry(kind="no_show", status="succeeded", actor="staff")])

    @precondition(lambda self: self.booking.is_open and self.version > 0)
    @rule(charges=MOSTLY)
    def somebody_wants_to_cancel(self, charges: bool) -> None:
        of = self.booking
        if of.checked_in_at is None and of.cancel_requested_at is None:
            wished = replace(of, cancel_requested_at=self.now, cancel_charges_fee=charges)
            self.write(of, wished, [Entry(kind="cancel_request", status="succeeded", actor="customer")])

    @rule(by=chosen_from([-2 * DAY, -HOUR, HOUR, 2 * DAY, 40 * DAY]))
    def the_organiser_moves_the_event(self, by: timedelta) -> None:
        if self.event.cancelled_at is None:
            self.event = replace(
                self.event,
                starts_at=self.event.starts_at + by,
                ends_at=self.event.ends_at + by,
                moved_at=self.now,
                updated_at=self.now,
                version=self.event.version + 1,
            )

    @precondition(lambda self: self.now >= self.event.starts_at)
    @rule()
    def the_organiser_orders_the_no_shows(self) -> None:
        self.event = replace(self.event, no_shows_ordered_at=self.now)

    @rule()
    def the_organiser_cancels_the_event(self) -> None:
        self.event = replace(self.event, cancelled_at=self.event.cancelled_at or self.now)

    @precondition(lambda self: self.may_change() and self.booking.payment_status is Status.HELD)
    @rule(amount=chosen_from(range(HELD + 1)), answered=MOSTLY)
    def staff_complete(self, amount: int, answered: bool) -> None:
        of = self.booking
        assert of.hold is not None
        came = replace(of, checked_in_at=of.checked_in_at or self.now)
        owed = min(amount, of.hold.amount)
        step = capture(came, owed, reason="completed", outcome=Outcome.COMPLETED, actor="staff")
        self.begin(of, came, step, answered=answered)

    @precondition(lambda self: self.idle() and self.booking.refundable > 0)
    @rule(share=chosen_from(range(1, 5)), answered=MOSTLY)
    def staff_refund(self, share: int, answered: bool) -> None:
        of = self.booking
        refundable = (Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDING)
        if of.refundable // share > 0 and of.payment_status in refundable:
            assert of.hold is not None
            step = Begin(
                kind=Kind.REFUND,
                amount=of.refundable // share,
                reason="asked",
                actor="staff",
                payment_intent_id=of.hold.payment_intent_id,
            )
            self.begin(of, of, step, answered=answered)

    # --- outside ------------------------------------------------------------------------------------------------------

    def status(self, payment_intent_id: str) -> str:
        return self.stripe[payment_intent_id].intent.status

    def set(self, payment_intent_id: str, **changes: object) -> None:
        seen = self.stripe[payment_intent_id]
        changed: PaymentIntent = replace(seen.intent, **changes)  # type: ignore[arg-type]
        self.stripe[payment_intent_id] = replace(seen, intent=changed)

    def left(self, payment_intent_id: str) -> int:
        seen = self.stripe[payment_intent_id]
        back = sum(each.amount for each in seen.refunds if each.status in ("pending", "succeeded"))
        return seen.intent.amount_received - back

    def is_disputed(self, payment_intent_id: str) -> bool:
        return any(each.weighs for each in self.stripe[payment_intent_id].disputes)

    def those(self, *statuses: str) -> list[str]:
        return [each for each in self.stripe if self.status(each) in statuses]

    def refund_at_stripe(self, target: str, amount: int, operation_id: str | None = None) -> StripeRefund:
        seen = self.stripe[target]
        status = RefundStatus.PENDING if amount % 2 else RefundStatus.SUCCEEDED
        made = stripe_refund(
            amount, status, refund_id=f"re_{target}_{len(seen.refunds) + 1}", operation_id=operation_id
        )
        self.stripe[target] = replace(seen, refunds=(*seen.refunds, made))
        return made

    @precondition(lambda self: self.those("requires_capture"))
    @rule(which=chosen_from(range(4)), share=chosen_from(range(1, 4)))
    def the_dashboard_captures(self, which: int, share: int) -> None:
        there = self.those("requires_capture")
        target = there[which % len(there)]
        self.set(target, status="succeeded", amount_received=self.stripe[target].intent.amount // share)

    @precondition(lambda self: self.those(*ALIVE))
    @rule(which=chosen_from(range(4)), why=chosen_from([None, "requested_by_customer", "automatic", "expired"]))
    def the_hold_is_canceled_or_lapses(self, which: int, why: str | None) -> None:
        there = self.those(*ALIVE)
        self.set(there[which % len(there)], status="canceled", cancellation_reason=why)

    def waiting(self) -> list[str]:
        return [
            each
            for each in self.stripe
            if each in self.shown and self.status(each) in ("requires_action", "requires_payment_method")
        ]

    @precondition(lambda self: bool(self.waiting()))
    @rule(which=chosen_from(range(4)), fails=chosen_from([False, False, True]))
    def the_phone_authenticates(self, which: int, fails: bool) -> None:
        target = self.waiting()[which % len(self.waiting())]
        if fails:
            self.set(target, status="requires_payment_method", decline=decline("payment_intent_authentication_failure"))
            return
        self.lapses[target] = self.now + (30 * HOUR if self.short else window("visa", Initiator.CUSTOMER))
        until = self.lapses[target] if self.says_until_when else None
        self.set(target, status="requires_capture", capture_before=until, charge_id="ch_1")

    @precondition(lambda self: any(each.status == "requires_action" for each in self.setups.values()))
    @rule(fails=chosen_from([False, False, True]))
    def the_phone_authenticates_a_card(self, fails: bool) -> None:
        each = next(each for each in self.setups.values() if each.status == "requires_action")
        self.setups[each.id] = replace(each, status="requires_payment_method" if fails else "succeeded")

    @precondition(lambda self: self.idle() and self.booking.is_open)
    @rule()
    def the_customer_does_what_they_were_asked_to_and_we_hear_of_it(self) -> None:
        of = self.booking
        for each in (of.hold, of.renewal):
            if each is not None and each.payment_intent_id in self.waiting():
                self.the_phone_authenticates(which=self.waiting().index(each.payment_intent_id), fails=False)
        if any(each.status == "requires_action" for each in self.setups.values()):
            self.the_phone_authenticates_a_card(fails=False)
        self.the_webhooks_come_as_they_should()

    @precondition(lambda self: any(self.left(each) > 0 for each in self.those("succeeded")))
    @rule(share=chosen_from(range(1, 4)))
    def the_dashboard_refunds(self, share: int) -> None:
        target = next(each for each in self.those("succeeded") if self.left(each) > 0)
        if self.left(target) // share > 0 and not self.is_disputed(target):
            self.refund_at_stripe(target, self.left(target) // share)

    @precondition(lambda self: any(r.status == "pending" for each in self.stripe.values() for r in each.refunds))
    @rule(status=chosen_from([RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELED]))
    def a_refund_moves_on(self, status: RefundStatus) -> None:
        target, seen = next(
            (name, seen) for name, seen in self.stripe.items() if any(each.status == "pending" for each in seen.refunds)
        )
        pending = next(each for each in seen.refunds if each.status == "pending")
        refunds = tuple(replace(each, status=status) if each is pending else each for each in seen.refunds)
        self.stripe[target] = replace(seen, refunds=refunds)

    @precondition(lambda self: self.those("succeeded"))
    @rule(
        opened=chosen_from(["needs_response", "warning_needs_response"]),
        then=chosen_from(["under_review", "won", "lost"]),
    )
    def a_dispute_opens_or_moves(self, opened: str, then: str) -> None:
        target = self.those("succeeded")[0]
        seen = self.stripe[target]
        moved = dispute(then if seen.disputes else opened, dispute_id=f"du_{target}")
        self.stripe[target] = replace(seen, disputes=(moved,))

    @precondition(lambda self: self.idle() and (self.stripe or self.setups))
    @rule(which=chosen_from(range(10)))
    def a_webhook_or_the_phone_makes_us_look(self, which: int) -> None:
        there = [*self.stripe, *self.setups]
        name = there[which % len(there)]
        changed, entries = self.look(name)
        if not entries and changed == self.booking:
            return
        assert entries, "changed without a word"
        self.write(self.booking, changed, list(entries))
        again, nothing = self.look(name)
        assert not nothing, "looking twice says it twice"
        assert again == self.booking

    @precondition(lambda self: self.idle() and (self.stripe or self.setups))
    @rule()
    def the_webhooks_come_as_they_should(self) -> None:
        for which in range(len(self.stripe) + len(self.setups)):
            self.a_webhook_or_the_phone_makes_us_look(which=which)

    def look(self, name: str) -> tuple[Booking, list[Entry]]:
        if name in self.setups:
            changed, entries = observe_setup(self.booking, self.setups[name])
            if entries and changed.setup is not None and changed.setup != self.booking.setup:
                self.said_yes(changed.setup.payment_method_id)
        else:
            changed, entries = observe(self.booking, self.stripe[name], self.now)
            if changed.is_held and changed.hold is not None and changed.hold.payment_intent_id == name:
                self.said_yes(changed.payment_method_id)
        return changed, list(entries)

    # --- what holds, always -------------------------------------------------------------------------------------------

    @invariant()
    def money_is_never_more_than_was_held_or_captured(self) -> None:
        of = self.booking
        assert 0 <= of.captured <= (of.hold.amount if of.hold else 0)
        assert 0 <= of.refunded <= of.captured
        assert 0 <= of.fee <= max(of.captured, of.hold_amount)
        assert self.captures <= 1, "charged twice"

    @invariant()
    def the_served_status_follows_the_table(self) -> None:
        for line in self.lines[-3:]:
            if line["details"]["before"] is not None:
                check_transition(Status(line["details"]["before"]), Status(line["details"]["after"]))

    @invariant()
    def what_is_over_is_not_due_and_what_is_not_over_is(self) -> None:
        of, due = self.booking, due_at(self.booking)
        if not self.version:
            return
        unfinished = of.operation is not None or of.superseded or of.owes_refund or placing.renews_for_nothing(of)
        assert (due is not None) == bool(unfinished or of.is_open)

    @invariant()
    def an_open_booking_is_never_silently_uncovered(self) -> None:
        if self.idle() and not self.booking.captured:
            assert coverage(self.booking, self.now) is not None

    @invariant()
    def no_authorization_at_stripe_is_forgotten(self) -> None:
        """What could still take the customer's money has a place in the book, and is looked at some day."""
        of = self.booking
        if not self.idle():
            return
        own = {each.payment_intent_id for each in (of.hold, of.renewal) if each is not None and is_alive(each.state)}
        for name in {*self.those(*ALIVE), *self.waiting()}:
            assert name in own | set(of.superseded), f"{name} is forgotten"
            assert due_at(of) is not None

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Left to the clock alone every booking ends, and nothing is left on any card."""
        if not self.version:
            return
        for visits in count(1):
            due = due_at(self.booking)
            if due is None:
                break
            assert visits <= VISITS_TO_THE_END, "never comes to an end"
            self.at(due)
            self.visit(answered=True)
            self.check_invariants_of_the_end()
        assert not self.booking.is_open
        assert not self.those(*ALIVE)
        assert not self.waiting()
        faults = log.verify(self.lines, expected_length=self.booking.sequence, expected_head=self.booking.chain_head)
        assert not faults

    def check_invariants_of_the_end(self) -> None:
        self.money_is_never_more_than_was_held_or_captured()
        self.what_is_over_is_not_due_and_what_is_not_over_is()
        self.an_open_booking_is_never_silently_uncovered()
        self.no_authorization_at_stripe_is_forgotten()


# Of the rules of a long life, the rare and the frequent ones; any other weighs 6.
WEIGHTS = {
    "the_clock_comes_when_it_is_due": 12,
    "the_clock_comes_in_time_and_stripe_answers": 12,
    "the_bank_changes_its_mind": 9,
    "the_customer_offers_a_card": 9,
    "the_customer_contests": 30,
    "staff_refund": 12,
    "it_is_carried_out": 30,
    "staff_check_in": 3,
    "staff_reprice": 9,
    "the_customer_does_what_they_were_asked_to_and_we_hear_of_it": 15,
    "staff_waive": 3,
    "staff_complete": 2,
    "somebody_wants_to_cancel": 2,
    "the_organiser_cancels_the_event": 2,
    "the_organiser_moves_the_event": 3,
    "the_dashboard_captures": 1,
    "the_hold_is_canceled_or_lapses": 2,
    "a_dispute_opens_or_moves": 2,
}
STEPS_OF_A_LONG_LIFE = 45


def long_life(seed: int) -> None:
    """One more of them, by weighted chance: what comes late in a life is reached, too."""
    chance = Random(seed)
    life, rules = Life(), Life.setup_state()
    (start,) = rules.initializers
    _happens(start, life, chance)
    for _ in range(chance.randrange(STEPS_OF_A_LONG_LIFE)):
        possible = [each for each in rules.rules if all(holds(life) for holds in each.preconditions)]
        (next_rule,) = chance.choices(possible, [WEIGHTS.get(each.function.__name__, 6) for each in possible])
        _happens(next_rule, life, chance)
        for always in rules.invariants:
            always.function(life)
    life.teardown()


def _happens(rule: Any, life: Life, chance: Random) -> None:
    """Printed, so that pytest tells the story of a life that fails."""
    arguments = {name: chance.choice(_CHOICES[id(strategy)]) for name, strategy in rule.arguments.items()}
    print(f"{rule.function.__name__}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})")
    rule.function(life, **arguments)


def is_alive(state: HoldState) -> bool:
    return state in (HoldState.LIVE, HoldState.ACTION_REQUIRED)
