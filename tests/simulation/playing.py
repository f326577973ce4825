"""Plays a history: each action at its time, the world going on in between, and the invariants whenever all is quiet."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from holdfast.log import Line
from tests.simulation import customers, invariants, outside, staff
from tests.simulation.cast import Cast, Verb
from tests.simulation.climate import CALM
from tests.simulation.deployment import Counts, Deployment
from tests.simulation.history import Action, History
from tests.simulation.places import in_memory
from tests.simulation.schedule import Stuck
from tests.simulation.sides import book_side, stripe_side
from tests.simulation.weather import Weather
from tests.simulation.wiring import DEPLOYMENT

VERBS: Final[Mapping[str, Verb]] = MappingProxyType({**customers.VERBS, **staff.VERBS, **outside.VERBS})
WAIT: Final = "everybody waits"
_QUIET: Final = timedelta(hours=12)
# The night has to have compared a day whose webhooks never came.
_WITH_NIGHTS: Final = timedelta(hours=40)
# After the last event: disputes close, refunds settle, inquiries go to sleep (120 days).
_AFTER: Final = timedelta(days=150)


@dataclass(frozen=True)
class Told:
    """What came of one action. `met`: the troubles in it."""

    action: Action
    at: datetime
    result: str
    met: Sequence[str] = ()


@dataclass
class Played:
    """What came of a history."""

    history: History
    findings: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    told: list[Told] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    met: list[tuple[int, str]] = field(default_factory=list)
    """Each trouble that a call met, by its kind, with the number of the action behind it (0: none)."""
    checks: int = 0
    digest: str = ""


def play(history: History, *, most_findings: int = 5) -> Played:
    """All of it. Stops at the first quiet moment at which something does not hold."""
    played = Played(history)
    with in_memory(history.seed, history.begins) as deployment:
        weather = Weather()
        deployment.stage.weather = lambda invocation, service, _: weather.over(
            invocation, deployment.stage.now, service
        )
        cast = Cast(deployment, history, weather)
        deployment.set_climate(history.climate)
        try:
            _play(played, cast)
        except Stuck as stuck:
            played.findings.append(f"stuck: {stuck}")
        played.findings = played.findings[:most_findings]
        _remember(played, cast)
    return played


def _play(played: Played, cast: Cast) -> None:
    deployment, begins = cast.deployment, cast.history.begins.timestamp()
    for at, group in groupby(played.history.actions, key=lambda action: action.at):
        deployment.pass_time(max(begins + at, deployment.stage.now))
        actions = list(group)
        waits = [action for action in actions if action.do == WAIT]
        doers = [action for action in actions if action.do != WAIT]
        if doers:
            plays = [_one(played, cast, action, at_once=len(doers) > 1) for action in doers]
            deployment.stage.together(plays, [cast.chance(action, "together") for action in doers])
        if waits and _check(played, cast):
            return
    _come_to_rest(cast)
    if _check(played, cast):
        return
    deployment.pass_time(deployment.stage.now + _AFTER.total_seconds())
    _come_to_rest(cast)
    _check(played, cast, at_the_end=True)


def _one(played: Played, cast: Cast, action: Action, *, at_once: bool) -> Callable[[], None]:
    def act() -> None:
        if at_once and action.do in outside.VERBS:
            # In the middle of what the others do, rather than before it.
            cast.deployment.stage.sleep(cast.chance(action, "when").uniform(0, 3))
        at = cast.deployment.now()
        before = len(cast.deployment.met)
        result = VERBS[action.do](cast, action)
        if result is not None:
            met = [what for number, what in cast.deployment.met[before:] if number == action.number]
            played.told.append(Told(action, at, result, met))

    return act


def _come_to_rest(cast: Cast) -> None:
    """The weather clears up, what waits is delivered, staff give the dead letters back."""
    deployment = cast.deployment
    cast.weather.clear()
    deployment.set_climate(replace(CALM, nights=deployment.climate.nights))
    quiet = _WITH_NIGHTS if deployment.climate.nights else _QUIET
    for _ in range(20):
        deployment.pass_time(deployment.stage.now + quiet.total_seconds())
        while deployment.is_due():  # this very minute: the clock is on its way
            deployment.pass_time(deployment.stage.now + 61)
        if not deployment.queues.redrive() and not deployment.postbox.letters and not _under_way(deployment):
            return


def _under_way(deployment: Deployment) -> bool:
    return any(
        booking.operation is not None or booking.dispute_response is not None or booking.superseded
        for booking in deployment.bookings()
    )


def _check(played: Played, cast: Cast, *, at_the_end: bool = False) -> list[str]:
    """Everybody waits until nothing is under way; then the invariants."""
    deployment = cast.deployment
    climate = deployment.climate
    _come_to_rest(cast)
    played.checks += 1
    stripe = stripe_side(deployment.simulator.store.tables(), deployment=DEPLOYMENT)
    book = book_side(deployment.items)
    found = [str(each) for each in invariants.violations(stripe, book, deployment.now())]
    found += [f"unexpected: {what}" for what in deployment.unexpected]
    found += [f"a promise was broken: {what}" for what in cast.broken]
    if at_the_end:
        found += _not_published(deployment)
    played.findings += found
    deployment.set_climate(climate)
    return found


def _not_published(deployment: Deployment) -> Iterator[str]:
    if deployment.stream:
        yield f"unpublished: {len(deployment.stream)} lines of the log"
    for name, queue in deployment.queues.queues.items():
        if queue.messages:
            yield f"left over: {len(queue.messages)} messages in {name}: {queue.messages[0].body[:200]}"


def _remember(played: Played, cast: Cast) -> None:
    deployment = cast.deployment
    played.counts = deployment.counts
    played.met = [(number, what.partition(" at ")[0]) for number, what in deployment.met]
    played.labels = {booking_id: label for label, booking_id in cast.booking_ids.items()}
    for booking in deployment.bookings():
        played.lines[booking.booking_id] = deployment.log(booking.booking_id)
        played.statuses[str(booking.payment_status)] += 1
    played.digest = digest(deployment)


def digest(deployment: Deployment) -> str:
    """Of everything that is kept anywhere, and of the instant: equal only if a run was repeated to the letter."""
    kept: dict[str, Any] = {
        name: sorted(json.dumps(item, sort_keys=True) for item in deployment.items(name)) for name in _TABLES
    }
    kept["stripe"] = deployment.simulator.store.tables()
    kept["bus"] = deployment.bus.events
    kept["now"], kept["calls"] = deployment.stage.now, deployment.stage.calls
    kept["counts"] = vars(deployment.counts)
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


_TABLES: Final = (
    "BookingsTable",
    "EventsTable",
    "IdempotencyTable",
    "PaymentMethodsTable",
    "TransactionsTable",
    "UsersTable",
)
