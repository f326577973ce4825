"""Policies: windows to the second, tiers at their edges, fees that never exceed the hold, and what is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import money, policy
from holdfast.errors import InvalidRequest, RuleRefused
from holdfast.money import Money
from holdfast.policy import DEFAULT, Amount, Percent, Policy, Tier
from holdfast.policy_terms import decimal_text

START = datetime(2026, 11, 23, 20, tzinfo=UTC)
LONG_BEFORE = START - timedelta(days=30)
PRICE = Money(2500, "eur")
HOLD = 3000
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LADDER = policy.resolve(
    {
        "cancellation_tiers": [
            {"hours_before": 24, "percent": 50},
            {"hours_before": 2, "percent": 100},
            {"hours_before": 12, "amount": 1500},
        ]
    }
)


def fee(terms: Policy, now: datetime, *, price=PRICE, hold=HOLD, created=LONG_BEFORE, starts=START, moved=None) -> int:
    return policy.cancellation_fee(
        terms, price, hold, now=now, starts_at=starts, created_at=created, moved_at=moved
    ).amount


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(microseconds=999_999)])
def test_the_second_that_is_told_is_the_second_that_counts(late):
    """Whoever cancels in the second until which it is free, as both are shown, cancels free; and a tier's alike."""
    until_the_tier = START - 2 * HOUR

    assert fee(DEFAULT, START - 24 * HOUR + late) == 0
    assert fee(LADDER, until_the_tier + late) == 1500


def test_a_grace_that_began_within_a_second_lasts_to_the_end_of_the_second_that_is_shown():
    booked = START - 10 * HOUR + timedelta(milliseconds=300)

    assert fee(DEFAULT, booked + HOUR + timedelta(milliseconds=600), created=booked) == 0
    assert fee(DEFAULT, booked + HOUR + timedelta(milliseconds=701), created=booked) == 2500


@pytest.mark.parametrize(
    ("before_start", "expected"),
    [
        (timedelta(days=20), 0),
        (24 * HOUR + SECOND, 0),
        (24 * HOUR, 0),
        (24 * HOUR - SECOND, 2500),
        (SECOND, 2500),
        (timedelta(0), 2500),
        (-HOUR, 2500),
    ],
)
def test_cancelling_is_free_up_to_and_including_24_hours_before_the_start(before_start, expected):
    assert fee(DEFAULT, START - before_start) == expected


@pytest.mark.parametrize(
    ("before_start", "expected"),
    [
        (24 * HOUR, 0),
        (24 * HOUR - SECOND, 1250),
        (12 * HOUR, 1250),
        (12 * HOUR - SECOND, 1500),
        (2 * HOUR, 1500),
        (2 * HOUR - SECOND, 2500),
    ],
)
def test_of_the_tiers_that_match_the_smallest_applies(before_start, expected):
    assert fee(LADDER, START - before_start) == expected


def test_a_tier_wider_than_the_free_window_waits_for_its_end():
    wide = replace(DEFAULT, free_cancellation_hours=2)

    assert fee(wide, START - 2 * HOUR) == 0
    assert fee(wide, START - 2 * HOUR + SECOND) == 2500


def test_between_the_free_window_and_the_widest_tier_nothing_is_due():
    narrow = replace(DEFAULT, free_cancellation_hours=48)

    assert fee(narrow, START - 30 * HOUR) == 0
    assert fee(narrow, START - 24 * HOUR + SECOND) == 2500


def test_whoever_books_inside_the_window_has_an_hour_to_cancel_free():
    created = START - 5 * HOUR

    assert fee(DEFAULT, created + HOUR, created=created) == 0
    assert fee(DEFAULT, created + HOUR + SECOND, created=created) == 2500


def test_the_grace_of_booking_ends_at_the_start():
    created = START - timedelta(minutes=10)

    assert policy.free_cancellation_until(DEFAULT, starts_at=START, created_at=created) == START
    assert fee(DEFAULT, START + SECOND, created=created) == 2500


