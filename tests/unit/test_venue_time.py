"""Instants on the venue's clock: gaps, overlaps, and rules of zones that change."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.served import booking_view
from holdfast.venue_time import venue_time
from tests.unit.builders import HOUR, held


@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "Europe/Berlin", "2026-03-29T01:59:59+01:00"),
        (datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC), "Europe/Berlin", "2026-03-29T03:00:00+02:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin", "2026-10-25T02:30:00+02:00"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin", "2026-10-25T02:30:00+01:00"),
        (datetime(2026, 4, 4, 15, 15, tzinfo=UTC), "Australia/Lord_Howe", "2026-04-05T01:45:00+10:30"),
        (datetime(2028, 2, 29, 23, 30, tzinfo=UTC), "Asia/Kathmandu", "2028-03-01T05:15:00+05:45"),
        (datetime(2026, 7, 1, 12, 0, 0, 900_000, tzinfo=UTC), "America/St_Johns", "2026-07-01T09:30:00-02:30"),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "UTC", "2026-07-01T12:00:00+00:00"),
    ],
)
def test_an_instant_has_one_local_time_with_its_offset(moment, zone, shown):
    assert venue_time(moment, zone) == shown


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_zone_that_is_no_longer_known_is_shown_in_utc(zone):
    assert venue_time(datetime(2026, 7, 1, 12, tzinfo=UTC), zone) == "2026-07-01T12:00:00+00:00"


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Path]:
    """A database of time zones with one zone, whose rules a test writes."""
    before = zoneinfo.TZPATH
    (tmp_path / "Test").mkdir()
    zoneinfo.reset_tzpath([tmp_path])
    ZoneInfo.clear_cache()
    yield tmp_path / "Test" / "Venue"
    zoneinfo.reset_tzpath(before)
    ZoneInfo.clear_cache()


def write_rule(path: Path, hours: int) -> None:
    """A zone that is always so many hours ahead of UTC (TZif, RFC 8536: version 1, and version 2 with a footer)."""
    seconds = (hours * 3600).to_bytes(4, "big", signed=True)

    def part(version: bytes) -> bytes:
        counts = b"".join(count.to_bytes(4, "big") for count in (0, 0, 0, 0, 1, 4))
        return b"TZif" + version + bytes(15) + counts + seconds + b"\x00\x00" + b"TST\x00"

    path.write_bytes(part(b"2") + part(b"2") + f"\nTST{-hours}\n".encode())
    ZoneInfo.clear_cache()


def test_when_a_zone_changes_its_rules_the_clock_shown_changes_and_the_deadline_does_not(rules):
    start = datetime(2027, 7, 1, 18, tzinfo=UTC)
    of = held(starts_at=start, ends_at=start + HOUR, timezone="Test/Venue", created_at=start - timedelta(days=5))
    write_rule(rules, 1)
    before = booking_view(of)
    write_rule(rules, 2)
    after = booking_view(of)

    assert before["venue_free_cancellation_until"] == "2027-06-30T19:00:00+01:00"
    assert after["venue_free_cancellation_until"] == "2027-06-30T20:00:00+02:00"
    assert before["free_cancellation_until"] == after["free_cancellation_until"] == "2027-06-30T18:00:00Z"
    charges = [[(each["until"], each["amount"]) for each in view["cancellation_schedule"]] for view in (before, after)]
    assert charges[0] == charges[1]
