"""Who may refund how much, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import Outcome, RefundStatus
from holdfast.errors import Conflict, Forbidden, RuleRefused
from holdfast.policy import DEFAULT, resolve
from holdfast.refund_rules import amount_to_refund, check_self_refund, disputed, kept_by_the_terms, most
from tests.unit.builders import BOOKED, END, HOUR, SECOND, START, captured, dispute, refund

SELF = replace(DEFAULT, self_refund_until_hours=12)
TIERS = resolve(
    {
        "self_refund_until_hours": 1,
        "cancellation_tiers": [{"hours_before": 24, "percent": 30}, {"hours_before": 6, "percent": 100}],
    }
)


def paid(**changes):
    """Completed before the start, of a booking whose customers may refund themselves."""
    return captured(**({"policy": SELF} | changes))


# --- customers --------------------------------------------------------------------------------------------------------


def test_without_a_word_in_the_policy_refunds_are_the_organiser_s():
    with pytest.raises(Forbidden, match="to the organiser"):
        check_self_refund(captured(), BOOKED)


def test_customers_may_until_the_deadline_and_not_a_second_longer():
    check_self_refund(paid(), START - 12 * HOUR)

    with pytest.raises(RuleRefused, match="12 hours before"):
        check_self_refund(paid(), START - 12 * HOUR + SECOND)


@pytest.mark.parametrize(
    ("hours_before", "kept", "left"),
    [(48, 0, 5000), (24, 0, 5000), (23, 1500, 3500), (6, 1500, 3500), (5, 5000, 0)],
)
def test_customers_get_what_cancelling_would_leave_them(hours_before, kept, left):
    of, now = paid(policy=TIERS), START - hours_before * HOUR

    assert kept_by_the_terms(of, now) == kept
    assert most(of, by_customer=True, now=now) == left
    assert most(of, by_customer=False, now=now) == 5000


def test_what_went_back_already_counts_for_the_customer_first():
    of = paid(policy=TIERS, refunds=(refund(3000),))

    assert most(of, by_customer=True, now=START - 23 * HOUR) == 500
    assert most(replace(of, refunds=(refund(4000),)), by_customer=True, now=START - 23 * HOUR) == 0


def test_moving_a_booking_wins_nothing_back():
    """Windows and the deadline count from the start that was booked first."""
    moved = paid(policy=TIERS, window_starts_at=START - 48 * HOUR)

    assert most(moved, by_customer=True, now=START - 50 * HOUR) == 0
    check_self_refund(moved, START - 49 * HOUR)
    with pytest.raises(RuleRefused):
        check_self_refund(moved, START - 49 * HOUR + SECOND)


def test_whoever_the_organiser_moved_gets_everything_back_within_a_day():
    of = paid(policy=TIERS, moved_at=START - 23 * HOUR)

    assert most(of, by_customer=True, now=START - 22 * HOUR) == 5000


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.NO_SHOW])
def test_a_fee_that_was_taken_is_not_taken_back_by_a_refund_of_oneself(outcome):
    of = paid(outcome=outcome, fee=5000)

    assert most(of, by_customer=True, now=START - 48 * HOUR) == 0
    assert most(of, by_customer=False, now=START - 48 * HOUR) == 5000


def test_of_an_event_that_was_cancelled_everything_goes_back():
    of = paid(event_cancelled_at=START - HOUR, outcome=Outcome.CANCELLED, fee=5000)

    assert most(of, by_customer=True, now=START - HOUR) == 5000


def test_a_capture_below_the_fee_leaves_nothing():
    assert most(paid(captured=3000), by_customer=True, now=START - 13 * HOUR) == 0


# --- amounts ----------------------------------------------------------------------------------------------------------


def asked(of, wanted=None, *, by_customer=False, now=START - 48 * HOUR):
    return amount_to_refund(of, wanted, by_customer=by_customer, now=now)


@pytest.mark.parametrize(
    ("refunds", "wanted", "amount"),
    [
        ((), None, 5000),
        ((), 1, 1),
        ((refund(2000),), None, 3000),
        ((refund(2000, RefundStatus.PENDING),), None, 3000),
        ((refund(2000, RefundStatus.FAILED),), None, 5000),
        ((refund(2000, RefundStatus.CANCELED),), 5000, 5000),
        ((refund(2000), refund(2999, refund_id="re_2")), 1, 1),
    ],
)
def test_what_is_left_can_go_back_in_any_part(refunds, wanted, amount):
    assert asked(captured(refunds=refunds), wanted) == amount


@pytest.mark.parametrize(
    ("of", "wanted", "error", "words"),
    [
        (captured(0), None, Conflict, "Nothing was captured"),
        (captured(refunds=(refund(5000),)), None, Conflict, "refunded already"),
        (captured(refunds=(refund(5000),)), 1, RuleRefused, "Only 0 is left"),
        (captured(refunds=(refund(2000),)), 3001, RuleRefused, "Only 3000 is left"),
        (captured(disputes=(dispute(),)), None, Conflict, "du_1, needs_response, reason fraudulent"),
        (captured(disputes=(dispute(due_by=END),)), 1, Conflict, "answer by 2026-11-23T22:00:00Z"),
        (captured(disputes=(dispute("warning_needs_response", refundable=False),)), None, Conflict, "inquiry du_1"),
        (captured(disputes=(dispute("won", refundable=False),)), None, Conflict, "was disputed"),
    ],
)
def test_what_cannot_go_back_is_refused_with_the_reason(of, wanted, error, words):
    with pytest.raises(error, match=words):
        asked(of, wanted)


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review", "warning_closed", "won"])
def test_an_inquiry_and_a_dispute_that_was_won_leave_the_charge_refundable(status):
    assert asked(captured(disputes=(dispute(status, refundable=True),))) == 5000


def test_customers_are_told_that_the_terms_leave_them_less():
    now = START - 23 * HOUR
    of = paid(policy=TIERS)

    assert asked(of, by_customer=True, now=now) == 3500
    with pytest.raises(RuleRefused, match="at most 3500") as refused:
        asked(of, 3501, by_customer=True, now=now)
    assert refused.value.errors[0].pointer == "/amount"
    with pytest.raises(RuleRefused, match="nothing is left for you"):
        asked(of, by_customer=True, now=START - 2 * HOUR)


def test_amounts_stand_on_the_currency_s_step():
    dinars = replace(captured(), price=replace(captured().price, currency="kwd"))

    assert asked(dinars, 1230) == 1230
    with pytest.raises(RuleRefused, match="multiples of 10") as refused:
        asked(dinars, 1234)
    assert [fault.pointer for fault in refused.value.errors] == ["/amount"]


def test_more_than_is_left_is_a_fault_of_the_amount():
    with pytest.raises(RuleRefused, match="Only 5000 is left") as refused:
        asked(captured(), 5001)

    assert [fault.pointer for fault in refused.value.errors] == ["/amount"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("needs_response", "The charge is disputed (dispute du_1, needs_response, reason fraudulent, answer by "),
        ("under_review", "The charge is disputed (dispute du_1, under_review, reason fraudulent): the bank decides"),
        ("lost", "The charge was disputed (dispute du_1, lost, reason fraudulent), and Stripe refunds it no more."),
    ],
)
def test_the_reason_names_the_dispute_and_what_it_waits_for(status, words):
    assert disputed(dispute(status, due_by=END)).startswith(words)
