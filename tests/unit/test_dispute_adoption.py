"""Disputes are taken in once, in any order, with one line for each thing that happened."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from holdfast.booking import Status
from holdfast.dispute_adoption import observe_dispute
from tests.unit.builders import DAY, END, HOUR, PRICE, START, captured, dispute, refund

NOW = START
OPENED = dispute(
    due_by=END, currency="eur", charge_id="ch_1", refundable=False, withdrawn=5000, fees=1500, balance_currency="eur"
)
INQUIRY = dispute("warning_needs_response", due_by=END, currency="eur", refundable=True)


def told(of, seen):
    after, entries = observe_dispute(of, seen, NOW)
    return after, [(entry.status, entry.details["step"], entry.amount) for entry in entries]


def test_a_dispute_and_the_money_that_it_took_are_two_lines():
    after, entries = observe_dispute(captured(), OPENED, NOW)

    assert (after.disputes, after.payment_status) == ((OPENED,), Status.DISPUTED)
    opened, withdrawn = entries
    assert (opened.kind, opened.status, opened.actor, opened.amount) == ("dispute", "needs_response", "stripe", 5000)
    assert (opened.reason, opened.stripe_id) == ("fraudulent", "du_1")
    assert opened.details == {
        "step": "opened",
        "due_by": "2026-11-23T22:00:00Z",
        "charge_id": "ch_1",
        "network_reason_code": None,
        "refundable": False,
    }
    assert (withdrawn.kind, withdrawn.status, withdrawn.amount) == ("dispute", "funds_withdrawn", 5000)
    assert withdrawn.details == {"step": "funds_withdrawn", "amount": 5000, "currency": "eur", "fee": 1500}


STEPS = [
    (OPENED, replace(OPENED, status="under_review"), [("under_review", "answered", 5000)]),
    (OPENED, replace(OPENED, due_by=END + DAY), [("needs_response", "updated", 5000)]),
    (
        replace(OPENED, status="under_review"),
        replace(OPENED, status="won", reinstated=5000),
        [("won", "closed", 5000), ("funds_reinstated", "funds_reinstated", 5000)],
    ),
    (replace(OPENED, status="under_review"), replace(OPENED, status="lost"), [("lost", "closed", 5000)]),
    (
        INQUIRY,
        replace(OPENED, due_by=END + DAY),
        [("needs_response", "escalated", 5000), ("funds_withdrawn", "funds_withdrawn", 5000)],
    ),
    (INQUIRY, replace(INQUIRY, status="warning_closed"), [("warning_closed", "closed", 5000)]),
    (
        replace(OPENED, withdrawn=0, fees=0, balance_currency=None),
        OPENED,
        [("funds_withdrawn", "funds_withdrawn", 5000)],
    ),
    (OPENED, replace(OPENED, reinstated=5000), [("funds_reinstated", "funds_reinstated", 5000)]),
    (OPENED, replace(OPENED, fees=0), [("needs_response", "updated", 5000)]),
]


@pytest.mark.parametrize(("known", "seen", "lines"), STEPS)
def test_each_step_is_a_line_that_says_which(known, seen, lines):
    after, found = told(captured(disputes=(known,)), seen)

    assert found == lines
    assert after.disputes == (seen,)
    assert observe_dispute(after, seen, NOW) == (after, [])


def test_one_that_was_over_before_we_heard_of_it_is_closed_at_once_with_its_money():
    _, found = told(captured(), replace(OPENED, status="won", reinstated=5000))

    assert found == [
        ("won", "closed", 5000),
        ("funds_withdrawn", "funds_withdrawn", 5000),
        ("funds_reinstated", "funds_reinstated", 5000),
    ]


def test_amounts_in_another_currency_than_the_booking_s_stand_beside_their_currency_only():
    seen = replace(OPENED, currency="usd", amount=5400, balance_currency="usd", withdrawn=5400)

    _, (opened, withdrawn) = observe_dispute(captured(), seen, NOW)

    assert (opened.amount, opened.details["disputed"]) == (None, {"amount": 5400, "currency": "usd"})
    assert (withdrawn.amount, withdrawn.details["amount"], withdrawn.details["currency"]) == (None, 5400, "usd")


def test_what_we_sent_is_remembered_while_the_bank_looks_at_it_and_not_when_it_asks_again():
    sent = replace(INQUIRY, status="warning_under_review", submitted_at=NOW, evidence_hash="h", operation_id="dr_1")
    closed, _ = observe_dispute(captured(disputes=(sent,)), replace(sent, status="warning_closed"), NOW)
    asked_again, _ = observe_dispute(captured(disputes=(sent,)), replace(OPENED, due_by=END + DAY), NOW)

    assert closed.disputes[0].submitted_at == NOW
    assert closed.disputes[0].evidence_hash == "h"
    assert asked_again.disputes[0].submitted_at is None


LIFE = [INQUIRY, OPENED, replace(OPENED, status="under_review"), replace(OPENED, status="won", reinstated=5000)]


def test_looks_at_any_steps_in_any_number_end_in_one_state():
    only_the_end, _ = observe_dispute(captured(), LIFE[-1], NOW)

    for length in range(len(LIFE)):
        for looked_at in itertools.combinations(LIFE, length):
            after, money = captured(), []
            for seen in (*looked_at, LIFE[-1], LIFE[-1]):
                after, entries = observe_dispute(after, seen, NOW)
                money += [(entry.status, entry.amount) for entry in entries if entry.status.startswith("funds_")]
            assert after == only_the_end
            assert money == [("funds_withdrawn", 5000), ("funds_reinstated", 5000)], looked_at


@pytest.mark.parametrize("status", ["under_review", "won", "lost"])
def test_a_dispute_that_waits_no_more_leaves_the_staff_s_list(status):
    of = captured(disputes=(OPENED,), attention="dispute_due", attention_since=NOW)

    after, _ = observe_dispute(of, replace(OPENED, status=status), NOW)

    assert (after.attention, after.attention_since) == (None, None)


def test_one_that_still_waits_keeps_it_there():
    other = replace(OPENED, dispute_id="du_2")
    of = captured(disputes=(OPENED, other), attention="dispute_due", attention_since=NOW)

    after, _ = observe_dispute(of, replace(OPENED, status="under_review"), NOW)

    assert after.attention == "dispute_due"


@pytest.mark.parametrize(
    ("status", "refundable", "changes", "attention"),
    [
        ("won", False, {}, "refund_owed"),
        ("won", True, {}, None),  # the clock refunds it
        ("lost", False, {}, None),  # the bank gave it back already
        ("won", False, {"refunds": (refund(PRICE.amount),)}, None),
        ("won", False, {"event_cancelled_at": None}, None),
        ("won", False, {"attention": "refund_failed"}, "refund_failed"),
    ],
)
def test_what_a_cancelled_event_owes_and_stripe_will_not_refund_is_put_before_staff(
    status, refundable, changes, attention
):
    of = captured(**({"event_cancelled_at": NOW - HOUR, "disputes": (OPENED,)} | changes))

    after, _ = observe_dispute(of, replace(OPENED, status=status, refundable=refundable), NOW)

    assert after.attention == attention
