"""The organiser moves or cancels an event: what that does to a booking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, Kind, RefundStatus
from holdfast.moving import brought_up
from holdfast.next_step import next_step, no_show_at
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
    START,
    booking,
    captured,
    ended,
    event,
    held,
    refund,
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
        "event_version": 2,
    }


@pytest.mark.parametrize(
    "changes", [{"starts_at": START + MINUTE}, {"ends_at": END + MINUTE}, {"starts_at": START - HOUR}]
)
def test_either_end_of_an_event_may_move(changes):
    after, lines = brought_up(held(), event(moved_at=MOVED_AT, **changes))

    assert len(lines) == 1
    assert (after.starts_at, after.ends_at) == (changes.get("starts_at", START), changes.get("ends_at", END))


@pytest.mark.parametrize("of", [held(), waiting_for_3ds(), under_way(Kind.CAPTURE), booking()])
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
    ],
)
def test_what_does_not_concern_a_booking_leaves_it_alone(of, about):
    assert brought_up(of, about) == (of, [])


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
    ("ahead", "attention"),
    [(LAPSES - 2 * HOUR - 30 * MINUTE - START, None), (LAPSES - 2 * HOUR - 29 * MINUTE - START, "hold_too_short")],
)
def test_an_event_that_moves_out_of_the_holds_reach_is_put_before_staff(ahead, attention):
    after, _ = brought_up(held(), moved(starts_at=START + ahead, ends_at=END + ahead))

    assert after.attention == attention


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
        under_way(Kind.AUTHORIZE),
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


@pytest.mark.parametrize(
    "of", [ended(HoldState.RELEASED), ended(HoldState.DECLINED), captured(refunds=(refund(5000),))]
)
def test_bookings_that_are_over_hear_nothing_of_it(of):
    assert brought_up(of, CALLED_OFF) == (of, [])


def test_a_cancelled_event_moves_no_more():
    after, _ = brought_up(held(), moved(cancelled_at=MOVED_AT))

    assert (after.starts_at, after.event_cancelled_at) == (START, MOVED_AT)
    assert after.created_at == BOOKED
