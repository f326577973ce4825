"""What a dispute stands in the way of, and which answer it takes, for every status that Stripe has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stripe

from holdfast.dispute import Dispute, most_urgent
from tests.unit.builders import DAY, END, HOUR, dispute

#   status: (in payment_status, bars refunds, inquiry, closed, awaits an answer, takes evidence)
STATUSES = {
    "needs_response": (True, True, False, False, True, True),
    "under_review": (True, True, False, False, False, False),
    "won": (False, False, False, True, False, False),
    "lost": (True, True, False, True, False, False),
    "prevented": (False, False, False, True, False, False),
    "warning_needs_response": (False, False, True, False, True, True),
    "warning_under_review": (False, False, True, False, False, False),
    "warning_closed": (False, False, True, True, False, False),
    "appeal_needs_response": (True, True, False, False, True, False),
    "appeal_under_review": (True, True, False, False, False, False),
    "a_word_from_next_year": (True, True, False, False, False, False),
}


SDK = Path(stripe.__file__).parent / "_dispute.py"


def shown(of: Dispute) -> tuple[bool, ...]:
    return of.weighs, of.bars_refunds, of.is_inquiry, of.is_closed, of.awaits_answer, of.takes_evidence


@pytest.mark.parametrize("status", STATUSES)
def test_what_a_status_means(status):
    assert shown(dispute(status)) == STATUSES[status]


def test_every_status_of_the_pinned_sdk_has_been_thought_of():
    words = re.search(r"Literal\[\s*(\"appeal_needs_response\"[^]]*)\]", SDK.read_text())
    assert words is not None

    assert set(re.findall(r'"(\w+)"', words[1])) == set(STATUSES) - {"a_word_from_next_year"}


@pytest.mark.parametrize(
    ("status", "refundable", "bars"),
    [
        ("warning_needs_response", True, False),
        ("warning_needs_response", False, True),
        ("won", False, True),
        ("won", True, False),
        ("needs_response", True, True),
        ("lost", None, True),
    ],
)
def test_stripe_s_own_word_on_refunds_can_only_forbid_more(status, refundable, bars):
    assert dispute(status, refundable=refundable).bars_refunds is bars


URGENCY = [
    ([], None),
    ([dispute("won")], "du_1"),
    ([dispute("needs_response", due_by=END), dispute("needs_response", dispute_id="du_2", due_by=END - HOUR)], "du_2"),
    ([dispute("needs_response", dispute_id="du_2"), dispute("needs_response", due_by=END + DAY)], "du_1"),
    ([dispute("needs_response"), dispute("under_review", dispute_id="du_2")], "du_1"),
    ([dispute("under_review"), dispute("lost", dispute_id="du_2")], "du_1"),
    ([dispute("warning_closed"), dispute("lost", dispute_id="du_2")], "du_2"),
]


@pytest.mark.parametrize(("disputes", "chosen"), URGENCY)
def test_staff_who_name_none_mean_the_one_whose_answer_is_due_first(disputes, chosen):
    found = most_urgent(disputes)

    assert (found.dispute_id if found else None) == chosen
