"""What people are shown of a policy agrees with what is charged, to the second, in every zone of the world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import money
from holdfast.booking import Booking
from holdfast.cancellation import schedule_of, wished
from holdfast.cancellation_schedule import cancellation_schedule, next_tier, period_at
from holdfast.money import Money
from holdfast.movements import cancellation
from holdfast.policy import DEFAULT, Amount, Percent, Policy, Tier, free_cancellation_until
from holdfast.policy_coherence import check, check_against
from holdfast.served import booking_view, event_view
from holdfast.venue_time import venue_time
from tests.unit.builders import BOOKED, DAY, HELD, HOUR, MINUTE, PRICE, SECOND, START, cancelled_by, event, held, hold

# "Factory" and "localtime" name no place.
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
LADDER = replace(
    DEFAULT,
    cancellation_tiers=(
        Tier(2, Percent(Decimal(120))),
        Tier(24, Percent(Decimal(50))),
        Tier(12, Amount(3000)),
    ),
)


def schedule(policy: Policy = DEFAULT, *, created=BOOKED, moved=None, price=PRICE, held_amount=HELD):
    return cancellation_schedule(policy, price, held_amount, starts_at=START, created_at=created, moved_at=moved)


def told(periods):
    return [(each.after, each.until, each.fee.amount) for each in periods]


def test_the_default_is_free_until_a_day_before_and_then_costs_the_price():
    assert told(schedule()) == [(None, START - 24 * HOUR, 0), (START - 24 * HOUR, None, 5000)]


def test_each_tier_has_its_period():
    assert told(schedule(LADDER)) == [
        (None, START - 24 * HOUR, 0),
        (START - 24 * HOUR, START - 12 * HOUR, 2500),
        (START - 12 * HOUR, START - 2 * HOUR, 3000),
        (START - 2 * HOUR, None, 6000),  # a fee that equals the hold
    ]


def test_what_was_over_before_the_booking_is_not_shown():
    created = START - 10 * HOUR

    assert told(schedule(LADDER, created=created)) == [
        (None, created + HOUR, 0),  # the grace after booking
        (created + HOUR, START - 2 * HOUR, 3000),
        (START - 2 * HOUR, None, 6000),
    ]


def test_a_booking_without_grace_made_at_the_very_turn_is_told_of_that_second():
    strict = replace(DEFAULT, booking_grace_minutes=0)

    assert told(schedule(strict, created=START - 24 * HOUR))[0] == (None, START - 24 * HOUR, 0)
    assert told(schedule(strict, created=START - 24 * HOUR + SECOND))[0] == (None, START - 24 * HOUR + SECOND, 0)


def test_whoever_books_after_the_start_is_told_of_one_price():
    assert told(schedule(LADDER, created=START + HOUR)) == [(None, None, 6000)]


def test_a_move_by_the_organiser_shows_its_fresh_window():
    moved = START - 30 * HOUR

    assert told(schedule(moved=moved)) == [(None, moved + 24 * HOUR, 0), (moved + 24 * HOUR, None, 5000)]


def test_an_older_policy_with_a_gap_shows_that_nothing_is_due_in_it():
    gap = replace(DEFAULT, free_cancellation_hours=48)

    assert told(schedule(gap)) == [
        (None, START - 48 * HOUR, 0),
        (START - 48 * HOUR, START - 24 * HOUR, 0),
        (START - 24 * HOUR, None, 5000),
    ]
    assert next_tier(schedule(gap), START - 40 * HOUR) == period_at(schedule(gap), START)


def test_without_tiers_there_is_one_price_for_ever():
    free = schedule(replace(DEFAULT, cancellation_tiers=()))

    assert {each.fee.amount for each in free} == {0}
    assert next_tier(free, BOOKED) is None


@pytest.mark.parametrize(
    ("now", "after"),
    [
        (BOOKED, START - 24 * HOUR),
        (START - 24 * HOUR, START - 24 * HOUR),
        (START - 24 * HOUR + SECOND, START - 12 * HOUR),
        (START - 3 * HOUR, START - 2 * HOUR),
        (START - 2 * HOUR, START - 2 * HOUR),
        (START - 2 * HOUR + SECOND, None),
        (START + DAY, None),
    ],
)
def test_the_next_tier_is_the_next_time_at_which_the_price_changes(now, after):
    coming = next_tier(schedule(LADDER), now)

    assert (coming.after if coming else None) == after


# --- shown and charged, everywhere ------------------------------------------------------------------------------------

charges = st.builds(Percent, st.decimals(0, 120, places=2)) | st.builds(Amount, st.integers(0, 10_000))
policies = st.builds(
    lambda free, grace, tiers, fee: replace(
        DEFAULT,
        free_cancellation_hours=free,
        booking_grace_minutes=grace,
        cancellation_tiers=tuple(Tier(hours, charge) for hours, charge in tiers.items()),
        no_show_fee=fee,
    ),
    st.integers(0, 96),
    st.integers(0, 300),
    st.dictionaries(st.integers(0, 96), charges, max_size=4),
    charges,
)
prices = st.builds(
    lambda steps, currency: Money(
        min(
            money.minimum_charge(currency) + steps * money.minor_step(currency), money.round_down(80_000_000, currency)
        ),
        currency,
    ),
    st.integers(0, 100_000),
    st.sampled_from(["eur", "jpy", "kwd", "isk", "huf", "idr"]),
)
# Wall clock times at the venue: also those that a change of the clocks skips (two instants are given for them, both are
# tried by `fold`) or repeats, on leap days and elsewhere.
walls = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2032, 12, 31)),  # noqa: DTZ001 - the zone comes apart
    st.sampled_from(
        [
            datetime(2026, 3, 29, 2, 30),  # noqa: DTZ001 - skipped in Berlin
            datetime(2026, 10, 25, 2, 30),  # noqa: DTZ001 - twice in Berlin
            datetime(2026, 3, 8, 2, 30),  # noqa: DTZ001 - skipped in New York
            datetime(2026, 11, 1, 1, 30),  # noqa: DTZ001 - twice in New York
            datetime(2026, 10, 4, 2, 15),  # noqa: DTZ001 - skipped on Lord Howe, where the change is half an hour
            datetime(2028, 2, 29, 12),  # noqa: DTZ001 - a leap day
            datetime(2028, 3, 1, 0, 30),  # noqa: DTZ001 - whose windows reach into one
        ]
    ),
)
starts = st.builds(
    lambda wall, zone, fold: (wall.replace(microsecond=0, fold=fold, tzinfo=ZoneInfo(zone)).astimezone(UTC), zone),
    walls,
    st.sampled_from(ZONES),
    st.integers(0, 1),
)
spans = st.timedeltas(timedelta(0), timedelta(days=7))


@st.composite
def bookings(draw) -> Booking:
    """Anybody's booking: also one that the organiser moved, or whose fees count from an earlier event."""
    policy, price = draw(policies), draw(prices)
    start, zone = draw(starts)
    created = start - draw(st.timedeltas(SECOND, timedelta(days=7)))
    moved = draw(st.none() | spans)
    earlier = draw(st.none() | spans)
    amount = money.hold_amount(price, policy.hold_ratio)
    return held(
        policy=policy,
        price=price,
        hold=hold(amount=amount),
        hold_amount=amount,
        starts_at=start,
        ends_at=start + 2 * HOUR,
        timezone=zone,
        created_at=created,
        updated_at=created,
        moved_at=None if moved is None else created + moved,
        window_starts_at=None if earlier is None else max(start - earlier, created),
    )


