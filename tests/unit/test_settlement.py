"""What each result does to the booking and the log; when a failed step comes again, and when a person has to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.booking import Hold, HoldState, Kind, Outcome, RefundStatus, Status
from holdfast.coverage import renew_at
from holdfast.movements import Begin
from holdfast.next_step import due_at, next_step
from holdfast.settlement import (
    ACTION_WINDOW,
    ATTEMPTS_BEFORE_STAFF,
    NOT_RELEASED_YET,
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
    backoff,
    failed_attempt,
    settled,
)
from holdfast.staffs_list import noticed
from holdfast.stripe_objects import Decline
from tests.unit.builders import (
    BOOKED,
    DAY,
    HELD,
    HOUR,
    LAPSES,
    MINUTE,
    SECOND,
    START,
    booking,
    captured,
    decline,
    event,
    held,
    hold,
    intent,
    lapsed,
    operation,
    refund,
    seen,
    setup_intent,
    stripe_refund,
    under_way,
    waiting_for_3ds,
)

NOW = BOOKED + 10 * SECOND


def settle(of, verdict, now=NOW):
    return settled(of, of.operation, verdict, now)


def releasing(before=None, **changes):
    return replace(before or held(), operation=operation(Kind.RELEASE, **changes))


# --- authorize --------------------------------------------------------------------------------------------------------


def test_a_placed_hold_is_what_stripe_says_it_is():
    after, (line,) = settle(under_way(Kind.AUTHORIZE), Authorized(intent(amount=5999)))

    assert after.hold == Hold(
        payment_intent_id="pi_1",
        amount=5999,
        state=HoldState.LIVE,
        operation_id="op_authorize",
        charge_id="ch_1",
        expires_at=LAPSES,
        placed_at=NOW,
        payment_method_id="pm_1",
    )
    assert (after.payment_status, after.outcome, after.operation) == (Status.HELD, Outcome.OPEN, None)
    assert (line.kind, line.status, line.stripe_id, line.amount) == ("authorize", "succeeded", "pi_1", HELD)
    assert line.details == {"charge_id": "ch_1", "expires_at": "2026-11-27T20:00:00Z"}


def test_a_hold_that_does_not_reach_the_last_charge_is_nobodys_trouble_because_it_is_renewed():
    short = intent(capture_before=START + HOUR)

    after, _ = settle(under_way(Kind.AUTHORIZE), Authorized(short))

    assert after.attention is None
    assert due_at(after) == renew_at(after) == START + HOUR - DAY


def test_a_verdict_of_something_else_is_a_fault_and_never_taken_for_a_result():
    with pytest.raises(ValueError, match="Captured is no result of a authorize"):
        settle(under_way(Kind.AUTHORIZE), Captured(intent("succeeded")))
    with pytest.raises(ValueError, match="Authorized is no result of a capture"):
        settle(under_way(Kind.CAPTURE), Authorized(intent()))


def test_3d_secure_waits_half_an_hour_and_keeps_the_secret_for_the_phone():
    after, (line,) = settle(under_way(Kind.AUTHORIZE), NeedsAction(intent("requires_action")))

    assert after.payment_status is Status.ACTION_REQUIRED
    assert after.action_deadline == NOW + ACTION_WINDOW == NOW + 30 * MINUTE
    assert after.hold is not None
    assert (after.hold.client_secret, after.hold.placed_at, after.hold.expires_at) == ("pi_1_secret_1", None, None)
    assert (line.status, line.reason) == ("pending", "requires_action")


@pytest.mark.parametrize(
    ("why", "because"),
    [(decline(), "insufficient_funds"), (decline("expired_card", None), "expired_card")],
)
def test_a_decline_ends_the_booking_and_says_why(why, because):
    after, (line,) = settle(under_way(Kind.AUTHORIZE), Declined(why, intent("requires_payment_method")))

    assert (after.payment_status, after.outcome) == (Status.DECLINED, Outcome.DECLINED)
    assert after.declined_because == line.reason == because
    assert (line.status, line.stripe_id) == ("failed", "pi_1")
    assert line.details["code"] == why.code
    assert after.hold is not None
    assert after.hold.client_secret is None


def test_a_decline_without_a_payment_intent_leaves_no_hold():
    after, _ = settle(under_way(Kind.AUTHORIZE), Declined(decline(), None))

    assert (after.hold, after.payment_status) == (None, Status.DECLINED)


@pytest.mark.parametrize(("found", "superseded"), [(None, ()), (intent(id="pi_7"), ("pi_7",))])
def test_what_nobody_waited_for_is_no_hold_and_what_was_found_of_it_has_to_go(found, superseded):
    after, (line,) = settle(under_way(Kind.AUTHORIZE), Abandoned(found))

    assert (after.hold, after.superseded) == (None, superseded)
    assert (after.payment_status, after.outcome) == (Status.DECLINED, Outcome.DECLINED)
    assert (line.status, line.reason) == ("failed", "abandoned")


def test_an_authorization_that_stripe_refuses_ends_the_booking():
    after, (line,) = settle(under_way(Kind.AUTHORIZE), Refused("resource_missing", "No such card", None))

    assert (after.hold, after.outcome, after.payment_status) == (None, Outcome.DECLINED, Status.DECLINED)
    assert (line.status, line.reason, line.details) == ("failed", "resource_missing", {"message": "No such card"})


# --- capture ----------------------------------------------------------------------------------------------------------


def test_a_capture_takes_what_stripe_says_was_received():
    busy = under_way(Kind.CAPTURE, outcome=Outcome.NO_SHOW, fee=5000)

    after, (line,) = settle(busy, Captured(intent("succeeded", amount_received=4990)))

    assert (after.captured, after.fee, after.outcome) == (4990, 5000, Outcome.NO_SHOW)
    assert after.payment_status is Status.CAPTURED
    assert (line.kind, line.status, line.amount) == ("capture", "succeeded", 4990)


@pytest.mark.parametrize(
    ("outcome", "facts", "attention"),
    [
        (Outcome.NO_SHOW, {}, None),
        (Outcome.NO_SHOW, {"checked_in_at": NOW}, "checked_in_after_no_show_capture"),
        (Outcome.NO_SHOW, {"waived_at": NOW}, "waived_after_no_show_capture"),
        (Outcome.COMPLETED, {"checked_in_at": NOW}, None),
        (Outcome.COMPLETED, {"waived_at": NOW}, None),
    ],
)
def test_whoever_was_checked_in_or_spared_while_the_fee_was_on_its_way_is_put_before_staff(outcome, facts, attention):
    busy = replace(under_way(Kind.CAPTURE, outcome=outcome), **facts)

    after, _ = settle(busy, Captured(intent("succeeded")))

    assert after.attention == attention


@pytest.mark.parametrize(
    ("outcome", "wished", "expected"),
    [
        (Outcome.CANCELLED, START - HOUR, START - HOUR),
        (Outcome.CANCELLED, None, NOW),
        (Outcome.EVENT_CANCELLED, START - HOUR, NOW),
        (Outcome.COMPLETED, None, None),
        (Outcome.NO_SHOW, None, None),
    ],
)
def test_cancelled_at_is_when_the_customer_asked(outcome, wished, expected):
    busy = replace(under_way(Kind.CAPTURE, outcome=outcome), cancel_requested_at=wished)

    after, _ = settle(busy, Captured(intent("succeeded")))

    assert after.cancelled_at == expected


# --- release ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.CANCELLED, Status.RELEASED),
        (Outcome.WAIVED, Status.RELEASED),
        (Outcome.COMPLETED, Status.RELEASED),
        (Outcome.EVENT_CANCELLED, Status.RELEASED),
        (Outcome.DECLINED, Status.DECLINED),
    ],
)
@pytest.mark.parametrize("before", [held(), waiting_for_3ds()])
def test_a_release_ends_the_booking_as_was_wanted(before, outcome, status):
    after, (line,) = settle(releasing(before, outcome=outcome), Released(intent("canceled")))

    assert (after.payment_status, after.outcome, after.action_deadline) == (status, outcome, None)
    assert after.hold is not None
    assert after.hold.client_secret is None
    assert (line.kind, line.status, line.amount) == ("release", "succeeded", HELD)
    assert due_at(after) is None


def test_dropping_a_superseded_hold_changes_nothing_else():
    before = held(superseded=("pi_8", "pi_9"))
    busy = releasing(before, superseded=True, payment_intent_id="pi_8")

    after, _ = settle(busy, Released(intent("canceled", id="pi_8")))

    assert after == replace(before, superseded=("pi_9",))


@pytest.mark.parametrize(
    ("status", "kept", "attention"),
    [
        ("canceled", False, None),
        ("succeeded", False, "unused_authorization_captured"),
        ("requires_capture", True, "refused_by_stripe"),
        ("processing", True, "refused_by_stripe"),
        (None, True, "refused_by_stripe"),
    ],
)
def test_a_superseded_hold_is_forgotten_only_when_stripe_shows_that_it_is_over(status, kept, attention):
    busy = replace(
        booking(outcome=Outcome.DECLINED, superseded=("pi_8",)),
        operation=operation(Kind.RELEASE, superseded=True, payment_intent_id="pi_8"),
    )

    after, _ = settle(busy, Refused("unexpected", "no", seen(status, id="pi_8") if status else None))

    assert after.superseded == (("pi_8",) if kept else ())
    assert after.attention == attention
    assert (due_at(after) is not None) is kept
    assert (after.drop_after is not None) is kept
    assert after.retry_at is None  # nothing else waits for it


@pytest.mark.parametrize(
    ("code", "seen_as"), [("gone", "expired"), ("gone", "requires_reauthorization"), ("resource_missing", None)]
)
def test_what_nothing_can_be_taken_of_any_more_is_forgotten_too(code, seen_as):
    busy = replace(
        held(superseded=("pi_8",)), operation=operation(Kind.RELEASE, superseded=True, payment_intent_id="pi_8")
    )

    after, _ = settle(busy, Refused(code, "no", seen(seen_as, id="pi_8") if seen_as else None))

    assert (after.superseded, after.attention) == ((), None)


def test_a_hold_that_cannot_be_dropped_keeps_nothing_else_waiting_and_reaches_staff_in_the_end():
    of, now = held(superseded=("pi_8",)), START + HOUR
    for number in range(1, ATTEMPTS_BEFORE_STAFF + 1):
        assert of.attention is None
        busy = replace(of, operation=operation(Kind.RELEASE, superseded=True, payment_intent_id="pi_8"))
        of, _ = settle(busy, Refused(NOT_RELEASED_YET, "no answer", None), now)
        assert (of.drop_after, of.retry_at) == (now + backoff(number), None)
        step = next_step(of, event(checked_in=1), now)
        assert isinstance(step, Begin)
        assert (step.kind, step.reason) == (Kind.CAPTURE, "no_show")
        assert of.drop_after is not None
        now = of.drop_after

    assert of.attention == "refused_by_stripe"
    dropped = next_step(of, event(checked_in=1), now)
    assert isinstance(dropped, Begin)
    assert dropped.superseded


# --- refund -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [RefundStatus.PENDING, RefundStatus.SUCCEEDED])
def test_a_refund_counts_from_its_first_answer(status):
    after, (line,) = settle(under_way(Kind.REFUND, amount=1000), Refunded(stripe_refund(1000, status)))

    assert (after.refunded, after.refundable) == (1000, 4000)
    assert (line.kind, line.status, line.amount, line.stripe_id) == ("refund", str(status), 1000, "re_1")
    assert after.refunds[0].operation_id == "op_refund"


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELED])
def test_a_refund_that_failed_at_once_does_not_count_and_is_put_before_staff(status):
    busy = replace(under_way(Kind.REFUND, outcome=Outcome.CANCELLED, fee=1000), outcome=Outcome.OPEN)

    after, (line,) = settle(busy, Refunded(stripe_refund(5000, status, failure_reason="lost_or_stolen_card")))

    assert (after.refunded, after.outcome, after.fee, after.attention) == (0, Outcome.OPEN, 0, "refund_failed")
    assert after.retry_at == NOW + MINUTE
    assert (line.status, line.details) == (str(status), {"failure_reason": "lost_or_stolen_card"})


@pytest.mark.parametrize(
    ("outcome", "expected", "fee"),
    [
        (None, Outcome.NO_SHOW, 5000),
        (Outcome.CANCELLED, Outcome.CANCELLED, 700),
        (Outcome.EVENT_CANCELLED, Outcome.EVENT_CANCELLED, 0),
    ],
)
def test_a_refund_leaves_the_fee_that_its_reason_leaves(outcome, expected, fee):
    paid = captured(outcome=Outcome.NO_SHOW, fee=5000, operation=operation(Kind.REFUND, outcome=outcome, fee=700))

    after, _ = settle(paid, Refunded(stripe_refund(4300)))

    assert (after.outcome, after.fee) == (expected, fee)


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.WAIVED, Outcome.DECLINED, Outcome.EVENT_CANCELLED])
@pytest.mark.parametrize("why", ["automatic", "requested_by_customer", None])
def test_a_hold_that_was_to_be_released_and_is_gone_already_ends_as_was_wanted(outcome, why):
    gone = seen("canceled", cancellation_reason=why)

    after, lines = settle(releasing(outcome=outcome), Refused("unexpected_state", "It is canceled.", gone))

    assert after.outcome is outcome
    assert after.cancelled_at == (NOW if outcome in (Outcome.CANCELLED, Outcome.EVENT_CANCELLED) else None)
    assert after.payment_status in (Status.RELEASED, Status.EXPIRED)
    assert (due_at(after), after.retry_at) == (None, None)
    assert [line.kind for line in lines] == ["release", "external"]


def test_a_time_of_cancelling_that_stands_already_stays():
    busy = releasing(held(cancelled_at=BOOKED), outcome=Outcome.CANCELLED)

    after, _ = settle(busy, Refused("unexpected_state", "It is canceled.", seen("canceled")))

    assert after.cancelled_at == BOOKED


def test_a_hold_that_was_to_be_released_for_a_customer_and_is_captured_is_planned_again():
    busy = replace(releasing(outcome=Outcome.CANCELLED), cancel_requested_at=BOOKED)

    after, lines = settle(busy, Refused("unexpected_state", "It is succeeded.", seen("succeeded")))

    assert (after.outcome, after.captured) == (Outcome.OPEN, 5000)
    assert due_at(after) == NOW + MINUTE
    assert [(line.kind, line.status) for line in lines] == [("release", "failed"), ("external", "succeeded")]


@pytest.mark.parametrize("facts", [{"event_cancelled_at": START}, {"waived_at": START}])
def test_a_hold_that_was_to_be_released_and_is_captured_is_never_just_forgotten(facts):
    busy = replace(releasing(outcome=Outcome.WAIVED), **facts)

    after, _ = settle(busy, Refused("unexpected_state", "It is succeeded.", seen("succeeded")))

    assert after.attention == "changed_outside"
    assert (due_at(after) is not None) is ("event_cancelled_at" in facts)


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_a_refusal_without_a_visible_reason_comes_again_and_is_put_before_staff(kind):
    after, (line,) = settle(under_way(kind, outcome=Outcome.COMPLETED), Refused("odd", "no", seen()))

    assert (after.payment_status, after.outcome) == (Status.HELD, Outcome.OPEN)
    assert (after.attention, after.attempts, after.retry_at) == ("refused_by_stripe", 1, NOW + MINUTE)
    assert (line.status, line.reason, line.details) == ("failed", "odd", {"message": "no"})


def test_a_refusal_while_stripe_knows_nothing_of_the_hold_changes_no_fact():
    after, _ = settle(under_way(Kind.CAPTURE), Refused("resource_missing", "No such payment_intent", None))

    assert (after.hold, after.attention, after.attempts) == (held().hold, "refused_by_stripe", 1)


def test_a_refused_refund_that_somebody_asked_for_is_not_repeated_for_them():
    dashboard = seen("succeeded", refunds=(stripe_refund(4500),))

    after, lines = settle(under_way(Kind.REFUND, amount=1000), Refused("too_large", "no", dashboard))

    assert (after.refunded, after.retry_at, after.attempts, after.attention) == (4500, None, 0, None)
    assert [line.kind for line in lines] == ["refund", "external"]


# --- again, and again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "minutes"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (8, 128), (9, 256), (10, 360), (11, 360), (10_000, 360)],
)
def test_each_failure_doubles_the_pause_up_to_six_hours(attempts, minutes):
    assert backoff(attempts) == minutes * MINUTE


def test_a_step_that_keeps_failing_reaches_staff_once():
    of, now = lapsed(), BOOKED
    for number in range(1, ATTEMPTS_BEFORE_STAFF + 3):
        of = failed_attempt(of, now, what="step_failed")
        assert of.retry_at is not None
        now = of.retry_at
        assert of.attempts == number
        assert (of.attention is not None) is (number >= ATTEMPTS_BEFORE_STAFF)

    assert of.attention == "step_failed"
    assert of.attention_since == BOOKED + sum((backoff(n) for n in range(1, ATTEMPTS_BEFORE_STAFF)), timedelta(0))


def test_the_pause_before_each_new_try_of_a_refused_step_grows():
    of, now, pauses = held(), START + HOUR, []
    for _ in range(6):
        busy = replace(of, operation=operation(Kind.CAPTURE, outcome=Outcome.NO_SHOW), retry_at=None)
        of, _ = settle(busy, Refused("odd", "no", seen()), now)
        pauses.append(of.retry_at - now)
        now = of.retry_at

    # Never so long that the hold could end between two tries.
    assert pauses == [minutes * MINUTE for minutes in (1, 2, 4, 8, 16, 30)]


@pytest.mark.parametrize(
    ("of", "verdict"),
    [
        (under_way(Kind.AUTHORIZE), Authorized(intent())),
        (under_way(Kind.AUTHORIZE), NeedsAction(intent("requires_action"))),
        (under_way(Kind.AUTHORIZE), Declined(Decline(code="x", decline_code=None, message="x"), None)),
        (under_way(Kind.AUTHORIZE), Abandoned(None)),
        (under_way(Kind.SCHEDULE), CardSaved(setup_intent())),
        (under_way(Kind.SCHEDULE), CardNeedsAction(setup_intent("requires_action"))),
        (under_way(Kind.SCHEDULE), Refused("x", "x", None)),
        (under_way(Kind.RENEW), Authorized(intent(id="pi_2"))),
        (under_way(Kind.RENEW), NeedsAction(intent("requires_action", id="pi_2"))),
        (under_way(Kind.RENEW), Declined(decline(), None)),
        (under_way(Kind.CAPTURE), Captured(intent("succeeded"))),
        (under_way(Kind.RELEASE), Released(intent("canceled"))),
        (under_way(Kind.REFUND), Refunded(stripe_refund())),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_success_forgets_the_failures_before_it(of, verdict):
    tried = replace(of, attempts=5, retry_at=BOOKED)

    after, _ = settle(tried, verdict)

    assert (after.attempts, after.retry_at, after.operation) == (0, None, None)


@pytest.mark.parametrize(
    ("attention", "after"),
    [
        ("operation_in_doubt", None),
        ("step_failed", None),
        ("refused_by_stripe", None),
        # No hold is missed any more: the booking is over.
        ("hold_expired", None),
        ("renewal_failed", None),
        ("refund_failed", "refund_failed"),
        ("no_show_contested", "no_show_contested"),
    ],
)
def test_what_works_in_the_end_takes_our_own_failures_off_the_staffs_list_and_nothing_else(attention, after):
    tried = replace(under_way(Kind.RELEASE, outcome=Outcome.WAIVED), attention=attention, attention_since=BOOKED)

    settled_, _ = settle(tried, Released(intent("canceled")))

    assert settled_.attention == after


def test_the_first_thing_to_notice_stays_on_the_list():
    first = noticed(held(), "hold_expired", BOOKED)

    assert noticed(first, "step_failed", START) == first
    assert noticed(held(), None, START) == held()
    assert (first.attention, first.attention_since) == ("hold_expired", BOOKED)


def test_refunds_of_earlier_operations_stay():
    paid = captured(refunds=(refund(500, refund_id="re_0"),), operation=operation(Kind.REFUND, amount=1000))

    after, _ = settle(paid, Refunded(stripe_refund(1000)))

    assert [each.refund_id for each in after.refunds] == ["re_0", "re_1"]
    assert hold(HoldState.CAPTURED) == after.hold
