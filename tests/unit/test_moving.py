"""The organiser moves or cancels an event: what that does to a booking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.booking import HoldState, Kind, RefundStatus
from holdfast.coverage import HOLD_SAFETY, comes_too_early, renew_at
from holdfast.moving import brought_up
from holdfast.next_step import due_at, next_step, no_show_at
from holdfast.policy import cancellation_fee
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    MINUTE,
    PRICE,
    SECOND,
    SETTLES,
    START,
    booking,
    captured,
    dispute,
    ended,
    event,
    held,
    hold,
    refund,
    refused,
    scheduled,
    under_way,
    waiting_for_3ds,
)

MOVED_AT = START - 10 * HOUR


def moved(**changes):
    plain = {"starts_at": START + DAY, "ends_at": END + DAY, "moved_at": MOVED_AT, "version": 2, "updated_at": MOVED_AT}
    return event(**(plain | changes))


def test_the_booking_follows_an_event_that_moves():
    after, (line,) = brought_up(held(look_again_at=END), moved(timezone="Europe/Lisbon"))

    assert (after.starts_at, after.ends_at, after.timezone) == (START + DAY, END + DAY, "Europe/Lisbon")
    assert (after.moved_at, after.event_version, after.look_again_at) == (MOVED_AT, 2, None)
    assert (line.kind, line.actor, line.amount) == ("event_moved", "staff", None)
    assert line.details == {
        "from": ["2026-11-23T20:00:00Z", "2026-11-23T22:00:00Z"],
        "to": ["2026-11-24T20:00:00Z", "2026-11-24T22:00:00Z"],
        "moved_at": "2026-11-23T10:00:00Z",
        "event_version": 2,
    }


@pytest.mark.parametrize(
    "changes", [{"starts_at": START + MINUTE}, {"ends_at": END + MINUTE}, {"starts_at": START - HOUR}]
)
def test_either_end_of_an_event_may_move(changes):
    after, lines = brought_up(held(), event(moved_at=MOVED_AT, **changes))

    assert len(lines) == 1
    assert (after.starts_at, after.ends_at) == (changes.get("starts_at", START), changes.get("ends_at", END))


@pytest.mark.parametrize("of", [held(), waiting_for_3ds(), under_way(Kind.CAPTURE), booking(), scheduled(), refused()])
def test_hearing_of_it_twice_changes_nothing(of):
    once, _ = brought_up(of, moved())

    assert brought_up(once, moved()) == (once, [])


@pytest.mark.parametrize(
    ("of", "about"),
    [
        (held(), event()),
        (held(), event(version=9, title="Another title", checked_in=3)),
        (held(), None),
        (captured(), moved()),
        (ended(HoldState.RELEASED), moved()),
        (held(created_at=MOVED_AT + MINUTE), event(moved_at=MOVED_AT)),
        (held(created_at=MOVED_AT), event(moved_at=MOVED_AT)),
    ],
)
def test_what_does_not_concern_a_booking_leaves_it_alone(of, about):
    assert brought_up(of, about) == (of, [])


def test_times_that_differ_are_a_move_also_where_nobody_knows_when():
    after, (line,) = brought_up(held(), event(starts_at=START + HOUR))

    assert (after.starts_at, after.moved_at, line.details["moved_at"]) == (START + HOUR, None, None)


def test_a_waiver_and_a_place_without_a_hold_were_for_the_old_date():
    after, _ = brought_up(held(waived_at=BOOKED, kept_without_hold_at=BOOKED), moved())

    assert (after.waived_at, after.kept_without_hold_at) == (None, None)


def test_a_move_gives_everybody_a_fresh_free_window():
    after, _ = brought_up(held(), moved(starts_at=START + HOUR, ends_at=END + HOUR))

    for asked in (MOVED_AT + HOUR, after.starts_at):
        fee = cancellation_fee(
            after.policy,
            PRICE,
            HELD,
            now=asked,
            starts_at=after.starts_at,
            created_at=after.created_at,
            moved_at=after.moved_at,
        )
        assert fee.amount == 0


def test_an_event_that_moved_away_and_back_gives_a_fresh_window_too():
    after, lines = brought_up(held(), event(version=3, moved_at=MOVED_AT))

    assert (after.moved_at, len(lines)) == (MOVED_AT, 1)


@pytest.mark.parametrize(
    ("ahead", "renewed_at"),
    [
        (timedelta(0), None),
        (LAPSES - (SETTLES + HOLD_SAFETY), None),
        (LAPSES - (SETTLES + HOLD_SAFETY) + SECOND, LAPSES - DAY),
        (3 * DAY, LAPSES - DAY),
    ],
)
def test_an_event_that_moves_out_of_the_holds_reach_has_it_renewed_a_day_before_it_lapses(ahead, renewed_at):
    after, _ = brought_up(held(), moved(starts_at=START + ahead, ends_at=END + ahead))
    reminded = replace(after, reminded=("free_cancellation_ending",))

    assert renew_at(after) == renewed_at
    assert due_at(reminded) == min(each for each in (renewed_at, START + ahead + 30 * MINUTE) if each is not None)
    assert (after.attention, after.hold) == (None, hold())


@pytest.mark.parametrize(
    ("ahead", "too_early"), [(LAPSES + 3 * DAY - START, False), (LAPSES + 3 * DAY - START + SECOND, True)]
)
def test_an_event_that_moves_so_far_that_the_hold_lapses_before_another_is_placed_is_due_at_once(ahead, too_early):
    after, _ = brought_up(held(), moved(starts_at=START + ahead, ends_at=END + ahead))

    assert comes_too_early(after) is too_early
    assert (due_at(after) == after.updated_at) is too_early


def test_what_was_said_and_decided_of_a_no_show_was_about_the_old_date():
    absent = held(no_show_noticed_at=START, contested_at=START, no_show_upheld_at=END, look_again_at=END)

    after, _ = brought_up(absent, moved())

    assert (after.no_show_noticed_at, after.contested_at, after.no_show_upheld_at) == (None, None, None)
    assert (after.look_again_at, after.reminded) == (None, ())


@pytest.mark.parametrize(
    ("starts_at", "kept"), [(END - SECOND, True), (END, False), (START + DAY, False), (START - HOUR, True)]
)
def test_whoever_was_at_the_door_of_the_old_date_still_has_to_come_to_a_later_one(starts_at, kept):
    after, _ = brought_up(held(checked_in_at=START), moved(starts_at=starts_at, ends_at=starts_at + 2 * HOUR))

    assert after.checked_in_at == (START if kept else None)


@pytest.mark.parametrize(
    ("before", "ahead", "deadline"),
    [
        (START - DAY, 7 * DAY, START + 6 * DAY),  # the first fee of the new date
        (START - DAY, timedelta(hours=5), MOVED_AT + 15 * HOUR),  # a day to act, but not beyond the start
        (None, 7 * DAY, None),
    ],
)
def test_the_time_to_mend_a_hold_moves_with_the_event(before, ahead, deadline):
    after, _ = brought_up(refused(mend_by=before), moved(starts_at=START + ahead, ends_at=END + ahead))

    assert after.mend_by == deadline


def test_nobody_is_a_no_show_of_the_old_time():
    after, _ = brought_up(held(), moved(checked_in=4))

    assert next_step(after, moved(checked_in=4), START + HOUR) is None
    assert no_show_at(after) == START + DAY + 30 * MINUTE


# --- cancelled --------------------------------------------------------------------------------------------------------

CALLED_OFF = event(cancelled_at=START, version=5)


@pytest.mark.parametrize(
    "of",
    [
        held(),
        waiting_for_3ds(),
        scheduled(),
        refused(),
        under_way(Kind.AUTHORIZE),
        under_way(Kind.SCHEDULE),
        under_way(Kind.RENEW),
        under_way(Kind.CAPTURE),
        captured(),
        captured(refunds=(refund(4999),)),
        captured(refunds=(refund(5000, RefundStatus.FAILED),)),
        ended(HoldState.EXPIRED, booking().outcome),
    ],
)
def test_a_cancelled_event_is_a_fact_of_every_booking_with_money_or_a_place(of):
    after, (line,) = brought_up(of, CALLED_OFF)

    assert after == replace(of, event_cancelled_at=START, event_version=5)
    assert (line.kind, line.actor, line.details) == ("event_cancelled", "staff", {"event_version": 5})
    assert brought_up(after, CALLED_OFF) == (after, [])


@pytest.mark.parametrize("amount", [1, 5000])
def test_what_the_bank_keeps_from_going_back_is_for_a_person_to_look_at(amount):
    of = captured(amount, disputes=(dispute(),))

    after, _ = brought_up(of, CALLED_OFF)

    assert after == replace(
        of, event_cancelled_at=START, event_version=5, attention="refund_owed", attention_since=START
    )


def test_a_person_who_looks_at_it_already_is_not_told_again():
    of = captured(disputes=(dispute(),), attention="dispute", attention_since=BOOKED)

    after, _ = brought_up(of, CALLED_OFF)

    assert (after.attention, after.attention_since) == ("dispute", BOOKED)


@pytest.mark.parametrize(
    "of", [ended(HoldState.RELEASED), ended(HoldState.DECLINED), captured(refunds=(refund(5000),))]
)
def test_bookings_that_are_over_hear_nothing_of_it(of):
    assert brought_up(of, CALLED_OFF) == (of, [])


def test_a_cancelled_event_moves_no_more():
    after, _ = brought_up(held(), moved(cancelled_at=MOVED_AT))

    assert (after.starts_at, after.event_cancelled_at) == (START, MOVED_AT)
    assert after.created_at == BOOKED