def test_an_organiser_who_moves_the_event_gives_a_fresh_window_at_most_until_the_start():
    moved = START - 30 * HOUR

    assert fee(DEFAULT, moved + 24 * HOUR, moved=moved) == 0
    assert fee(DEFAULT, moved + 24 * HOUR + SECOND, moved=moved) == 2500
    until = policy.free_cancellation_until(DEFAULT, starts_at=START, created_at=LONG_BEFORE, moved_at=START - 2 * HOUR)
    assert until == START


def test_a_booking_made_after_the_move_gets_no_fresh_window():
    moved, created = START - 10 * HOUR, START - 9 * HOUR

    assert fee(DEFAULT, START - 5 * HOUR, created=created, moved=moved) == 2500


def test_a_booking_made_in_the_second_of_the_move_gets_the_fresh_window():
    moved = START - 10 * HOUR

    assert policy.free_cancellation_until(DEFAULT, starts_at=START, created_at=moved, moved_at=moved) == START


def test_times_are_in_utc_wherever_the_process_runs(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert policy.to_second(START).tzinfo is UTC
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("text", "plain"), [("1E+2", "100"), ("1.20", "1.2"), ("2.00", "2"), ("0.5", "0.5")])
def test_equal_decimals_have_one_text(text, plain):
    assert decimal_text(Decimal(text)) == plain


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    ("year", "month", "day"), [(2026, 3, 29), (2026, 4, 5), (2026, 10, 25), (2026, 11, 1), (2028, 3, 1)]
)
def test_windows_are_elapsed_seconds_whatever_the_clocks_on_the_wall_do(zone, year, month, day):
    starts = datetime(year, month, day, 12, tzinfo=ZoneInfo(zone))
    instant = starts.astimezone(UTC)

    booked = {"starts": starts, "created": instant - 100 * HOUR}
    assert fee(DEFAULT, instant - timedelta(seconds=86_400), **booked) == 0
    assert fee(DEFAULT, instant - timedelta(seconds=86_399), **booked) == 2500


def test_a_fee_is_at_most_the_hold():
    assert fee(DEFAULT, START, hold=1000) == 1000
    assert policy.no_show_fee(DEFAULT, PRICE, 1000).amount == 1000


def test_a_fee_that_stripe_would_not_capture_is_waived_and_says_so():
    tiny = policy.resolve({"cancellation_tiers": [{"hours_before": 24, "percent": 1}], "no_show_fee": {"amount": 49}})

    waived = policy.cancellation_fee(tiny, PRICE, HOLD, now=START, starts_at=START, created_at=LONG_BEFORE)

    assert waived.amount == 0
    assert "waived" in waived.clause
    assert policy.no_show_fee(tiny, PRICE, HOLD).amount == 0


def test_the_clause_names_the_tier_and_its_share():
    clause = policy.cancellation_fee(
        LADDER, PRICE, HOLD, now=START - HOUR, starts_at=START, created_at=LONG_BEFORE
    ).clause

    assert clause == "cancelled less than 2 hours before the start: 100 percent of the price"


def test_attendance_costs_the_price_unless_the_policy_releases():
    assert policy.attendance_amount(DEFAULT, PRICE) == 2500
    assert policy.attendance_amount(replace(DEFAULT, capture_on_attendance=False), PRICE) == 0


def test_without_tiers_cancelling_is_always_free():
    assert fee(policy.resolve({"cancellation_tiers": []}), START) == 0


# What a policy may say.


def test_what_is_left_out_is_the_default():
    assert policy.resolve({}) == DEFAULT
    assert policy.resolve({"settle_hours": 2}) == replace(DEFAULT, settle_hours=2)
    assert policy.resolve({"settle_hours": 2}, LADDER) == replace(LADDER, settle_hours=2)


