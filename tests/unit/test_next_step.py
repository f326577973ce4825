"""What a booking needs next, and when; and its life by any sequence of steps, results, facts and outside changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from holdfast.booking import Booking, HoldState, Initiator, Kind, Outcome, RefundStatus, Status, begun
from holdfast.coverage import last_charge_at
from holdfast.hold_settlement import with_live_hold
from holdfast.movements import Begin, Close, Write, cancellation, capture, waits_until
from holdfast.next_step import (
    LookAgain,
    Recover,
    due_at,
    next_step,
    no_show_at,
    settles_at,
)
from holdfast.policy import DEFAULT, NoShowCapture, Policy, resolve
from holdfast.settlement import Declined, settled
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LEASE,
    LONG_AGO,
    MINUTE,
    NO_SHOW,
    PLACES,
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
    lapsed,
    operation,
    refund,
    refused,
    saving,
    scheduled,
    under_way,
    waiting_for_3ds,
)
from tests.unit.life import Life, long_life

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
        ended(HoldState.EXPIRED, Outcome.NO_SHOW),
        scheduled(outcome=Outcome.CANCELLED),
        refused(outcome=Outcome.DECLINED),
        booking(outcome=Outcome.DECLINED),
        booking(action_deadline=BOOKED),  # its first card is being asked by whoever books, and by nobody else
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


@pytest.mark.parametrize(
    ("now", "placed"), [(LONG_AGO, False), (PLACES - SECOND, False), (PLACES, True), (START, True)]
)
def test_a_booking_whose_card_is_saved_gets_its_hold_when_its_time_has_come(now, placed):
    step = next_step(scheduled(), event(), now)

    assert due_at(scheduled()) == PLACES
    assert (step is not None) is placed
    if placed:
        assert isinstance(step, Begin)
        assert (step.kind, step.amount, step.off_session, step.reason) == (Kind.AUTHORIZE, HELD, True, "scheduled")


def test_the_time_to_contest_comes_after_the_notice_which_comes_after_the_grace():
    patient = held(policy=terms(no_show_grace_minutes=10, no_show_contest_minutes=50))
    over = START + 10 * MINUTE

    assert (due_at(patient), no_show_at(patient)) == (over, START + HOUR)
    assert next_step(patient, event(checked_in=1), over - SECOND) is None
    late = next_step(patient, event(checked_in=1), over + 7 * MINUTE)
    assert isinstance(late, Write)
    noticed = late.booking
    assert due_at(noticed) == no_show_at(noticed) == START + HOUR + 7 * MINUTE
    assert next_step(noticed, event(checked_in=1), START + HOUR) == LookAgain(START + HOUR + 7 * MINUTE)
    assert isinstance(next_step(noticed, event(checked_in=1), START + HOUR + 7 * MINUTE), Begin)


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


def test_waiting_for_the_venue_goes_on_though_the_hold_lapses():
    short = held(hold=hold(expires_at=END + HOUR), refused_card="pm_1")

    assert next_step(short, event(), NO_SHOW) == LookAgain(END)
    assert next_step(short, event(), END) == LookAgain(SETTLES)


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


def test_a_contest_makes_the_last_charge_later():
    contested = terms(no_show_grace_minutes=30, no_show_contest_minutes=600, settle_hours=0)

    assert last_charge_at(contested, starts_at=START, ends_at=END) == START + 630 * MINUTE


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
        lapsed(cancel_requested_at=START),
    ],
)
def test_whoever_asked_to_cancel_gets_the_answer_from_whoever_carries_it_out(before):
    step = cancellation(replace(before, cancel_request_key="request#1"), NO_SHOW)

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
        lapsed(cancel_requested_at=BOOKED),
        scheduled(cancel_requested_at=BOOKED),
        refused(cancel_requested_at=START - 2 * DAY),
        scheduled(cancel_requested_at=START, cancel_charges_fee=False),
    ],
)
def test_where_nothing_is_left_to_move_the_booking_just_ends(before):
    step = cancellation(before, NO_SHOW)

    assert isinstance(step, Close)
    assert (step.outcome, step.attention) == (Outcome.CANCELLED, None)


@pytest.mark.parametrize("of", [lapsed, scheduled, refused])
@pytest.mark.parametrize(
    ("fees", "next_try_at", "refused_card", "expected"),
    [
        (True, None, None, "asked"),
        (True, NO_SHOW, None, "asked"),
        (True, NO_SHOW + SECOND, None, "later"),
        (True, None, "pm_1", "given up"),
        (True, NO_SHOW + SECOND, "pm_1", "given up"),
        (True, None, "pm_2", "asked"),
        (False, None, None, "forgone"),
    ],
)
def test_the_fee_of_a_late_cancellation_without_a_hold_is_asked_of_the_saved_card(
    of, fees, next_try_at, refused_card, expected
):
    before = of(
        cancel_requested_at=START,
        cancel_actor="customer",
        policy=terms(off_session_fees=fees),
        next_try_at=next_try_at,
        refused_card=refused_card,
    )

    step = cancellation(before, NO_SHOW)

    match expected:
        case "asked":
            assert isinstance(step, Begin)
            assert (step.kind, step.amount, step.off_session) == (Kind.AUTHORIZE, PRICE.amount, True)
            assert (step.reason, step.actor, step.outcome) == ("late_cancellation", "customer", None)
            assert step.details["clause"].startswith("cancelled less than 24 hours")
        case "later":
            assert step is None
            assert due_at(before) == NO_SHOW + SECOND
        case _:
            assert isinstance(step, Close)
            attention = "fee_not_collected" if expected == "given up" else None
            assert (step.outcome, step.reason, step.fee) == (Outcome.CANCELLED, "late_cancellation", 0)
            assert step.attention == attention


def test_a_fee_that_was_authorized_without_its_customer_is_captured_next():
    small = wish(START, hold=hold(amount=PRICE.amount, initiator=Initiator.MERCHANT))

    step = cancellation(small, NO_SHOW)

    assert isinstance(step, Begin)
    assert (step.kind, step.amount, step.fee) == (Kind.CAPTURE, PRICE.amount, PRICE.amount)


def test_whoever_cancels_in_time_instead_of_authenticating_owes_nothing_and_waits_for_nothing():
    waiting = waiting_for_3ds(mend_by=START + HOUR, cancel_requested_at=START - 2 * DAY)

    step = cancellation(waiting, START - 2 * DAY)

    assert isinstance(step, Begin)
    assert (step.kind, step.outcome, step.fee) == (Kind.RELEASE, Outcome.CANCELLED, 0)
    assert due_at(waiting) == waiting.updated_at


def test_whoever_cancels_late_has_until_the_deadline_to_authenticate_the_fee():
    deadline = START + HOUR
    waiting = waiting_for_3ds(mend_by=deadline, cancel_requested_at=START)

    assert cancellation(waiting, deadline - SECOND) is None
    assert due_at(waiting) == deadline

    step = cancellation(waiting, deadline)

    assert isinstance(step, Write)
    assert (step.booking.superseded, step.booking.refused_card) == (("pi_1",), "pm_1")
    assert step.booking.payment_status is Status.DECLINED
    closed = cancellation(step.booking, deadline)
    assert isinstance(closed, Close)
    assert closed.attention == "fee_not_collected"


def test_where_the_policy_charges_nothing_without_a_hold_nobody_waits_for_an_authentication():
    waiting = waiting_for_3ds(
        mend_by=START + HOUR, cancel_requested_at=START, policy=resolve({"off_session_fees": False})
    )

    assert isinstance(cancellation(waiting, START), Write)
    assert due_at(waiting) == waiting.updated_at


# --- fees that wait for the bank, and for the customer ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "until"),
    [
        (scheduled(next_try_at=START), START),
        (lapsed(next_try_at=START), START),
        (lapsed(next_try_at=START, mend_by=START + DAY), START),
        (lapsed(refused_card="pm_1", mend_by=START + DAY), START + DAY),
        (waiting_for_3ds(mend_by=START + DAY), START + DAY),
        (lapsed(refused_card="pm_1"), None),
        (scheduled(), None),
        (lapsed(), None),
        (held(next_try_at=START), None),
        (booking(hold=hold(HoldState.CAPTURED), captured=5000, next_try_at=START), None),
    ],
)
def test_a_fee_waits_for_the_banks_next_try_or_for_the_customers_deadline(of, until):
    assert waits_until(of) == until


def test_a_fee_is_tried_to_the_end_of_its_schedule_and_then_the_customer_has_a_day():
    """Three retries, the last one 31 hours after the first try: no deadline ends before."""
    absent = lapsed(policy=resolve({"no_show_capture": "always", "no_show_contest_minutes": 0}))
    now, asked = NO_SHOW, []
    while not isinstance(step := next_step(absent, event(), now), Close):
        if isinstance(step, Begin):
            asked.append(now)
            asking = operation(step.kind, amount=step.amount, reason=step.reason, off_session=True)
            absent, _ = settled(begun(absent, asking), asking, Declined(decline(), None), now)
        due = due_at(absent)
        assert due is not None
        assert due >= now
        now = max(now + MINUTE, due)

    assert [later - asked[0] for later in asked] == [0 * HOUR, HOUR, 7 * HOUR, 31 * HOUR]
    assert (step.outcome, step.attention) == (Outcome.NO_SHOW, "fee_not_collected")
    assert now - asked[-1] == DAY
    assert absent.kept_without_hold_at is None


def test_another_card_in_time_pays_the_fee_of_one_that_was_refused():
    absent = lapsed(
        policy=resolve({"no_show_capture": "always"}), refused_card="pm_1", mend_by=NO_SHOW + DAY, hold_amount=6000
    )
    assert not isinstance(next_step(absent, event(), NO_SHOW), Close)

    mended = with_live_hold(absent, hold(amount=6000, payment_method_id="pm_2", payment_intent_id="pi_2"))

    step = next_step(mended, event(), NO_SHOW)
    assert isinstance(step, Begin)
    assert (step.kind, step.reason) == (Kind.CAPTURE, "no_show")


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
        (lapsed(), None),
        (scheduled(), None),
        (saving(), None),
        (refused(), None),
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


def test_a_booking_lives_by_its_rules_whatever_happens_in_whatever_order():
    Life.reached.clear()
    walks = settings(max_examples=500, stateful_step_count=25, deadline=None, derandomize=True, database=None)

    run_state_machine_as_test(Life, settings=walks)


VERDICTS = {
    "authorize failed generic_decline",
    "authorize failed insufficient_funds",
    "authorize pending requires_action",
    "authorize started retry",
    "authorize succeeded authenticated",
    "authorize succeeded no_show",
    "close succeeded hold_unplaceable",
    "contest succeeded None",
    "external succeeded hold_expired",
    "mend failed kept_without_hold",
    "mend pending new_payment_method",
    "no_show_notice succeeded None",
    "renew failed generic_decline",
    "renew pending requires_action",
    "renew succeeded authenticated",
    "renew succeeded repriced",
    "schedule pending requires_action",
    "schedule succeeded authenticated",
    "schedule succeeded event_moved",
}


def test_long_lives_go_through_every_state_and_every_verdict():
    Life.reached.clear()

    for seed in range(1200):
        long_life(seed)

    assert {str(each) for each in Status} - Life.reached == set()
    assert {str(each) for each in Outcome} - Life.reached == set()
    assert VERDICTS - Life.reached == set()