def charged(booking: Booking, at: datetime) -> int:
    """By the rule that moves the money."""
    return cancelled_by(cancellation(wished(booking, at, actor="customer", charges_fee=True), at)).fee


def instant(shown: str) -> datetime:
    return datetime.fromisoformat(shown)


@settings(max_examples=300)
@given(bookings(), st.data())
def test_what_is_shown_is_what_is_charged_to_the_second(booking, data):
    view = booking_view(booking)
    periods = view["cancellation_schedule"]

    assert instant(periods[0]["from"]) == booking.created_at.replace(microsecond=0)
    assert periods[-1]["until"] is None
    for period, following in pairwise(periods):
        assert period["until"] == following["from"]
        assert charged(booking, instant(period["until"])) == period["amount"]
        assert charged(booking, instant(period["until"]) + SECOND) == following["amount"]
    now = booking.created_at + data.draw(spans)
    [shown] = [
        each
        for each in periods
        if (each is periods[0] or instant(each["from"]) < now.replace(microsecond=0))
        and (each["until"] is None or now.replace(microsecond=0) <= instant(each["until"]))
    ]
    assert charged(booking, now) == shown["amount"]


@given(bookings())
def test_the_free_window_that_is_shown_is_free_and_a_second_later_the_schedule_decides(booking):
    until = instant(booking_view(booking)["free_cancellation_until"])

    if until >= booking.created_at:
        assert charged(booking, until) == 0
    assert charged(booking, until + SECOND) == period_at(schedule_of(booking), until + SECOND).fee.amount
    assert until <= booking.starts_at


