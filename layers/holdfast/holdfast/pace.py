"""Keeps the calls of one process apart, so that a long run leaves Stripe's limits to those who wait for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Stripe takes 25 requests a second at one endpoint, and in a sandbox 25 altogether (docs.stripe.com/rate-limits). A
# fifth of that lists 500 objects a second.
CALLS_A_SECOND = 5.0


@dataclass
class Pace:
    """`wait(n)` returns when n calls may be made."""

    per_second: float = CALLS_A_SECOND
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float = field(default=float("-inf"))

    def wait(self, calls: int = 1) -> None:
        now = self.monotonic()
        if self._free_at > now:
            self.sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + calls / self.per_second
