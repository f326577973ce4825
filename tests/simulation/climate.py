"""How things go by themselves: Stripe's events, and the invocations that nobody asked for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from tests.simulation.postbox import PROMPT, Manner
from tests.simulation.troubles import TROUBLES

# How many calls an invocation makes at most, more or less: where a trouble may fall.
_CALLS: Final = 24


@dataclass(frozen=True)
class Climate:
    """`trouble`: of the invocations by themselves so many meet one; `parallel`: so many sweeps and batches run twice at
    once; `skew`: the functions' clocks and Stripe's differ by up to so many seconds; `lag`: so many seconds at most an
    index has not heard of what was written to its table; `nights`: Stripe and the book are compared each night.
    """

    manner: Manner = PROMPT
    trouble: float = 0.0
    parallel: float = 0.0
    skew: float = 0.0
    lag: float = 0.0
    nights: bool = False

    def troubles(self, rng: random.Random) -> dict[int, str]:
        """Which calls of an invocation go wrong, and how."""
        if rng.random() >= self.trouble:
            return {}
        place = int(rng.random() ** 2 * _CALLS) if rng.random() < 0.6 else -1
        return {place: rng.choice(list(TROUBLES))}

    def skewed(self, rng: random.Random) -> float:
        """Mostly little."""
        return float(rng.uniform(-1, 1) ** 3 * self.skew)


CALM: Final = Climate()
