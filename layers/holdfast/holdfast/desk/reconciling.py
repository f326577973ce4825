"""Reconciles a day: stretch by stretch through Stripe's lists and the log, with durable progress.

Whoever dies is followed by somebody who goes on where the last save stands; two at once find the same, adopt the same
once, and the one who saves second stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Protocol

from holdfast.clock import Clock
from holdfast.desk import comparing
from holdfast.desk.comparing import Comparer, Stretch, UnderWay, View
from holdfast.differences import Difference, Drift
from holdfast.pace import Pace
from holdfast.reconciliation import Run, begun, narrower, settled, stretch_done, unfinished, with_findings
from holdfast.stripe_lists import TooMany

# A function that was broken for less than this catches up by itself; what is older, `make reconcile` compares.
DAYS_BACK: Final = 7
# To look at a booking, take in what differs and look again: three answers of Stripe's, each as slow as it may be.
LOOK_SECONDS: Final = 90.0
# One call to Stripe, tried as long as its budget lasts.
_CALL_SECONDS: Final = 30.0
# Looks that found nothing are kept so many at a time.
_BATCH: Final = 25
# Beyond so many it is one fault, not many: the staff's list has to stay readable. The report names more.
_MOST_MARKED: Final = 100


class OutOfTime(Exception):
    """What is left of the time is not enough for the next step. Somebody goes on later."""


def in_turn(pace: Pace, seconds_left: Callable[[], float]) -> Callable[[int], None]:
    """Waits until so many calls may be made. What it returns raises OutOfTime where there is no time for one."""

    def turn(calls: int) -> None:
        if seconds_left() < _CALL_SECONDS:
            raise OutOfTime
        pace.wait(calls)

    return turn


class Progress(Protocol):
    """Where a day's progress is kept: the store's item, or a command's memory."""

    def get(self, day: date) -> Run | None: ...
    def save(self, run: Run) -> Run: ...
    def finished(self, days: Iterable[date]) -> set[date]: ...


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """`mends`: adopts what the rules allow and lists the rest for staff; otherwise it only reads.

    `tell` hears of each difference, `report` of each day that ends: both at least once. `go_on` has somebody continue
    with a day for which the time was too short.
    """

    comparer: Comparer
    progress: Progress
    clock: Clock
    seconds_left: Callable[[], float]
    go_on: Callable[[date], None]
    tell: Callable[[date, Difference], None]
    report: Callable[[Run], None]
    mends: bool = True


def nightly(reconciler: Reconciler) -> list[Run]:
    """Every day that is over and not reconciled yet, oldest first, as far as the time reaches; how far each came."""
    today = reconciler.clock().date()
    days = unfinished(today, DAYS_BACK, set())
    runs: list[Run] = []
    for day in unfinished(today, DAYS_BACK, reconciler.progress.finished(days)):
        runs.append(reconcile(reconciler, day))
        if not runs[-1].finished:
            reconciler.go_on(day)
            break
    return runs


def reconcile(reconciler: Reconciler, day: date) -> Run:
    """This day, to its end or as far as the time reaches. Raises ConcurrentChange where somebody else is further."""
    run = reconciler.progress.get(day) or begun(day, reconciler.clock())
    try:
        while not run.finished:
            run = _stretch(reconciler, run)
    except OutOfTime:
        return reconciler.progress.get(day) or run
    return run


def _stretch(reconciler: Reconciler, run: Run) -> Run:
    try:
        stretch = comparing.read(reconciler.comparer, run.span)
    except TooMany:
        return reconciler.progress.save(narrower(run))
    comparing.check_account(reconciler.comparer, stretch)
    for number, (booking_id, intents) in enumerate(_to_look_at(run, stretch).items(), start=1):
        if reconciler.seconds_left() < LOOK_SECONDS:
            reconciler.progress.save(run)
            raise OutOfTime
        run = _booking(reconciler, run, stretch, booking_id, intents)
        if number % _BATCH == 0:
            run = reconciler.progress.save(run)
    return _finish(reconciler, run, stretch)


def _to_look_at(run: Run, stretch: Stretch) -> dict[str, frozenset[str]]:
    """In the order of ids, from behind the last one that was looked at; also those of which a run that died had found
    differences.
    """
    open_ones = run.open_bookings
    every = {booking_id: run.intents_of(booking_id) for booking_id in open_ones} | {
        booking_id: intents | run.intents_of(booking_id) for booking_id, intents in stretch.suspects.items()
    }
    return {booking_id: every[booking_id] for booking_id in sorted(every) if booking_id > run.after}


def _booking(reconciler: Reconciler, run: Run, stretch: Stretch, booking_id: str, intents: frozenset[str]) -> Run:
    """Look at it, keep what was found, mend it, and keep what became of it."""
    run = replace(run, looks=run.looks + 1)
    try:
        view = comparing.look(reconciler.comparer, booking_id, intents)
        found = comparing.compare(reconciler.comparer, view, stretch.fees)
        if found:
            run = _kept(reconciler, run, found)
        still = _mended(reconciler, run, stretch, view, found)
    except UnderWay:
        return replace(run, under_way=run.under_way + 1, after=booking_id)
    run = with_findings(run, still, reconciler.clock())
    run = replace(settled(run, {booking_id}, still), after=booking_id)
    return reconciler.progress.save(run) if found else run


def _kept(reconciler: Reconciler, run: Run, found: Sequence[Difference]) -> Run:
    known = {each.difference.key for each in run.findings}
    for difference in found:
        if difference.key not in known:
            reconciler.tell(run.day, difference)
    return reconciler.progress.save(with_findings(run, found, reconciler.clock()))


def _mended(
    reconciler: Reconciler, run: Run, stretch: Stretch, view: View, found: Sequence[Difference]
) -> Sequence[Difference]:
    """What still differs when everything that may be done was done."""
    if not found or not reconciler.mends:
        return found
    still = comparing.mend(reconciler.comparer, view, found, stretch.fees)
    left = [each for each in still if each.left]
    if left and view.booking is not None and run.left < _MOST_MARKED:
        comparing.put_on_the_staff_s_list(reconciler.comparer, view.booking_id, left[0].drift)
    return still


def _finish(reconciler: Reconciler, run: Run, stretch: Stretch) -> Run:
    now, most = reconciler.clock(), reconciler.comparer.most
    lines = len(stretch.lines)
    run = stretch_done(run, totals=stretch.totals, objects=stretch.objects, lines=lines, most=most, now=now)
    if run.finished:
        unexplained = _unexplained(run)
        for difference in unexplained:
            reconciler.tell(run.day, difference)
        run = settled(with_findings(run, unexplained, now), {None}, unexplained)
        reconciler.report(run)
    return reconciler.progress.save(run)


def _unexplained(run: Run) -> list[Difference]:
    """Sums of the whole day that do not come out, although every booking was compared."""
    sums: Mapping[tuple[str, str], tuple[int, int]] = {
        (currency, what): (each.log - each.log_elsewhere, each.stripe - each.stripe_elsewhere)
        for currency, totals in sorted(run.totals.items())
        for what, each in (("captured", totals.captured), ("refunded", totals.refunded))
    }
    return [
        Difference(
            drift=Drift.SUMS_DIFFER,
            booking_id=None,
            object_id=f"{run.day.isoformat()}#{currency}#{what}",
            currency=currency,
            book=book,
            stripe=stripe,
            detail=f"{what}, without what the other side has in another span",
            left=True,
        )
        for (currency, what), (book, stripe) in sums.items()
        if book != stripe
    ]
