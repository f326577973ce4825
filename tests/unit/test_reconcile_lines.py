"""What is taken in from Stripe, to the letter: the reason a line gives, its details, and since when staff know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, Outcome, RefundStatus
from holdfast.log import wire_time
from holdfast.reconcile import observe
from tests.unit.builders import (
    DAY,
    END,
    HOUR,
    LAPSES,
    PRICE,
    START,
    captured,
    decline,
    dispute,
    ended,
    held,
    hold,
    seen,
    stripe_refund,
    waiting_for_3ds,
)

NOW = START - 2 * HOUR


@pytest.mark.parametrize("mend_by", [None, START])
@pytest.mark.parametrize(("why", "reason"), [("abandoned", "abandoned"), (None, "canceled")])
def test_an_authentication_that_was_canceled_says_why_and_leaves_nothing_to_authenticate(mend_by, why, reason):
    of = waiting_for_3ds(mend_by=mend_by)

    after, (line,) = observe(of, seen("canceled", cancellation_reason=why), NOW)

    assert line.reason == reason
    assert of.hold is not None
    assert after.hold == replace(of.hold, state=HoldState.DECLINED, client_secret=None)
    assert after.outcome is (Outcome.OPEN if mend_by else Outcome.DECLINED)
    assert after.action_deadline == (of.action_deadline if mend_by else None)


def test_a_failed_authentication_is_told_by_its_code_and_a_decline_by_what_may_be_shown_of_it():
    not_them = decline("payment_intent_authentication_failure", "stolen_card")
    stolen = decline("card_declined", "stolen_card")

    lines = [
        observe(waiting_for_3ds(), seen("requires_payment_method", decline=why), NOW)[1][0]
        for why in (not_them, stolen, None)
    ]

    assert [line.reason for line in lines] == [
        "payment_intent_authentication_failure",
        "generic_decline",
        "authentication_failed",
    ]


def test_a_hold_that_is_mended_and_declined_is_not_asked_for_again():
    mending = waiting_for_3ds(mend_by=END, next_try_at=END)

    after, _ = observe(mending, seen("requires_payment_method", decline=decline()), NOW)

    assert (after.next_try_at, after.mend_by) == (None, END)


def test_the_line_of_another_deadline_names_it():
    _, (line,) = observe(held(), seen(capture_before=LAPSES + DAY), NOW)

    assert line.details == {"expires_at": wire_time(LAPSES + DAY)}


@pytest.mark.parametrize(("told", "kept"), [("ch_9", "ch_9"), (None, "ch_1")])
def test_a_capture_outside_knows_the_charge(told, kept):
    after, _ = observe(held(), seen("succeeded", charge_id=told), NOW)

    assert after.hold is not None
    assert after.hold.charge_id == kept


def test_each_hold_that_the_bank_takes_back_is_counted():
    of, counts = held(), []
    for _ in range(6):
        of, _ = observe(of, seen("canceled", cancellation_reason="automatic"), NOW)
        counts.append(of.voided)
        of = replace(of, hold=hold())

    assert counts == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("of", "counted"),
    [
        (held(), 1),
        (held(outcome=Outcome.CANCELLED), 0),
        (held(hold=hold(expires_at=None)), 0),
        (held(hold=hold(expires_at=NOW)), 0),
    ],
)
def test_a_hold_is_taken_back_early_only_while_it_is_wanted_and_its_end_is_known(of, counted):
    after, _ = observe(of, seen("canceled", cancellation_reason="automatic"), NOW)

    assert after.voided == counted


def test_what_the_customer_is_asked_for_when_the_hold_lapses_is_waited_for_and_nothing_else():
    waiting = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", operation_id="op_renew")
    of = held(renewal=waiting, voided=1)  # the next hold of this card would have to wait an hour

    after, _ = observe(of, seen("canceled", cancellation_reason="automatic"), NOW)

    assert (after.hold, after.renewal, after.next_try_at) == (waiting, None, None)


@pytest.mark.parametrize("of", [held(), ended(HoldState.DECLINED)])
def test_staff_know_since_when_money_was_taken_that_nobody_asked_for(of):
    after, _ = observe(of, seen("succeeded", id="pi_1" if not of.is_held else "pi_9"), NOW)

    assert (after.attention, after.attention_since) == ("unused_authorization_captured", NOW)


def test_the_smallest_capture_has_its_refunds_and_disputes_taken_in():
    of = captured(1)

    after, lines = observe(of, seen("succeeded", refunds=(stripe_refund(1),), disputes=(dispute("lost"),)), NOW)

    assert (after.refunded, [each.dispute_id for each in after.disputes]) == (1, ["du_1"])
    assert [line.kind for line in lines] == ["external", "dispute"]


@pytest.mark.parametrize(("why", "details"), [("charge_pending", {"pending_reason": "charge_pending"}), (None, {})])
def test_a_refund_that_is_pending_says_what_it_waits_for(why, details):
    there = stripe_refund(1500, RefundStatus.PENDING, pending_reason=why)

    _, (line,) = observe(captured(), seen("succeeded", refunds=(there,)), NOW)

    assert line.details == details


@pytest.mark.parametrize(("taken", "attention"), [(PRICE.amount, "refund_owed"), (1, "refund_owed")])
def test_staff_know_since_when_a_refund_is_owed_that_stripe_will_not_make(taken, attention):
    of = captured(taken, event_cancelled_at=START)

    after, _ = observe(of, seen("succeeded", disputes=(dispute("won", refundable=False),)), NOW)

    assert (after.attention, after.attention_since) == (attention, NOW)


def test_the_smallest_movement_of_a_dispute_has_its_line():
    there = dispute("lost", withdrawn=1, balance_currency="eur")

    _, lines = observe(captured(1), seen("succeeded", disputes=(there,)), NOW)

    assert [(line.status, line.amount) for line in lines] == [("lost", PRICE.amount), ("funds_withdrawn", 1)]