def test_every_term_can_be_set():
    terms = {
        "hold_ratio": "1.50",
        "free_cancellation_hours": 48,
        "booking_grace_minutes": 0,
        "cancellation_tiers": [{"hours_before": 48, "percent": "12.5"}, {"hours_before": 1, "amount": 700}],
        "no_show_fee": {"percent": 150},
        "no_show_grace_minutes": 5,
        "no_show_contest_minutes": 60,
        "no_show_capture": "staff",
        "capture_on_attendance": False,
        "settle_hours": 0,
        "self_refund_until_hours": 12,
        "on_unplaceable_hold": "keep",
        "off_session_fees": False,
    }

    resolved = policy.resolve(terms)

    assert resolved.to_json() == terms | {"hold_ratio": "1.5"}
    assert resolved.cancellation_tiers == (Tier(48, Percent(Decimal("12.5"))), Tier(1, Amount(700)))


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"surprise": 1}, "/policy/surprise"),
        ({"hold_ratio": 1.2}, "/policy/hold_ratio"),
        ({"hold_ratio": "1,2"}, "/policy/hold_ratio"),
        ({"hold_ratio": "NaN"}, "/policy/hold_ratio"),
        ({"hold_ratio": "1e1"}, "/policy/hold_ratio"),
        ({"hold_ratio": "\u0661"}, "/policy/hold_ratio"),
        ({"hold_ratio": True}, "/policy/hold_ratio"),
        ({"hold_ratio": None}, "/policy/hold_ratio"),
        ({"settle_hours": "24"}, "/policy/settle_hours"),
        ({"settle_hours": True}, "/policy/settle_hours"),
        ({"capture_on_attendance": "yes"}, "/policy/capture_on_attendance"),
        ({"off_session_fees": 1}, "/policy/off_session_fees"),
        ({"no_show_capture": "sometimes"}, "/policy/no_show_capture"),
        ({"no_show_capture": ["staff"]}, "/policy/no_show_capture"),
        ({"on_unplaceable_hold": None}, "/policy/on_unplaceable_hold"),
        ({"no_show_fee": 100}, "/policy/no_show_fee"),
        ({"no_show_fee": {}}, "/policy/no_show_fee"),
        ({"no_show_fee": {"percent": 1, "amount": 1}}, "/policy/no_show_fee"),
        ({"no_show_fee": {"percent": 5, "of": "price"}}, "/policy/no_show_fee/of"),
        ({"no_show_fee": {"amount": -1}}, "/policy/no_show_fee/amount"),
        ({"no_show_fee": {"percent": -1}}, "/policy/no_show_fee/percent"),
        ({"cancellation_tiers": {}}, "/policy/cancellation_tiers"),
        ({"cancellation_tiers": [5]}, "/policy/cancellation_tiers/0"),
        ({"cancellation_tiers": [{"percent": 5}]}, "/policy/cancellation_tiers/0/hours_before"),
        ({"cancellation_tiers": [{"hours_before": 1.5, "percent": 5}]}, "/policy/cancellation_tiers/0/hours_before"),
        ({"cancellation_tiers": [{"hours_before": 1}]}, "/policy/cancellation_tiers/0"),
        (
            {"cancellation_tiers": [{"hours_before": 9, "percent": 5}, {"hours_before": 1, "amount": "5"}]},
            "/policy/cancellation_tiers/1/amount",
        ),
    ],
)
def test_a_malformed_policy_names_the_term(terms, pointer):
    with pytest.raises(InvalidRequest) as refused:
        policy.resolve(terms)

    assert [fault.pointer for fault in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"hold_ratio": "0.9"}, "/policy/hold_ratio"),
        ({"hold_ratio": "2.1"}, "/policy/hold_ratio"),
        ({"free_cancellation_hours": -1}, "/policy/free_cancellation_hours"),
        ({"booking_grace_minutes": 10**30}, "/policy/booking_grace_minutes"),
        ({"settle_hours": 10_000}, "/policy/settle_hours"),
        ({"no_show_fee": {"percent": 121}}, "/policy/no_show_fee/percent"),
        (
            {"cancellation_tiers": [{"hours_before": 9, "percent": 5}, {"hours_before": 1, "percent": 121}]},
            "/policy/cancellation_tiers/1/percent",
        ),
        (
            {"cancellation_tiers": [{"hours_before": 9, "percent": 5}, {"hours_before": 9, "percent": 6}]},
            "/policy/cancellation_tiers/1/hours_before",
        ),
        ({"cancellation_tiers": [{"hours_before": -1, "percent": 5}]}, "/policy/cancellation_tiers/0/hours_before"),
        ({"cancellation_tiers": [{"hours_before": n, "percent": 1} for n in range(21)]}, "/policy/cancellation_tiers"),
    ],
)
def test_a_policy_against_a_rule_names_the_term(terms, pointer):
    with pytest.raises(RuleRefused) as refused:
        policy.resolve(terms)

    assert refused.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        (
            {"cancellation_tiers": [{"hours_before": 9, "percent": 5}, {"hours_before": 1, "amount": 3001}]},
            "/policy/cancellation_tiers/1/amount",
        ),
        ({"no_show_fee": {"amount": 3001}}, "/policy/no_show_fee/amount"),
    ],
)
def test_an_amount_above_the_hold_is_refused_once_the_price_is_known(terms, pointer):
    resolved = policy.resolve(terms)

    with pytest.raises(RuleRefused) as refused:
        policy.check_against(resolved, PRICE)

    assert refused.value.errors[0].pointer == pointer


