"""When EventBridge's schedule next finds something: it runs each minute, and only those minutes are simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

_MINUTE: Final = 60.0
_DAY: Final = 86_400.0
_NIGHT: Final = 3 * 3600.0 + 600
# What happened today is compared tonight or, where a night failed, in one of the next.
_NIGHTS_AFTER: Final = 3
# So often the schedule may find the same booking due and leave it as it is: it would go on for ever.
_CIRCLES: Final = 150
Item = Mapping[str, Any]


class Stuck(AssertionError):
    """Something is due for ever: no sweep changes it."""


class Nights:
    """The night's comparison, ten past three: only nights after something happened are simulated."""

    def __init__(self) -> None:
        self._seen: object = None
        self._compared_at = 0.0
        self._last = 0.0

    def next_night(self, happened: object, now: float) -> float | None:
        """`happened` is equal only while nothing happens; a day's end may only be compared some nights later."""
        if happened != self._seen:
            self._seen, self._last = happened, now + _NIGHTS_AFTER * _DAY
        night = math.ceil((max(now, self._compared_at + 1) - _NIGHT) / _DAY) * _DAY + _NIGHT
        return night if night <= self._last else None

    def compared(self, now: float) -> None:
        self._compared_at = now

    def snapshot(self) -> Any:
        return self._seen, self._compared_at, self._last

    def restore(self, kept: Any) -> None:
        self._seen, self._compared_at, self._last = kept


class Schedule:
    def __init__(self) -> None:
        self._due: float | None = None
        self._swept_at = 0.0
        self._left: dict[str, tuple[str, int]] = {}
        self._changed = True

    def changed(self) -> None:
        """Something was written: what is due next has to be read again."""
        self._changed = True

    def next_sweep(self, items: Iterable[Item]) -> float | None:
        """The second of the minute's sweep that finds something; None where nothing will ever be due by itself."""
        if self._changed:
            self._due, self._changed = min((due for _, due in _due(items)), default=None), False
        if self._due is None:
            return None
        return math.ceil(max(self._due, self._swept_at + 1) / _MINUTE) * _MINUTE + 1

    def is_due(self, items: Iterable[Item], now: float) -> bool:
        return any(due <= now for _, due in _due(items))

    def sweeps(self, items: Iterable[Item], now: float) -> None:
        """A sweep begins. Raises Stuck where hundreds of them have left a booking due as it was."""
        self._swept_at, self._changed = now, True
        for item, due in _due(items):
            if due > now or "booking_id" not in item:
                continue
            booking_id, version = item["booking_id"]["S"], item["version"]["N"]
            before, count = self._left.get(booking_id, ("", 0))
            count = count + 1 if before == version else 1
            self._left[booking_id] = (version, count)
            if count > _CIRCLES:
                raise Stuck(f"{booking_id} is due since {item['due_at']['S']}, and {count} sweeps left it so")

    def snapshot(self) -> Any:
        return self._swept_at, dict(self._left)

    def restore(self, kept: Any) -> None:
        self._swept_at, left = kept
        self._left, self._changed = dict(left), True


def _due(items: Iterable[Item]) -> Iterable[tuple[Item, float]]:
    for item in items:
        if "due_at" in item:
            yield item, datetime.fromisoformat(item["due_at"]["S"]).timestamp()
