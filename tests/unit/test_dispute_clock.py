"""A deadline comes before staff two days ahead, once; an answer left behind is finished; money puts neither off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import Kind
from holdfast.dispute import DisputeResponse, ResponseKind
from holdfast.dispute_clock import NEAR, answer_due_by, answer_is_due, deadlines_noticed, dispute_due_at
from holdfast.log import Entry
from holdfast.next_step import due_at
from tests.unit.builders import DAY, END, HOUR, PRICE, SECOND, captured, dispute, operation

DUE = END + 9 * DAY
ALERT = DUE - NEAR
WAITING = captured(disputes=(dispute(due_by=DUE),))
RESPONSE = DisputeResponse(
    operation_id="dr_1",
    kind=ResponseKind.SUBMIT,
    dispute_id="du_1",
    started_at=END,
    lease_until=END + HOUR,
    sequence=7,
)


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (captured(), None),
        (WAITING, ALERT),
        (captured(disputes=(dispute("warning_needs_response", due_by=DUE),)), ALERT),
        (captured(disputes=(dispute("appeal_needs_response", due_by=DUE),)), ALERT),
        (captured(disputes=(dispute("under_review", due_by=DUE),)), None),
        (captured(disputes=(dispute("won", due_by=DUE),)), None),
        (captured(disputes=(dispute(),)), None),
        (captured(disputes=(dispute(due_by=DUE), dispute(dispute_id="du_2", due_by=DUE - DAY))), ALERT - DAY),
        (replace(WAITING, dispute_response=RESPONSE), END + HOUR),
    ],
)
def test_when_the_clock_has_to_look(of, at):
    assert dispute_due_at(of) == due_at(of) == at


def test_money_that_waits_for_a_retry_puts_no_deadline_off():
    busy = replace(WAITING, operation=operation(Kind.REFUND, lease_until=END), retry_at=DUE + DAY)

    assert due_at(busy) == ALERT


def test_money_that_is_due_first_is_due_first():
    busy = replace(WAITING, operation=operation(Kind.REFUND, lease_until=END))

    assert due_at(busy) == END


def test_two_days_before_the_deadline_staff_get_it_on_their_list_and_the_log_says_so():
    assert deadlines_noticed(WAITING, ALERT - SECOND) == (WAITING, [])

    after, (line,) = deadlines_noticed(WAITING, ALERT)

    assert (after.attention, after.attention_since) == ("dispute_due", ALERT)
    assert line == Entry(
        kind="dispute",
        status="needs_response",
        actor="clock",
        amount=PRICE.amount,
        reason="fraudulent",
        stripe_id="du_1",
        details={"step": "deadline_near", "due_by": "2026-12-02T22:00:00Z"},
    )


@pytest.mark.parametrize(("currency", "amount"), [(None, 5000), ("eur", 5000), ("usd", None)])
def test_the_line_has_the_amount_if_it_is_in_the_currency_of_the_booking(currency, amount):
    _, (line,) = deadlines_noticed(captured(disputes=(dispute(due_by=DUE, currency=currency),)), ALERT)

    assert line.amount == amount


def test_a_deadline_that_is_far_away_hides_no_other_behind_it():
    both = captured(disputes=(dispute(due_by=DUE + DAY), dispute(dispute_id="du_2", due_by=DUE)))

    after, (line,) = deadlines_noticed(both, ALERT)

    assert line.stripe_id == "du_2"
    assert dispute_due_at(after) == ALERT + DAY


def test_a_dispute_without_a_deadline_hides_none_behind_it():
    both = captured(disputes=(dispute(), dispute(dispute_id="du_2", due_by=DUE)))

    _, lines = deadlines_noticed(both, ALERT)

    assert [line.stripe_id for line in lines] == ["du_2"]
    assert dispute_due_at(both) == ALERT


def test_it_is_told_once_however_often_the_clock_looks():
    after, _ = deadlines_noticed(WAITING, ALERT)

    assert dispute_due_at(after) is None
    assert deadlines_noticed(after, DUE + DAY) == (after, [])


def test_a_clock_that_was_down_tells_it_late():
    after, lines = deadlines_noticed(WAITING, DUE + DAY)

    assert (after.attention, len(lines), dispute_due_at(after)) == ("dispute_due", 1, None)


def test_another_deadline_of_the_same_dispute_is_told_again():
    after, _ = deadlines_noticed(WAITING, ALERT)
    escalated = replace(after, disputes=(dispute(due_by=DUE + 9 * DAY),))

    assert dispute_due_at(escalated) == ALERT + 9 * DAY
    assert len(deadlines_noticed(escalated, ALERT + 9 * DAY)[1]) == 1


def test_a_reason_that_stands_on_the_list_already_stays_and_the_deadline_is_logged_all_the_same():
    after, lines = deadlines_noticed(replace(WAITING, attention="refund_failed", attention_since=END), ALERT)

    assert (after.attention, after.attention_since, len(lines)) == ("refund_failed", END, 1)
    assert dispute_due_at(after) is None


@pytest.mark.parametrize(("now", "due"), [(END + HOUR - SECOND, False), (END + HOUR, True)])
def test_an_answer_is_somebody_else_s_to_finish_once_its_lease_is_over(now, due):
    assert answer_is_due(replace(WAITING, dispute_response=RESPONSE), now) is due
    assert not answer_is_due(WAITING, now)


@pytest.mark.parametrize(
    ("disputes", "due_by"),
    [
        ((), None),
        ((dispute(due_by=DUE),), DUE),
        ((dispute("lost", due_by=END), dispute(dispute_id="du_2", due_by=DUE)), DUE),
        ((dispute("warning_needs_response", due_by=END), dispute(dispute_id="du_2", due_by=DUE)), END),
        ((dispute(),), None),
    ],
)
def test_the_listing_is_by_the_nearest_deadline_that_can_still_be_met(disputes, due_by):
    assert answer_due_by(captured(disputes=disputes)) == due_by
