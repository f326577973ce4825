"""What a customer is reminded of: once each, a day before, and never of what they have just read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.booking import HoldState, HoldTerms
from holdfast.coverage import place_at
from holdfast.movements import Write
from holdfast.next_step import due_at as clock_due_at
from holdfast.next_step import next_step
from holdfast.policy import resolve
from holdfast.reminders import LEAD, due_at, step
from tests.unit.builders import (
    DAY,
    HOUR,
    LONG_AGO,
    MINUTE,
    PLACES,
    SECOND,
    START,
    event,
    held,
    hold,
    lapsed,
    refused,
    saving,
    scheduled,
    waiting_for_3ds,
)

HOLD, FREE = "hold_coming", "free_cancellation_ending"
FREE_UNTIL = START - DAY


def ahead(**changes):
    """Booked two months ahead, and reminded of nothing yet."""
    return scheduled(**({"reminded": ()} | changes))


def early(**changes):
    """Held, booked a week ahead."""
    return held(**({"reminded": (), "created_at": START - 7 * DAY} | changes))


# --- what, and when ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (ahead(), PLACES - DAY),
        (ahead(reminded=(HOLD,)), FREE_UNTIL - DAY),
        (ahead(reminded=(FREE,)), PLACES - DAY),
        (ahead(reminded=(FREE, HOLD)), None),
        (early(), FREE_UNTIL - DAY),
        (early(reminded=(HOLD,)), FREE_UNTIL - DAY),
        (early(reminded=(FREE,)), None),
        (ahead(hold=hold()), FREE_UNTIL - DAY),
        (saving(reminded=()), FREE_UNTIL - DAY),
        # Whoever came needs no reminder.
        (ahead(checked_in_at=LONG_AGO), None),
        (early(checked_in_at=START), None),
    ],
)
def test_a_reminder_is_due_a_day_before_what_it_is_about(of, at):
    assert due_at(of) == at


@pytest.mark.parametrize(
    ("policy", "at"),
    [
        ({}, START - 2 * DAY),
        (
            {"free_cancellation_hours": 12, "cancellation_tiers": [{"hours_before": 12, "percent": 50}]},
            START - 36 * HOUR,
        ),
        # The first fee decides whether there is anything to remind of; the end of the free window is what it is about.
        ({"free_cancellation_hours": 48, "cancellation_tiers": [{"hours_before": 48, "percent": 1}]}, START - 3 * DAY),
        ({"free_cancellation_hours": 0}, None),
        ({"cancellation_tiers": []}, None),
        ({"cancellation_tiers": [{"hours_before": 24, "percent": 0}]}, None),
        ({"cancellation_tiers": [{"hours_before": 0, "percent": 100}]}, None),
    ],
)
def test_nobody_is_reminded_of_an_end_that_costs_nothing(policy, at):
    assert due_at(early(policy=resolve(policy))) == at


@pytest.mark.parametrize(
    ("lead", "reminded"), [(LEAD + SECOND, True), (LEAD, False), (LEAD - SECOND, False), (-DAY, False)]
)
def test_whoever_booked_within_a_day_of_it_has_just_read_it(lead, reminded):
    soon = early(created_at=FREE_UNTIL - lead)

    assert (due_at(soon) is not None) is reminded
    assert (step(soon, START) is not None) is reminded


@pytest.mark.parametrize(("lead", "reminded"), [(LEAD + SECOND, True), (LEAD, False)])
def test_whoever_heard_that_the_event_was_moved_has_just_read_it_too(lead, reminded):
    """The move gives a fresh free window of a day, of which nobody needs to be reminded a day before its end."""
    later = START + 10 * DAY
    moved = early(starts_at=later, ends_at=later + 2 * HOUR, moved_at=later - DAY - lead)

    assert (due_at(moved) is not None) is reminded


def test_where_the_free_window_is_longer_whoever_was_moved_is_reminded_of_the_end_of_the_fresh_one():
    three_days = resolve({"free_cancellation_hours": 72})
    moved = early(policy=three_days, moved_at=START - 2 * DAY)

    assert due_at(moved) == START - LEAD
    assert due_at(replace(moved, moved_at=START - LEAD)) is None
    assert due_at(replace(moved, moved_at=None)) == START - 3 * DAY - LEAD


def test_what_was_said_of_the_old_date_is_said_again_of_the_new_one():
    """Moving forgets what was reminded of."""
    later = START + 30 * DAY
    moved = ahead(starts_at=later, ends_at=later + 2 * HOUR, moved_at=LONG_AGO + DAY, reminded=())

    assert due_at(moved) == later - 3 * DAY - DAY


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "at", "name", "about"),
    [
        (ahead(), PLACES - DAY, HOLD, "2026-11-20T20:00:00Z"),
        (early(), FREE_UNTIL - DAY, FREE, "2026-11-22T20:00:00Z"),
    ],
)
def test_a_reminder_is_one_line_that_names_its_occasion(of, at, name, about):
    assert step(of, at - SECOND) is None

    said = step(of, at)

    assert isinstance(said, Write)
    (line,) = said.entries
    assert (line.kind, line.status, line.actor, line.reason) == ("reminder", "succeeded", "clock", name)
    assert (line.details, line.amount) == ({"about": about}, None)
    assert said.booking == replace(of, reminded=(name,))
    assert step(said.booking, at) is None


def test_two_that_are_due_at_once_are_both_said():
    """The hold comes 73 hours before the start, two hours before the first fee."""
    close = ahead(policy=resolve({"free_cancellation_hours": 71}), hold_terms=HoldTerms(mend_hours=2))

    said = step(close, START - 80 * HOUR)

    assert isinstance(said, Write)
    assert [line.reason for line in said.entries] == [HOLD, FREE]
    assert set(said.booking.reminded) == {HOLD, FREE}


def test_of_two_that_are_due_at_once_the_one_whose_time_has_passed_is_dropped():
    close = ahead(policy=resolve({"free_cancellation_hours": 60}))

    said = step(close, START - 80 * HOUR)

    assert isinstance(said, Write)
    assert [line.reason for line in said.entries] == [FREE]
    assert set(said.booking.reminded) == {HOLD, FREE}


@pytest.mark.parametrize(("now", "lines"), [(FREE_UNTIL - SECOND, 1), (FREE_UNTIL, 0), (START, 0)])
def test_one_whose_occasion_has_passed_meanwhile_is_dropped_without_a_line(now, lines):
    said = step(early(), now)

    assert isinstance(said, Write)
    assert len(said.entries) == lines
    assert said.booking.reminded == (FREE,)
    assert due_at(said.booking) is None


def test_whoever_came_is_told_nothing():
    assert step(early(checked_in_at=START - DAY), FREE_UNTIL - HOUR) is None


@pytest.mark.parametrize(
    "of",
    [
        ahead(hold=hold(HoldState.DECLINED)),
        ahead(hold=hold(HoldState.EXPIRED)),
        lapsed(reminded=()),
        refused(reminded=()),
        waiting_for_3ds(reminded=()),
    ],
)
def test_a_hold_that_was_asked_for_already_is_not_announced(of):
    said = step(of, PLACES - HOUR)

    assert said is None or [line.reason for line in said.entries] != [HOLD]


def test_a_booking_that_is_kept_without_a_hold_is_not_told_that_one_is_coming():
    """Stripe knew no such card, so that no authorization was ever made; then the event was moved to next year."""
    later = START + 200 * DAY
    kept = ahead(kept_without_hold_at=START - DAY, refused_card="pm_1", starts_at=later, ends_at=later + 2 * HOUR)

    said = step(kept, place_at(kept.policy, kept.hold_terms, later) - HOUR)

    assert said is None or HOLD not in [line.reason for line in said.entries]


# --- as the clock sees it ---------------------------------------------------------------------------------------------


def test_the_clock_comes_for_a_reminder_and_then_for_what_it_was_about():
    of, seen = ahead(), []
    for _ in range(3):
        due = clock_due_at(of)
        assert due is not None
        seen.append(due)
        said = next_step(of, event(), due)
        if not isinstance(said, Write):
            break
        of = said.booking

    assert seen == [PLACES - DAY, PLACES]
    assert of.reminded == (HOLD,)


def test_a_reminder_does_not_keep_the_clock_from_what_is_more_pressing():
    late = early(reminded=())

    assert clock_due_at(late) == FREE_UNTIL - DAY
    assert not isinstance(next_step(late, event(checked_in=1), START + 30 * MINUTE), Write)
    assert isinstance(next_step(late, event(), START + 29 * MINUTE), Write)
    assert timedelta(days=1) == LEAD
