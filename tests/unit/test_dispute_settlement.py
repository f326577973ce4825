"""What became of an answer to a dispute: taken, refused, or not known yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.dispute import DisputeResponse, ResponseKind
from holdfast.dispute_settlement import NotTaken, Taken, postponed, settled
from holdfast.log import Entry
from tests.unit.builders import DAY, END, HOUR, MINUTE, captured, dispute

NOW = END
WAITS = dispute(due_by=END + 9 * DAY, operation_id=None)
SUBMIT = DisputeResponse(
    operation_id="dr_1",
    kind=ResponseKind.SUBMIT,
    dispute_id="du_1",
    started_at=END,
    lease_until=END + MINUTE,
    sequence=7,
    evidence_hash="hash",
    request_key="request#1",
)
ACCEPT = replace(SUBMIT, kind=ResponseKind.ACCEPT, evidence_hash=None)


def answering(response=SUBMIT, **changes):
    return captured(**({"disputes": (WAITS,), "dispute_response": response} | changes))


def test_evidence_that_was_taken_is_remembered_with_its_dispute():
    seen = replace(WAITS, status="under_review", operation_id="dr_1")

    after, lines = settled(answering(), SUBMIT, Taken(seen), NOW)

    assert after.dispute_response is None
    assert after.disputes == (replace(seen, submitted_at=NOW, evidence_hash="hash"),)
    assert [(line.kind, line.status, line.operation_id) for line in lines] == [
        ("evidence", "succeeded", "dr_1"),
        ("dispute", "under_review", None),
    ]
    assert lines[0] == Entry(
        kind="evidence",
        status="succeeded",
        actor="staff",
        operation_id="dr_1",
        stripe_id="du_1",
        details={"evidence_hash": "hash"},
    )


def test_an_answer_to_a_dispute_that_the_booking_has_not_heard_of_brings_it_in():
    seen = replace(WAITS, status="under_review", operation_id="dr_1")

    after, lines = settled(answering(disputes=()), SUBMIT, Taken(seen), NOW)

    assert after.disputes == (seen,)
    assert [(line.kind, line.status) for line in lines] == [("evidence", "succeeded"), ("dispute", "under_review")]


def test_an_event_of_stripe_s_that_was_faster_leaves_only_our_own_line():
    told_before = replace(WAITS, status="under_review", operation_id="dr_1")

    after, lines = settled(answering(disputes=(told_before,)), SUBMIT, Taken(told_before), NOW)

    assert [(line.kind, line.status) for line in lines] == [("evidence", "succeeded")]
    assert after.disputes[0].submitted_at == NOW


def test_a_dispute_that_was_given_up_is_lost():
    after, lines = settled(answering(ACCEPT), ACCEPT, Taken(replace(WAITS, status="lost")), NOW)

    assert (after.disputes[0].status, after.disputes[0].submitted_at) == ("lost", None)
    assert [(line.kind, line.status) for line in lines] == [("dispute_accept", "succeeded"), ("dispute", "lost")]


@pytest.mark.parametrize("attention", ["dispute_due", "dispute_answer_in_doubt", "dispute_answer_refused"])
def test_what_was_taken_leaves_the_staff_s_list(attention):
    of = answering(attention=attention, attention_since=END)

    after, _ = settled(of, SUBMIT, Taken(replace(WAITS, status="under_review")), NOW)

    assert after.attention is None


def test_what_has_nothing_to_do_with_the_dispute_stays_there():
    of = answering(attention="refund_failed", attention_since=END)

    after, _ = settled(of, SUBMIT, Taken(replace(WAITS, status="under_review")), NOW)

    assert after.attention == "refund_failed"


def test_what_stripe_refuses_is_put_before_staff_while_the_dispute_still_waits():
    after, (line,) = settled(answering(), SUBMIT, NotTaken("invalid_request", "Too long.", WAITS), NOW)

    assert after.dispute_response is None
    assert (after.attention, after.attention_since) == ("dispute_answer_refused", NOW)
    assert line == Entry(
        kind="evidence",
        status="failed",
        actor="staff",
        operation_id="dr_1",
        reason="invalid_request",
        stripe_id="du_1",
        details={"message": "Too long."},
    )


def test_an_answer_of_somebody_else_s_is_taken_in_and_nobody_has_to_look():
    seen = replace(WAITS, status="under_review")

    after, lines = settled(answering(), SUBMIT, NotTaken("answered_elsewhere", "It is.", seen), NOW)

    assert (after.disputes, after.attention) == ((seen,), None)
    assert after.disputes[0].submitted_at is None
    assert [(line.kind, line.status) for line in lines] == [("evidence", "failed"), ("dispute", "under_review")]


@pytest.mark.parametrize("verdict", [Taken, lambda seen: NotTaken("answered_elsewhere", "It is.", seen)])
def test_a_dispute_that_is_over_and_bars_the_refund_of_a_cancelled_event_is_for_staff_from_now_on(verdict):
    over = replace(WAITS, status="won", refundable=False)

    after, _ = settled(answering(event_cancelled_at=END - DAY), SUBMIT, verdict(over), NOW)

    assert (after.attention, after.attention_since) == ("refund_owed", NOW)


def test_a_refusal_that_tells_nothing_of_the_dispute_leaves_it_as_it_was():
    after, lines = settled(answering(), SUBMIT, NotTaken("resource_missing", "No such dispute.", None), NOW)

    assert (after.disputes, after.attention, len(lines)) == ((WAITS,), "dispute_answer_refused", 1)


def test_tries_that_learn_nothing_come_later_and_later_and_in_the_end_reach_staff():
    of, pauses = answering(), []
    for _ in range(8):
        assert of.dispute_response is not None
        of = postponed(of, of.dispute_response, NOW)
        assert of.dispute_response is not None
        pauses.append(of.dispute_response.lease_until - NOW)
        expected = ("dispute_answer_in_doubt", NOW) if len(pauses) >= 7 else (None, None)
        assert (of.attention, of.attention_since) == expected

    assert pauses[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert max(pauses) <= 6 * HOUR


def test_no_pause_is_longer_than_a_quarter_of_the_time_that_is_left():
    soon = replace(WAITS, due_by=NOW + 40 * MINUTE)
    tried = replace(SUBMIT, tries=9)

    for left, pause in ((40, 10 * MINUTE), (2, MINUTE), (1, MINUTE)):
        now = NOW + (40 - left) * MINUTE
        after = postponed(answering(tried, disputes=(soon,)), tried, now)
        assert after.dispute_response is not None
        assert after.dispute_response.lease_until - now == pause


@pytest.mark.parametrize("disputes", [(replace(WAITS, due_by=NOW - DAY),), (replace(WAITS, due_by=NOW),), ()])
def test_after_the_deadline_or_where_none_is_known_the_pauses_are_as_usual(disputes):
    tried = replace(SUBMIT, tries=20)

    after = postponed(answering(tried, disputes=disputes), tried, NOW)

    assert after.dispute_response is not None
    assert after.dispute_response.lease_until - NOW == 6 * HOUR
