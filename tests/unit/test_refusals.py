"""What was refused or given up: since when staff have to look, what is still to be dropped, what the log says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, Kind, Outcome
from holdfast.hold_settlement import declined, refused, with_saved_card
from holdfast.log import Entry
from holdfast.movements import Begin, Close, derivation
from holdfast.next_step import LookAgain, next_step
from holdfast.no_show import settles_at
from holdfast.policy import resolve
from holdfast.settlement import Refused, settled
from tests.unit.builders import (
    BOOKED,
    HOUR,
    MINUTE,
    PRICE,
    SECOND,
    SETTLES,
    START,
    booking,
    captured,
    decline,
    dispute,
    event,
    held,
    hold,
    lapsed,
    operation,
    scheduled,
    seen,
    setup,
    under_way,
    waiting_for_3ds,
)

NOW = BOOKED + 10 * SECOND
CLOCKS = operation(Kind.AUTHORIZE, off_session=True, actor="clock", reason="scheduled")
ATTENDANCE = derivation(lapsed(checked_in_at=START), "attendance", SETTLES)
UNUSED = operation(Kind.RELEASE, superseded=True, payment_intent_id="pi_8")


def test_a_renewal_that_failed_is_before_staff_from_then_on():
    stolen = decline("card_declined", "stolen_card")

    after, _ = declined(held(), operation(Kind.RENEW), stolen, None, NOW)

    assert (after.attention, after.attention_since) == ("renewal_failed", NOW)


def test_a_hold_that_stripe_will_not_place_is_before_staff_from_then_on():
    after, _ = refused(scheduled(), CLOCKS, "resource_missing", "No such card", NOW)

    assert (after.attention, after.attention_since) == ("hold_refused", NOW)


@pytest.mark.parametrize(
    ("status", "attention", "superseded", "drop_after"),
    [
        ("succeeded", "unused_authorization_captured", ("pi_9",), None),
        ("canceled", None, ("pi_9",), None),
        ("requires_capture", "refused_by_stripe", ("pi_8", "pi_9"), NOW + MINUTE),
    ],
)
def test_an_authorization_that_nobody_uses_and_that_is_not_let_go(status, attention, superseded, drop_after):
    busy = held(superseded=("pi_8", "pi_9"), drop_after=BOOKED, operation=UNUSED)

    after, lines = settled(busy, UNUSED, Refused("odd", "no", seen(status, id="pi_8")), NOW)

    assert (after.attention, after.attention_since) == (attention, NOW if attention else None)
    assert (after.superseded, after.drop_after) == (superseded, drop_after)
    assert lines == [
        Entry(
            kind="release",
            status="failed",
            actor="staff",
            amount=UNUSED.amount,
            operation_id=UNUSED.operation_id,
            reason="odd",
            stripe_id="pi_8",
            details={"message": "no"},
        )
    ]


@pytest.mark.parametrize("shown", [None, seen()])
def test_what_stripe_refuses_is_before_staff_from_then_on(shown):
    busy = under_way(Kind.CAPTURE, outcome=Outcome.COMPLETED)
    assert busy.operation is not None

    after, _ = settled(busy, busy.operation, Refused("odd", "no", shown), NOW)

    assert (after.attention, after.attention_since) == ("refused_by_stripe", NOW)


def test_a_refund_that_the_cancelled_event_asks_for_comes_again():
    busy = under_way(Kind.REFUND, outcome=Outcome.EVENT_CANCELLED)
    assert busy.operation is not None

    after, _ = settled(busy, busy.operation, Refused("odd", "no", seen("succeeded")), NOW)

    assert (after.attempts, after.retry_at) == (1, NOW + MINUTE)


def test_a_hold_that_is_gone_when_a_cancellation_lets_it_go_leaves_the_time_of_the_cancellation():
    busy = under_way(Kind.RELEASE, outcome=Outcome.CANCELLED)
    assert busy.operation is not None

    after, _ = settled(busy, busy.operation, Refused("odd", "gone", seen("canceled")), NOW)

    assert (after.outcome, after.cancelled_at) == (Outcome.CANCELLED, NOW)


def test_a_hold_that_waits_for_its_customer_is_dropped_where_another_card_is_saved():
    other = setup(payment_method_id="pm_2")
    waiting = waiting_for_3ds(mend_by=START, superseded=("pi_0",), voided=3, declined_because="stolen_card")

    after = with_saved_card(waiting, other)

    assert after == booking(
        setup=other, payment_method_id="pm_2", card_brand="visa", superseded=("pi_0", "pi_1"), voided=0
    )


def test_a_hold_that_stands_and_its_renewal_stay_where_another_card_is_saved():
    renewal = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2")
    before = held(renewal=renewal, superseded=("pi_0",))

    after = with_saved_card(before, setup())

    assert after == replace(before, setup=setup(), card_brand="visa")


@pytest.mark.parametrize("of", [held, lapsed])
def test_whoever_came_to_what_is_paid_on_the_spot_is_done_with(of):
    came = of(checked_in_at=START, policy=resolve({"capture_on_attendance": False}))

    step = next_step(came, event(checked_in=1), settles_at(came))

    if of is held:
        assert isinstance(step, Begin)
        assert (step.kind, step.reason, step.outcome) == (Kind.RELEASE, "attended", Outcome.COMPLETED)
    else:
        assert step == Close(Outcome.COMPLETED, "attended")


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (
            {"next_try_at": None},
            Begin(kind=Kind.AUTHORIZE, amount=PRICE.amount, reason="attended", off_session=True, details=ATTENDANCE),
        ),
        (
            {"refused_card": "pm_1"},
            Close(Outcome.COMPLETED, "attended", attention="fee_not_collected", details=ATTENDANCE),
        ),
        ({"next_try_at": SETTLES + HOUR}, LookAgain(SETTLES + HOUR)),
    ],
)
def test_whoever_came_without_a_hold_is_charged_as_soon_as_the_card_may_be_asked(facts, step):
    came = lapsed(checked_in_at=START, **facts)

    assert next_step(came, event(checked_in=1), SETTLES) == step


def test_a_cent_that_a_cancelled_event_cannot_send_back_is_for_staff():
    paid = captured(1, outcome=Outcome.OPEN, event_cancelled_at=START, disputes=(dispute(),))

    assert next_step(paid, event(), START) == Close(Outcome.EVENT_CANCELLED, "event_cancelled", attention="refund_owed")
