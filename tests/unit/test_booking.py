"""A booking's facts and what they amount to: every status, every move, and what may begin from where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.booking import (
    MAY_BEGIN,
    TRANSITIONS,
    HoldState,
    Kind,
    Outcome,
    RefundStatus,
    SetupState,
    Status,
    TransitionRefused,
    begun,
    check_transition,
    payment_status,
    with_dispute,
    with_refund,
)
from holdfast.dispute import Dispute
from holdfast.errors import Conflict
from tests.unit.builders import (
    START,
    booking,
    captured,
    dispute,
    ended,
    held,
    hold,
    lapsed,
    operation,
    refund,
    refused,
    saving,
    scheduled,
    setup,
    under_way,
    waiting_for_3ds,
)

FAILED, PENDING, CANCELED = RefundStatus.FAILED, RefundStatus.PENDING, RefundStatus.CANCELED
OF_SUPERSEDED = operation(Kind.RELEASE, superseded=True, payment_intent_id="pi_9")


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (under_way(Kind.AUTHORIZE), Status.AUTHORIZING),
        (under_way(Kind.SCHEDULE), Status.AUTHORIZING),
        (captured(0), Status.CAPTURED),
        (captured(1, refunds=(refund(1),)), Status.REFUNDED),
        (saving(), Status.ACTION_REQUIRED),
        (scheduled(), Status.SCHEDULED),
        (scheduled(new_card=setup(SetupState.ACTION_REQUIRED)), Status.SCHEDULED),
        (scheduled(outcome=Outcome.CANCELLED), Status.RELEASED),
        (scheduled(outcome=Outcome.EVENT_CANCELLED), Status.RELEASED),
        (scheduled(outcome=Outcome.DECLINED), Status.DECLINED),
        (saving(outcome=Outcome.CANCELLED), Status.DECLINED),
        (booking(), Status.DECLINED),
        (waiting_for_3ds(), Status.ACTION_REQUIRED),
        (held(), Status.HELD),
        (under_way(Kind.RENEW), Status.HELD),
        (held(renewal=hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2")), Status.HELD),
        (refused(), Status.DECLINED),
        (lapsed(), Status.EXPIRED),
        (under_way(Kind.CAPTURE), Status.CAPTURING),
        (captured(), Status.CAPTURED),
        (under_way(Kind.RELEASE), Status.RELEASING),
        (ended(HoldState.RELEASED), Status.RELEASED),
        (ended(HoldState.EXPIRED), Status.EXPIRED),
        (ended(HoldState.DECLINED), Status.DECLINED),
        (booking(outcome=Outcome.DECLINED), Status.DECLINED),
        (under_way(Kind.REFUND), Status.REFUNDING),
        (captured(refunds=(refund(1000, PENDING),)), Status.REFUNDING),
        (captured(refunds=(refund(1000), refund(4000, PENDING, refund_id="re_2"))), Status.REFUNDING),
        (captured(refunds=(refund(4999),)), Status.PARTIALLY_REFUNDED),
        (captured(refunds=(refund(5000),)), Status.REFUNDED),
        (captured(refunds=(refund(2000), refund(3000, refund_id="re_2"))), Status.REFUNDED),
        (captured(refunds=(refund(5000, FAILED),)), Status.CAPTURED),
        (captured(refunds=(refund(5000, CANCELED),)), Status.CAPTURED),
        (captured(refunds=(refund(1000), refund(4000, FAILED, refund_id="re_2"))), Status.PARTIALLY_REFUNDED),
        (captured(disputes=(dispute(),)), Status.DISPUTED),
        (replace(under_way(Kind.REFUND), disputes=(dispute(),)), Status.DISPUTED),
        (captured(refunds=(refund(5000),), disputes=(dispute(),)), Status.DISPUTED),
    ],
)
def test_the_status_follows_from_the_facts(of, status):
    assert of.payment_status is payment_status(of) is status


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (held(), Status.HELD),
        (captured(), Status.CAPTURED),
        (ended(HoldState.DECLINED), Status.DECLINED),
        (booking(outcome=Outcome.DECLINED), Status.DECLINED),
    ],
)
def test_dropping_a_hold_that_is_not_the_bookings_never_moves_its_status(before, status):
    assert replace(before, operation=OF_SUPERSEDED).payment_status is status


@pytest.mark.parametrize(
    ("of", "first", "waits"),
    [
        (booking(), True, True),
        (saving(), True, True),
        (waiting_for_3ds(), False, True),
        (waiting_for_3ds(mend_by=START), False, False),
        (scheduled(), False, False),
        (held(), False, False),
        (refused(), False, False),
    ],
)
def test_a_booking_is_made_once_its_customer_came_through_with_a_card(of, first, waits):
    assert (of.first_try, of.waits_for_its_first_card) == (first, waits)


@pytest.mark.parametrize(
    ("word", "weighs"),
    [
        ("needs_response", True),
        ("under_review", True),
        ("lost", True),
        ("a word from next year", True),
        ("won", False),
        ("prevented", False),
        ("warning_needs_response", False),
        ("warning_under_review", False),
        ("warning_closed", False),
    ],
)
def test_a_dispute_weighs_until_it_is_won_and_an_inquiry_never_does(word, weighs):
    disputed = captured(disputes=(dispute(word),))

    assert disputed.disputed is weighs
    assert disputed.payment_status is (Status.DISPUTED if weighs else Status.CAPTURED)


@pytest.mark.parametrize(
    ("refunds", "refunded", "refundable"),
    [
        ((), 0, 5000),
        ((refund(1000),), 1000, 4000),
        ((refund(1000, PENDING),), 1000, 4000),
        ((refund(1000, FAILED),), 0, 5000),
        ((refund(1000, CANCELED),), 0, 5000),
        ((refund(1000), refund(4000, PENDING, refund_id="re_2")), 5000, 0),
    ],
)
def test_a_refund_counts_while_it_is_pending_and_no_longer_once_it_failed(refunds, refunded, refundable):
    of = captured(refunds=refunds)

    assert (of.refunded, of.refundable) == (refunded, refundable)


@pytest.mark.parametrize(
    ("changes", "owes"),
    [
        ({}, False),
        ({"event_cancelled_at": START}, True),
        ({"event_cancelled_at": START, "refunds": (refund(4999),)}, True),
        ({"event_cancelled_at": START, "refunds": (refund(5000),)}, False),
        ({"event_cancelled_at": START, "disputes": (dispute(),)}, False),
        ({"event_cancelled_at": START, "disputes": (dispute("won"),)}, True),
    ],
)
def test_a_cancelled_event_owes_what_can_be_sent_back(changes, owes):
    assert captured(**changes).owes_refund is owes


@pytest.mark.parametrize(
    ("of", "holds"),
    [
        (held(), True),
        (waiting_for_3ds(), True),
        (booking(), False),
        (captured(), False),
        *[(ended(state), False) for state in (HoldState.RELEASED, HoldState.EXPIRED, HoldState.DECLINED)],
    ],
)
def test_a_hold_that_stripe_can_still_capture_or_cancel_holds_money(of, holds):
    assert of.holds_money is holds


def test_an_operation_is_under_way_by_its_own_id_only():
    busy = under_way(Kind.CAPTURE)

    assert busy.under_way("op_capture") is busy.operation
    assert busy.under_way("op_other") is None
    assert held().under_way("op_capture") is None


# --- the tables -------------------------------------------------------------------------------------------------------


def test_every_status_has_its_row():
    assert set(TRANSITIONS) == set(Status)
    assert set(MAY_BEGIN) == set(Kind)


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_a_status_stays_or_moves_by_the_table(before, after):
    if before is after or after in TRANSITIONS[before]:
        check_transition(before, after)
    else:
        with pytest.raises(TransitionRefused, match=f"{before} -> {after}"):
            check_transition(before, after)


def test_nothing_follows_a_hold_that_was_given_back():
    assert TRANSITIONS[Status.RELEASED] == frozenset()


@pytest.mark.parametrize("lost", [Status.DECLINED, Status.EXPIRED])
def test_after_a_hold_that_did_not_come_or_lapsed_only_another_one_can_follow(lost):
    assert TRANSITIONS[lost] == {Status.AUTHORIZING}


def test_nothing_comes_back_to_a_card_that_is_only_saved_but_what_may_still_be_placed():
    """An event that is moved far away, a 3-D Secure for saving a card, and the saving itself."""
    assert {before for before in Status if Status.SCHEDULED in TRANSITIONS[before]} == {
        Status.AUTHORIZING,
        Status.ACTION_REQUIRED,
        Status.HELD,
    }


def test_money_that_was_captured_never_becomes_a_hold_again():
    paid = {Status.CAPTURED, Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED}

    for status in paid:
        assert TRANSITIONS[status] == paid


def test_every_status_can_be_reached():
    reached = {Status.AUTHORIZING}
    while more := {after for before in reached for after in TRANSITIONS[before]} - reached:
        reached |= more

    assert reached == set(Status)


SAMPLES = {
    Status.SCHEDULED: scheduled(),
    Status.AUTHORIZING: under_way(Kind.AUTHORIZE),
    Status.ACTION_REQUIRED: waiting_for_3ds(),
    Status.HELD: held(),
    Status.CAPTURED: captured(),
    Status.RELEASED: ended(HoldState.RELEASED),
    Status.DECLINED: refused(),
    Status.EXPIRED: lapsed(),
    Status.REFUNDING: captured(refunds=(refund(1000, PENDING),)),
    Status.PARTIALLY_REFUNDED: captured(refunds=(refund(1000),)),
    Status.REFUNDED: captured(refunds=(refund(5000),)),
    Status.DISPUTED: captured(disputes=(dispute(),)),
}
MAY = {
    Kind.AUTHORIZE: {Status.SCHEDULED, Status.ACTION_REQUIRED, Status.DECLINED, Status.EXPIRED},
    Kind.SCHEDULE: {Status.SCHEDULED, Status.ACTION_REQUIRED},
    Kind.RENEW: {Status.HELD},
    Kind.CAPTURE: {Status.HELD},
    Kind.RELEASE: {Status.HELD, Status.ACTION_REQUIRED},
    Kind.REFUND: {Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDING},
}


@pytest.mark.parametrize("status", list(SAMPLES))
@pytest.mark.parametrize("kind", list(Kind))
def test_an_operation_begins_only_where_the_money_is(kind, status):
    of = SAMPLES[status]
    assert of.payment_status is status
    if status in MAY[kind]:
        assert begun(of, operation(kind)).operation == operation(kind)
    else:
        said = "is under way" if of.operation else f"A booking that is {status} cannot {kind} anything"
        with pytest.raises(Conflict, match=said):
            begun(of, operation(kind))


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        (Kind.AUTHORIZE, scheduled()),
        (Kind.AUTHORIZE, refused()),
        (Kind.AUTHORIZE, lapsed()),
        (Kind.SCHEDULE, scheduled()),
        (Kind.RENEW, held()),
    ],
)
@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.OPEN])
def test_a_card_is_asked_for_nothing_once_the_booking_is_closed(kind, of, outcome):
    assert begun(of, operation(kind)).operation is not None
    closed = replace(of, outcome=outcome)
    refused = closed.payment_status not in MAY[kind]
    with pytest.raises(Conflict, match="cannot" if refused else f"The booking is closed: {outcome}."):
        begun(closed, operation(kind))


@pytest.mark.parametrize("first", list(Kind))
@pytest.mark.parametrize("second", list(Kind))
def test_there_is_one_operation_at_a_time(first, second):
    with pytest.raises(Conflict, match="Another operation on this booking is under way"):
        begun(under_way(first), operation(second, superseded=True))


@pytest.mark.parametrize("status", [each for each in SAMPLES if each is not Status.AUTHORIZING])
def test_a_superseded_hold_can_be_dropped_from_anywhere(status):
    assert begun(SAMPLES[status], OF_SUPERSEDED).payment_status is status


def test_beginning_again_is_no_longer_put_off_but_remembers_what_failed():
    tried = begun(held(retry_at=START, attempts=3), operation(Kind.CAPTURE))

    assert (tried.retry_at, tried.attempts) == (None, 3)


# --- refunds and disputes ---------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["re_1", "re_2", "re_3"]), st.sampled_from(list(RefundStatus))), max_size=12))
def test_each_refund_is_known_once_in_the_order_of_arrival_with_its_last_status(news):
    of = captured()
    for refund_id, status in news:
        of = with_refund(of, refund(1000, status, refund_id=refund_id))

    assert [each.refund_id for each in of.refunds] == list(dict.fromkeys(refund_id for refund_id, _ in news))
    assert {each.refund_id: each.status for each in of.refunds} == dict(news)


@given(st.lists(st.tuples(st.sampled_from(["du_1", "du_2"]), st.sampled_from(["needs_response", "won"])), max_size=8))
def test_each_dispute_is_known_once_with_its_last_status(news):
    of = captured()
    for dispute_id, status in news:
        of = with_dispute(of, dispute(status, dispute_id=dispute_id))

    assert {each.dispute_id: each.status for each in of.disputes} == dict(news)
    assert len(of.disputes) == len(dict(news))
    assert all(isinstance(each, Dispute) for each in of.disputes)


def test_secrets_are_not_printed():
    assert "pi_1_secret_1" not in repr(hold(HoldState.ACTION_REQUIRED))
    assert "seti_1_secret_1" not in repr(setup(SetupState.ACTION_REQUIRED))
