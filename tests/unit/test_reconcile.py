"""What Stripe holds against the book: taken in once, in any order, and said in one line each."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.booking import Booking, HoldState, Outcome, RefundStatus, Status
from holdfast.next_step import due_at
from holdfast.reconcile import observe
from holdfast.stripe_objects import Observation
from tests.unit.builders import (
    BOOKED,
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
    held,
    intent,
    refund,
    seen,
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


@pytest.mark.parametrize(
    ("capture_before", "attention"), [(LAPSES - HOUR, None), (END, "hold_too_short"), (LAPSES + HOUR, None)]
)
def test_another_deadline_of_the_hold_is_taken_over(capture_before, attention):
    after, (line,) = observe(held(), seen(capture_before=capture_before), NOW)

    assert after.hold is not None
    assert (after.hold.expires_at, after.attention) == (capture_before, attention)
    assert (line.reason, line.amount) == ("capture_before_changed", None)


# --- 3-D Secure -------------------------------------------------------------------------------------------------------

DEADLINE = BOOKED + 30 * MINUTE


@pytest.mark.parametrize("now", [BOOKED, DEADLINE - SECOND])
def test_an_authentication_in_time_places_the_hold(now):
    after, (line,) = observe(waiting_for_3ds(attempts=2, retry_at=BOOKED), seen(), now)

    assert (after.payment_status, after.outcome, after.action_deadline) == (Status.HELD, Outcome.OPEN, None)
    assert after.hold is not None
    assert (after.hold.placed_at, after.hold.expires_at, after.hold.charge_id) == (now, LAPSES, "ch_1")
    assert (after.hold.client_secret, after.attempts, after.retry_at) == (None, 0, None)
    assert (line.kind, line.status, line.operation_id) == ("authorize", "succeeded", "op_authorize")


@pytest.mark.parametrize("now", [DEADLINE, DEADLINE + HOUR])
def test_an_authentication_after_the_deadline_is_left_to_the_clock_which_releases_it(now):
    waiting = waiting_for_3ds()

    assert observe(waiting, seen(), now) == (waiting, [])
    assert due_at(waiting) == DEADLINE


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
            ["requires_capture", "requires_action", "requires_payment_method", "processing", "succeeded", "canceled"]
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
            id=draw(st.sampled_from(["pi_1", "pi_1", "pi_1", "pi_9"])),
            amount_received=taken,
            cancellation_reason=draw(st.sampled_from([None, "automatic", "expired", "duplicate"])),
            capture_before=draw(st.sampled_from([None, LAPSES, END + HOUR])),
        ),
        refunds=tuple(refunds),
        disputes=tuple(disputes),
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([held(), waiting_for_3ds(), ended(HoldState.DECLINED), booking()]), observations())
def test_looking_twice_is_looking_once(of, there):
    after, lines = observe(of, there, BOOKED)

    assert observe(after, there, BOOKED + MINUTE) == (after, [])
    assert bool(lines) is (after != of)
    assert 0 <= after.refunded <= max(after.captured, 0) <= HELD
    assert all(line.actor == "stripe" for line in lines)
