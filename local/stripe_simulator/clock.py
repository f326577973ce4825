"""What time it is in the simulator: real time plus an offset, ticking or frozen, never backwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class ClockRefused(ValueError):
    """The clock was asked to do what it does not do."""


class Clock:
    def __init__(self, base: Callable[[], float] | None = None) -> None:
        self._base = base or time.time
        self.offset = 0.0
        self.frozen_at: float | None = None
        self._pinned: float | None = None

    def now(self) -> float:
        if self._pinned is not None:
            return self._pinned
        return self.frozen_at if self.frozen_at is not None else self._base() + self.offset

    def seconds(self) -> int:
        return int(self.now())

    @contextmanager
    def pinned(self, moment: float) -> Iterator[None]:
        """What falls due happens at its own time, however far the clock was moved past it."""
        before, self._pinned = self._pinned, moment
        try:
            yield
        finally:
            self._pinned = before

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ClockRefused("the clock cannot go backwards")
        if self.now() + seconds > datetime(9999, 1, 1, tzinfo=UTC).timestamp():
            raise ClockRefused("the clock cannot go past the year 9999")
        self.offset += seconds
        if self.frozen_at is not None:
            self.frozen_at += seconds

    def move_to(self, moment: float) -> None:
        distance = moment - self.now()
        # A frozen clock that is told its own time, as it wrote it to the microsecond, has not gone backwards.
        self.advance(0.0 if -0.000_001 < distance < 0 else distance)

    def freeze(self, frozen: bool) -> None:
        if frozen and self.frozen_at is None:
            self.frozen_at = self.now()
        elif not frozen and self.frozen_at is not None:
            # Thawing goes on from the frozen moment: jumping to real time would be a hidden advance.
            self.offset = self.frozen_at - self._base()
            self.frozen_at = None

    def restore(self, offset: float, frozen_at: float | None) -> None:
        self.offset, self.frozen_at = offset, frozen_at


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ClockRefused(f"not an ISO 8601 time: {text}") from error
    if moment.tzinfo is None:
        raise ClockRefused(f"a time needs its zone, as in 2026-11-23T20:00:00Z: {text}")
    return moment.timestamp()
