"""The one transaction by which a booking changes: each condition alone refuses it, says which it was, and then nothing
of it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast import bootstrap
from holdfast.booking import Booking
from holdfast.log import Entry, append
from holdfast.store import Check, Commit, ConcurrentChange, Record
from holdfast.store.conditions import AlreadySeen, EventChanged, PaymentMethodGone, RecordTaken
from tests.world import World

RECORD = Record(key="request#a", body_hash="hash", operation_id="op_a")
NOTE = Entry(kind="note", status="succeeded", actor="staff")


@pytest.fixture
def booking(world: World) -> Booking:
    world.event()
    return world.booking(world.held())


def change(world: World, booking: Booking, **more: Any) -> Commit:
    after, lines = append(booking, replace(booking, locale="de"), [NOTE], now=world.time())
    asked: dict[str, Any] = {"after": after, "lines": lines, "before_version": booking.version, "now": world.time()}
    return Commit(**asked | more)


def commit(asked: Commit) -> Booking:
    return bootstrap.store().bookings.commit(asked)


def test_a_change_is_written_whole(world: World, booking: Booking) -> None:
    asked = change(world, booking, record=RECORD, stripe_event_id="evt_a", counts_check_in=1)

    commit(asked)

    store = bootstrap.store()
    assert world.booking(booking.booking_id) == asked.after
    assert world.log(booking.booking_id)[-1] == asked.lines[0]
    assert store.records.get(RECORD.key, world.time()) == RECORD
    assert store.records.seen("evt_a")
    event = store.events.get("yoga")
    assert event is not None
    assert event.arrivals == 1


def _written_since(world: World, booking: Booking) -> Commit:
    commit(change(world, booking))
    return change(world, replace(booking, sequence=booking.sequence + 1))


def _created_already(world: World, booking: Booking) -> Commit:
    return change(world, replace(booking, sequence=booking.sequence + 1), before_version=None)


def _line_written_already(world: World, booking: Booking) -> Commit:
    return change(world, replace(booking, sequence=booking.sequence - 1))


def _request_served_elsewhere(world: World, booking: Booking) -> Commit:
    commit(change(world, booking, record=RECORD))
    return change(world, world.booking(booking.booking_id), record=replace(RECORD, operation_id="op_b"))


def _request_answered(world: World, booking: Booking) -> Commit:
    bootstrap.store().records.answer(replace(RECORD, operation_id=None), {"status": 200}, world.time())
    return change(world, booking, record=RECORD)


def _other_operation_replaced(world: World, booking: Booking) -> Commit:
    commit(change(world, booking, record=RECORD))
    again = replace(RECORD, operation_id="op_c", replaces="op_b")
    return change(world, world.booking(booking.booking_id), record=again)


def _event_applied_before(world: World, booking: Booking) -> Commit:
    bootstrap.store().records.see("evt_a", world.time())
    return change(world, booking, stripe_event_id="evt_a")


def _event_edited(world: World, booking: Booking) -> Commit:
    return change(world, booking, check=Check(event_id="yoga", event_version=2))


def _arrival_at_an_edited_event(world: World, booking: Booking) -> Commit:
    return change(world, booking, counts_check_in=2)


def _card_detached(world: World, booking: Booking) -> Commit:
    return change(world, booking, check=Check(payment_method=(booking.user_id, "pm_other")))


@pytest.mark.parametrize(
    ("prepared", "meaning"),
    [
        (_written_since, ConcurrentChange),
        (_created_already, ConcurrentChange),
        (_line_written_already, ConcurrentChange),
        (_request_served_elsewhere, RecordTaken),
        (_request_answered, RecordTaken),
        (_other_operation_replaced, RecordTaken),
        (_event_applied_before, AlreadySeen),
        (_event_edited, EventChanged),
        (_arrival_at_an_edited_event, EventChanged),
        (_card_detached, PaymentMethodGone),
    ],
)
def test_each_condition_refuses_all_of_it(
    world: World, booking: Booking, prepared: Callable[[World, Booking], Commit], meaning: type[Exception]
) -> None:
    asked = prepared(world, booking)
    before = world.everything()

    with pytest.raises(meaning):
        commit(asked)

    assert world.everything() == before


def test_a_request_that_was_forgotten_or_only_noted_a_wish_may_begin_an_operation(
    world: World, booking: Booking
) -> None:
    commit(change(world, booking, record=replace(RECORD, operation_id=None)))
    after = commit(change(world, world.booking(booking.booking_id), record=RECORD))
    world.advance(days=7, seconds=1)

    later = change(world, after, record=replace(RECORD, body_hash="another", operation_id="op_b"))

    assert commit(later) == later.after


def test_an_answer_is_kept_for_seven_days(world: World, booking: Booking) -> None:
    commit(change(world, booking, record=RECORD))
    answered = change(
        world, world.booking(booking.booking_id), answer_key=RECORD.key, answer={"status": 200, "body": {}}
    )
    commit(answered)
    records = bootstrap.store().records

    kept = records.get(RECORD.key, world.time() + timedelta(days=7))

    assert kept is not None
    assert kept.answer == {"status": 200, "body": {}}
    assert records.get(RECORD.key, world.time() + timedelta(days=7, seconds=1)) is None
