"""What a booking needs next, and when; and its life by any sequence of steps, results, facts and outside changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast import log
from holdfast.booking import (
    Booking,
    HoldState,
    Kind,
    Operation,
    Outcome,
    RefundStatus,
    Status,
    begun,
    check_transition,
)
from holdfast.coverage import last_charge_at
from holdfast.event import Event
from holdfast.log import Entry
from holdfast.movements import Begin, Close, cancellation, capture
from holdfast.moving import brought_up
from holdfast.next_step import (
    HOLD_SAFETY,
    LookAgain,
    Recover,
    Step,
    due_at,
    next_step,
    no_show_at,
    settles_at,
)
from holdfast.policy import DEFAULT, NoShowCapture, Percent, Policy, Tier, resolve
from holdfast.reconcile import observe
from holdfast.settlement import (
    Abandoned,
    Authorized,
    Captured,
    Declined,
    NeedsAction,
    Refunded,
    Refused,
    Released,
    Verdict,
    failed_attempt,
    noticed,
    settled,
)
from holdfast.stripe_objects import StripeRefund
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    LEASE,
    MINUTE,
    NO_SHOW,
    PRICE,
    SECOND,
    SETTLES,
    START,
    booking,
    captured,
    decline,
    dispute,
    ended,
    event,
    held,
    hold,
    operation,
    refund,
    seen,
    stripe_refund,
    under_way,
    waiting_for_3ds,
)

CHECKED_IN = START - 5 * MINUTE


def terms(**changes: object) -> Policy:
    return resolve(changes)


# --- operations under way, and superseded holds -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_begin", "expected"), [(timedelta(0), None), (LEASE - SECOND, None), (LEASE, Recover()), (DAY, Recover())]
)
@pytest.mark.parametrize("kind", list(Kind))
def test_an_operation_is_recovered_once_its_lease_has_ended(kind, after_begin, expected):
    busy = under_way(kind)

    assert due_at(busy) == BOOKED + LEASE
    assert next_step(busy, event(), BOOKED + after_begin) == expected


def test_while_an_operation_is_under_way_nothing_else_is_begun():
    busy = replace(under_way(Kind.RELEASE), superseded=("pi_2",), cancel_requested_at=BOOKED)

    assert next_step(replace(busy, event_cancelled_at=BOOKED), event(), BOOKED) is None


@pytest.mark.parametrize("before", [held(), captured(), ended(HoldState.DECLINED, Outcome.DECLINED), booking()])
def test_a_superseded_hold_is_released_first_whatever_else_the_booking_is(before):
    burdened = replace(before, superseded=("pi_8", "pi_9"), cancel_requested_at=BOOKED, event_cancelled_at=BOOKED)

    step = next_step(burdened, event(), BOOKED)

    assert isinstance(step, Begin)
    assert (step.kind, step.payment_intent_id, step.superseded, step.outcome) == (Kind.RELEASE, "pi_8", True, None)
    assert due_at(burdened) == burdened.updated_at


# --- nothing to do ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "over",
    [
        captured(),
        ended(HoldState.RELEASED),
        ended(HoldState.DECLINED, Outcome.DECLINED),
        ended(HoldState.EXPIRED, Outcome.OPEN),
        booking(outcome=Outcome.DECLINED),
        captured(refunds=(refund(5000),)),
        captured(refunds=(refund(1000, RefundStatus.PENDING),)),
        captured(disputes=(dispute(),)),
    ],
    ids=lambda each: f"{each.payment_status}, {each.outcome}",
)
def test_a_booking_that_needs_nothing_is_not_due(over):
    assert due_at(over) is None
    assert next_step(over, event(), SETTLES + 30 * DAY) is None


# --- 3-D Secure -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "acts"),
    [(BOOKED, False), (BOOKED + 30 * MINUTE - SECOND, False), (BOOKED + 30 * MINUTE, True), (START, True)],
)
def test_whoever_does_not_authenticate_in_time_loses_the_place(now, acts):
    waiting = waiting_for_3ds()

    step = next_step(waiting, event(), now)

    assert due_at(waiting) == BOOKED + 30 * MINUTE
    if acts:
        assert isinstance(step, Begin)
        assert (step.kind, step.outcome, step.reason) == (Kind.RELEASE, Outcome.DECLINED, "authentication_deadline")
    else:
        assert step is None


def test_an_authentication_without_a_deadline_is_not_waited_for():
    step = next_step(waiting_for_3ds(action_deadline=None), event(), BOOKED)

    assert isinstance(step, Begin)
    assert step.kind is Kind.RELEASE


# --- no-show ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "acts"), [(START, False), (NO_SHOW - SECOND, False), (NO_SHOW, True), (NO_SHOW + DAY, True)]
)
def test_whoever_is_not_checked_in_at_start_and_grace_pays_the_no_show_fee(now, acts):
    step = next_step(held(), event(checked_in=1), now)

    assert due_at(held()) == NO_SHOW
    if acts:
        assert isinstance(step, Begin)
        assert (step.kind, step.amount, step.fee) == (Kind.CAPTURE, PRICE.amount, PRICE.amount)
        assert (step.outcome, step.reason, step.actor) == (Outcome.NO_SHOW, "no_show", "clock")
        assert step.details["clause"].startswith("no-show")
    else:
        assert step is None


def test_the_time_to_contest_comes_on_top_of_the_grace():
    patient = held(policy=terms(no_show_grace_minutes=10, no_show_contest_minutes=50))

    assert no_show_at(patient) == START + HOUR
    assert next_step(patient, event(checked_in=1), START + HOUR - SECOND) is None


@pytest.mark.parametrize(
    ("rule", "of_event", "charged"),
    [
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(), False),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(checked_in=1), True),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(no_shows_ordered_at=START), True),
        (NoShowCapture.AFTER_ANY_CHECK_IN, None, False),
        (NoShowCapture.STAFF, event(checked_in=50), False),
        (NoShowCapture.STAFF, event(no_shows_ordered_at=START), True),
        (NoShowCapture.ALWAYS, event(), True),
        (NoShowCapture.ALWAYS, None, True),
    ],
)
def test_silence_of_the_venue_is_not_a_no_show(rule, of_event, charged):
    step = next_step(held(policy=terms(no_show_capture=rule.value)), of_event, NO_SHOW)

    assert isinstance(step, Begin) is charged
    assert isinstance(step, LookAgain) is not charged


@pytest.mark.parametrize(
    ("now", "again"),
    [(NO_SHOW, END), (END - SECOND, END), (END, SETTLES), (SETTLES - SECOND, SETTLES)],
)
def test_a_silent_venue_is_looked_at_again_at_the_end_and_when_it_settles(now, again):
    assert next_step(held(), event(), now) == LookAgain(again)


def test_a_venue_that_stayed_silent_to_the_end_charges_nobody():
    step = next_step(held(look_again_at=SETTLES), event(), SETTLES)

    assert isinstance(step, Begin)
    assert (step.kind, step.reason, step.fee) == (Kind.RELEASE, "venue_silent", 0)


def test_waiting_for_the_venue_ends_before_the_hold_lapses():
    short = held(hold=hold(expires_at=END + HOUR), refused_card="pm_1")

    assert next_step(short, event(), NO_SHOW) == LookAgain(END + HOUR - HOLD_SAFETY)


def test_a_waived_no_show_gets_the_hold_back_at_start_and_grace():
    spared = held(waived_at=START)

    assert next_step(spared, event(checked_in=9), NO_SHOW - SECOND) is None
    step = next_step(spared, event(checked_in=9, no_shows_ordered_at=START), NO_SHOW)
    assert isinstance(step, Begin)
    assert (step.kind, step.outcome) == (Kind.RELEASE, Outcome.WAIVED)


def test_a_no_show_fee_of_nothing_is_a_release():
    step = next_step(held(policy=terms(no_show_fee={"percent": 0})), event(checked_in=1), NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount, step.outcome, step.fee) == (Kind.RELEASE, HELD, Outcome.NO_SHOW, 0)


def test_a_no_show_fee_is_at_most_the_hold():
    small = held(hold=hold(amount=3000))

    step = next_step(small, event(checked_in=1), NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.amount, step.fee) == (3000, 3000)


# --- attended ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", [NO_SHOW, END, SETTLES - SECOND])
def test_whoever_was_checked_in_is_no_no_show_however_late_it_gets(now):
    came = held(checked_in_at=CHECKED_IN)

    assert due_at(came) == SETTLES
    assert next_step(came, event(checked_in=1, no_shows_ordered_at=START), now) is None


def test_attended_and_never_completed_pays_the_price():
    step = next_step(held(checked_in_at=CHECKED_IN), event(checked_in=1), SETTLES)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount, step.fee) == (Kind.CAPTURE, PRICE.amount, 0)
    assert (step.outcome, step.reason) == (Outcome.COMPLETED, "attended")


def test_attended_is_released_where_the_policy_says_so():
    free = held(checked_in_at=CHECKED_IN, policy=terms(capture_on_attendance=False))

    step = next_step(free, event(checked_in=1), SETTLES)

    assert isinstance(step, Begin)
    assert (step.kind, step.outcome) == (Kind.RELEASE, Outcome.COMPLETED)


def test_attendance_never_captures_more_than_is_held():
    step = next_step(held(checked_in_at=CHECKED_IN, hold=hold(amount=4000)), event(checked_in=1), SETTLES)

    assert isinstance(step, Begin)
    assert step.amount == 4000


def test_whoever_came_is_settled_before_the_hold_lapses():
    short = held(checked_in_at=CHECKED_IN, hold=hold(expires_at=END + 12 * HOUR), refused_card="pm_1")

    assert due_at(short) == settles_at(short) == END + 10 * HOUR
    assert next_step(short, event(checked_in=1), END + 10 * HOUR - SECOND) is None
    assert isinstance(next_step(short, event(checked_in=1), END + 10 * HOUR), Begin)


@pytest.mark.parametrize(
    ("minutes", "hours", "expected"),
    [(30, 24, SETTLES), (30, 0, END), (6 * 60, 0, START + 6 * HOUR), (120, 0, END)],
)
def test_the_last_charge_is_the_later_of_no_show_and_settling(minutes, hours, expected):
    assert (
        last_charge_at(terms(no_show_grace_minutes=minutes, settle_hours=hours), starts_at=START, ends_at=END)
        == expected
    )


# --- cancelling -------------------------------------------------------------------------------------------------------


def wish(at: datetime, **changes: object) -> Booking:
    return held(**({"cancel_requested_at": at, "cancel_actor": "customer"} | changes))


@pytest.mark.parametrize(
    ("asked", "kind", "fee"),
    [
        (START - DAY - SECOND, Kind.RELEASE, 0),
        (START - DAY, Kind.RELEASE, 0),
        (START - DAY + SECOND, Kind.CAPTURE, 5000),
        (START + HOUR, Kind.CAPTURE, 5000),
    ],
)
@pytest.mark.parametrize("late", [timedelta(0), 5 * HOUR, 3 * DAY])
def test_a_cancellation_costs_what_it_cost_when_it_was_wished_for_however_late_it_is_carried_out(
    asked, kind, fee, late
):
    step = next_step(wish(asked), event(checked_in=1), asked + late)

    assert isinstance(step, Begin)
    assert (step.kind, step.fee, step.outcome, step.actor) == (kind, fee, Outcome.CANCELLED, "customer")
    assert step.reason == ("late_cancellation" if fee else "cancelled_in_time")


def test_a_wish_to_cancel_is_due_at_once():
    assert due_at(wish(START, updated_at=START)) == START


def test_staff_cancel_without_a_fee_unless_they_say_so():
    generous = wish(START, cancel_charges_fee=False, cancel_actor="staff")

    step = cancellation(generous, NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.kind, step.reason, step.actor) == (Kind.RELEASE, "cancelled_by_staff", "staff")


def test_cancelling_before_the_authentication_costs_nothing():
    waiting = waiting_for_3ds(cancel_requested_at=START - HOUR)

    step = cancellation(waiting, NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.kind, step.outcome, step.fee) == (Kind.RELEASE, Outcome.CANCELLED, 0)


@pytest.mark.parametrize(
    "before",
    [
        wish(START - 2 * DAY),
        wish(START),
        waiting_for_3ds(cancel_requested_at=BOOKED),
        captured(outcome=Outcome.OPEN, cancel_requested_at=START - 2 * DAY),
    ],
)
def test_whoever_asked_to_cancel_gets_the_answer_from_whoever_carries_it_out(before):
    step = cancellation(replace(before, cancel_request_key="request#1"))

    assert isinstance(step, Begin)
    assert step.request_key == "request#1"


@pytest.mark.parametrize(
    ("asked", "taken", "returned", "back", "fee"),
    [
        (START - 2 * DAY, 5000, 0, 5000, 0),
        (START - 2 * DAY, 5000, 2000, 3000, 0),
        (START - HOUR, HELD, 0, 1000, 5000),
        (START - HOUR, 5001, 0, 1, 5000),
    ],
)
def test_what_was_captured_outside_and_is_not_owed_goes_back(asked, taken, returned, back, fee):
    refunds = (refund(returned),) if returned else ()
    before = captured(taken, outcome=Outcome.OPEN, cancel_requested_at=asked, refunds=refunds)

    step = cancellation(before, NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount, step.fee, step.outcome) == (Kind.REFUND, back, fee, Outcome.CANCELLED)
    assert step.payment_intent_id == "pi_1"


@pytest.mark.parametrize(
    "before",
    [
        captured(5000, outcome=Outcome.OPEN, cancel_requested_at=START),
        captured(3000, outcome=Outcome.OPEN, cancel_requested_at=START),
        captured(outcome=Outcome.OPEN, cancel_requested_at=BOOKED, refunds=(refund(5000),)),
        ended(HoldState.EXPIRED, Outcome.OPEN, cancel_requested_at=BOOKED),
        ended(HoldState.RELEASED, Outcome.OPEN, cancel_requested_at=START),
        booking(cancel_requested_at=START),
    ],
)
def test_where_nothing_is_left_to_move_the_booking_just_ends(before):
    step = cancellation(before, NO_SHOW)

    assert isinstance(step, Close)
    assert step.outcome is Outcome.CANCELLED


# --- the organiser cancels --------------------------------------------------------------------------------------------

CALLED_OFF = START - HOUR


@pytest.mark.parametrize(
    ("before", "kind", "amount"),
    [
        (held(), Kind.RELEASE, HELD),
        (held(checked_in_at=CHECKED_IN), Kind.RELEASE, HELD),
        (wish(START - HOUR), Kind.RELEASE, HELD),
        (waiting_for_3ds(), Kind.RELEASE, HELD),
        (captured(), Kind.REFUND, 5000),
        (captured(fee=5000, outcome=Outcome.NO_SHOW, refunds=(refund(2000),)), Kind.REFUND, 3000),
        (captured(outcome=Outcome.OPEN, cancel_requested_at=START), Kind.REFUND, 5000),
    ],
)
def test_a_cancelled_event_gives_everything_back_without_fees(before, kind, amount):
    called_off = replace(before, event_cancelled_at=CALLED_OFF)

    step = next_step(called_off, event(), START)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount, step.fee, step.outcome) == (kind, amount, 0, Outcome.EVENT_CANCELLED)
    assert due_at(called_off) == called_off.updated_at


@pytest.mark.parametrize(
    "before",
    [
        ended(HoldState.RELEASED),
        captured(refunds=(refund(5000),)),
        captured(refunds=(refund(5000, RefundStatus.PENDING),)),
        captured(disputes=(dispute(),)),
    ],
)
def test_a_cancelled_event_asks_nothing_of_ended_bookings_that_cannot_be_refunded(before):
    called_off = replace(before, event_cancelled_at=CALLED_OFF)

    assert next_step(called_off, event(), START) is None
    assert due_at(called_off) is None


def test_what_a_dispute_kept_from_being_refunded_is_refunded_once_it_is_won():
    called_off = captured(disputes=(dispute("won"),), event_cancelled_at=CALLED_OFF)

    step = next_step(called_off, event(), START)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount) == (Kind.REFUND, 5000)
    assert due_at(called_off) is not None


@pytest.mark.parametrize(
    ("before", "attention"),
    [
        (ended(HoldState.EXPIRED, Outcome.OPEN), None),
        (captured(outcome=Outcome.OPEN, cancel_requested_at=BOOKED, refunds=(refund(5000),)), None),
        (captured(outcome=Outcome.OPEN, cancel_requested_at=BOOKED, disputes=(dispute(),)), "refund_owed"),
    ],
)
def test_a_cancelled_event_ends_open_bookings_that_it_cannot_give_anything_back(before, attention):
    step = next_step(replace(before, event_cancelled_at=CALLED_OFF), event(), START)

    assert step == Close(Outcome.EVENT_CANCELLED, "event_cancelled", attention=attention)


def test_nothing_is_due_for_a_cancelled_event_after_everything_went_back():
    gone = ended(HoldState.RELEASED, Outcome.EVENT_CANCELLED, event_cancelled_at=CALLED_OFF)

    assert due_at(gone) is None


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_step_that_failed_is_not_due_before_its_next_try():
    assert due_at(held(retry_at=NO_SHOW + HOUR)) == NO_SHOW + HOUR
    assert due_at(held(retry_at=NO_SHOW - HOUR)) == NO_SHOW
    assert due_at(captured(retry_at=NO_SHOW)) is None


def test_a_capture_of_nothing_is_a_release():
    step = capture(held(), 0, reason="completed", outcome=Outcome.COMPLETED, actor="staff")

    assert (step.kind, step.amount, step.actor, step.outcome) == (Kind.RELEASE, HELD, "staff", Outcome.COMPLETED)


def test_the_amount_can_be_derived_again_from_the_log():
    step = next_step(wish(START - HOUR, moved_at=None), event(), START)

    assert isinstance(step, Begin)
    assert step.details == {
        "clause": "cancelled less than 24 hours before the start: 100 percent of the price",
        "evaluated_at": "2026-11-23T19:00:00Z",
        "starts_at": "2026-11-23T20:00:00Z",
        "booked_at": "2026-11-20T20:00:00Z",
        "moved_at": None,
        "price": 5000,
        "hold": 6000,
        "policy_hash": DEFAULT.policy_hash,
    }


# --- a booking's life, by any sequence --------------------------------------------------------------------------------

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
]
MOSTLY = st.sampled_from([True, True, True, False])


class Life(RuleBasedStateMachine):
    """One booking between the clock, the desk, Stripe and the dashboard. Stripe's side is kept in plain fields."""

    reached: ClassVar[set[Status | Outcome]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = BOOKED
        self.event: Event = event()
        self.booking: Booking = booking()
        self.lines: list[log.Line] = []
        self.version = 0
        self.operations = 0
        self.stripe = seen("absent", capture_before=LAPSES, charge_id="ch_1")

    # --- what the store does: append in one transaction ---------------------------------------------------------------

    def write(self, before: Booking | None, changed: Booking, entries: list[Entry] | tuple[Entry, ...]) -> None:
        after, lines = log.append(before, changed, entries, now=self.now)
        assert after.version == self.version + 1
        assert after.sequence == len(self.lines) + len(lines)
        self.version = after.version
        self.lines += lines
        self.booking = after

    def begin(self, changed: Booking, step: Begin, facts: list[Entry], *, answered: bool) -> None:
        self.operations += 1
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
            outcome=step.outcome,
            fee=step.fee,
            superseded=step.superseded,
        )
        entry = Entry(kind=str(step.kind), status="started", actor=step.actor, amount=step.amount)
        self.write(self.booking, begun(changed, operation), [*facts, entry])
        if answered:
            self.the_effect()

    # --- the start ----------------------------------------------------------------------------------------------------

    @initialize(
        policy=st.sampled_from(POLICIES),
        lead=st.sampled_from([10 * MINUTE, 5 * HOUR, 3 * DAY]),
        how=st.sampled_from(5 * ["held"] + 3 * ["3ds"] + ["declined", "never", "too late", "no", "lost"]),
    )
    def book(self, policy: Policy, lead: timedelta, how: str) -> None:
        self.now = START - lead
        new = booking(policy=policy, created_at=self.now, updated_at=self.now)
        busy = replace(new, operation=operation(Kind.AUTHORIZE, started_at=self.now, lease_until=self.now + LEASE))
        self.write(None, busy, [Entry(kind="authorize", status="started", actor="customer", amount=HELD)])
        if how != "lost":
            self.settle(self.authorized(how))

    # --- time and the clock -------------------------------------------------------------------------------------------

    @rule(span=st.sampled_from([SECOND, MINUTE, 20 * MINUTE, HOUR, 12 * HOUR, 3 * DAY]))
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @precondition(lambda self: due_at(self.booking) is not None)
    @rule(answered=MOSTLY)
    def the_clock_comes_when_it_is_due(self, answered: bool) -> None:
        due, version = due_at(self.booking), self.version
        assert due is not None
        self.now = max(self.now, due)
        step = self.take_step(answered)
        assert self.version > version, "the clock was called for nothing"
        if step is None or isinstance(step, LookAgain):
            again = due_at(self.booking)
            assert again is None or again > self.now, "the clock would be called again at once"

    @precondition(lambda self: due_at(self.booking) is not None)
    @rule()
    def the_clock_comes_in_time_and_stripe_answers(self) -> None:
        self.the_clock_comes_when_it_is_due(answered=True)

    @rule(answered=MOSTLY)
    def the_clock_comes_for_another_reason(self, answered: bool) -> None:
        if self.booking.retry_at is None or self.now >= self.booking.retry_at:
            self.take_step(answered)

    def take_step(self, answered: bool) -> Step:
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
            case Close():
                assert moved.is_open
                assert not moved.holds_money
                self.write(
                    self.booking,
                    noticed(replace(moved, outcome=step.outcome, fee=step.fee), step.attention, self.now),
                    [*facts, Entry(kind="close", status="succeeded", actor="clock")],
                )
            case Begin():
                self.judge(moved, step)
                self.begin(moved, step, list(facts), answered=answered)
        return step

    def judge(self, moved: Booking, step: Begin) -> None:
        """What no step may ever be."""
        assert moved.hold is not None or step.superseded
        if step.kind is Kind.CAPTURE:
            assert moved.hold is not None
            assert 0 < step.amount <= moved.hold.amount
            assert self.event.cancelled_at is None
        if step.kind is Kind.REFUND:
            assert 0 < step.amount <= moved.refundable
        assert 0 <= step.fee <= moved.hold_amount
        if step.outcome is Outcome.NO_SHOW:
            assert moved.checked_in_at is None
            assert self.now >= self.event.starts_at + timedelta(minutes=moved.policy.no_show_grace_minutes)
            assert step.fee == 0 or moved.waived_at is None

    def find_nothing_out(self) -> None:
        """The step comes again later, as `operations` postpones it."""
        assert self.booking.operation is not None
        longer = replace(self.booking.operation, lease_until=self.now + LEASE)
        self.write(self.booking, replace(self.booking, operation=longer), [])
        self.write(self.booking, failed_attempt(self.booking, self.now, what="operation_in_doubt"), [])

    # --- results ------------------------------------------------------------------------------------------------------

    def under_way(self) -> bool:
        return self.booking.operation is not None

    def settle(self, verdict: Verdict) -> None:
        assert self.booking.operation is not None
        changed, entries = settled(self.booking, self.booking.operation, verdict, self.now)
        assert changed.operation is None
        assert entries
        self.write(self.booking, changed, list(entries))

    def the_effect(self) -> None:
        """What Stripe does with the operation under way, and the booking after it."""
        begun = self.booking.operation
        assert begun is not None
        if begun.kind is Kind.AUTHORIZE:
            self.settle(self.authorized("held" if self.now < begun.started_at + 15 * MINUTE else "too late"))
        elif begun.superseded:
            gone = replace(self.stripe.intent, id=str(begun.payment_intent_id), status="canceled")
            if gone.id == self.stripe.intent.id:
                self.set(status="canceled")
            self.settle(Released(gone))
        else:
            self.settle(self.moved(begun))

    def authorized(self, how: str) -> Verdict:
        match how:
            case "held":
                self.set(status="requires_capture")
                return Authorized(self.stripe.intent)
            case "3ds":
                self.set(status="requires_action")
                return NeedsAction(self.stripe.intent)
            case "declined":
                self.set(status="requires_payment_method")
                return Declined(decline(), self.stripe.intent)
            case "never":
                return Abandoned(None)
            case "too late":
                self.set(status="requires_capture")
                return Abandoned(self.stripe.intent)
            case _:
                return Refused("resource_missing", "No such payment method", None)

    def moved(self, begun: Operation) -> Verdict:
        """The effect, if what Stripe holds still allows it; a refusal with what it holds, if not."""
        intent = self.stripe.intent
        if begun.kind is Kind.CAPTURE and intent.status == "requires_capture":
            self.set(status="succeeded", amount_received=begun.amount)
            return Captured(self.stripe.intent)
        if begun.kind is Kind.RELEASE and intent.status in (
            "requires_capture",
            "requires_action",
            "requires_payment_method",
        ):
            self.set(status="canceled")
            return Released(self.stripe.intent)
        if begun.kind is Kind.REFUND and begun.amount <= self.left_at_stripe() and not self.disputed_at_stripe():
            return Refunded(self.refund_at_stripe(begun.amount, begun.operation_id))
        return Refused("payment_intent_unexpected_state", f"It is {intent.status}.", self.stripe)

    @precondition(under_way)
    @rule()
    def it_is_carried_out(self) -> None:
        self.the_effect()

    @precondition(lambda self: self.booking.operation and self.booking.operation.payment_intent_id == "pi_1")
    @rule()
    def stripe_refuses_for_no_visible_reason(self) -> None:
        self.settle(Refused("payment_intent_unexpected_state", "not now", self.stripe))

    # --- facts --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.booking.checked_in_at is None)
    @rule()
    def staff_check_in(self) -> None:
        of = self.booking
        closed = not of.is_open or of.cancel_requested_at is not None
        unheld = of.operation is None and (of.hold is None or of.hold.state is not HoldState.LIVE)
        if of.checked_in_at is not None or (of.outcome is not Outcome.NO_SHOW and (closed or unheld)):
            return
        arrived = replace(of, checked_in_at=self.now, look_again_at=None)
        self.write(of, arrived, [Entry(kind="check_in", status="succeeded", actor="staff")])
        self.event = replace(self.event, checked_in=self.event.checked_in + 1)

    @rule()
    def somebody_else_is_checked_in(self) -> None:
        self.event = replace(self.event, checked_in=self.event.checked_in + 1)

    @precondition(lambda self: self.booking.is_open and self.booking.waived_at is None)
    @rule()
    def staff_waive(self) -> None:
        if self.booking.waived_at is None:
            waived = replace(self.booking, waived_at=self.now, look_again_at=None)
            self.write(self.booking, waived, [Entry(kind="waive", status="succeeded", actor="staff")])

    @precondition(lambda self: self.booking.is_open)
    @rule(charges=MOSTLY)
    def somebody_wants_to_cancel(self, charges: bool) -> None:
        of = self.booking
        if of.checked_in_at is None and of.cancel_requested_at is None:
            wished = replace(of, cancel_requested_at=self.now, cancel_charges_fee=charges)
            self.write(of, wished, [Entry(kind="cancel_request", status="succeeded", actor="customer")])

    @rule(by=st.sampled_from([-2 * DAY, -HOUR, HOUR, 2 * DAY]))
    def the_organiser_moves_the_event(self, by: timedelta) -> None:
        if self.event.cancelled_at is None:
            self.event = replace(
                self.event,
                starts_at=self.event.starts_at + by,
                ends_at=self.event.ends_at + by,
                moved_at=self.now,
                version=self.event.version + 1,
            )

    @precondition(lambda self: self.now >= self.event.starts_at)
    @rule()
    def the_organiser_orders_the_no_shows(self) -> None:
        self.event = replace(self.event, no_shows_ordered_at=self.now)

    @precondition(lambda self: self.now > START - HOUR)
    @rule()
    def the_organiser_cancels_the_event(self) -> None:
        self.event = replace(self.event, cancelled_at=self.event.cancelled_at or self.now)

    @precondition(lambda self: self.booking.payment_status is Status.HELD and self.booking.operation is None)
    @rule(amount=st.integers(0, HELD), answered=MOSTLY)
    def staff_complete(self, amount: int, answered: bool) -> None:
        of = self.booking
        if of.is_open and of.cancel_requested_at is None:
            came = replace(of, checked_in_at=of.checked_in_at or self.now)
            step = capture(came, amount, reason="completed", outcome=Outcome.COMPLETED, actor="staff")
            self.begin(came, step, [], answered=answered)

    @precondition(lambda self: self.booking.refundable > 0 and self.booking.operation is None)
    @rule(share=st.integers(1, 4), answered=MOSTLY)
    def staff_refund(self, share: int, answered: bool) -> None:
        of = self.booking
        refundable = (Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDING)
        if of.refundable // share > 0 and of.payment_status in refundable:
            step = Begin(
                kind=Kind.REFUND, amount=of.refundable // share, reason="asked", actor="staff", payment_intent_id="pi_1"
            )
            self.begin(of, step, [], answered=answered)

    # --- outside ------------------------------------------------------------------------------------------------------

    def set(self, **changes: object) -> None:
        self.stripe = replace(self.stripe, intent=replace(self.stripe.intent, **changes))  # type: ignore[arg-type]

    def left_at_stripe(self) -> int:
        back = sum(each.amount for each in self.stripe.refunds if each.status in ("pending", "succeeded"))
        return self.stripe.intent.amount_received - back

    def disputed_at_stripe(self) -> bool:
        return any(each.weighs for each in self.stripe.disputes)

    def refund_at_stripe(self, amount: int, operation_id: str | None = None) -> StripeRefund:
        number = len(self.stripe.refunds) + 1
        status = RefundStatus.PENDING if amount % 2 else RefundStatus.SUCCEEDED
        made = stripe_refund(amount, status, refund_id=f"re_{number}", operation_id=operation_id)
        self.stripe = replace(self.stripe, refunds=(*self.stripe.refunds, made))
        return made

    @precondition(lambda self: self.stripe.intent.status == "requires_capture")
    @rule(amount=st.integers(1, HELD))
    def the_dashboard_captures(self, amount: int) -> None:
        self.set(status="succeeded", amount_received=amount)

    @precondition(lambda self: self.stripe.intent.status in ("requires_capture", "requires_action"))
    @rule(why=st.sampled_from([None, "requested_by_customer", "automatic", "expired"]))
    def the_hold_is_canceled_or_lapses(self, why: str | None) -> None:
        self.set(status="canceled", cancellation_reason=why)

    @precondition(lambda self: self.stripe.intent.status == "requires_action")
    @rule(fails=st.booleans())
    def the_phone_authenticates(self, fails: bool) -> None:
        self.set(status="requires_payment_method" if fails else "requires_capture")

    @precondition(lambda self: self.left_at_stripe() > 0)
    @rule(share=st.integers(1, 3))
    def the_dashboard_refunds(self, share: int) -> None:
        if self.left_at_stripe() // share > 0 and not self.disputed_at_stripe():
            self.refund_at_stripe(self.left_at_stripe() // share)

    @precondition(lambda self: any(each.status == "pending" for each in self.stripe.refunds))
    @rule(status=st.sampled_from([RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELED]))
    def a_refund_moves_on(self, status: RefundStatus) -> None:
        pending = next(each for each in self.stripe.refunds if each.status == "pending")
        refunds = tuple(replace(each, status=status) if each is pending else each for each in self.stripe.refunds)
        self.stripe = replace(self.stripe, refunds=refunds)

    @precondition(lambda self: self.stripe.intent.status == "succeeded")
    @rule(
        opened=st.sampled_from(["needs_response", "warning_needs_response"]),
        then=st.sampled_from(["under_review", "won", "lost"]),
    )
    def a_dispute_opens_or_moves(self, opened: str, then: str) -> None:
        self.stripe = replace(self.stripe, disputes=(dispute(then if self.stripe.disputes else opened),))

    @precondition(lambda self: self.booking.operation is None and self.stripe.intent.status != "absent")
    @rule()
    def a_webhook_or_the_phone_makes_us_look(self) -> None:
        changed, entries = observe(self.booking, self.stripe, self.now)
        if not entries and changed == self.booking:
            return
        self.write(self.booking, changed, list(entries))
        again, nothing = observe(self.booking, self.stripe, self.now)
        assert not nothing, "looking twice says it twice"
        assert again == self.booking

    def teardown(self) -> None:
        faults = log.verify(self.lines, expected_length=self.booking.sequence, expected_head=self.booking.chain_head)
        assert not faults

    # --- what holds, always -------------------------------------------------------------------------------------------

    @invariant()
    def every_status_is_counted(self) -> None:
        if self.version:
            self.reached.add(self.booking.payment_status)
            self.reached.add(self.booking.outcome)

    @invariant()
    def money_is_never_more_than_was_held_or_captured(self) -> None:
        of = self.booking
        assert 0 <= of.captured <= of.hold_amount
        assert 0 <= of.refunded <= of.captured
        assert 0 <= of.fee <= of.hold_amount

    @invariant()
    def the_served_status_follows_the_table(self) -> None:
        for line in self.lines[-3:]:
            if line["details"]["before"] is not None:
                check_transition(Status(line["details"]["before"]), Status(line["details"]["after"]))

    @invariant()
    def what_is_over_is_not_due_and_what_is_not_over_is(self) -> None:
        of, due = self.booking, due_at(self.booking)
        wanted = of.cancel_requested_at is not None or of.event_cancelled_at is not None
        if of.operation is not None or of.superseded or of.owes_refund:
            assert due is not None
        elif not of.is_open:
            assert due is None
        else:
            assert (due is not None) == (wanted or of.holds_money)

    @invariant()
    def no_hold_at_stripe_is_forgotten(self) -> None:
        """What could still take the customer's money is looked at some day."""
        of = self.booking
        if of.version == 0 or of.operation is not None:
            return
        if self.stripe.intent.status == "requires_capture":
            assert due_at(of) is not None


def test_a_booking_lives_by_its_rules_whatever_happens_in_whatever_order():
    Life.reached.clear()
    walks = settings(max_examples=500, stateful_step_count=25, deadline=None, derandomize=True, database=None)

    run_state_machine_as_test(Life, settings=walks)

    assert set(Status) - Life.reached == {Status.SCHEDULED}
    assert set(Outcome) - Life.reached == set()