def test_an_amount_that_equals_the_hold_is_accepted():
    policy.check_against(policy.resolve({"no_show_fee": {"amount": 3000}}), PRICE)
    policy.check_against(LADDER, PRICE)


def test_an_incomplete_stored_policy_is_an_error():
    stored = DEFAULT.to_json()
    del stored["settle_hours"]

    with pytest.raises(InvalidRequest):
        policy.from_json(stored)


def test_the_hash_follows_what_a_policy_says_and_not_how():
    assert policy.resolve({"hold_ratio": "1.20"}).policy_hash == DEFAULT.policy_hash
    assert policy.resolve({"no_show_fee": {"percent": "100.0"}}).policy_hash == DEFAULT.policy_hash
    assert policy.resolve({"settle_hours": 23}).policy_hash != DEFAULT.policy_hash
    assert policy.resolve({"off_session_fees": False}).policy_hash != DEFAULT.policy_hash
    assert len(DEFAULT.policy_hash) == 64


def test_a_customer_can_read_the_amounts_and_windows():
    words = policy.text(LADDER, PRICE)

    assert "hold of 30.00 EUR" in words
    assert "until 24 hours before the start" in words
    assert "less than 24 hours before the start costs 50 percent of the price (12.50 EUR)" in words
    assert "less than 12 hours before the start costs 15.00 EUR" in words
    assert "If you do not come, you are charged 100 percent of the price (25.00 EUR)" in words


def test_the_text_says_that_a_fee_may_be_charged_without_a_hold_where_it_may():
    without = policy.resolve({"off_session_fees": False})

    assert "If there is no hold any more, what you owe may be charged to your saved card." in policy.text(
        DEFAULT, PRICE
    )
    assert "saved card" not in policy.text(without, PRICE)


def test_the_text_leaves_out_a_grace_that_is_none():
    strict = policy.resolve({"booking_grace_minutes": 0, "no_show_grace_minutes": 0})

    assert "minute" not in policy.text(strict, PRICE)


def test_the_text_says_nothing_where_nothing_is_charged():
    lenient = policy.resolve(
        {
            "cancellation_tiers": [],
            "no_show_fee": {"percent": 0},
            "capture_on_attendance": False,
            "free_cancellation_hours": 0,
            "self_refund_until_hours": 1,
        }
    )

    words = policy.text(lenient, PRICE)

    assert "until the start" in words
    assert "you pay nothing" in words
    assert "Until 1 hour before the start you can refund yourself" in words


