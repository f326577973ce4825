"""An event: what is booked, as the app's backend put it in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from holdfast.money import Money
from holdfast.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Price in minor units, times in UTC, `timezone` only for showing them.

    `version` changes with every edit, so that a booking and a capture by the clock can be conditional on it.
    `checked_in` counts the bookings whose attendance staff recorded; `no_shows_ordered_at` is when staff said to
    charge. `due_at` is set while the event's bookings still have to hear of a change.
    """

    event_id: str
    title: str
    price: Money
    starts_at: datetime
    ends_at: datetime
    timezone: str
    policy: Policy
    created_at: datetime
    updated_at: datetime
    version: int = 1
    checked_in: int = 0
    checked_in_before_move: int = 0
    no_shows_ordered_at: datetime | None = None
    cancelled_at: datetime | None = None
    moved_at: datetime | None = None
    due_at: datetime | None = None
    passes: int = 0

    @property
    def arrivals(self) -> int:
        """How many were checked in for the present date; those of a date before a move say nothing about this one."""
        return self.checked_in - self.checked_in_before_move
