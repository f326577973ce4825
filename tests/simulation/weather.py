"""Spells of bad weather: for so long, whoever calls a service meets its trouble as often as the spell says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from tests.simulation.stage import Invocation

# Of a hundred calls, so many meet which trouble.
SPELLS: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = {
    "stripe out": ("stripe", {"unavailable": 70, "unheard": 15, "unreachable": 10, "failed": 5}),
    "stripe slow": ("stripe", {"slow": 60, "late": 6, "lost": 6}),
    "stripe limits": ("stripe", {"refused": 50, "conflict": 10}),
    "stripe failing": ("stripe", {"failed": 20, "failed after": 20, "lost": 10, "unavailable": 10}),
    "tables throttled": ("dynamodb", {"refused": 12, "conflict": 8}),
    "tables failing": ("dynamodb", {"failed": 4, "failed after": 4, "lost": 3, "late": 3, "slow": 6}),
    "queues failing": ("sqs", {"refused": 25, "lost": 15}),
    "bus failing": ("events", {"refused": 40, "lost": 20}),
}


class Weather:
    """Says for the stage which trouble a call meets."""

    def __init__(self) -> None:
        self._spells: list[tuple[float, str]] = []

    def begin(self, name: str, until: float) -> None:
        self._spells.append((until, name))

    def clear(self) -> None:
        self._spells = []

    def at(self, now: float, rng: random.Random, service: str) -> str | None:
        for until, name in self._spells:
            if now >= until or SPELLS[name][0] != service:
                continue
            dice = rng.random() * 100
            for kind, share in SPELLS[name][1].items():
                dice -= share
                if dice < 0:
                    return kind
        return None

    def over(self, invocation: Invocation, now: float, service: str) -> str | None:
        return self.at(now, invocation.rng, service) if self._spells else None
