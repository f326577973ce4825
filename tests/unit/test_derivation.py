"""The second opinion: every amount in a log is worked out again from its lines, and a line that lies is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import money
from holdfast.booking import Booking, Kind, Outcome
from holdfast.cancellation import quoted, wish_entry, wished
from holdfast.derivation import account, check
from holdfast.event import Event
from holdfast.log import Entry, Line, append, wire_time
from holdfast.money import Money
from holdfast.movements import Begin, Close, cancellation
from holdfast.moving import brought_up
from holdfast.no_show import step as no_show_step
from holdfast.policy import DEFAULT, Policy
from holdfast.rebooking import moved_to
from tests.unit.builders import BOOKED, DAY, END, HOUR, NO_SHOW, PRICE, SECOND, START, event, held, hold
from tests.unit.test_cancellation_schedule import policies, prices


class Story:
    """A booking that is held, and its log."""

    def __init__(self, policy: Policy = DEFAULT, price: Money = PRICE, **changes: Any) -> None:
        amount = money.hold_amount(price, policy.hold_ratio)
        self.booking = held(policy=policy, price=price, hold_amount=amount, hold=hold(amount=amount), **changes)
        self.lines: list[Line] = []
        accepted = {
            "price": price.amount,
            "hold": amount,
            "policy": policy.to_json(),
            "policy_hash": policy.policy_hash,
            "accepted_at": wire_time(self.booking.created_at),
            "starts_at": wire_time(self.booking.starts_at),
        }
        plain: dict[str, Any] = {"kind": "authorize", "actor": "customer", "amount": amount, "operation_id": "op_0"}
        started = Entry(status="started", reason="booked", details=accepted, **plain)
        placed = Entry(status="succeeded", stripe_id="pi_1", **plain)
        self.write(self.booking, [started, placed])

    def write(self, changed: Booking, entries: Any, now: datetime = BOOKED) -> None:
        self.booking, lines = append(self.booking, changed, entries, now=now)
        self.lines += lines

    def begin(self, step: Begin, now: datetime = BOOKED) -> None:
        operation = f"op_{len(self.lines)}"
        plain: dict[str, Any] = {"kind": str(step.kind), "actor": step.actor, "operation_id": operation}
        plain |= {"amount": step.amount, "reason": step.reason, "stripe_id": step.payment_intent_id}
        self.write(self.booking, [Entry(status="started", details=step.details, **plain)], now)
        if step.kind is not Kind.REFUND:
            self.write(self.booking, [Entry(status="succeeded", **plain)], now)
        else:
            self.write(self.booking, [Entry(status="succeeded", **plain | {"stripe_id": f"re_{operation}"})], now)

    def cancel(self, at: datetime, quote_at: datetime | None = None, *, charges_fee: bool = True) -> None:
        quote = quoted(self.booking, quote_at, charges_fee=charges_fee) if quote_at else None
        wish = wished(self.booking, at, actor="customer", charges_fee=charges_fee, quote=quote)
        self.write(wish, [wish_entry(wish)], at + SECOND)
        step = cancellation(self.booking, at)
        if isinstance(step, Close):
            entry = Entry(kind="close", status="succeeded", actor="clock", reason=step.reason, details=step.details)
            self.write(replace(self.booking, outcome=step.outcome, fee=step.fee), [entry], at)
        else:
            assert isinstance(step, Begin)
            self.begin(step, at)

    def capture(self, amount: int, reason: str, **details: Any) -> None:
        self.begin(Begin(kind=Kind.CAPTURE, amount=amount, reason=reason, payment_intent_id="pi_1", details=details))

    def captured_outside(self, amount: int) -> None:
        entry = Entry(
            kind="external", status="succeeded", actor="stripe", amount=amount, reason="captured", stripe_id="pi_1"
        )
        taken = replace(self.booking, captured=amount, hold=hold(amount=self.booking.hold_amount))
        self.write(taken, [entry])

    def with_line(self, number: int, **changes: Any) -> list[Line]:
        """The log with one line changed, its details merged."""
        line = self.lines[number]
        details = line["details"] | changes.pop("details", {})
        return [*self.lines[:number], line | changes | {"details": details}, *self.lines[number + 1 :]]


spans = st.timedeltas(timedelta(0), timedelta(days=7))


@given(policies, prices, spans, spans, st.none() | spans, st.none() | st.timedeltas(timedelta(0), timedelta(minutes=5)))
def test_whatever_a_cancellation_costs_the_log_comes_to_the_same(policy, price, before, since, moved, quoted_before):
    """Two implementations of one rule, over all policies, currencies and times."""
    changes = {"created_at": START - before - since}
    if moved is not None:
        changes["moved_at"] = START - moved
    story = Story(policy, price, **changes)
    if moved is not None:
        place = [wire_time(START), wire_time(END)]
        details = {"from": place, "to": place, "moved_at": wire_time(START - moved)}
        story.write(story.booking, [Entry(kind="event_moved", status="succeeded", actor="staff", details=details)])

    at = START - before
    story.cancel(at, None if quoted_before is None else (at - quoted_before).replace(microsecond=0))

    result = account(story.lines)
    assert result.faults == []
    assert [each.said for each in result.derived] == [each.amount for each in result.derived]
    assert result.captured == result.fee


@given(policies, prices)
def test_whatever_a_no_show_costs_the_log_comes_to_the_same(policy, price):
    story = Story(policy, price)
    step = no_show_step(replace(story.booking, no_show_upheld_at=NO_SHOW), event(checked_in=1), NO_SHOW + 8 * DAY)

    assert isinstance(step, Begin)
    story.begin(step)

    assert check(story.lines) == []
    assert account(story.lines).fee == account(story.lines).captured


def test_a_late_cancellation_is_derived_with_its_clause():
    story = Story()
    story.cancel(START - HOUR)

    (derived,) = account(story.lines).derived

    assert (derived.kind, derived.said, derived.amount) == ("capture", 5000, 5000)
    assert derived.clause == "cancelled less than 24 hours before the start: 100 percent of the price"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"amount": 4999}, "says 4999, the log comes to 5000"),
        ({"details": {"clause": "no-show: 100 percent of the price"}}, "clause is"),
        ({"details": {"evaluated_at": "2026-11-23T19:00:01Z"}}, "evaluated_at is"),
        ({"details": {"starts_at": "2026-11-23T21:00:00Z"}}, "starts_at is"),
        ({"details": {"fees_count_from": "2026-11-22T20:00:00Z"}}, "fees_count_from is"),
        ({"details": {"booked_at": "2026-11-20T20:00:01Z"}}, "booked_at is"),
        ({"details": {"moved_at": "2026-11-20T20:00:01Z"}}, "moved_at is"),
        ({"details": {"price": 5001}}, "price is 5001"),
        ({"details": {"hold": 6001}}, "hold is 6001"),
        ({"details": {"policy_hash": "0" * 64}}, "policy_hash is"),
        ({"reason": "no_show"}, "clause is"),
        ({"stripe_id": "pi_2"}, "missing: KeyError('pi_2')"),
    ],
)
def test_a_capture_that_says_anything_else_is_found(changes, fault):
    story = Story()
    story.cancel(START - HOUR)

    faults = check(story.with_line(3, **changes))

    assert any(fault in each.what for each in faults), faults
    assert {each.sequence for each in faults} <= {4, 5}


@pytest.mark.parametrize(
    ("number", "changes", "fault"),
    [
        (0, {"details": {"policy": DEFAULT.to_json() | {"settle_hours": 25}}}, "policy_hash is not the hash"),
        (0, {"details": {"hold": 6001}}, "the hold is 6001, the policy says 6000"),
        (0, {"details": {"policy": None}}, "missing"),
        (2, {"details": {"requested_at": "2026-11-20T20:00:00Z"}}, "the log comes to 0"),
        (2, {"details": {"charges_fee": False}}, "the log comes to 0"),
        (4, {"amount": 4000}, "more or less was captured than was begun"),
    ],
)
def test_a_line_that_the_capture_follows_from_cannot_lie_either(number, changes, fault):
    story = Story()
    story.cancel(START - HOUR)

    assert any(fault in each.what for each in check(story.with_line(number, **changes)))


def test_a_release_where_the_policy_asks_a_fee_is_found():
    story = Story()
    story.cancel(START - 2 * DAY)

    faults = check(story.with_line(2, details={"requested_at": wire_time(START - HOUR)}))

    assert any("says 0, the log comes to 5000" in each.what for each in faults)


def test_a_quote_is_kept_and_its_amount_follows_from_the_policy_too():
    story = Story()
    story.cancel(START - 24 * HOUR + 4 * SECOND, START - 24 * HOUR)
    free = story.lines[2]["details"]["quote"]

    assert check(story.lines) == []
    assert account(story.lines).fee == 0
    for changed in ({"amount": 1}, {"clause": "cancelled when no tier applied"}):
        faults = check(story.with_line(2, details={"quote": free | changed}))
        assert any(each.sequence == 3 and "quote" in each.what for each in faults)


def test_a_move_to_another_event_is_followed_and_gives_no_more_time():
    story = Story()
    later = event(event_id="pilates", starts_at=START + DAY, ends_at=END + DAY)
    story.write(*moved_to(story.booking, later, START - 2 * HOUR, by_staff=False, fresh_window=False))
    story.cancel(START - HOUR)

    assert check(story.lines) == []
    assert account(story.lines).fee == 5000
    assert any(
        "fees_count_from" in each.what
        for each in check(story.with_line(2, details={"fees_count_from": wire_time(START + DAY)}))
    )


@pytest.mark.parametrize("fresh", [True, False])
def test_moves_of_staff_and_of_the_organiser_are_followed(fresh):
    story = Story()
    other: Event = event(event_id="pilates", starts_at=START + HOUR, ends_at=END + HOUR)
    story.write(*moved_to(story.booking, other, START - 12 * HOUR, by_staff=True, fresh_window=fresh))
    moved = replace(other, starts_at=START + 2 * HOUR, ends_at=END + 2 * HOUR, moved_at=START - 6 * HOUR, version=2)
    story.write(*brought_up(story.booking, moved))
    story.cancel(START - HOUR)

    assert check(story.lines) == []
    assert account(story.lines).fee == 0


def test_a_new_price_is_followed():
    story = Story()
    details = {"from": 5000, "to": 4000, "hold_amount": 4800}
    entry = Entry(kind="reprice", status="succeeded", actor="staff", amount=4000, details=details)
    story.write(replace(story.booking, price=Money(4000, "eur"), hold_amount=4800), [entry])
    story.cancel(START - HOUR)

    assert check(story.lines) == []
    assert account(story.lines).captured == 4000


@pytest.mark.parametrize(("asked", "amount", "right"), [(None, 5000, True), (4200, 4200, True), (4200, 4300, False)])
def test_completing_takes_what_staff_said_or_the_price(asked, amount, right):
    story = Story()
    story.capture(amount, "completed", clause="completed", asked=asked, price=5000, hold=6000)

    assert (check(story.lines) == []) is right
    assert account(story.lines).fee == 0


def test_attendance_takes_the_price():
    story = Story()
    story.capture(5000, "attended", clause="attendance", price=5000, hold=6000)

    assert check(story.lines) == []
    assert check(story.with_line(2, amount=6000)) != []


@pytest.mark.parametrize(("taken", "at", "back", "kept"), [(6000, HOUR, 1000, 5000), (6000, 2 * DAY, 6000, 0)])
def test_what_was_taken_outside_goes_back_but_for_the_fee(taken, at, back, kept):
    story = Story()
    story.captured_outside(taken)
    story.cancel(START - at)

    result = account(story.lines)

    assert (result.faults, result.captured, result.refunded, result.fee) == ([], taken, back, kept)
    assert any("comes to" in each.what for each in check(story.with_line(4, amount=back - 1)))


def test_what_was_taken_outside_is_kept_where_it_is_all_owed():
    story = Story()
    story.captured_outside(3000)
    story.cancel(START - HOUR)

    result = account(story.lines)

    assert (result.faults, result.captured, result.refunded, result.fee) == ([], 3000, 0, 3000)


def test_a_cancelled_event_sends_everything_back_and_keeps_no_fee():
    story = Story()
    story.cancel(START - HOUR)
    gone = replace(story.booking, captured=5000, fee=5000, outcome=Outcome.CANCELLED)
    story.write(*brought_up(gone, event(cancelled_at=START, version=2)))
    story.begin(Begin(kind=Kind.REFUND, amount=5000, reason="event_cancelled", payment_intent_id="pi_1"))

    result = account(story.lines)

    assert (result.faults, result.refunded, result.fee) == ([], 5000, 0)
    assert check(story.with_line(6, amount=4000)) != []


def test_a_refund_that_came_back_is_not_among_what_went_back():
    story = Story()
    story.capture(5000, "completed", clause="completed", asked=None, price=5000, hold=6000)
    story.begin(Begin(kind=Kind.REFUND, amount=2000, reason="requested_by_customer", payment_intent_id="pi_1"))
    refund = story.lines[-1]["stripe_id"]
    entry = Entry(kind="refund", status="failed", actor="stripe", amount=2000, stripe_id=refund)
    story.write(story.booking, [entry])

    assert (account(story.lines).captured, account(story.lines).refunded) == (5000, 0)
