"""Every crash point: a flow is played once undisturbed, and then once for each call that left a process in it and each
thing that can go wrong with that call.

Nothing is listed by hand: a point is a call that crossed the stage, whatever made it, so a new call is covered by being
made. After each trouble recovery runs as it is deployed (the schedule, the queues' redelivery, the people's retries,
Stripe's webhooks), until nothing happens any more; then the invariants are checked, and whether the flow has ended in
one of its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.routes import BY_FUNCTION
from tests.simulation import refusals
from tests.simulation.cold_start import cold
from tests.simulation.deployment import Deployment
from tests.simulation.flows import FLOWS
from tests.simulation.invariants import Violation, violations
from tests.simulation.keeping import restore, snapshot
from tests.simulation.places import in_memory
from tests.simulation.plays import Flow, Left, NoAnswer, Play
from tests.simulation.sides import both_sides
from tests.simulation.stage import Invocation
from tests.simulation.wiring import DEPLOYMENT


@dataclass(frozen=True, slots=True)
class Point:
    """The call with this number, in order, of the undisturbed run."""

    number: int
    function: str
    service: str
    name: str

    def __str__(self) -> str:
        return f"call {self.number} ({self.function}: {self.service} {self.name})"


@dataclass(frozen=True, slots=True)
class Trial:
    """A trouble at a point. `insists`: whoever gets no answer asks again; otherwise what was begun is left to what
    happens by itself.
    """

    point: Point
    trouble: str
    insists: bool = True

    def __str__(self) -> str:
        return self.trouble if self.insists else f"{self.trouble}, and nobody asks again"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial: nothing wrong, if `wrong` is empty."""

    flow: str
    trial: Trial
    end: str
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.flow}, {self.trial} at {self.trial.point}: {'; '.join(self.wrong) or self.end}"


@dataclass
class Watched:
    """Counts what crosses the stage, and lets one call of it meet a trouble."""

    at: int | None = None
    trouble: str = ""
    points: list[Point] = field(default_factory=list)

    def __call__(self, invocation: Invocation, service: str, name: str) -> str | None:
        number = len(self.points)
        self.points.append(Point(number, invocation.function, service, name))
        return self.trouble if number == self.at else None


@dataclass
class Stand:
    """A flow, prepared once, to be played any number of times from there."""

    name: str
    deployment: Deployment
    flow: Flow
    kept: Any
    ids: dict[str, str]

    def played(self, watched: Watched, *, insists: bool = True) -> tuple[str, tuple[str, ...]]:
        """How the flow ended, and everything that is wrong then."""
        restore(self.deployment, self.kept)
        cold(self.deployment)
        play = Play(self.deployment, insists=insists, ids=dict(self.ids))
        self.deployment.stage.weather = watched
        wrong: list[str] = []
        try:
            with suppress(Left):
                self.flow.play(play)
            play.wait(self.flow.settles)
        except NoAnswer as failure:
            wrong.append(str(failure))
        finally:
            self.deployment.stage.weather = lambda *_: None
        wrong += map(str, at_rest(self.deployment))
        wrong += self.deployment.unexpected
        wrong += undone(self.deployment)
        ends, wrong_ends = self._ends(play, watched, insists=insists)
        return ends, tuple(wrong + wrong_ends)

    def _ends(self, play: Play, watched: Watched, *, insists: bool) -> tuple[str, list[str]]:
        """Each booking in one of its ends; somebody who left may have none."""
        found = {booking.user_id.rpartition(":")[2]: booking for booking in self.deployment.bookings()}
        wrong = []
        for who, end in self.flow.ends.items():
            allowed = [end]
            if not insists:
                allowed += [self.flow.left[who]] if who in self.flow.left else []
            if watched.trouble in refusals.NOS:
                allowed += [self.flow.refused[who]] if who in self.flow.refused else []
            booking = found.get(who)
            if booking is None:
                if insists and watched.trouble not in refusals.NOS:
                    wrong.append(f"{who} has no booking")
            elif not any(each(booking) for each in allowed):
                wrong.append(f"{who}'s booking ends as {described(booking)}")
        return ", ".join(f"{who} {described(booking)}" for who, booking in sorted(found.items())), wrong


def described(booking: Any) -> str:
    money = f"captured {booking.captured}, fee {booking.fee}, refunded {booking.refunded}"
    more = f", attention {booking.attention}" if booking.attention else ""
    return f"{booking.payment_status}/{booking.outcome} ({money}{more})"


def undone(deployment: Deployment) -> Iterator[str]:
    """What nobody would ever see to: letters that came back too often, lines that never reached the bus."""
    for queue in deployment.queues.queues.values():
        if queue.messages:
            yield f"{len(queue.messages)} messages are left in {queue.name}"
    if deployment.stream:
        yield f"{len(deployment.stream)} lines of the log are not published"
    if deployment.postbox.given_up:
        yield f"Stripe gave up on {deployment.postbox.given_up}"


def at_rest(deployment: Deployment) -> list[Violation]:
    """The invariants, over both sides as they are now."""
    deployment.postbox.collect()
    untold = [letter.event_id for letter in deployment.postbox.letters]
    stripe, book = both_sides(deployment.simulator, deployment.items, deployment=DEPLOYMENT, untold=untold)
    return violations(stripe, book, deployment.now())


def stand(name: str) -> Iterator[Stand]:
    flow = FLOWS[name]
    with in_memory(f"crash points of {name}") as deployment:
        refusals.also(deployment)
        play = Play(deployment)
        flow.prepare(play)
        assert deployment.unexpected == [], deployment.unexpected
        yield Stand(name, deployment, flow, snapshot(deployment), play.ids)


def points(here: Stand) -> list[Point]:
    """The calls of the undisturbed run, which has to end well."""
    watched = Watched()
    end, wrong = here.played(watched)
    assert not wrong, f"{here.name} undisturbed: {end}: {wrong}"
    return watched.points


def outcome(here: Stand, trial: Trial) -> Outcome:
    """Plays the flow with this trouble at this point. It is the same call there: until then nothing differs."""
    watched = Watched(trial.point.number, trial.trouble)
    end, wrong = here.played(watched, insists=trial.insists)
    met = watched.points[trial.point.number] if len(watched.points) > trial.point.number else None
    if met != trial.point:
        wrong = (*wrong, f"the run was another one before the trouble: {met}")
    return Outcome(here.name, trial, end, wrong)


def every(all_points: Iterable[Point]) -> Iterator[Trial]:
    """Each thing that can go wrong at each of these points; and in a request, also with nobody who asks again."""
    for point in all_points:
        for trouble in refusals.possible(point.service, point.name):
            yield Trial(point, trouble)
        if is_a_request(point):
            yield from (Trial(point, trouble, insists=False) for trouble in refusals.CRASHES)


def is_a_request(point: Point) -> bool:
    return point.function in BY_FUNCTION
