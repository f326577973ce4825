"""What Stripe and the book say differently: no false alarm on any clean history, and nothing overlooked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.booking import HoldState, Outcome, Refund, RefundStatus
from holdfast.differences import Difference, Drift, differences, has_news, orphan, without_a_booking
from holdfast.log import Entry, append
from holdfast.stripe_objects import Observation
from holdfast.sums import totals
from holdfast.suspects import suspects
from tests.unit import builders as make
from tests.unit.two_sides import TwoSides

# Each step is one of those that may happen then, and an amount or a choice.
HISTORIES = st.tuples(
    st.sampled_from(["held", "held", "held", "3ds", "declined", "abandoned"]),
    st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 9_999)), min_size=2, max_size=8),
)


def lived(history, *, webhooks=lambda _: True):
    """A life on both sides, in which only those webhooks come."""
    how, steps = history
    sides = TwoSides()
    sides.book(how)
    kept_back: list[str] = []
    for number, (choice, amount) in enumerate(steps):
        sides.now += make.MINUTE
        possible = sides.may_happen()
        if not possible:
            break
        whose, what = possible[choice % len(possible)]
        if whose == "own":
            # What the book has not heard of is adopted when an operation of ours meets it; here it comes first.
            for late in kept_back:
                sides.webhook(late)
            kept_back = []
            if (whose, what) in sides.may_happen():
                sides.our_own(what, amount)
        elif (intent_id := sides.outside(what, amount)) is not None:
            if webhooks(number):
                sides.webhook(intent_id)
            else:
                kept_back.append(intent_id)
    return sides


def found_in(sides: TwoSides) -> list[Difference]:
    return differences(sides.booking, sides.lines, sides.stripe.values(), fees={"du_1": 1500}, now=sides.now)


def suspected(sides: TwoSides) -> bool:
    seen = sides.seen()
    quiet = replace(seen, sightings=tuple(each for each in seen.sightings if each.dispute is None))
    quiet = replace(quiet, movements=tuple(each for each in quiet.movements if each.source != "dispute"))
    return bool(suspects({"bk_1": sides.booking}, quiet, seen.owners, sides.logged()))


@settings(max_examples=400, deadline=None)
@given(HISTORIES)
def test_no_clean_history_differs(history):
    sides = lived(history)

    assert found_in(sides) == []


@settings(max_examples=400, deadline=None)
@given(HISTORIES)
def test_no_clean_history_is_even_suspected_where_nobody_disputes(history):
    assert not suspected(lived(history))


@settings(max_examples=400, deadline=None)
@given(HISTORIES)
def test_the_sums_of_a_clean_history_come_out(history):
    sides = lived(history)

    by_currency = totals(sides.logged(), sides.movements)

    for each in by_currency.values():
        assert each.captured.unexplained == each.refunded.unexplained == 0
    if by_currency:
        assert by_currency["eur"].captured.log == sides.booking.captured


@settings(max_examples=600, deadline=None)
@given(HISTORIES, st.sets(st.integers(0, 7)))
def test_whatever_differs_is_suspected_and_adopting_it_leaves_nothing(history, kept_back):
    sides = lived(history, webhooks=lambda number: number not in kept_back)
    before = sides.booking
    found = found_in(sides)

    if found:
        seen = sides.seen()
        looked_at = suspects({"bk_1": before}, seen, seen.owners, sides.logged())
        assert {each for each in sides.stripe if has_news(before, sides.stripe[each], sides.now)} <= looked_at["bk_1"]
    assert all(each.adoptable and not each.left for each in found)
    for intent_id in sides.stripe:
        sides.webhook(intent_id)
    assert (sides.booking != before) == bool(found)
    assert found_in(sides) == []


@settings(max_examples=200, deadline=None)
@given(HISTORIES, st.sets(st.integers(0, 7)))
def test_asking_twice_finds_the_same_and_each_difference_once(history, kept_back):
    sides = lived(history, webhooks=lambda number: number not in kept_back)

    found = found_in(sides)

    assert found_in(sides) == found
    assert len({each.key for each in found}) == len(found)


# --- each by its name -------------------------------------------------------------------------------------------------


def at_stripe(status: str = "requires_capture", **changes: Any) -> Observation:
    return make.seen(status, **({"currency": "eur"} | changes))


def written(booking, *entries):
    """The booking, with a log that says what it says."""
    said = list(entries)
    if booking.captured and not said:
        said.append(Entry(kind="capture", status="succeeded", actor="staff", amount=booking.captured, stripe_id="pi_1"))
    return append(None, booking, said, now=make.BOOKED)


def compared(booking, *seen, entries=(), **changes):
    booking, lines = written(booking, *entries)
    return differences(booking, lines, seen, now=make.START, **changes)


def only(found):
    (difference,) = found
    return difference.drift, difference.book, difference.stripe


HELD = make.held()
PAID = make.captured()
LAPSED = {"cancellation_reason": "automatic"}


@pytest.mark.parametrize(
    ("booking", "seen", "expected"),
    [
        (HELD, at_stripe("succeeded", amount_received=1234), (Drift.MISSED_CAPTURE, 0, 1234)),
        (HELD, at_stripe("canceled"), (Drift.MISSED_RELEASE, None, 6000)),
        (HELD, at_stripe("canceled", **LAPSED), (Drift.EXPIRED_HOLD, None, 6000)),
        (HELD, at_stripe(capture_before=make.LAPSES - make.HOUR), (Drift.DEADLINE_CHANGED, None, None)),
        (HELD, at_stripe(id="pi_2"), (Drift.DUPLICATE_AUTHORIZATION, None, 6000)),
        (
            make.waiting_for_3ds(),
            at_stripe("requires_payment_method"),
            (Drift.MISSED_DECLINE, None, 6000),
        ),
        (PAID, at_stripe("succeeded", refunds=(make.stripe_refund(700),)), (Drift.OUTSIDE_REFUND, 0, 700)),
        (
            PAID,
            at_stripe("succeeded", disputes=(make.dispute("warning_needs_response"),)),
            (Drift.UNKNOWN_DISPUTE, None, 5000),
        ),
        (
            replace(PAID, disputes=(make.dispute(),)),
            at_stripe("succeeded", disputes=(make.dispute("lost"),)),
            (Drift.DISPUTE_CHANGED, None, 5000),
        ),
    ],
    ids=lambda each: str(each[0]) if isinstance(each, tuple) else "",
)
def test_what_stripe_is_ahead_of_is_named_with_both_sides_amounts_and_can_be_adopted(booking, seen, expected):
    found = compared(booking, seen)

    assert only(found) == expected
    assert [(each.adoptable, each.left) for each in found] == [(True, False)]


def test_an_authentication_that_nobody_told_of_is_a_missed_authorization():
    waiting = make.waiting_for_3ds(action_deadline=make.START + make.HOUR)

    assert only(compared(waiting, at_stripe())) == (Drift.MISSED_AUTHORIZATION, None, 6000)


REFUNDED = (
    Entry(kind="capture", status="succeeded", actor="staff", amount=5000, stripe_id="pi_1"),
    Entry(kind="refund", status="succeeded", actor="staff", amount=1000, stripe_id="re_1"),
)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (RefundStatus.FAILED, (Drift.FAILED_REFUND, 1000, 0)),
        (RefundStatus.CANCELED, (Drift.FAILED_REFUND, 1000, 0)),
        (RefundStatus.PENDING, (Drift.REFUND_CHANGED, None, 1000)),
    ],
)
def test_a_refund_of_ours_that_moved_on_is_named_by_where_its_money_is(status, expected):
    booking = make.captured(refunds=(make.refund(),))
    seen = at_stripe("succeeded", refunds=(make.stripe_refund(status=status),))

    assert only(compared(booking, seen, entries=REFUNDED)) == expected


def test_a_dispute_that_took_money_is_named_by_its_fee():
    seen = at_stripe("succeeded", disputes=(make.dispute(),))

    assert only(compared(PAID, seen, fees={"du_1": 1500})) == (Drift.DISPUTE_FEE, 0, 1500)


def test_several_differences_of_one_payment_are_several():
    seen = at_stripe("succeeded", refunds=(make.stripe_refund(),), disputes=(make.dispute(),))

    assert {each.drift for each in compared(HELD, seen)} == {
        Drift.MISSED_CAPTURE,
        Drift.OUTSIDE_REFUND,
        Drift.UNKNOWN_DISPUTE,
    }


@pytest.mark.parametrize(
    ("booking", "seen", "expected"),
    [
        (PAID, at_stripe("requires_capture"), Drift.HOLD_STATE_DIFFERS),
        (PAID, at_stripe("canceled"), Drift.HOLD_STATE_DIFFERS),
        (PAID, at_stripe("succeeded", amount_received=4999), Drift.CAPTURED_AMOUNT_DIFFERS),
        (HELD, at_stripe("requires_payment_method"), Drift.HOLD_STATE_DIFFERS),
        (HELD, at_stripe("a_word_of_tomorrow"), Drift.HOLD_STATE_DIFFERS),
        (make.ended(HoldState.RELEASED), at_stripe(), Drift.HOLD_STATE_DIFFERS),
        (make.ended(HoldState.EXPIRED), at_stripe("succeeded"), Drift.HOLD_STATE_DIFFERS),
        (replace(PAID, disputes=(make.dispute(),)), at_stripe("succeeded"), Drift.DISPUTE_MISSING),
    ],
)
def test_what_no_rule_mends_is_left_for_staff(booking, seen, expected):
    (difference,) = compared(booking, seen)

    assert (difference.drift, difference.adoptable, difference.left) == (expected, False, True)


def test_a_refund_that_stripe_does_not_have_is_left_for_staff():
    booking = make.captured(refunds=(make.refund(),))

    assert only(compared(booking, at_stripe("succeeded"), entries=REFUNDED)) == (Drift.REFUND_MISSING, 1000, 0)


def test_a_payment_intent_that_stripe_does_not_know_is_left_for_staff():
    (difference,) = compared(HELD, missing=frozenset({"pi_1"}))

    assert (difference.drift, difference.object_id, difference.left) == (Drift.INTENT_MISSING, "pi_1", True)


@pytest.mark.parametrize("id_", ["pi_1", "pi_2"])
@pytest.mark.parametrize("status", ["requires_capture", "succeeded"])
def test_another_currency_is_never_taken_in(id_, status):
    seen = at_stripe(status, id=id_, currency="jpy", disputes=(make.dispute(),))

    (difference,) = compared(HELD, seen)

    assert (difference.drift, difference.currency, difference.adoptable) == (Drift.WRONG_CURRENCY, "jpy", False)
    assert not has_news(HELD, seen, make.START)


@pytest.mark.parametrize(
    "seen",
    [
        at_stripe("canceled", id="pi_2", currency="jpy"),
        at_stripe("requires_payment_method", id="pi_2", currency="jpy"),
        at_stripe("succeeded", id="pi_2", currency="jpy", refunds=(make.stripe_refund(5000),)),
    ],
)
def test_what_takes_no_money_any_more_is_no_difference_in_whatever_currency(seen):
    assert compared(HELD, seen) == []


def test_an_unused_authorization_that_was_captured_is_written_down_and_left_until_it_was_refunded():
    taken = at_stripe("succeeded", id="pi_2")
    (first,) = compared(HELD, taken)
    noted = replace(HELD, captured_strangers=("pi_2",))
    (again,) = compared(noted, taken)
    returned = replace(taken, refunds=(make.stripe_refund(5000),))

    assert (first.drift, first.adoptable, first.left) == (Drift.UNUSED_AUTHORIZATION_CAPTURED, True, True)
    assert (again.drift, again.adoptable, again.left) == (Drift.UNUSED_AUTHORIZATION_CAPTURED, False, True)
    assert compared(noted, returned) == []


def test_a_declined_authorization_that_was_captured_all_the_same_is_one_that_the_booking_does_not_use():
    declined, taken = make.ended(HoldState.DECLINED, Outcome.DECLINED), at_stripe("succeeded")
    (difference,) = compared(declined, taken)

    assert (difference.drift, difference.left) == (Drift.UNUSED_AUTHORIZATION_CAPTURED, True)
    noted = replace(declined, captured_strangers=("pi_1",))
    assert compared(noted, replace(taken, refunds=(make.stripe_refund(5000),))) == []


PLACED = Entry(kind="authorize", status="succeeded", actor="customer", amount=6000, stripe_id="pi_1")


@pytest.mark.parametrize(
    ("booking", "entries", "what"),
    [
        (make.booking(), (PLACED,), "pi_1"),
        (make.captured(4000), REFUNDED[:1], "bk_1#captured"),
        (make.captured(), REFUNDED, "bk_1#refunded"),
        (
            make.captured(refunds=(Refund(refund_id="re_1", amount=1000, status=RefundStatus.FAILED),)),
            REFUNDED,
            "#refunded",
        ),
    ],
)
def test_a_booking_that_is_not_what_its_log_says_is_left_for_staff_and_nothing_is_taken_in(booking, entries, what):
    seen = at_stripe("succeeded", disputes=(make.dispute(),))

    found = compared(booking, seen, entries=entries)

    assert Drift.LOG_DIFFERS in {each.drift for each in found}
    assert any(str(each.object_id).endswith(what) for each in found if each.drift is Drift.LOG_DIFFERS)
    assert not any(each.adoptable for each in found)
    assert all(each.left for each in found)


@pytest.mark.parametrize(
    "later",
    [
        Entry(kind="release", status="succeeded", actor="clock", amount=6000, stripe_id="pi_1"),
        Entry(
            kind="external", status="succeeded", actor="stripe", amount=6000, reason="hold_expired", stripe_id="pi_1"
        ),
        Entry(kind="authorize", status="failed", actor="clock", amount=6000, stripe_id="pi_2"),
    ],
)
def test_a_booking_without_an_authorization_is_right_when_the_last_one_is_gone(later):
    assert compared(make.booking(), entries=(PLACED, later)) == []


def test_an_abandoned_authorization_that_waits_to_be_dropped_is_not_forgotten():
    assert compared(make.booking(superseded=("pi_1",)), entries=(PLACED,)) == []


@pytest.mark.parametrize(
    ("seen", "is_one"),
    [
        (at_stripe(), True),
        (at_stripe("succeeded"), True),
        (at_stripe("requires_payment_method"), True),
        (at_stripe("canceled"), False),
        (at_stripe("succeeded", refunds=(make.stripe_refund(5000),)), False),
        (at_stripe("succeeded", refunds=(make.stripe_refund(5000, RefundStatus.FAILED),)), True),
    ],
)
def test_a_payment_intent_of_no_booking_is_an_orphan_while_it_can_take_or_keep_money(seen, is_one):
    found = orphan("bk_nobody", seen)

    assert (found is not None) == is_one
    if found is not None:
        assert (found.drift, found.booking_id, found.left) == (Drift.ORPHAN_INTENT, "bk_nobody", True)


def test_a_log_without_a_booking_is_left_for_staff():
    assert without_a_booking("bk_1").left
