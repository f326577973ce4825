"""The time that one request has, so that every hop ends inside the one around it.

A Stripe call 6 s, no new try after 18 s, an answer by 25 s; the function has 28 s, API Gateway 29 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

STRIPE_CALL_SECONDS: Final = 6.0
LAST_TRY_SECONDS: Final = 18.0
ANSWER_SECONDS: Final = 25.0
# Whoever began an operation has stopped by then: the function's 28 s and one more call to Stripe.
LEASE_SECONDS: Final = 34.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Counts from the moment it is made. `seconds` is how long this request may take at most."""

    seconds: float = ANSWER_SECONDS
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    started: float = field(default=-1.0)

    def __post_init__(self) -> None:
        if self.started < 0:
            object.__setattr__(self, "started", self.monotonic())

    @property
    def spent(self) -> float:
        return self.monotonic() - self.started

    def allows_a_try(self, after: float = 0.0) -> bool:
        """Whether a call to Stripe that starts `after` seconds from now would end in time."""
        start = self.spent + after
        return start <= min(LAST_TRY_SECONDS, self.seconds - STRIPE_CALL_SECONDS)
