"""A customer moves a booking to another event: what is allowed, and that no deadline is reset."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.booking import HoldState, Kind, Outcome
from holdfast.cancellation import schedule_of, wished
from holdfast.cancellation_schedule import period_at
from holdfast.coverage import renew_at
from holdfast.errors import Conflict, RuleRefused
from holdfast.money import Money
from holdfast.movements import cancellation
from holdfast.moving import brought_up
from holdfast.next_step import due_at, no_show_at
from holdfast.policy import DEFAULT, Percent, Tier
from holdfast.rebooking import check, moved_to
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HOUR,
    LAPSES,
    MINUTE,
    SECOND,
    START,
    cancelled_by,
    captured,
    ended,
    event,
    held,
    hold,
    under_way,
    waiting_for_3ds,
)

NOW = START - HOUR
LADDER = replace(
    DEFAULT,
    cancellation_tiers=(Tier(24, Percent(DEFAULT.hold_ratio * 40)), Tier(2, Percent(DEFAULT.hold_ratio * 80))),
)


def other(**changes):
    plain = {"event_id": "pilates", "title": "Pilates", "starts_at": START + DAY, "ends_at": END + DAY}
    return event(**(plain | changes))


def moved(booking=None, target=None, now=NOW, *, by_staff=False, fresh_window=False):
    after, _ = moved_to(booking or held(), target or other(), now, by_staff=by_staff, fresh_window=fresh_window)
    return after


def fee(booking, at):
    return cancelled_by(cancellation(wished(booking, at, actor="customer", charges_fee=True), at)).fee


def test_the_booking_belongs_to_the_other_event():
    after, (line,) = moved_to(
        held(look_again_at=END, waived_at=BOOKED), other(version=4, timezone="Europe/Lisbon"), NOW, by_staff=False,
        fresh_window=False,
    )  # fmt: skip

    assert (after.event_id, after.event_version, after.timezone) == ("pilates", 4, "Europe/Lisbon")
    assert (after.starts_at, after.ends_at) == (START + DAY, END + DAY)
    assert (after.joined_at, after.window_starts_at, after.look_again_at, after.waived_at) == (NOW, START, None, None)
    assert no_show_at(after) == START + DAY + 30 * MINUTE == due_at(after)
    assert (line.kind, line.status, line.actor, line.amount) == ("moved", "succeeded", "customer", None)
    assert line.details == {
        "from": {"event_id": "yoga", "starts_at": "2026-11-23T20:00:00Z"},
        "to": {"event_id": "pilates", "starts_at": "2026-11-24T20:00:00Z"},
        "event_version": 4,
        "fees_count_from": "2026-11-23T20:00:00Z",
        "moved_at": None,
        "fresh_window": False,
    }


@pytest.mark.parametrize(
    ("fresh_window", "reminded"), [(False, ("free_cancellation_ending",)), (True, ())], ids=["same window", "fresh"]
)
def test_of_the_reminders_only_those_that_the_new_date_leaves_true_count_as_sent(fresh_window, reminded):
    of = held(reminded=("hold_coming", "free_cancellation_ending"))

    assert moved(of, by_staff=True, fresh_window=fresh_window).reminded == reminded


@pytest.mark.parametrize(
    ("fresh_window", "moved_at"), [(False, "2026-11-23T18:30:00Z"), (True, "2026-11-23T19:00:00Z")]
)
def test_the_line_names_staff_and_the_window_that_counts(fresh_window, moved_at):
    of = held(moved_at=NOW - 30 * MINUTE)
    _, (line,) = moved_to(of, other(), NOW, by_staff=True, fresh_window=fresh_window)

    assert line.actor == "staff"
    assert (line.details["moved_at"], line.details["fresh_window"]) == (moved_at, fresh_window)


def test_rescheduling_an_hour_before_and_cancelling_then_costs_the_same():
    of = held(policy=LADDER)
    before = fee(of, NOW)

    after = moved(of)

    assert before == 4800
    for later in (NOW, NOW + SECOND, START, START + DAY - SECOND):
        assert fee(after, later) == before


def test_moving_to_an_earlier_event_brings_the_deadline_forward():
    after = moved(held(), other(starts_at=START - 10 * HOUR, ends_at=END - 10 * HOUR), BOOKED)

    assert after.fees_count_from == after.starts_at == START - 10 * HOUR
    assert fee(after, START - 34 * HOUR) == 0
    assert fee(after, START - 34 * HOUR + SECOND) == 5000


def test_moving_there_and_back_gives_nobody_more_time():
    there = moved(held(), other(starts_at=START - 10 * HOUR, ends_at=END - 10 * HOUR), BOOKED)
    back = moved(there, event(), BOOKED + HOUR)

    assert (back.starts_at, back.fees_count_from) == (START, START - 10 * HOUR)


@given(
    st.lists(st.tuples(st.timedeltas(-DAY, 30 * DAY), st.timedeltas(SECOND, HOUR)), min_size=1, max_size=5),
    st.timedeltas(-DAY, 10 * DAY),
)
def test_however_often_one_moves_cancelling_never_costs_less_than_it_did(moves, wait):
    booking = held(policy=LADDER)
    now = BOOKED
    for shift, pause in moves:
        target = other(starts_at=max(START + shift, now + HOUR), ends_at=END + 40 * DAY)
        before = booking
        booking = moved(booking, target, now)
        later = max(now, BOOKED + wait)
        assert booking.fees_count_from <= before.fees_count_from
        assert period_at(schedule_of(booking), later).fee.amount >= period_at(schedule_of(before), later).fee.amount
        now += pause


def test_the_organisers_own_move_gives_whoever_came_later_a_fresh_window_too():
    after = moved(held(), other())
    told, (line,) = brought_up(
        after, other(starts_at=START + 3 * DAY, ends_at=END + 3 * DAY, moved_at=NOW + HOUR, version=2)
    )

    assert line.kind == "event_moved"
    assert (told.window_starts_at, told.moved_at, told.fees_count_from) == (None, NOW + HOUR, START + 3 * DAY)
    assert fee(told, START + 2 * DAY) == 0
    assert fee(told, START + 2 * DAY + SECOND) == 5000


def test_a_move_of_the_other_event_before_one_came_is_no_news():
    target = other(moved_at=NOW - MINUTE, version=2)

    after = moved(held(), target)

    assert brought_up(after, target) == (after, [])
    assert fee(after, NOW) == 5000


def test_a_fresh_window_that_the_old_events_organiser_gave_stays():
    """He moved it half an hour ago: free for a day from then on, at most until the old start."""
    of = held(moved_at=NOW - 30 * MINUTE)

    after = moved(of)

    assert fee(of, NOW) == fee(after, NOW) == 0
    assert fee(after, START + SECOND) == 5000


def test_staff_can_give_a_fresh_window_as_an_organiser_would():
    after = moved(by_staff=True, fresh_window=True)

    assert (after.window_starts_at, after.moved_at) == (None, NOW)
    assert fee(after, NOW + 24 * HOUR) == 0
    assert fee(after, NOW + 24 * HOUR + SECOND) == 5000


@pytest.mark.parametrize(("reach", "renewed"), [(LAPSES, False), (LAPSES + SECOND, True)])
def test_a_date_that_the_hold_does_not_reach_is_for_the_clock_to_renew(reach, renewed):
    start = reach - 28 * HOUR

    assert (renew_at(moved(target=other(starts_at=start, ends_at=start + 2 * HOUR))) is not None) is renewed


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("booking", "why"),
    [
        (ended(HoldState.RELEASED), "closed: cancelled"),
        (captured(), "closed: completed"),
        (held(outcome=Outcome.NO_SHOW), "closed: no_show"),
        (held(cancel_requested_at=BOOKED), "closed: cancelled"),
        (held(event_cancelled_at=BOOKED), "event was cancelled"),
        (held(checked_in_at=NOW), "checked in"),
        (waiting_for_3ds(), "action_required"),
        (under_way(Kind.CAPTURE), "capturing"),
        (held(hold=hold(HoldState.EXPIRED)), "expired"),
    ],
)
def test_the_state_of_the_booking_forbids_it(booking, why):
    with pytest.raises(Conflict, match=why):
        check(booking, other(), NOW, by_staff=True)


def test_whoever_missed_the_start_cannot_move_away_from_it():
    check(held(), other(), START - SECOND, by_staff=False)
    with pytest.raises(RuleRefused, match="has begun"):
        check(held(), other(), START, by_staff=False)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (other(price=Money(5001, "eur")), "price"),
        (other(price=Money(5000, "usd")), "price or currency"),
        (other(starts_at=NOW, ends_at=END), "begun"),
        (other(policy=LADDER), "another policy"),
    ],
)
def test_a_rule_forbids_the_other_event_and_names_it(target, why):
    with pytest.raises(RuleRefused, match=why) as refused:
        check(held(), target, NOW, by_staff=False)

    assert [fault.pointer for fault in refused.value.errors] == ["/event_id"]


def test_a_cancelled_event_is_no_place_to_go():
    with pytest.raises(Conflict, match="cancelled"):
        check(held(), other(cancelled_at=BOOKED), NOW, by_staff=False)


def test_staff_move_across_policies_and_the_booking_keeps_its_own():
    check(held(), other(policy=LADDER), NOW, by_staff=True)

    assert moved(target=other(policy=LADDER), by_staff=True).policy == DEFAULT
