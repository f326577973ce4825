"""How far the reconciliation of a day has come, and what it found: all that a run must know that goes on elsewhere.

Pure. A day is compared stretch by stretch. A stretch is as long as Stripe's lists for it stay short, so that it fits
into memory and into the time of one call; where the last one stopped, and behind which booking, is kept. Doing a
stretch again finds the same differences, less those that were mended, and counts nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from holdfast.differences import Difference
from holdfast.log import wire_time
from holdfast.sightings import Span
from holdfast.sums import Totals, together

DAY_SECONDS: Final = 86_400
# A report names this many; what is beyond is counted, and stands in the function's log line by line. One item of the
# table takes 400 KB, which is about four times as much.
MOST_NAMED: Final = 300
# A stretch with fewer objects than this part of the limit lets the next one be twice as long.
_ROOMY: Final = 4


class State(StrEnum):
    """What became of a difference."""

    FOUND = "found"
    ADOPTED = "adopted"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference, when it was found and what became of it."""

    difference: Difference
    found_at: datetime
    state: State = State.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The reconciliation of one UTC day. Everything before `since` is compared; `width` is how many seconds to take
    next.

    `after`: of the stretch under way, the bookings up to this one were looked at.
    """

    day: date
    since: datetime
    width: int = DAY_SECONDS
    after: str = ""
    version: int = 0
    started_at: datetime
    finished_at: datetime | None = None
    objects: int = 0
    lines: int = 0
    looks: int = 0
    under_way: int = 0
    findings: tuple[Finding, ...] = ()
    unnamed: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, Totals] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    @property
    def span(self) -> Span:
        """The stretch under way, or the next one."""
        end = midnight(self.day + timedelta(days=1))
        return Span(self.since, min(end, self.since + timedelta(seconds=self.width)))

    @property
    def open_bookings(self) -> frozenset[str]:
        """Bookings with differences of which it is not written what became of them."""
        return frozenset(
            each.difference.booking_id
            for each in self.findings
            if each.state is State.FOUND and each.difference.booking_id is not None
        )

    def intents_of(self, booking_id: str) -> frozenset[str]:
        """PaymentIntents that differences of this booking were found in."""
        ids = (each.difference.object_id for each in self.findings if each.difference.booking_id == booking_id)
        return frozenset(each for each in ids if each is not None and each.startswith("pi_"))

    @property
    def by_drift(self) -> dict[str, int]:
        """How many differences of each kind, named and unnamed."""
        counted = Counter(str(each.difference.drift) for each in self.findings)
        counted.update(self.unnamed)
        return dict(counted)

    @property
    def left(self) -> int:
        """How many of the named ones are for staff."""
        return sum(each.state is State.LEFT for each in self.findings)


def named(difference: Difference) -> dict[str, Any]:
    """A difference as a report and a log line show it."""
    return {
        "kind": str(difference.drift),
        "booking_id": difference.booking_id,
        "stripe_id": difference.object_id,
        "currency": difference.currency,
        "book": difference.book,
        "stripe": difference.stripe,
        "detail": difference.detail,
    }


def summary(run: Run) -> dict[str, Any]:
    """A day in one line: how much was compared, how many differences of each kind, and the sums."""
    return {
        "day": run.day.isoformat(),
        "finished": run.finished,
        "objects": run.objects,
        "lines": run.lines,
        "looks": run.looks,
        "under_way": run.under_way,
        "differences": run.by_drift,
        "left": run.left,
        "sums": {currency: asdict(totals) for currency, totals in sorted(run.totals.items())},
    }


def report(run: Run) -> dict[str, Any]:
    """The whole report of a day, as JSON takes it."""
    findings = [
        named(each.difference) | {"state": str(each.state), "found_at": wire_time(each.found_at)}
        for each in run.findings
    ]
    return summary(run) | {"findings": findings, "unnamed": dict(run.unnamed)}


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def begun(day: date, now: datetime) -> Run:
    return Run(day=day, since=midnight(day), started_at=now)


def narrower(run: Run) -> Run:
    """The stretch has too much in it: half of it. A single second is taken whatever is in it."""
    return replace(run, width=max(1, run.span.seconds // 2), after="")


def with_findings(run: Run, found: Iterable[Difference], now: datetime) -> Run:
    """What is known already is not found again."""
    known = {each.difference.key for each in run.findings}
    findings, unnamed = list(run.findings), Counter(run.unnamed)
    for difference in found:
        if difference.key in known:
            continue
        known.add(difference.key)
        if len(findings) < MOST_NAMED:
            findings.append(Finding(difference, now))
        else:
            unnamed[str(difference.drift)] += 1
    return replace(run, findings=tuple(findings), unnamed=dict(unnamed))


def settled(run: Run, looked_at: Set[str | None], still: Iterable[Difference]) -> Run:
    """What became of the differences of the bookings that were looked at: `still` differs, the rest is mended."""
    left = {difference.key for difference in still}
    return replace(
        run,
        findings=tuple(
            replace(each, state=State.LEFT if each.difference.key in left else State.ADOPTED)
            if each.difference.booking_id in looked_at and each.state is not State.LEFT
            else each
            for each in run.findings
        ),
    )


def stretch_done(run: Run, *, totals: Mapping[str, Totals], objects: int, lines: int, most: int, now: datetime) -> Run:
    """On to the next stretch, which may be longer if this one was nearly empty; finished where the day ends."""
    span = run.span
    ended = span.until >= midnight(run.day + timedelta(days=1))
    roomy = max(objects, lines) < most // _ROOMY
    return replace(
        run,
        since=span.until,
        width=min(DAY_SECONDS, span.seconds * 2) if roomy else run.width,
        after="",
        totals=together(run.totals, totals),
        objects=run.objects + objects,
        lines=run.lines + lines,
        finished_at=now if ended else None,
    )


def unfinished(today: date, days_back: int, finished: Set[date]) -> list[date]:
    """The days before today that were not reconciled to their end, oldest first."""
    every = (today - timedelta(days=back) for back in range(days_back, 0, -1))
    return [day for day in every if day not in finished]