charges = st.builds(
    lambda kind, value: {kind: value}, st.sampled_from(["percent", "amount"]), st.integers(min_value=0, max_value=120)
)
terms = st.fixed_dictionaries(
    {},
    optional={
        "free_cancellation_hours": st.integers(0, 96),
        "booking_grace_minutes": st.integers(0, 300),
        "cancellation_tiers": st.dictionaries(st.integers(0, 96), charges, max_size=4).map(
            lambda tiers: [{"hours_before": hours, **charge} for hours, charge in tiers.items()]
        ),
        "no_show_fee": charges,
        "settle_hours": st.integers(0, 48),
        "self_refund_until_hours": st.none() | st.integers(0, 48),
    },
)
# Whatever an older release may have stored, however its terms fit together.
policies = terms.map(lambda partial: policy.from_json(DEFAULT.to_json() | partial))
prices = st.builds(Money, st.integers(1, 10_000_000), st.sampled_from(sorted(money.CURRENCIES)))
zones = st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")])
moments = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - Hypothesis wants the bounds without a zone
    datetime(2030, 12, 31),  # noqa: DTZ001
    timezones=zones,
).map(lambda moment: moment.replace(microsecond=0))
spans = st.timedeltas(timedelta(seconds=-3600), timedelta(days=6))


@given(policies, prices, moments, spans, spans)
def test_a_fee_is_on_a_step_never_negative_and_never_above_the_hold(terms, price, starts, before, lead):
    hold = money.hold_amount(price, terms.hold_ratio)
    starts = starts.astimezone(UTC)
    late = policy.cancellation_fee(
        terms, price, hold, now=starts - before, starts_at=starts, created_at=starts - before - abs(lead)
    )
    absent = policy.no_show_fee(terms, price, hold)

    for charged in (late.amount, absent.amount):
        assert charged == 0 or money.is_chargeable(charged, price.currency)
        assert 0 <= charged <= hold


@given(policies, moments, spans, st.none() | spans)
def test_the_free_window_ends_between_the_plain_window_and_the_start(terms, starts, lead, moved):
    created = starts.astimezone(UTC) - abs(lead)
    moved_at = None if moved is None else starts.astimezone(UTC) - abs(moved)
    until = policy.free_cancellation_until(terms, starts_at=starts, created_at=created, moved_at=moved_at)
    plain = starts.astimezone(UTC) - timedelta(hours=terms.free_cancellation_hours)

    assert plain <= until <= starts.astimezone(UTC)


@given(moments, spans, spans)
def test_once_a_cancellation_costs_it_never_becomes_free_again(starts, first, second):
    earlier, later = sorted([starts.astimezone(UTC) - first, starts.astimezone(UTC) - second])

    assert fee(LADDER, earlier, starts=starts, created=earlier - 100 * HOUR) <= fee(
        LADDER, later, starts=starts, created=earlier - 100 * HOUR
    )


@given(policies)
def test_a_stored_policy_reads_back_the_same(resolved):
    assert policy.from_json(resolved.to_json()) == resolved
    assert policy.from_json(resolved.to_json()).policy_hash == resolved.policy_hash


@given(st.dictionaries(st.sampled_from(sorted(DEFAULT.to_json())), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["hours_before", "percent", "amount", "x"]), inner, max_size=3),
    max_leaves=8,
)))  # fmt: skip
def test_no_json_makes_anything_but_a_policy_or_an_error_of_the_domain(partial):
    try:
        resolved = policy.resolve(partial)
    except (InvalidRequest, RuleRefused):
        return

    assert policy.from_json(resolved.to_json()) == resolved


@given(policies, prices)
def test_a_policy_can_always_be_put_into_words(resolved, price):
    assert policy.text(resolved, price).endswith(".")


@pytest.mark.parametrize("fraction", [0, 1, 999_999])
def test_whoever_cancels_within_the_second_of_the_deadline_has_kept_it(fraction):
    deadline = START - 24 * HOUR

    assert fee(DEFAULT, deadline + timedelta(microseconds=fraction)) == 0
    assert fee(DEFAULT, deadline + SECOND) == 2500


def test_a_deadline_that_follows_from_a_booking_is_a_whole_second():
    created = START - 5 * HOUR + timedelta(microseconds=750_000)

    until = policy.free_cancellation_until(DEFAULT, starts_at=START, created_at=created)
    assert until == START - 4 * HOUR
    assert fee(DEFAULT, created + HOUR, created=created) == 0
    assert fee(DEFAULT, until + SECOND, created=created) == 2500
