"""Logs written by hand, line by line: what each line comes to, and what a line that is wrong is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from holdfast import money
from holdfast.derivation import Derived, account, check
from holdfast.log import Fault, Line, wire_time
from holdfast.money import Money
from holdfast.policy import DEFAULT, Amount, Percent, Policy, Tier
from tests.unit.builders import BOOKED, DAY, HOUR, MINUTE, PRICE, SECOND, START

LATE = START - HOUR
FULL = "cancelled less than 24 hours before the start: 100 percent of the price"
NO_SHOW = "no-show: 100 percent of the price"
WAIVED = ", waived because it is below the smallest amount that can be charged"


def line(
    kind: str,
    status: str = "succeeded",
    amount: int | None = None,
    *,
    reason: str | None = None,
    stripe_id: str | None = None,
    operation_id: str | None = None,
    **details: Any,
) -> Line:
    plain = {"kind": kind, "status": status, "amount": amount, "reason": reason}
    return plain | {"stripe_id": stripe_id, "operation_id": operation_id, "details": {"outcome": "open"} | details}


def accepted(price: Money = PRICE, policy: Policy = DEFAULT, booked_at: datetime = BOOKED) -> Line:
    """What the customer agreed to. Nothing is blocked yet."""
    hold = money.hold_amount(price, policy.hold_ratio)
    return line(
        "schedule",
        "started",
        hold,
        reason="booked",
        operation_id="op_0",
        price=price.amount,
        hold=hold,
        policy=policy.to_json(),
        policy_hash=policy.policy_hash,
        accepted_at=wire_time(booked_at),
        starts_at=wire_time(START),
    ) | {"currency": price.currency}


def held(amount: int = 6000, stripe_id: str = "pi_1", **changes: Any) -> Line:
    return line("authorize", amount=amount, stripe_id=stripe_id, operation_id="op_1") | changes


def wish(at: datetime = LATE, **details: Any) -> Line:
    plain: dict[str, Any] = {"charges_fee": True, "requested_at": wire_time(at)}
    return line("cancel_request", **(plain | details))


def repriced(to: int, hold_amount: int) -> Line:
    # `from` is a word of Python's own.
    details: dict[str, Any] = {"from": 5000, "to": to, "hold_amount": hold_amount}
    return line("reprice", amount=to, **details)


def quote(amount: int, clause: str = FULL, at: datetime = LATE) -> dict[str, Any]:
    return {"amount": amount, "clause": clause, "issued_at": wire_time(at), "expires_at": wire_time(at + 5 * MINUTE)}


def begun(kind: str, amount: int, reason: str, clause: str, stripe_id: str = "pi_1", **details: Any) -> Line:
    said = {"clause": clause} | details
    return line(kind, "started", amount, reason=reason, stripe_id=stripe_id, operation_id="op_2", **said)


def closed(reason: str, clause: str, outcome: str = "cancelled", **details: Any) -> Line:
    return line("close", reason=reason, clause=clause, **details, outcome=outcome)


def outside(amount: int, stripe_id: str = "pi_1") -> Line:
    return line("external", amount=amount, reason="captured", stripe_id=stripe_id)


def log(*lines: Line) -> list[Line]:
    return [each | {"sequence": number} for number, each in enumerate(lines, start=1)]


def last(*lines: Line) -> Derived:
    """What the last line comes to, where nothing in the log is wrong."""
    result = account(log(*lines))
    assert result.faults == []
    assert result.derived[-1].sequence == len(lines)
    return result.derived[-1]


# --- what is in force -------------------------------------------------------------------------------------------------


def test_each_line_that_is_wrong_is_named_and_the_next_ones_are_read_all_the_same():
    first = accepted()
    lying = first | {"details": first["details"] | {"hold": 6001, "policy_hash": "0" * 64}}
    taken = line("capture", amount=5000, reason="late_cancellation", stripe_id="pi_2", operation_id="op_2")

    result = account(
        log(
            lying,
            held(),
            wish(quote=quote(4000)),
            begun("capture", 5000, "late_cancellation", FULL, "pi_2", hold=6000),
            taken,
        )
    )

    assert result.faults == [
        Fault(1, "policy_hash is not the hash of the policy"),
        Fault(1, "the hold is 6001, the policy says 6000"),
        Fault(3, "the quote is 4000, the policy says 5000"),
        Fault(4, "what it follows from is missing: KeyError('pi_2')"),
    ]
    assert (result.captured, result.fee) == (5000, 5000)


def test_nothing_follows_from_a_log_that_does_not_say_what_was_agreed():
    assert check(log(held(), wish())) == [Fault(1, "what it follows from is missing: KeyError('policy')")]


def test_a_fee_of_nobodys_wish_is_found():
    assert check(log(accepted(), held(), begun("capture", 5000, "late_cancellation", FULL))) == [
        Fault(3, "what it follows from is missing: ValueError('nobody wished to cancel')")
    ]


def test_a_hold_that_was_agreed_caps_a_fee_before_anything_is_blocked():
    fee = begun("authorize", 5000, "late_cancellation", FULL, hold=6000)

    assert last(accepted(), wish(quote=quote(5000)), fee) == Derived(
        3, "authorize", "late_cancellation", 5000, 5000, FULL
    )


def test_a_hold_that_a_new_price_asks_for_caps_a_fee_before_it_is_blocked():
    assert (
        last(
            accepted(), repriced(4000, 4800), wish(), begun("authorize", 4000, "late_cancellation", FULL, hold=4800)
        ).amount
        == 4000
    )


def test_a_hold_that_was_never_planned_is_found():
    assert check(log(accepted(), wish(), begun("authorize", 5000, "late_cancellation", FULL, hold=7000))) == [
        Fault(3, "hold is 7000, and nothing in the log was ever that")
    ]


def test_a_capture_goes_by_what_its_own_authorization_blocked():
    lying = begun("capture", 5000, "late_cancellation", FULL, hold=4800)

    result = account(log(accepted(), held(), repriced(5000, 4800), wish(), lying))

    assert result.derived == [Derived(5, "capture", "late_cancellation", 5000, 5000, FULL)]
    assert result.faults == [Fault(5, "hold is 4800, the log says 6000")]


@pytest.mark.parametrize("kind", ["authorize", "renew"])
@pytest.mark.parametrize("status", ["succeeded", "pending", "failed"])
def test_whatever_the_bank_said_first_of_an_authorization_its_amount_caps_the_capture(kind, status):
    """One that waits for its customer, or that was refused at first, may live later."""
    placed = held(4000, "pi_2", kind=kind, status=status)

    fee = begun("capture", 4000, "late_cancellation", FULL, "pi_2", hold=4000)

    assert last(accepted(), held(), placed, wish(), fee).amount == 4000


def test_a_move_that_gives_a_fresh_window_lets_go_for_nothing():
    later = START + HOUR
    moved = line(
        "moved",
        to={"starts_at": wire_time(later)},
        fees_count_from=wire_time(later),
        moved_at=wire_time(START - 10 * HOUR),
    )
    free = "cancelled within the free window"
    details: dict[str, Any] = {"starts_at": wire_time(later), "moved_at": wire_time(START - 10 * HOUR), "hold": 6000}

    derived = last(accepted(), held(), moved, wish(), begun("release", 6000, "cancelled_in_time", free, **details))

    assert derived == Derived(5, "release", "cancelled_in_time", 0, 0, free)


def test_whoever_books_in_the_very_second_of_a_move_has_the_fresh_window():
    booked = START - 10 * HOUR
    moved = line("event_moved", to=[wire_time(START)], moved_at=wire_time(booked))
    free = "cancelled within the free window"

    first = accepted(booked_at=booked)

    assert last(first, held(), moved, wish(), begun("release", 6000, "cancelled_in_time", free)).amount == 0


# --- what an amount has to be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "gone", "clause"),
    [({}, True, "event_cancelled"), ({"charges_fee": False}, False, "staff_cancellation")],
)
def test_a_cancelled_event_and_staff_who_charge_nothing_let_go_for_nothing(said, gone, clause):
    before = [line("event_cancelled")] if gone else []
    release = begun("release", 6000, "cancelled_in_time", clause)

    derived = last(accepted(), held(), *before, wish(**said), release)

    assert (derived.said, derived.amount, derived.clause) == (0, 0, clause)


@pytest.mark.parametrize(
    ("reason", "clause", "outcome", "wished", "policy"),
    [
        ("late_cancellation", FULL, "cancelled", [wish()], DEFAULT),
        ("no_show", NO_SHOW, "no_show", [], DEFAULT),
        ("attended", "attendance", "attended", [], DEFAULT),
        ("nothing_held", "cancelled within the free window", "cancelled", [wish(START - 2 * DAY)], DEFAULT),
        ("nothing_held", "no-show: a fixed amount", "no_show", [], replace(DEFAULT, no_show_fee=Amount(0))),
    ],
)
def test_a_booking_that_is_closed_without_money_charged_nothing(reason, clause, outcome, wished, policy):
    """The bank refused to the end, or there was nothing to charge."""
    derived = last(accepted(policy=policy), *wished, closed(reason, clause, outcome, hold=6000))

    assert derived == Derived(2 + len(wished), "close", reason, 0, 0, clause)


def test_a_line_that_does_not_say_what_caps_the_fee_comes_to_nothing():
    fee = begun("authorize", 5000, "late_cancellation", FULL)

    assert check(log(accepted(), wish(), fee)) == [
        Fault(3, "authorize late_cancellation says 5000, the log comes to 0")
    ]


@pytest.mark.parametrize(
    ("kind", "hold", "amount"), [("capture", 6000, 5000), ("capture", 4000, 4000), ("authorize", 4000, 5000)]
)
def test_attendance_takes_the_price_and_of_a_hold_no_more_than_it_has(kind, hold, amount):
    attended = begun(kind, amount, "attended", "attendance", hold=hold)

    assert last(accepted(), held(hold), attended) == Derived(3, kind, "attended", amount, amount, "attendance")


def test_a_capture_of_less_than_the_price_is_found_where_enough_is_held():
    assert check(log(accepted(), held(), begun("capture", 4999, "attended", "attendance"))) == [
        Fault(3, "capture attended says 4999, the log comes to 5000")
    ]


@pytest.mark.parametrize(
    ("before", "reason", "clause", "expected"),
    [
        ([wish()], "cancelled_after_outside_capture", FULL, FULL),
        # Whatever clause it names: everything goes back.
        ([line("event_cancelled")], "event_cancelled", "anything", ""),
    ],
)
def test_what_went_back_already_does_not_go_back_again(before, reason, clause, expected):
    earlier = line("refund", amount=400, stripe_id="re_1", operation_id="op_3")
    back = 600 if expected else 5600

    derived = last(
        accepted(), held(), outside(6000), earlier, *before, begun("refund", back, reason, clause, hold=6000)
    )

    assert derived == Derived(6, "refund", reason, back, back, expected)


def test_nothing_is_kept_of_a_capture_that_no_line_tells_of():
    result = account(log(accepted(), held(), wish(), closed("cancelled_after_outside_capture", "anything")))

    assert (result.derived, result.fee, result.faults) == ([], 0, [])


def test_a_fee_that_was_taken_outside_is_capped_by_nothing_but_what_the_line_says():
    result = account(log(accepted(), held(), outside(3000), wish(), closed("cancelled_after_outside_capture", FULL)))

    assert (result.derived, result.fee, result.faults) == (
        [Derived(5, "close", "cancelled_after_outside_capture", 0, 0, FULL)],
        0,
        [],
    )


# --- quotes -----------------------------------------------------------------------------------------------------------

BEFORE_AUTHENTICATION = "cancelled before authentication"
REFUSED_WITHOUT_A_TRACE = line("authorize", "failed", 6000, operation_id="op_1")


@pytest.mark.parametrize(
    ("before", "said", "quoted"),
    [
        ([held()], {}, quote(5000)),
        ([held(), line("event_cancelled")], {}, quote(0, "event_cancelled")),
        ([held()], {"charges_fee": False}, quote(0, "staff_cancellation")),
        ([REFUSED_WITHOUT_A_TRACE], {}, quote(0, "nothing held")),
        ([held(status="pending")], {}, quote(0, BEFORE_AUTHENTICATION)),
        ([held(), outside(3000)], {}, quote(3000)),
    ],
)
def test_a_quote_that_follows_from_the_lines_before_it_is_right(before, said, quoted):
    assert check(log(accepted(), *before, wish(quote=quoted, **said))) == []


@pytest.mark.parametrize(
    ("before", "said", "quoted", "fault"),
    [
        ([], {}, quote(5001), "the quote is 5001, the policy says 5000"),
        ([], {}, quote(4999), "the quote is 4999, the policy says 5000"),
        ([outside(3000)], {}, quote(2999), "the quote is 2999, the policy says 5000"),
        ([], {}, quote(1, BEFORE_AUTHENTICATION), "the quote is 1, the policy says 0"),
        ([], {}, quote(0, "nothing held"), f"the quote's clause is 'nothing held', the policy says {FULL!r}"),
        ([line("event_cancelled")], {}, quote(1), "the quote is 1, the policy says 5000"),
        ([], {"charges_fee": False}, quote(1), "the quote is 1, the policy says 5000"),
    ],
)
def test_a_quote_that_does_not_follow_is_found(before, said, quoted, fault):
    lines = log(accepted(), held(), *before, wish(quote=quoted, **said))

    assert check(lines) == [Fault(len(lines), fault)]


# --- tiers, currencies and the smallest amounts -----------------------------------------------------------------------


def tiers(*of: Tier, free_hours: int = 24) -> Policy:
    return replace(DEFAULT, cancellation_tiers=of, free_cancellation_hours=free_hours)


HALF = Percent(Decimal(50))
LADDER = tiers(Tier(2, Percent(Decimal(100))), Tier(24, HALF), Tier(12, Amount(3000)), free_hours=48)


@pytest.mark.parametrize(
    ("before", "clause", "amount"),
    [
        (48 * HOUR, "cancelled within the free window", 0),
        (48 * HOUR - SECOND, "cancelled when no tier applied", 0),
        (24 * HOUR + SECOND, "cancelled when no tier applied", 0),
        (24 * HOUR, "cancelled when no tier applied", 0),
        (24 * HOUR - SECOND, "cancelled less than 24 hours before the start: 50 percent of the price", 2500),
        (12 * HOUR, "cancelled less than 24 hours before the start: 50 percent of the price", 2500),
        (12 * HOUR - SECOND, "cancelled less than 12 hours before the start: a fixed amount", 3000),
        (2 * HOUR - SECOND, "cancelled less than 2 hours before the start: 100 percent of the price", 5000),
    ],
)
def test_each_tier_begins_behind_its_second(before: timedelta, clause, amount):
    charged = begun("authorize", amount, "late_cancellation", clause, hold=6000)

    assert last(accepted(policy=LADDER), wish(START - before), charged).amount == amount


@pytest.mark.parametrize(
    ("price", "charge", "clause", "amount"),
    [
        (PRICE, Amount(50), "a fixed amount", 50),
        (PRICE, Amount(49), f"a fixed amount{WAIVED}", 0),
        (PRICE, Amount(1), f"a fixed amount{WAIVED}", 0),
        (PRICE, Amount(0), "a fixed amount", 0),
        # Dinars have steps of ten: five are none, and nothing is there to be waived.
        (Money(5010, "kwd"), HALF, "50 percent of the price", 2500),
        (Money(10, "kwd"), HALF, "50 percent of the price", 0),
        (Money(5010, "kwd"), Amount(2505), "a fixed amount", 2500),
        (Money(5010, "kwd"), Amount(5), "a fixed amount", 0),
    ],
)
def test_a_fee_is_on_the_currencys_step_and_waived_below_its_smallest_charge(price, charge, clause, amount):
    first = accepted(price, tiers(Tier(24, charge)))
    clause = f"cancelled less than 24 hours before the start: {clause}"
    charged = begun("authorize", amount, "late_cancellation", clause, hold=first["amount"])

    assert last(first, wish(), charged) == Derived(3, "authorize", "late_cancellation", amount, amount, clause)


def test_a_fee_that_a_hold_off_the_step_caps_is_on_the_step():
    charged = begun("capture", 5120, "late_cancellation", FULL, "pi_1", hold=5125)

    assert last(accepted(Money(6000, "kwd")), held(5125), wish(), charged).amount == 5120


# --- what it amounts to -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outside_first", [True, False])
def test_what_was_taken_of_two_authorizations_adds_up(outside_first):
    """A hold that was renewed may be captured outside as well."""
    ours = [
        line("capture", "started", 4000, stripe_id="pi_2", operation_id="op_2"),
        line("capture", amount=4000, stripe_id="pi_2", operation_id="op_2"),
    ]
    theirs = [outside(3000)]
    both = theirs + ours if outside_first else ours + theirs

    assert account(log(accepted(), *both)).captured == 7000


@pytest.mark.parametrize(
    "other",
    [
        line("external", amount=6000, reason="canceled", stripe_id="pi_1"),
        # No line of another kind is about a refund, whatever it names.
        line("dispute", amount=6000, stripe_id="re_1"),
        line("refund", "started", 6000, stripe_id="re_1", operation_id="op_2"),
    ],
)
def test_a_hold_that_is_let_go_and_a_refund_that_is_only_begun_send_nothing_back(other):
    assert account(log(accepted(), held(), outside(6000), other)).refunds == {}


def test_the_fee_is_what_was_kept_when_the_refund_was_made_whatever_else_goes_back_until_it_arrives():
    back = begun("refund", 1000, "cancelled_after_outside_capture", FULL, hold=6000)
    sent = line("refund", "pending", 1000, stripe_id="re_1", operation_id="op_2")
    another = line("external", amount=500, reason="refunded", stripe_id="re_2")
    arrived = sent | {"status": "succeeded"}

    result = account(log(accepted(), held(), outside(6000), wish(), back, sent, another, arrived))

    assert result.faults == []
    assert (result.refunds, result.fee) == ({"re_1": 1000, "re_2": 500}, 5000)
