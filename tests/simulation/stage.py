"""The one clock of a simulation, and who runs on it: one invocation at a time, others while it waits for somebody.

Every call that leaves an invocation (to a table, a queue, the bus, Stripe) and every pause crosses the stage. Time
passes there and nowhere else; there the seed decides which of several parallel invocations goes on, and there calls go
wrong and processes die. Nothing here reads real time or an unseeded random number: a run can be repeated to the letter.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from tests.crash import Died
from tests.instances import UnderWay

T = TypeVar("T")

# How long a call takes, in seconds, if nothing is wrong. Wide enough for parallel requests to overtake each other.
LATENCY: Final[Mapping[str, tuple[float, float]]] = {
    "dynamodb": (0.002, 0.060),
    "sqs": (0.005, 0.040),
    "events": (0.005, 0.040),
    "secretsmanager": (0.005, 0.040),
    "stripe": (0.150, 1.200),
}


@dataclass
class Invocation:
    """One run of one function: what it may take, what goes wrong in it, and how far it came."""

    function: str
    rng: random.Random
    deadline: float
    skew: float = 0.0
    app: Any = None
    request_id: str = ""
    troubles: Mapping[int, str] = field(default_factory=dict)
    crossings: int = 0
    troubled: list[str] = field(default_factory=list)
    """The troubles that it really met, as `kind at call`."""
    asked_stripe: int = 0

    def next_trouble(self, service: str) -> str | None:
        """`troubles` counts calls from 0 on; those to Stripe by themselves from -1 downwards."""
        place = self.crossings
        self.crossings += 1
        found = self.troubles.get(place)
        if service == "stripe":
            self.asked_stripe += 1
            found = found or self.troubles.get(-self.asked_stripe)
        return found


@dataclass
class Context:
    """What Lambda passes beside the event."""

    now: Callable[[], float]
    invocation: Invocation
    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:simulation"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.invocation.deadline - self.now()) * 1000))


class Timeout(Died):
    """Lambda stopped the function: its time was over."""


@dataclass
class _Player:
    """A thread that runs only when it is its turn."""

    play: Callable[[], None]
    rank: float
    wake_at: float
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    invocation: Invocation | None = None
    failure: BaseException | None = None
    over: bool = False


Fault = Callable[["Stage", Invocation, str, str, str, Callable[[], Any]], Any]
"""(stage, invocation, kind of trouble, service, name of the call, the call) -> the answer, or an exception."""


class Stage:
    """`weather` says which trouble a call meets beside those that its invocation was given; `fault` carries one out."""

    def __init__(self, begins: datetime, fault: Fault, seed: str) -> None:
        self.now = begins.timestamp()
        self.ids = random.Random(f"{seed}/ids")
        self.sdks = random.Random(f"{seed}/sdk")  # keys that Stripe's SDK makes up
        self.current: Invocation | None = None
        self.weather: Callable[[Invocation, str, str], str | None] = lambda *_: None
        self.calls = 0
        self._fault = fault
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._alarm_number = 0
        self._players: list[_Player] = []
        self._own = threading.local()
        self._main = threading.Semaphore(0)

    # --- time ---------------------------------------------------------------------------------------------------------

    def stripes_time(self) -> float:
        return self.now

    def functions_time(self) -> datetime:
        """What the function that runs believes the time to be; the true time where none does."""
        return datetime.fromtimestamp(self.now + (self.current.skew if self.current else 0.0), UTC)

    def move_to(self, moment: float) -> None:
        """Forward to this instant, through everything that was to happen by itself on the way."""
        while self._alarms and self._alarms[0][0] <= moment:
            due, _, ring = heapq.heappop(self._alarms)
            self.now = max(self.now, due)
            running, self.current = self.current, None
            try:
                ring()
            finally:
                self.current = running
        self.now = max(self.now, moment)

    def alarm(self, moment: float, ring: Callable[[], None]) -> None:
        self._alarm_number += 1
        heapq.heappush(self._alarms, (moment, self._alarm_number, ring))

    def next_alarm(self) -> float | None:
        return self._alarms[0][0] if self._alarms else None

    def sleep(self, seconds: float) -> None:
        """Somebody pauses. Raises Timeout where their function's time ends before."""
        invocation = self.current
        if invocation is None:
            self._wait_until(self.now + seconds)
            return
        wake_at = self.now + seconds
        killed = wake_at > invocation.deadline
        self._wait_until(min(wake_at, invocation.deadline))
        if killed:
            raise Timeout(f"{invocation.function} took too long")

    # --- calls --------------------------------------------------------------------------------------------------------

    @contextmanager
    def running(self, invocation: Invocation) -> Iterator[None]:
        before, self.current = self.current, invocation
        random.seed(invocation.rng.getrandbits(64))  # jitter, and the order of shards
        try:
            yield
        finally:
            self.current = before

    def cross(self, service: str, name: str, call: Callable[[], T]) -> T:
        """The call's answer, in its time; or what its trouble makes of it. Where nobody runs: just the answer."""
        invocation = self.current
        if invocation is None:
            return call()
        self.calls += 1
        trouble = invocation.next_trouble(service) or self.weather(invocation, service, name)
        low, high = LATENCY[service]
        self.sleep(invocation.rng.uniform(low, high) / 2)
        try:
            if trouble is None:
                return call()
            invocation.troubled.append(f"{trouble} at {name}")
            answer: T = self._fault(self, invocation, trouble, service, name, call)
            return answer
        finally:
            self.sleep(invocation.rng.uniform(low, high) / 2)

    def snapshot(self) -> Any:
        chance = self.ids.getstate(), self.sdks.getstate(), random.getstate()
        return self.now, self.calls, list(self._alarms), self._alarm_number, chance

    def restore(self, kept: Any) -> None:
        self.now, self.calls, alarms, self._alarm_number, (ids, sdks, jitter) = kept
        self.ids.setstate(ids)
        self.sdks.setstate(sdks)
        random.setstate(jitter)
        self._alarms = list(alarms)

    # --- several at once ----------------------------------------------------------------------------------------------

    def together(self, plays: Sequence[Callable[[], None]], chances: Sequence[random.Random]) -> None:
        """All of them at once, each in a thread of its own, one thread at a time: who sleeps lets the others on.
        Each has its own chance, which says when it begins and who is first where two could go on.
        """
        if len(plays) == 1 or getattr(self._own, "player", None) is not None:
            for play in plays:
                play()
            return
        self._players = [
            _Player(play, rank=chance.random(), wake_at=self.now + chance.choice((0.0, 0.0, chance.uniform(0, 2))))
            for play, chance in zip(plays, chances, strict=True)
        ]
        threads = [threading.Thread(target=self._perform, args=(player,), daemon=True) for player in self._players]
        for thread in threads:
            thread.start()
        while waiting := [player for player in self._players if not player.over]:
            chosen = min(waiting, key=lambda player: (player.wake_at, player.rank))
            self.move_to(chosen.wake_at)
            self.current = chosen.invocation
            chosen.turn.release()
            self._main.acquire()
        for thread in threads:
            thread.join()
        failures = [player.failure for player in self._players if player.failure is not None]
        self._players, self.current = [], None
        if failures:
            raise failures[0]

    def _perform(self, player: _Player) -> None:
        self._own.player = player
        player.turn.acquire()
        try:
            player.play()
        except BaseException as failure:  # noqa: BLE001 - raised again where it was started
            player.failure = failure
        finally:
            player.over = True
            self._main.release()

    def _wait_until(self, moment: float) -> None:
        player: _Player | None = getattr(self._own, "player", None)
        if player is None:
            self.move_to(moment)
            return
        player.wake_at, player.invocation = moment, self.current
        kept = UnderWay.take(self.current.app if self.current else None)
        self._main.release()
        player.turn.acquire()
        kept.put_back()
