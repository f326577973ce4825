"""Stripe's webhooks under the simulation's control: late, twice, out of order, dropped and sent again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from local.stripe_simulator.rendering import public
from local.stripe_simulator.signing import signature
from local.stripe_simulator.simulator import Simulator

# Live mode tries for three days; the intervals are unpublished (the simulator's own are as good).
_GIVES_UP_AFTER: Final = 9


@dataclass(frozen=True)
class Manner:
    """How Stripe's events travel: `late` of them by up to `longest` seconds; so many twice, so many not at
    first, so many never.
    """

    late: float = 0.0
    longest: float = 0.0
    doubled: float = 0.0
    dropped: float = 0.0
    gone: float = 0.0


PROMPT: Final = Manner()


@dataclass
class Letter:
    """One delivery that Stripe owes. `lost`: so many attempts of it never arrive."""

    event_id: str
    due: float
    attempts: int = 0
    lost: int = 0


class Postbox:
    """What Stripe has to say and has not said yet. `seed` decides each event's fate by its number."""

    def __init__(self, simulator: Simulator, seed: str) -> None:
        self._simulator = simulator
        self._seed = seed
        self._known = 0
        self.manner = PROMPT
        self.letters: list[Letter] = []
        self.given_up: list[str] = []

    def collect(self) -> None:
        """Takes up the events that happened since it was last asked."""
        rows = self._simulator.store.rows("event")
        if len(rows) == self._known:
            return
        for number, event_id in enumerate(list(rows)[self._known :], start=self._known):
            rng = random.Random(f"{self._seed}/event {number}")
            created = float(rows[event_id]["created"])
            if rng.random() < self.manner.gone:
                self.given_up.append(event_id)
                continue
            for _ in range(2 if rng.random() < self.manner.doubled else 1):
                self.letters.append(self._letter(event_id, created, rng))
        self._known = len(rows)

    def _letter(self, event_id: str, created: float, rng: random.Random) -> Letter:
        due = created + 1 + rng.random()
        if rng.random() < self.manner.late:
            due += rng.random() ** 3 * self.manner.longest
        lost = rng.randint(1, 4) if rng.random() < self.manner.dropped else 0
        return Letter(event_id, due, lost=lost)

    def next_due(self) -> float | None:
        return min((letter.due for letter in self.letters), default=None)

    def take_due(self, now: float) -> list[Letter]:
        due = sorted(
            (letter for letter in self.letters if letter.due <= now), key=lambda each: (each.due, each.event_id)
        )
        self.letters = [letter for letter in self.letters if letter.due > now]
        return due

    def send(self, letter: Letter, door: Callable[[dict[str, Any]], int | None], now: Callable[[], float]) -> None:
        """One attempt; what fails is owed again, by the simulator's schedule."""
        letter.attempts += 1
        status = None
        if letter.attempts > letter.lost:
            status = door(self._request(letter, now()))
        if status is not None and 200 <= status < 300:
            return
        delays = self._simulator.switches.webhook_retry_seconds
        if letter.attempts > min(len(delays), _GIVES_UP_AFTER):
            self.given_up.append(letter.event_id)
            return
        letter.due = now() + delays[letter.attempts - 1]
        self.letters.append(letter)

    def _request(self, letter: Letter, now: float) -> dict[str, Any]:
        event = public(self._simulator.store.rows("event")[letter.event_id])
        payload = json.dumps(event).encode()
        return {
            "headers": {"stripe-signature": signature(payload, ["whsec_simulation"], int(now))},
            "body": payload.decode(),
            "isBase64Encoded": False,
            "requestContext": {"requestId": letter.event_id, "http": {"method": "POST", "path": "/"}},
        }

    def snapshot(self) -> Any:
        letters = [(each.event_id, each.due, each.attempts, each.lost) for each in self.letters]
        return self._known, self.manner, letters, list(self.given_up)

    def restore(self, kept: Any) -> None:
        self._known, self.manner, letters, given_up = kept
        self.letters = [Letter(*each) for each in letters]
        self.given_up = list(given_up)
