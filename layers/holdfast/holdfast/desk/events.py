"""Events: put in and changed by the app's backend; cancelled, or their no-shows charged, by staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from holdfast import money
from holdfast.desk.desk import Desk
from holdfast.errors import Conflict, RuleRefused
from holdfast.event import Event
from holdfast.money import Money
from holdfast.policy import check_against, resolve
from holdfast.requests import retrying


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An event as the organiser's backend describes it."""

    title: str
    price: Money
    starts_at: datetime
    ends_at: datetime
    timezone: str
    policy: Mapping[str, object] | None


def put(desk: Desk, event_id: str, wanted: Wanted) -> tuple[Event, bool]:
    """Create or change it; whether it is new. Bookings keep their price and policy; a changed time reaches all of
    them.
    """
    if wanted.ends_at <= wanted.starts_at:
        raise RuleRefused.at("/ends_at", "The event ends before it starts.")
    policy = resolve(wanted.policy or {}, desk.default_policy())
    money.validate_price(wanted.price, policy.hold_ratio)
    check_against(policy, wanted.price)

    def decide() -> tuple[Event, bool]:
        now = desk.clock()
        before = desk.store.events.get(event_id)
        described: dict[str, Any] = {
            "title": wanted.title,
            "price": wanted.price,
            "starts_at": wanted.starts_at,
            "ends_at": wanted.ends_at,
            "timezone": wanted.timezone,
            "policy": policy,
        }
        if before is None:
            created = Event(event_id=event_id, created_at=now, updated_at=now, **described)
            return desk.store.events.put(created, before=None), True
        if before.cancelled_at is not None:
            raise Conflict("The event was cancelled.")
        if all(getattr(before, name) == value for name, value in described.items()):
            return before, False
        if _would_have_begun(before, wanted.starts_at, now):
            raise RuleRefused.at("/starts_at", "An event that has not begun cannot be moved into the past.")
        after = replace(before, version=before.version + 1, updated_at=now, **described)
        if (before.starts_at, before.ends_at) != (after.starts_at, after.ends_at):
            after = replace(
                after,
                moved_at=now,
                due_at=now,
                passes=0,
            )
        if after.starts_at >= before.ends_at:
            # Another date: what the venue said of the old one says nothing about the new one.
            after = replace(after, no_shows_ordered_at=None, checked_in_before_move=before.checked_in)
        return desk.store.events.put(after, before=before), False

    event, created = retrying(desk.operations, decide)
    return event, created


def _would_have_begun(event: Event, starts_at: datetime, now: datetime) -> bool:
    """A mistyped date would make no-shows of everybody at once."""
    return now < event.starts_at and starts_at <= now


def cancel(desk: Desk, event_id: str) -> Event:
    """Every hold goes back, every capture is refunded in full, without fees. The bookings follow one by one."""

    def decide() -> Event:
        event = desk.event(event_id)
        if event.cancelled_at is not None:
            return event
        now = desk.clock()
        cancelled = replace(event, cancelled_at=now, version=event.version + 1, updated_at=now, due_at=now, passes=0)
        return desk.store.events.put(cancelled, before=event)

    event = retrying(desk.operations, decide)
    desk.steps.event(event_id)
    return event


def charge_no_shows(desk: Desk, event_id: str) -> Event:
    """The venue's word that whoever was not checked in did not come. Each is charged once their grace is over."""

    def decide() -> Event:
        event = desk.event(event_id)
        if event.cancelled_at is not None:
            raise Conflict("The event was cancelled.")
        now = desk.clock()
        if now < event.starts_at:
            raise RuleRefused("The event has not started: nobody is a no-show yet.")
        if event.no_shows_ordered_at is not None:
            return event
        ordered = replace(
            event, no_shows_ordered_at=now, version=event.version + 1, updated_at=now, due_at=now, passes=0
        )
        return desk.store.events.put(ordered, before=event)

    event = retrying(desk.operations, decide)
    desk.steps.event(event_id)
    return event
