"""Each difference whole: of which booking and object, what either side says, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.booking import HoldState, Outcome
from holdfast.differences import Difference, Drift, differences, orphan, without_a_booking
from holdfast.log import Entry, append
from tests.unit import builders as make
from tests.unit.test_differences import HELD, LAPSED, PAID, REFUNDED, at_stripe, compared


def adopted(drift: Drift, object_id: str = "pi_1", **said: Any) -> Difference:
    return Difference(drift=drift, booking_id="bk_1", object_id=object_id, currency="eur", adoptable=True, **said)


def left(drift: Drift, object_id: str = "pi_1", currency: str = "eur", **said: Any) -> Difference:
    return Difference(drift=drift, booking_id="bk_1", object_id=object_id, currency=currency, left=True, **said)


@pytest.mark.parametrize(
    ("booking", "seen", "expected"),
    [
        (
            HELD,
            at_stripe("succeeded", amount_received=1234),
            adopted(Drift.MISSED_CAPTURE, book=0, stripe=1234, detail="succeeded, captured"),
        ),
        (
            HELD,
            at_stripe("canceled", **LAPSED),
            adopted(Drift.EXPIRED_HOLD, stripe=6000, detail="succeeded, hold_expired"),
        ),
        (
            HELD,
            at_stripe(id="pi_2"),
            adopted(Drift.DUPLICATE_AUTHORIZATION, "pi_2", stripe=6000, detail="succeeded, unused_authorization"),
        ),
        (
            PAID,
            at_stripe("succeeded", refunds=(make.stripe_refund(700),)),
            adopted(Drift.OUTSIDE_REFUND, "re_1", book=0, stripe=700, detail="succeeded, refunded"),
        ),
        (
            PAID,
            at_stripe("succeeded", disputes=(make.dispute("under_review", reason=""),)),
            adopted(Drift.UNKNOWN_DISPUTE, "du_1", stripe=5000, detail="under_review"),
        ),
    ],
)
def test_what_can_be_adopted_says_what_would_be_written(booking, seen, expected):
    assert compared(booking, seen) == [expected]


@pytest.mark.parametrize(
    ("booking", "seen", "expected"),
    [
        (
            PAID,
            at_stripe("canceled"),
            left(Drift.HOLD_STATE_DIFFERS, book=5000, stripe=0, detail="the book says captured, Stripe canceled"),
        ),
        (
            PAID,
            at_stripe("succeeded", amount_received=4999),
            left(Drift.CAPTURED_AMOUNT_DIFFERS, book=5000, stripe=4999),
        ),
        (
            replace(PAID, disputes=(make.dispute("lost"),)),
            at_stripe("succeeded"),
            left(Drift.DISPUTE_MISSING, "du_1", detail="the book says lost, Stripe has no such dispute"),
        ),
        (
            make.held(captured_strangers=("pi_2",)),
            at_stripe("succeeded", id="pi_2"),
            left(
                Drift.UNUSED_AUTHORIZATION_CAPTURED,
                "pi_2",
                book=0,
                stripe=5000,
                detail="the booking does not use it",
            ),
        ),
        (
            HELD,
            at_stripe("succeeded", currency="jpy"),
            left(
                Drift.WRONG_CURRENCY,
                currency="jpy",
                stripe=5000,
                detail="succeeded in jpy, the booking is in eur",
            ),
        ),
        (
            HELD,
            at_stripe(currency="jpy"),
            left(
                Drift.WRONG_CURRENCY,
                currency="jpy",
                stripe=6000,
                detail="requires_capture in jpy, the booking is in eur",
            ),
        ),
    ],
)
def test_what_is_left_for_staff_says_what_either_side_says(booking, seen, expected):
    assert compared(booking, seen) == [expected]


def test_a_refund_that_is_missing_at_stripe_says_what_the_book_says():
    booking = make.captured(refunds=(make.refund(),))

    assert compared(booking, at_stripe("succeeded"), entries=REFUNDED) == [
        left(
            Drift.REFUND_MISSING,
            "re_1",
            book=1000,
            stripe=0,
            detail="the book says succeeded, Stripe has no such refund",
        )
    ]


def test_payments_that_stripe_does_not_know_are_each_named():
    assert compared(HELD, missing=frozenset({"pi_2", "pi_1"})) == [
        left(Drift.INTENT_MISSING, "pi_1", detail="the book says live, Stripe does not know it"),
        left(Drift.INTENT_MISSING, "pi_2", detail="the book says that it was placed, Stripe does not know it"),
    ]
    assert compared(make.booking(), missing=frozenset({"pi_1"})) == [
        left(Drift.INTENT_MISSING, "pi_1", detail="the book says that it was placed, Stripe does not know it"),
    ]


@pytest.mark.parametrize("status", ["requires_action", "requires_confirmation", "processing", "requires_capture"])
def test_a_hold_that_waits_for_its_customer_agrees_with_what_it_may_be_meanwhile(status):
    waiting = make.waiting_for_3ds()

    assert [each for each in compared(waiting, at_stripe(status)) if each.left] == []


def test_nothing_of_a_payment_is_taken_in_that_the_log_contradicts_and_other_payments_are_told_and_left():
    placed = Entry(kind="authorize", status="succeeded", actor="customer", amount=6000, stripe_id="pi_1")
    booking, lines = append(None, make.booking(), [placed], now=make.BOOKED)

    found = differences(booking, lines, [at_stripe("succeeded"), at_stripe("succeeded", id="pi_2")], now=make.START)

    assert found == [
        left(Drift.LOG_DIFFERS, detail="the log says that it was placed, and the booking has no PaymentIntent"),
        left(
            Drift.UNUSED_AUTHORIZATION_CAPTURED,
            "pi_2",
            book=0,
            stripe=5000,
            detail="the booking does not use it",
        ),
    ]


@pytest.mark.parametrize(
    ("booking", "entries", "expected"),
    [
        (
            make.captured(4000),
            REFUNDED[:1],
            ("bk_1#captured", 4000, "captured: the booking says 4000, its log 5000"),
        ),
        (make.captured(), REFUNDED, ("bk_1#refunded", 0, "refunded: the booking says 0, its log 1000")),
        (
            make.captured(refunds=(make.refund(),)),
            (*REFUNDED, Entry(kind="refund", status="failed", actor="stripe", amount=1000, stripe_id="re_1")),
            ("bk_1#refunded", 1000, "refunded: the booking says 1000, its log 0"),
        ),
    ],
)
def test_a_booking_whose_log_adds_up_to_something_else_says_to_what(booking, entries, expected):
    what, book, detail = expected

    assert compared(booking, entries=entries) == [left(Drift.LOG_DIFFERS, what, book=book, detail=detail)]


def test_what_was_captured_of_an_authorization_that_is_not_used_is_not_in_the_bookings_sum():
    stranger = Entry(
        kind="external",
        status="succeeded",
        actor="stripe",
        amount=700,
        reason="unused_authorization_captured",
        stripe_id="pi_2",
    )

    assert compared(PAID, entries=(REFUNDED[0], stranger)) == []


@pytest.mark.parametrize(
    ("later", "stands"),
    [
        (Entry(kind="release", status="started", actor="clock", amount=6000, stripe_id="pi_1"), True),
        (Entry(kind="release", status="succeeded", actor="clock", amount=6000, stripe_id="pi_2"), True),
        (Entry(kind="release", status="succeeded", actor="clock", amount=6000, stripe_id="pi_1"), False),
        (Entry(kind="external", status="succeeded", actor="stripe", reason="other", stripe_id="pi_1"), True),
        (Entry(kind="external", status="succeeded", actor="stripe", reason="hold_released", stripe_id="pi_1"), False),
        (Entry(kind="renew", status="failed", actor="clock", amount=6000, stripe_id="pi_2"), True),
    ],
)
def test_what_was_placed_stands_until_a_line_says_that_it_is_gone(later, stands):
    placed = Entry(kind="renew", status="succeeded", actor="clock", amount=6000, stripe_id="pi_1")

    found = compared(make.booking(), entries=(placed, later))

    assert [each.object_id for each in found] == (["pi_1"] if stands else [])


def test_an_orphan_is_named_with_the_booking_that_it_names_and_its_own_money():
    plain: dict[str, Any] = {"drift": Drift.ORPHAN_INTENT, "booking_id": "bk_9", "object_id": "pi_1", "left": True}

    assert orphan("bk_9", at_stripe("succeeded", currency="usd")) == Difference(
        **plain, currency="usd", stripe=5000, detail="succeeded, and there is no such booking"
    )
    assert orphan("bk_9", at_stripe()) == Difference(
        **plain, currency="eur", stripe=6000, detail="requires_capture, and there is no such booking"
    )


def test_a_log_without_a_booking_is_named_by_it():
    assert without_a_booking("bk_9") == Difference(
        drift=Drift.LOG_DIFFERS,
        booking_id="bk_9",
        object_id="bk_9#booking",
        detail="there is a log, and no booking",
        left=True,
    )


def test_a_declined_hold_that_was_captured_is_adopted_and_left():
    declined = make.ended(HoldState.DECLINED, Outcome.DECLINED)

    (found,) = compared(declined, at_stripe("succeeded"))

    assert (found.adoptable, found.left, found.object_id, found.stripe) == (True, True, "pi_1", 5000)
