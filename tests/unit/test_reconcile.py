"""What Stripe holds against the book: taken in once, in any order, and said in one line each."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.booking import Booking, HoldState, Initiator, Outcome, RefundStatus, SetupState, Status
from holdfast.coverage import Alert, coverage, mend_by, renew_at
from holdfast.hold_settlement import with_live_hold
from holdfast.movements import Begin, Close, Write, without_authentication
from holdfast.next_step import due_at, next_step
from holdfast.placing import renewal_dropped
from holdfast.reconcile import observe, observe_setup
from holdfast.stripe_objects import Observation
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    MINUTE,
    SECOND,
    START,
    booking,
    captured,
    decline,
    dispute,
    ended,
    event,
    held,
    hold,
    intent,
    lapsed,
    refund,
    refused,
    saving,
    scheduled,
    seen,
    setup,
    setup_intent,
    stripe_refund,
    waiting_for_3ds,
)

NOW = START - 2 * HOUR
PENDING, SUCCEEDED, FAILED, CANCELED = (
    RefundStatus.PENDING,
    RefundStatus.SUCCEEDED,
    RefundStatus.FAILED,
    RefundStatus.CANCELED,
)


@pytest.mark.parametrize(
    ("of", "there"),
    [
        (held(), seen()),
        (held(), seen(capture_before=None)),
        (held(), seen("processing")),
        (held(), seen("a word from next year")),
        (waiting_for_3ds(), seen("requires_action")),
        (waiting_for_3ds(), seen("processing")),
        (captured(), seen("succeeded")),
        (captured(refunds=(refund(),)), seen("succeeded", refunds=(stripe_refund(),))),
        (captured(disputes=(dispute(),)), seen("succeeded", disputes=(dispute(),))),
        (ended(HoldState.RELEASED), seen("canceled")),
        (ended(HoldState.EXPIRED), seen("canceled", cancellation_reason="automatic")),
        (ended(HoldState.DECLINED), seen("requires_payment_method")),
        (ended(HoldState.DECLINED), seen("canceled")),
    ],
)
def test_where_both_agree_nothing_is_written(of, there):
    assert observe(of, there, NOW) == (of, [])


# --- a hold -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["automatic", "expired"])
def test_a_hold_that_lapsed_leaves_an_open_booking_uncovered_which_staff_must_know(why):
    after, (line,) = observe(held(), seen("canceled", cancellation_reason=why), NOW)

    assert (after.payment_status, after.outcome) == (Status.EXPIRED, Outcome.OPEN)
    assert (after.attention, after.attention_since) == ("hold_expired", NOW)
    assert (line.kind, line.actor, line.reason, line.amount) == ("external", "stripe", "hold_expired", HELD)


@pytest.mark.parametrize("why", [None, "requested_by_customer", "duplicate", "abandoned", "fraudulent"])
@pytest.mark.parametrize(("wished", "cancelled_at"), [(None, NOW), (NOW - HOUR, NOW - HOUR)])
def test_a_hold_that_was_canceled_outside_cancels_the_booking(why, wished, cancelled_at):
    after, (line,) = observe(held(cancel_requested_at=wished), seen("canceled", cancellation_reason=why), NOW)

    assert (after.payment_status, after.outcome) == (Status.RELEASED, Outcome.CANCELLED)
    assert (after.cancelled_at, due_at(after)) == (cancelled_at, None)
    assert line.reason == "hold_released"


@pytest.mark.parametrize(("wished", "outcome"), [(None, Outcome.COMPLETED), (NOW, Outcome.OPEN)])
@pytest.mark.parametrize("before", [held(), waiting_for_3ds()])
def test_a_capture_in_the_dashboard_completes_the_booking_unless_the_customer_wanted_to_cancel(before, wished, outcome):
    after, (line,) = observe(replace(before, cancel_requested_at=wished), seen("succeeded", amount_received=4321), NOW)

    assert (after.captured, after.payment_status, after.outcome) == (4321, Status.CAPTURED, outcome)
    assert (line.kind, line.reason, line.amount) == ("external", "captured", 4321)
    assert after.hold is not None
    assert after.hold.placed_at is not None
    assert after.hold.client_secret is None
    assert after.action_deadline is None


@pytest.mark.parametrize("status", ["expired", "requires_reauthorization"])
def test_what_stripe_calls_expired_or_in_need_of_another_authorization_has_lapsed(status):
    after, (line,) = observe(held(), seen(status), NOW)

    assert (after.payment_status, after.outcome, after.attention) == (Status.EXPIRED, Outcome.OPEN, "hold_expired")
    assert line.reason == "hold_expired"
    assert observe(after, seen(status), NOW) == (after, [])


@pytest.mark.parametrize(
    ("before", "attention"),
    [(held(attention="step_failed", attention_since=BOOKED), "step_failed"), (held(outcome=Outcome.WAIVED), None)],
)
def test_a_lapse_is_staffs_business_where_the_booking_is_open_and_nothing_else_is_before_them(before, attention):
    after, _ = observe(before, seen("canceled", cancellation_reason="automatic"), NOW)

    assert after.attention == attention


@pytest.mark.parametrize(
    ("capture_before", "renewed_at"),
    [(LAPSES - HOUR, None), (END + DAY, END), (LAPSES + HOUR, None)],
)
def test_another_deadline_of_the_hold_is_taken_over_and_one_that_is_too_early_renewed(capture_before, renewed_at):
    after, (line,) = observe(held(), seen(capture_before=capture_before), NOW)

    assert after.hold is not None
    assert (after.hold.expires_at, after.attention) == (capture_before, None)
    assert renew_at(after) == renewed_at
    assert (line.reason, line.amount) == ("capture_before_changed", None)


# --- 3-D Secure -------------------------------------------------------------------------------------------------------

DEADLINE = BOOKED + 30 * MINUTE


@pytest.mark.parametrize("now", [BOOKED, DEADLINE - SECOND, DEADLINE, DEADLINE + HOUR])
def test_an_authentication_that_comes_before_the_clock_has_given_it_up_places_the_hold(now):
    after, (line,) = observe(waiting_for_3ds(attempts=2, retry_at=BOOKED), seen(), now)

    assert (after.payment_status, after.outcome, after.action_deadline) == (Status.HELD, Outcome.OPEN, None)
    assert after.hold is not None
    assert (after.hold.placed_at, after.hold.expires_at, after.hold.charge_id) == (now, LAPSES, "ch_1")
    assert (after.hold.client_secret, after.attempts, after.retry_at) == (None, 0, None)
    assert (line.kind, line.status, line.operation_id) == ("authorize", "succeeded", "op_authorize")


def test_the_clock_asks_stripe_before_it_gives_an_authentication_up():
    """A webhook is only a hint: the customer may have come, and nobody heard of it."""
    for waiting in (waiting_for_3ds(), asked()):
        deadline = due_at(waiting)
        assert deadline is not None
        step = next_step(waiting, event(), deadline)
        assert isinstance(step, Begin | Write)
        assert step.unless == "pi_1"
    saving_now = saving()
    assert saving_now.action_deadline is not None
    closed = next_step(saving_now, event(), saving_now.action_deadline)
    assert isinstance(closed, Close)
    assert closed.unless == "seti_1"
    dropped = renewal_dropped(renewing(), "authentication_deadline")
    assert dropped.unless == "pi_2"
    assert renewal_dropped(renewing(outcome=Outcome.CANCELLED), "closed").unless is None


def test_a_failed_authentication_ends_the_booking_and_takes_the_payment_intent_from_the_phone():
    failed = seen("requires_payment_method", decline=decline("payment_intent_authentication_failure", None))

    after, (line,) = observe(waiting_for_3ds(), failed, BOOKED)

    assert (after.payment_status, after.outcome) == (Status.DECLINED, Outcome.DECLINED)
    assert (after.declined_because, after.superseded) == ("authentication_failed", ("pi_1",))
    assert due_at(after) is not None
    assert (line.status, line.reason) == ("failed", "payment_intent_authentication_failure")
    assert after.hold is not None
    assert after.hold.client_secret is None


@pytest.mark.parametrize(("wished", "outcome"), [(None, Outcome.DECLINED), (BOOKED, Outcome.CANCELLED)])
def test_a_payment_intent_that_was_canceled_before_the_authentication_ends_the_booking(wished, outcome):
    after, (line,) = observe(waiting_for_3ds(cancel_requested_at=wished), seen("canceled"), BOOKED)

    assert (after.payment_status, after.outcome, due_at(after)) == (Status.DECLINED, outcome, None)
    assert (line.kind, line.status) == ("authorize", "canceled")


# --- 3-D Secure that was asked for while nobody was there -------------------------------------------------------------


def asked(**changes):
    """The clock wanted a hold, the bank its customer, who has until the first fee."""
    return scheduled(**({"hold": hold(HoldState.ACTION_REQUIRED), "mend_by": START - DAY, "declines": 1} | changes))


def test_whoever_authenticates_in_time_has_a_hold_as_if_they_had_placed_it_themselves():
    waiting = asked(hold=hold(HoldState.ACTION_REQUIRED, initiator=Initiator.MERCHANT, brand="visa"))

    after, (line,) = observe(waiting, seen(brand="amex", payment_method_id="pm_2"), START - DAY - SECOND)

    assert (after.payment_status, after.mend_by, after.declines) == (Status.HELD, None, 0)
    assert (after.payment_method_id, after.card_brand) == ("pm_2", "amex")
    assert after.hold is not None
    assert (after.hold.initiator, after.hold.brand) == (Initiator.CUSTOMER, "amex")
    assert (line.kind, line.status, line.reason) == ("authorize", "succeeded", "authenticated")


@pytest.mark.parametrize("now", [START - DAY, START])
def test_nor_is_one_too_late_that_the_clock_still_waits_for(now):
    after, _ = observe(asked(), seen(), now)

    assert (after.payment_status, after.mend_by) == (Status.HELD, None)


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_action", "processing"])
def test_a_failed_try_ends_nothing_while_there_is_time_to_mend(status):
    assert observe(asked(), seen(status), NOW) == (asked(), [])


def test_one_that_is_canceled_leaves_the_booking_open_and_without_a_hold():
    after, (line,) = observe(asked(), seen("canceled", cancellation_reason="abandoned"), START - 2 * DAY)

    assert (after.payment_status, after.outcome, after.mend_by) == (Status.DECLINED, Outcome.OPEN, START - DAY)
    assert after.hold is not None
    assert after.hold.client_secret is None
    assert due_at(after) is not None
    assert (line.kind, line.status, line.reason) == ("authorize", "canceled", "abandoned")


# --- a renewal that waits for its customer ----------------------------------------------------------------------------


def renewing(**changes):
    """The hold stands, and the bank wants the customer for the one that is to follow it."""
    waiting = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", operation_id="op_renew")
    return held(**({"renewal": waiting} | changes))


def test_an_authenticated_renewal_takes_the_place_of_the_hold_which_has_to_go():
    after, (line,) = observe(renewing(), seen(id="pi_2", capture_before=LAPSES + DAY), NOW)

    assert after.hold is not None
    assert (after.hold.payment_intent_id, after.hold.state) == ("pi_2", HoldState.LIVE)
    assert (after.hold.expires_at, after.hold.placed_at) == (LAPSES + DAY, NOW)
    assert (after.renewal, after.superseded, after.payment_status) == (None, ("pi_1",), Status.HELD)
    assert (line.kind, line.status, line.operation_id) == ("renew", "succeeded", "op_renew")


@pytest.mark.parametrize("before", [renewing(outcome=Outcome.WAIVED), lapsed(renewal=renewing().renewal)])
def test_a_renewal_that_comes_when_there_is_nothing_to_renew_has_to_go(before):
    after, (line,) = observe(before, seen(id="pi_2"), NOW)

    assert (after.renewal, after.superseded, after.hold) == (None, ("pi_2",), before.hold)
    assert line.reason == "unused_authorization"


def test_a_renewal_that_somebody_captured_is_put_before_staff():
    after, (line,) = observe(renewing(), seen("succeeded", id="pi_2"), NOW)

    assert (after.renewal, after.captured, after.attention) == (None, 0, "unused_authorization_captured")
    assert line.reason == "unused_authorization_captured"


def test_a_renewal_that_is_canceled_leaves_the_hold_and_the_card_is_not_asked_again():
    after, (line,) = observe(renewing(), seen("canceled", id="pi_2"), NOW)

    assert (after.renewal, after.hold, after.refused_card) == (None, hold(), "pm_1")
    assert (line.kind, line.status, line.operation_id) == ("renew", "canceled", "op_renew")


def test_a_renewal_with_another_card_that_is_canceled_says_nothing_about_the_card_of_the_hold():
    waiting = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", payment_method_id="pm_2")

    after, _ = observe(renewing(renewal=waiting), seen("canceled", id="pi_2"), NOW)

    assert (after.renewal, after.payment_method_id) == (None, "pm_1")
    assert after.refused_card != "pm_1"


@pytest.mark.parametrize(
    "status", ["requires_action", "requires_payment_method", "requires_confirmation", "processing"]
)
def test_a_renewal_goes_on_waiting_while_it_can_still_come(status):
    assert observe(renewing(), seen(status, id="pi_2"), NOW) == (renewing(), [])


def test_where_the_hold_lapses_before_its_renewal_is_authenticated_the_customer_still_can():
    """What they are asked for already is what the booking waits for; nothing is asked of the bank in its place."""
    after, (line,) = observe(renewing(), seen("canceled", cancellation_reason="automatic"), NOW)

    assert after.hold == renewing().renewal
    assert (after.payment_status, after.renewal) == (Status.ACTION_REQUIRED, None)
    assert (line.reason, line.stripe_id) == ("hold_expired", "pi_1")
    assert after.mend_by == due_at(after) == mend_by(after, NOW)
    assert coverage(after, NOW) == Alert("customer", "authentication", mend_by(after, NOW))

    held_again, (line,) = observe(after, seen(id="pi_2", capture_before=LAPSES + DAY), NOW)

    assert held_again.hold is not None
    assert (held_again.hold.payment_intent_id, held_again.payment_status) == ("pi_2", Status.HELD)
    assert (held_again.mend_by, held_again.attention, held_again.superseded) == (None, None, ())


def test_a_renewal_that_nobody_authenticates_after_the_hold_lapsed_is_given_up_at_its_deadline():
    after, _ = observe(renewing(), seen("canceled", cancellation_reason="automatic"), NOW)
    assert after.mend_by is not None

    step = next_step(after, event(), after.mend_by)

    assert step == without_authentication(after)
    assert next_step(after, event(), after.mend_by - SECOND) is None


def test_a_closed_booking_whose_hold_lapses_has_its_renewal_dropped_as_ever():
    closed = renewing(outcome=Outcome.CANCELLED)

    after, _ = observe(closed, seen("canceled", cancellation_reason="automatic"), NOW)

    assert (after.payment_status, after.renewal) == (Status.EXPIRED, closed.renewal)


# --- 3-D Secure that passed, and a bank that said no all the same -----------------------------------------------------

NO_MONEY = decline()
NOT_THEM = decline("payment_intent_authentication_failure", None)


def test_a_customer_who_authenticated_and_was_declined_is_told_why_the_bank_said_no():
    after, (line,) = observe(waiting_for_3ds(), seen("requires_payment_method", decline=NO_MONEY), NOW)

    assert (after.outcome, after.declined_because) == (Outcome.DECLINED, "insufficient_funds")
    assert (line.status, line.reason, after.superseded) == ("failed", "insufficient_funds", ("pi_1",))


def test_a_code_that_the_customer_may_not_see_is_in_no_line():
    stolen = decline("card_declined", "stolen_card")

    after, (line,) = observe(waiting_for_3ds(), seen("requires_payment_method", decline=stolen), NOW)

    assert (after.declined_because, line.reason) == ("stolen_card", "generic_decline")


def test_a_hold_that_is_mended_and_declined_after_3ds_waits_for_another_card_and_goes_by_itself():
    mending = waiting_for_3ds(mend_by=NOW + HOUR)

    after, (line,) = observe(mending, seen("requires_payment_method", decline=NO_MONEY), NOW)

    assert (after.outcome, after.payment_status) == (Outcome.OPEN, Status.DECLINED)
    assert (after.declined_because, after.refused_card, after.superseded) == ("insufficient_funds", "pm_1", ("pi_1",))
    assert (line.status, line.reason, after.mend_by) == ("failed", "insufficient_funds", NOW + HOUR)


@pytest.mark.parametrize("why", [None, decline("authentication_required", None)])
def test_a_hold_that_nobody_tried_to_authenticate_yet_waits_on(why):
    mending = waiting_for_3ds(mend_by=NOW + HOUR)

    assert observe(mending, seen("requires_payment_method", decline=why), NOW) == (mending, [])


def test_a_hold_that_is_mended_can_be_authenticated_again_after_one_failure():
    """Whoever asks meanwhile is told that it failed; once they try again it waits like before."""
    mending = waiting_for_3ds(mend_by=NOW + HOUR)

    failed, (line,) = observe(mending, seen("requires_payment_method", decline=NOT_THEM), NOW)

    assert failed == replace(mending, declined_because="authentication_failed")
    assert (line.kind, line.status, line.reason) == ("authorize", "pending", "authentication_failed")
    assert observe(failed, seen("requires_payment_method", decline=NOT_THEM), NOW) == (failed, [])
    again, (line,) = observe(failed, seen("requires_action"), NOW)
    assert (again, line.status, line.reason) == (mending, "pending", "requires_action")
    held_again, _ = observe(failed, seen(), NOW)
    assert (held_again.payment_status, held_again.declined_because) == (Status.HELD, None)


# --- holds that are taken back before their time ----------------------------------------------------------------------


def test_a_bank_that_takes_back_every_hold_is_asked_less_and_less_often_and_then_no_more():
    of, waits = held(), []
    for _ in range(5):
        of, _ = observe(of, seen("canceled", cancellation_reason="automatic"), NOW)
        waits.append(of.next_try_at - NOW if of.next_try_at else None)
        refused_card = of.refused_card
        of = with_live_hold(of, hold())

    assert waits == [None, HOUR, 6 * HOUR, DAY, None]
    assert refused_card == "pm_1"


def test_a_hold_that_lapses_at_its_end_says_nothing_about_the_bank():
    after, _ = observe(held(), seen("canceled", cancellation_reason="automatic"), LAPSES)

    assert (after.voided, after.next_try_at, after.payment_status) == (0, None, Status.EXPIRED)


# --- cards that are saved for later -----------------------------------------------------------------------------------


def test_a_card_that_its_customer_authenticated_is_saved_and_its_hold_has_a_date():
    after, (line,) = observe_setup(saving(), setup_intent())

    assert (after.setup, after.new_card, after.action_deadline) == (setup(), None, None)
    assert (after.payment_status, after.payment_method_id, after.card_brand) == (Status.SCHEDULED, "pm_1", "visa")
    assert (line.kind, line.status, line.reason) == ("schedule", "succeeded", "authenticated")
    assert (line.operation_id, line.stripe_id, line.amount) == ("op_schedule", "seti_1", HELD)
    assert line.details == {"hold_at": "2026-11-20T20:00:00Z", "payment_method_id": "pm_1"}
    assert observe_setup(after, setup_intent()) == (after, [])


@pytest.mark.parametrize("of", [scheduled, held])
def test_a_new_card_takes_the_place_of_the_old_one_and_what_was_refused_before_is_forgotten(of):
    waiting = setup(SetupState.ACTION_REQUIRED, setup_intent_id="seti_2", payment_method_id="pm_2", brand="amex")
    before = of(new_card=waiting, action_deadline=NOW, declines=2, next_try_at=NOW, refused_card="pm_1")

    after, _ = observe_setup(before, setup_intent(id="seti_2"))

    assert (after.payment_method_id, after.card_brand, after.new_card) == ("pm_2", "amex", None)
    assert (after.declines, after.next_try_at, after.refused_card) == (0, None, None)
    assert (after.payment_status, after.hold) == (before.payment_status, before.hold)


@pytest.mark.parametrize("status", ["requires_payment_method", "canceled"])
@pytest.mark.parametrize(
    ("why", "reason"), [(decline("setup_intent_authentication_failure", None), None), (None, "authentication_failed")]
)
def test_a_card_that_failed_its_authentication_ends_a_booking_that_has_no_other(status, why, reason):
    after, (line,) = observe_setup(saving(), setup_intent(status, decline=why))

    assert (after.payment_status, after.outcome, after.new_card) == (Status.DECLINED, Outcome.DECLINED, None)
    assert (after.declined_because, due_at(after)) == ("authentication_failed", None)
    assert (line.kind, line.status, line.reason) == (
        "schedule",
        "failed",
        reason or "setup_intent_authentication_failure",
    )


@pytest.mark.parametrize("status", ["requires_payment_method", "canceled"])
def test_a_booking_that_has_a_card_keeps_it_where_another_one_failed(status):
    before = scheduled(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=NOW)

    after, _ = observe_setup(before, setup_intent(status))

    assert after == scheduled()


@pytest.mark.parametrize(
    ("of", "there"),
    [
        (saving(), setup_intent("requires_action")),
        (saving(), setup_intent("processing")),
        (saving(), setup_intent(id="seti_9")),
        (saving(outcome=Outcome.CANCELLED), setup_intent()),
        (scheduled(), setup_intent()),
    ],
)
def test_a_card_that_still_waits_or_is_not_waited_for_changes_nothing(of, there):
    assert observe_setup(of, there) == (of, [])


# --- what the booking does not use ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["requires_capture", "requires_action", "requires_confirmation", "processing"])
@pytest.mark.parametrize("of", [booking(outcome=Outcome.DECLINED), held(), captured()])
def test_an_authorization_that_the_booking_does_not_use_has_to_go(of, status):
    after, (line,) = observe(of, seen(status, id="pi_9"), NOW)

    assert after == replace(of, superseded=("pi_9",))
    assert (line.kind, line.reason, line.stripe_id) == ("external", "unused_authorization", "pi_9")
    assert observe(after, seen(status, id="pi_9"), NOW) == (after, [])


@pytest.mark.parametrize("status", ["canceled", "requires_payment_method"])
def test_one_that_takes_no_money_any_more_is_none_of_our_business(status):
    assert observe(held(), seen(status, id="pi_9"), NOW) == (held(), [])


def test_one_that_somebody_captured_is_put_before_staff_once():
    after, (line,) = observe(booking(outcome=Outcome.DECLINED), seen("succeeded", id="pi_9"), NOW)

    assert (after.attention, line.amount) == ("unused_authorization_captured", 5000)
    assert after.captured == 0
    assert observe(after, seen("succeeded", id="pi_9"), NOW) == (after, [])


@pytest.mark.parametrize("status", ["requires_capture", "requires_action"])
def test_a_declined_hold_that_comes_alive_after_all_has_to_go(status):
    after, _ = observe(ended(HoldState.DECLINED, Outcome.DECLINED), seen(status), NOW)

    assert after.superseded == ("pi_1",)
    assert after.payment_status is Status.DECLINED


@pytest.mark.parametrize("disputes", [(), (dispute(),)])
def test_a_declined_hold_that_somebody_captured_is_put_before_staff_and_is_no_charge_of_the_booking(disputes):
    before = ended(HoldState.DECLINED, Outcome.DECLINED)

    after, (line,) = observe(before, seen("succeeded", disputes=disputes), NOW)

    assert (after.attention, line.reason) == ("unused_authorization_captured", "unused_authorization_captured")
    assert (after.captured, after.payment_status) == (0, Status.DECLINED)
    assert observe(after, seen("succeeded", disputes=disputes), NOW) == (after, [])


# --- refunds and disputes ---------------------------------------------------------------------------------------------


def test_a_refund_in_the_dashboard_is_taken_in_as_an_outside_change():
    after, (line,) = observe(captured(), seen("succeeded", refunds=(stripe_refund(1500, PENDING),)), NOW)

    assert (after.refunded, after.payment_status) == (1500, Status.REFUNDING)
    assert (line.kind, line.status, line.amount, line.stripe_id) == ("external", "pending", 1500, "re_1")


@pytest.mark.parametrize(
    ("status", "refunded", "attention"),
    [(SUCCEEDED, 1500, None), (FAILED, 0, "refund_failed"), (CANCELED, 0, "refund_failed")],
)
def test_a_refund_of_ours_that_moves_on_is_a_line_of_its_operation(status, refunded, attention):
    ours = replace(refund(1500, PENDING), operation_id="op_7")

    after, (line,) = observe(captured(refunds=(ours,)), seen("succeeded", refunds=(stripe_refund(1500, status),)), NOW)

    assert (after.refunded, after.attention) == (refunded, attention)
    assert (line.kind, line.status, line.operation_id) == ("refund", str(status), "op_7")


@pytest.mark.parametrize("status", [FAILED, CANCELED])
def test_a_refund_that_was_made_and_failed_outside_is_for_staff_however_late_we_hear_of_it(status):
    told_at_once = observe(captured(), seen("succeeded", refunds=(stripe_refund(1500, PENDING),)), NOW)[0]
    in_two_steps = observe(told_at_once, seen("succeeded", refunds=(stripe_refund(1500, status),)), NOW)[0]
    in_one = observe(captured(), seen("succeeded", refunds=(stripe_refund(1500, status),)), NOW)[0]

    assert in_one == in_two_steps
    assert (in_one.attention, in_one.refunded) == ("refund_failed", 0)


def test_a_refund_of_a_charge_that_was_never_captured_is_no_money_returned():
    after, lines = observe(held(), seen("canceled", refunds=(stripe_refund(HELD),)), NOW)

    assert (after.refunds, after.refunded, after.payment_status) == ((), 0, Status.RELEASED)
    assert len(lines) == 1


def test_a_capture_and_its_refunds_arrive_in_one_look():
    after, lines = observe(held(), seen("succeeded", refunds=(stripe_refund(1000),), disputes=(dispute(),)), NOW)

    assert (after.captured, after.refunded, after.payment_status) == (5000, 1000, Status.DISPUTED)
    assert [line.kind for line in lines] == ["external", "external", "dispute"]


@pytest.mark.parametrize("word", ["needs_response", "under_review", "won", "lost", "warning_needs_response"])
def test_a_dispute_is_logged_in_stripes_own_word(word):
    after, (line,) = observe(captured(), seen("succeeded", disputes=(dispute(word, due_by=END),)), NOW)

    assert after.disputes == (dispute(word, due_by=END),)
    assert (line.kind, line.status, line.reason) == ("dispute", word, "fraudulent")
    assert line.details["due_by"] == "2026-11-23T22:00:00Z"


# --- once, and in any order -------------------------------------------------------------------------------------------

REFUNDED = [
    seen("succeeded"),
    seen("succeeded", refunds=(stripe_refund(1000, PENDING),)),
    seen("succeeded", refunds=(stripe_refund(1000, PENDING), stripe_refund(500, PENDING, refund_id="re_2"))),
    seen("succeeded", refunds=(stripe_refund(1000, PENDING), stripe_refund(500, refund_id="re_2"))),
    seen("succeeded", refunds=(stripe_refund(1000), stripe_refund(500, refund_id="re_2"))),
]
FLOWS: dict[str, tuple[Booking, list[Observation]]] = {
    "captured, then refunded in two parts": (held(), [seen(), *REFUNDED]),
    "captured and disputed, then won": (
        held(),
        [
            seen("succeeded"),
            seen("succeeded", disputes=(dispute(),)),
            seen("succeeded", disputes=(dispute("under_review"),)),
            seen("succeeded", disputes=(dispute("won"),)),
        ],
    ),
    "lapsed": (held(), [seen(), seen("canceled", cancellation_reason="automatic")]),
    "canceled": (held(), [seen(), seen("canceled")]),
    "authenticated": (waiting_for_3ds(), [seen("requires_action"), seen("processing"), seen()]),
    "authentication failed": (waiting_for_3ds(), [seen("requires_action"), seen("requires_payment_method")]),
    "lapsed in other words": (held(), [seen(), seen("requires_reauthorization"), seen("expired")]),
    "authenticated when nobody was there": (
        asked(),
        [seen("requires_action"), seen("requires_payment_method"), seen()],
    ),
    "a renewal authenticated": (
        renewing(),
        [seen("requires_action", id="pi_2"), seen("processing", id="pi_2"), seen(id="pi_2")],
    ),
    "found nobody waiting": (
        booking(outcome=Outcome.DECLINED),
        [seen("processing", id="pi_9"), seen("requires_action", id="pi_9"), seen(id="pi_9")],
    ),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_events_in_any_order_and_number_end_in_one_state(flow):
    """Each event only makes us look; what is looked at is what Stripe holds by then, at whatever step of the flow."""
    of, states = FLOWS[flow]
    only_the_end, _ = observe(of, states[-1], BOOKED)

    for length in range(len(states)):
        for looked_at in itertools.combinations(states, length):
            after = of
            for state in (*looked_at, states[-1], states[-1]):
                after, _ = observe(after, state, BOOKED)
            assert after == only_the_end, looked_at


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """What Stripe may hold of the booking's PaymentIntent, or of another."""
    status = draw(
        st.sampled_from(
            [
                "requires_capture",
                "requires_action",
                "requires_payment_method",
                "processing",
                "succeeded",
                "canceled",
                "expired",
                "requires_reauthorization",
            ]
        )
    )
    taken = draw(st.integers(1, HELD)) if status == "succeeded" else 0
    refunds, left = [], taken
    for number in range(draw(st.integers(0, 3)) if taken else 0):
        amount = draw(st.integers(0, left))
        kind = draw(st.sampled_from(list(RefundStatus)))
        left -= amount if kind in (PENDING, SUCCEEDED) else 0
        refunds.append(stripe_refund(amount, kind, refund_id=f"re_{number}"))
    disputes = [dispute(draw(st.sampled_from(["needs_response", "won"])))] if taken and draw(st.booleans()) else []
    return Observation(
        intent=intent(
            status,
            id=draw(st.sampled_from(["pi_1", "pi_1", "pi_1", "pi_2", "pi_9"])),
            amount_received=taken,
            cancellation_reason=draw(st.sampled_from([None, "automatic", "expired", "duplicate"])),
            capture_before=draw(st.sampled_from([None, LAPSES, END + HOUR])),
        ),
        refunds=tuple(refunds),
        disputes=tuple(disputes),
    )


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            held(),
            waiting_for_3ds(),
            asked(),
            renewing(),
            lapsed(renewal=renewing().renewal),
            refused(),
            scheduled(),
            ended(HoldState.DECLINED),
            booking(),
        ]
    ),
    observations(),
)
def test_looking_twice_is_looking_once(of, there):
    after, lines = observe(of, there, BOOKED)

    assert observe(after, there, BOOKED + MINUTE) == (after, [])
    assert bool(lines) is (after != of)
    assert 0 <= after.refunded <= max(after.captured, 0) <= HELD
    assert all(line.actor == "stripe" for line in lines)
