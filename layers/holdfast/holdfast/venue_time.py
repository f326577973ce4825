"""An instant as the clocks at the venue show it: local time with its offset from UTC.

Always computed from the instant, never the other way round: local times that a change of the clocks skips or repeats
are then no question, and when the rules of a zone change, the clock shown changes and the instant stays.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def venue_time(moment: datetime, timezone: str) -> str:
    """ISO 8601 to the second, such as `2026-03-28T20:00:00+01:00`; in UTC where the zone is no longer known."""
    return moment.astimezone(_zone(timezone)).isoformat(timespec="seconds")


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
