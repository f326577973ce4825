"""What a settled capture, release or refund leaves behind: which object its line names, and what staff have to see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import Booking, Kind, Outcome, RefundStatus
from holdfast.settlement import Captured, Refunded, Released, settled
from tests.unit.builders import (
    BOOKED,
    HELD,
    PRICE,
    SECOND,
    held,
    hold,
    intent,
    operation,
    stripe_refund,
    under_way,
)

NOW = BOOKED + 10 * SECOND


def settle(of: Booking, verdict):
    assert of.operation is not None
    return settled(of, of.operation, verdict, NOW)


def releasing(**changes):
    return held(operation=operation(Kind.RELEASE, **changes.pop("by", {})), **changes)


# --- captures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "kept"), [("ch_9", "ch_9"), (None, "ch_1")])
def test_a_capture_names_its_payment_intent_and_knows_the_charge(told, kept):
    after, (line,) = settle(under_way(Kind.CAPTURE), Captured(intent("succeeded", charge_id=told)))

    assert line.stripe_id == "pi_1"
    assert after.hold is not None
    assert after.hold.charge_id == kept


@pytest.mark.parametrize(
    ("outcome", "left"),
    [
        (Outcome.NO_SHOW, (Outcome.OPEN, 0)),
        (Outcome.COMPLETED, (Outcome.OPEN, 0)),
        (Outcome.CANCELLED, (Outcome.CANCELLED, PRICE.amount)),
    ],
)
def test_whoever_was_cancelled_while_the_clock_charged_them_is_answered_next(outcome, left):
    """The booking stays open, so that what the wish does not owe goes back; and staff keep what they knew of it."""
    busy = replace(
        under_way(Kind.CAPTURE, outcome=outcome, fee=PRICE.amount),
        cancel_requested_at=BOOKED,
        attention="kept_without_hold",
    )

    after, _ = settle(busy, Captured(intent("succeeded")))

    assert (after.outcome, after.fee, after.captured) == (*left, PRICE.amount)
    assert after.attention == ("kept_without_hold" if after.is_open else None)


@pytest.mark.parametrize(
    ("blocked", "agreed", "taken", "actor", "attention"),
    [
        (3000, HELD, 3000, "clock", "captured_less_than_owed"),
        (3000, HELD, 3000, "staff", None),  # their own word
        (3000, HELD, 2000, "clock", None),  # a fee that was smaller than the hold
        (PRICE.amount, HELD, PRICE.amount, "clock", None),  # all that is owed
        (3000, 3000, 3000, "clock", None),  # a hold of less than the price was agreed
    ],
)
def test_staff_hear_of_a_hold_that_was_too_small_for_what_the_clock_would_have_taken(
    blocked, agreed, taken, actor, attention
):
    busy = replace(
        under_way(Kind.CAPTURE, actor=actor, outcome=Outcome.COMPLETED), hold=hold(amount=blocked), hold_amount=agreed
    )

    after, _ = settle(busy, Captured(intent("succeeded", amount_received=taken)))

    assert (after.attention, after.attention_since) == (attention, NOW if attention else None)


@pytest.mark.parametrize(
    ("outcome", "facts", "attention"),
    [
        (Outcome.NO_SHOW, {"moved_at": BOOKED - SECOND}, None),
        (Outcome.NO_SHOW, {"moved_at": BOOKED}, "moved_after_no_show_capture"),
        (Outcome.NO_SHOW, {"moved_at": NOW, "checked_in_at": NOW}, "moved_after_no_show_capture"),
        (Outcome.NO_SHOW, {"checked_in_at": NOW}, "checked_in_after_no_show_capture"),
        (Outcome.NO_SHOW, {"waived_at": NOW}, "waived_after_no_show_capture"),
        (Outcome.COMPLETED, {"moved_at": NOW}, None),
    ],
)
def test_staff_hear_since_when_a_fee_was_charged_that_should_not_have_been(outcome, facts, attention):
    busy = replace(under_way(Kind.CAPTURE, outcome=outcome), **facts)

    after, _ = settle(busy, Captured(intent("succeeded")))

    assert (after.attention, after.attention_since) == (attention, NOW if attention else None)


# --- releases ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("superseded", [True, False])
def test_a_release_names_its_payment_intent(superseded):
    busy = releasing(superseded=("pi_1",), drop_after=NOW, by={"superseded": superseded})

    after, (line,) = settle(busy, Released(intent("canceled")))

    assert line.stripe_id == "pi_1"
    assert after.drop_after == (None if superseded else NOW)


@pytest.mark.parametrize("outcome", [Outcome.NO_SHOW, Outcome.WAIVED, Outcome.COMPLETED])
def test_whoever_came_while_the_hold_was_let_go_for_their_absence_is_put_before_staff(outcome):
    busy = releasing(checked_in_at=NOW, by={"outcome": outcome})

    after, _ = settle(busy, Released(intent("canceled")))

    missed = outcome is not Outcome.COMPLETED
    assert (after.attention, after.attention_since) == (
        ("checked_in_during_release", BOOKED) if missed else (None, None)
    )


def test_whoever_did_not_come_is_let_go_and_nobody_has_to_look():
    after, _ = settle(releasing(by={"outcome": Outcome.NO_SHOW}), Released(intent("canceled")))

    assert after.attention is None


# --- refunds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [RefundStatus.SUCCEEDED, RefundStatus.FAILED])
def test_a_refund_is_what_stripe_says_it_is(status):
    after, (line,) = settle(under_way(Kind.REFUND, amount=1000), Refunded(stripe_refund(999, status)))

    assert line.amount == 999
    failed = status is RefundStatus.FAILED
    assert (after.attention, after.attention_since) == (("refund_failed", NOW) if failed else (None, None))
