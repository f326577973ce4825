"""Control totals: each movement counted once on each side, matched by itself, and what lies elsewhere set apart."""

from __future__ import annotations

import pytest

from holdfast.log import Entry, Logged, append
from holdfast.sightings import Movement, Source
from holdfast.sums import Flow, Money, Sum, Totals, of_line, of_movement, together, totals
from tests.unit import builders as make


def logged(kind, status="succeeded", *, amount=5000, stripe_id="pi_1", actor="clock", reason=None) -> Logged:
    entry = Entry(kind=kind, status=status, actor=actor, amount=amount, reason=reason, stripe_id=stripe_id)
    _, (line,) = append(None, make.captured(), [entry], now=make.BOOKED)
    return Logged("bk_1", "yoga", line)


def movement(source=Source.CHARGE, source_id="ch_1", amount=5000, *, fee=0, fee_currency="eur", currency="eur"):
    return Movement(
        transaction_id="txn_1",
        source=source,
        source_id=source_id,
        payment_intent_id="pi_1",
        amount=amount,
        currency=currency,
        fee=fee,
        fee_currency=fee_currency,
    )


CAPTURE = logged("capture")
REFUND = logged("refund", "pending", amount=700, stripe_id="re_1", actor="staff")
BACK = logged("refund", "failed", amount=700, stripe_id="re_1", actor="stripe")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (CAPTURE, Money(Flow.CAPTURED, "pi_1", 5000, "eur")),
        (logged("capture", "started"), None),
        (logged("capture", "failed"), None),
        (logged("external", reason="captured"), Money(Flow.CAPTURED, "pi_1", 5000, "eur")),
        (logged("external", reason="unused_authorization_captured"), Money(Flow.CAPTURED, "pi_1", 5000, "eur")),
        (logged("external", reason="hold_released"), None),
        (REFUND, Money(Flow.REFUNDED, "re_1", 700, "eur")),
        (logged("refund", "succeeded", stripe_id="re_1", actor="stripe"), None),
        (BACK, Money(Flow.RETURNED, "re_1", 700, "eur")),
        (logged("refund", "canceled", stripe_id="re_1", actor="stripe"), Money(Flow.RETURNED, "re_1", 5000, "eur")),
        (logged("refund", "failed", stripe_id="pi_1", actor="staff"), None),
        (
            logged("external", "pending", stripe_id="re_1", actor="stripe", reason="refunded"),
            Money(Flow.REFUNDED, "re_1", 5000, "eur"),
        ),
        (logged("external", "failed", stripe_id="re_1", actor="stripe", reason="declined"), None),
        (logged("release", amount=6000), None),
        (logged("dispute", "needs_response", stripe_id="du_1"), None),
        (logged("check_in", stripe_id=None, amount=None), None),
        (logged("capture", stripe_id=None), None),
        (logged("capture", amount=None), None),
    ],
)
def test_a_line_says_that_money_moved_or_does_not(said, expected):
    assert of_line(said.line) == expected


def test_a_movement_of_the_balance_counts_under_the_key_of_its_line():
    assert of_movement(movement()) == of_line(CAPTURE.line)
    assert of_movement(movement(Source.REFUND, "re_1", -700)) == of_line(REFUND.line)
    assert of_movement(movement(Source.REFUND, "re_1", 700)) == of_line(BACK.line)
    assert of_movement(movement(Source.DISPUTE, "du_1", -5000)) is None


def test_what_both_sides_have_comes_out():
    moved = [movement(fee=175), movement(Source.REFUND, "re_1", -700)]

    assert totals([CAPTURE, REFUND], moved) == {
        "eur": Totals(captured=Sum(5000, 5000), refunded=Sum(700, 700), fees=175)
    }


def test_what_only_one_side_has_in_this_span_is_set_apart_and_no_difference():
    [sums] = totals([CAPTURE], [movement(Source.REFUND, "re_1", -700)]).values()

    assert sums.captured == Sum(log=5000, log_elsewhere=5000)
    assert sums.refunded == Sum(stripe=700, stripe_elsewhere=700)
    assert sums.captured.unexplained == sums.refunded.unexplained == 0


def test_across_two_spans_the_parts_elsewhere_cancel_out():
    first = totals([], [movement()])
    second = totals([CAPTURE], [])

    [sums] = together(first, second).values()

    assert (sums.captured.log, sums.captured.stripe, sums.captured.unexplained) == (5000, 5000, 0)


def test_a_refund_that_came_back_leaves_nothing_refunded():
    moved = [movement(Source.REFUND, "re_1", -700), movement(Source.REFUND, "re_1", 700)]

    [sums] = totals([REFUND, BACK], moved).values()

    assert (sums.refunded.log, sums.refunded.stripe) == (0, 0)


@pytest.mark.parametrize(
    ("lines", "moved", "unexplained"),
    [([CAPTURE, CAPTURE], [movement()], 5000), ([CAPTURE], [movement(amount=4000)], 1000)],
)
def test_a_doubled_line_and_another_amount_stay_unexplained(lines, moved, unexplained):
    [sums] = totals(lines, moved).values()

    assert sums.captured.unexplained == unexplained


def test_currencies_and_the_balance_s_own_fees_are_kept_apart():
    moved = [movement(fee=90, fee_currency="usd"), movement(Source.DISPUTE, "du_1", -5000, fee=1500)]

    assert totals([CAPTURE], moved) == {
        "eur": Totals(captured=Sum(5000, 5000), disputed=5000, fees=1500),
        "usd": Totals(fees=90),
    }