@settings(max_examples=300)
@given(bookings())
def test_the_venues_clock_shows_the_same_instants(booking):
    view = booking_view(booking)
    pairs = [(view["free_cancellation_until"], view["venue_free_cancellation_until"])]
    pairs += [(each["until"], each["venue_until"]) for each in view["cancellation_schedule"][:-1]]
    pairs += [(each["from"], each["venue_from"]) for each in view["cancellation_schedule"]]
    if view["next_tier"]:
        pairs.append((view["next_tier"]["from"], view["next_tier"]["venue_from"]))

    for shown, at_venue in pairs:
        assert instant(shown) == instant(at_venue)
        local = instant(shown).astimezone(ZoneInfo(booking.timezone))
        assert at_venue == local.isoformat(timespec="seconds")


def changes_of_the_clocks(zone: str) -> list[datetime]:
    """To the day, in two years."""
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    days = [noon + each * DAY for each in range(2 * 366)]
    return [day for day in days if (day - DAY).astimezone(ZoneInfo(zone)).utcoffset() != _offset(day, zone)]


def _offset(moment: datetime, zone: str) -> timedelta | None:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


def test_in_every_zone_a_window_is_so_many_seconds_whatever_the_clocks_do():
    changed = 0
    for zone in ZONES:
        for day in changes_of_the_clocks(zone) or [START]:
            changed += day is not START
            for hours in (-11, -10, -9, 0, 13, 14):
                start = day + hours * HOUR
                until = free_cancellation_until(DEFAULT, starts_at=start, created_at=start - 6 * DAY)
                at_venue = instant(venue_time(until, zone))
                assert (zone, start - at_venue) == (zone, timedelta(seconds=86_400))
                assert (zone, at_venue.utcoffset()) == (zone, _offset(until, zone))

    assert changed > 500


@given(policies, prices, starts, spans)
def test_an_event_shows_what_a_booking_made_now_would_be_shown(policy, price, where, lead):
    start, zone = where
    now = start - lead - SECOND
    of = event(policy=policy, price=price, starts_at=start, ends_at=start + HOUR, timezone=zone)
    amount = money.hold_amount(price, policy.hold_ratio)
    booked = held(
        policy=policy,
        price=price,
        hold=hold(amount=amount),
        starts_at=start,
        timezone=zone,
        created_at=now,
        updated_at=now,
    )

    before, after = event_view(of, now), booking_view(booked, now)

    for field in ("free_cancellation_until", "venue_free_cancellation_until", "next_tier", "no_show_fee"):
        assert before[field] == after[field]
    assert [each | {"from": None, "venue_from": None} for each in before["cancellation_schedule"][:1]] == [
        each | {"from": None, "venue_from": None} for each in after["cancellation_schedule"][:1]
    ]
    assert before["cancellation_schedule"][1:] == after["cancellation_schedule"][1:]


@given(bookings(), st.lists(st.decimals(0, 120, places=2), max_size=4), st.data())
def test_by_a_policy_that_is_accepted_nobody_pays_less_for_waiting(booking, percents, data):
    hours = sorted(data.draw(st.sets(st.integers(0, 96), min_size=len(percents), max_size=len(percents))), reverse=True)
    tiers = tuple(Tier(each, Percent(percent)) for each, percent in zip(hours, sorted(percents), strict=True))
    accepted = replace(
        booking.policy, cancellation_tiers=tiers, free_cancellation_hours=max(hours, default=24), no_show_fee=Amount(0)
    )
    check(accepted)
    check_against(accepted, booking.price)

    fees = [each.fee.amount for each in schedule_of(replace(booking, policy=accepted))]

    assert fees == sorted(fees)


def test_a_leap_day_is_a_day_like_any_other():
    start = datetime(2028, 3, 1, 10, tzinfo=UTC)

    until = free_cancellation_until(DEFAULT, starts_at=start, created_at=start - 3 * DAY)

    assert until == datetime(2028, 2, 29, 10, tzinfo=UTC)


def test_the_grace_after_booking_is_minutes_also_in_the_hour_that_comes_twice():
    created = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45 in Berlin, for the first time
    of = held(created_at=created, starts_at=created + 2 * HOUR, ends_at=created + 3 * HOUR)

    view = booking_view(of)

    assert view["free_cancellation_until"] == "2026-10-25T01:45:00Z"
    assert view["venue_free_cancellation_until"] == "2026-10-25T02:45:00+01:00"
    assert charged(of, created + 60 * MINUTE) == 0
    assert charged(of, created + 60 * MINUTE + SECOND) == 5000
