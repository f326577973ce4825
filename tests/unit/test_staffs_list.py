"""What a person has to look at: the first reason stays until it is seen to, and then the facts say what is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import Outcome, RefundStatus
from holdfast.staffs_list import cleared, noticed, resolved
from tests.unit.builders import DAY, END, START, captured, held, refund

LATER = END + DAY
CONTESTED = held(contested_at=END)
# Cancelled for nothing, and 50.00 EUR are here still.
OWED = captured(outcome=Outcome.CANCELLED)
CAME_BACK = replace(OWED, refunds=(replace(refund(5000, RefundStatus.FAILED), reason="event_cancelled"),))
# The organiser cancelled, and the clock sends it back.
BEING_SENT = replace(OWED, event_cancelled_at=START)
NOTHING_LEFT = held()


def listed(booking, reason="hold_lost"):
    return replace(booking, attention=reason, attention_since=END)


def test_whatever_is_noticed_first_stays_with_its_time():
    first = noticed(NOTHING_LEFT, "fee_not_collected", END)

    assert first == listed(NOTHING_LEFT, "fee_not_collected")
    assert noticed(first, "refund_owed", LATER) == first
    assert noticed(first, None, LATER) == first
    assert noticed(NOTHING_LEFT, None, LATER) == NOTHING_LEFT


LEFT = pytest.mark.parametrize(
    ("booking", "left"),
    [
        (NOTHING_LEFT, None),
        (CONTESTED, "no_show_contested"),
        (replace(CONTESTED, outcome=Outcome.NO_SHOW), None),
        (OWED, "refund_owed"),
        (CAME_BACK, "refund_failed"),
        (BEING_SENT, None),
    ],
)


@LEFT
def test_what_is_cleared_makes_place_for_what_the_facts_leave_and_keeps_its_time(booking, left):
    gone = replace(booking, attention=left, attention_since=END if left else None)

    assert cleared(listed(booking), frozenset({"hold_lost"})) == gone
    assert cleared(listed(booking), frozenset({"another"})) == listed(booking)


@LEFT
def test_what_a_person_has_seen_to_makes_place_for_another_reason(booking, left):
    gone = replace(booking, attention=left, attention_since=END if left else None)

    assert resolved(listed(booking)) == gone


@pytest.mark.parametrize(("booking", "reason"), [(CONTESTED, "no_show_contested"), (OWED, "refund_owed")])
def test_a_reason_that_a_person_has_seen_to_does_not_come_back_at_once(booking, reason):
    assert resolved(listed(booking, reason)) == booking
    assert cleared(listed(booking, reason), frozenset({reason})) == listed(booking, reason)
