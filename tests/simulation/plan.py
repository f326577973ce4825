"""A history in the making: what was drawn so far, and the dice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
MEDDLING: Final = (
    "the dashboard captures",
    "the dashboard cancels",
    "the dashboard refunds",
    "the hold lapses",
    "the customer disputes",
    "the clock sweeps",
    "Stripe tells",
)


@dataclass(frozen=True)
class Event:
    """`starts` counts in seconds from the history's beginning."""

    label: str
    starts: float
    lasts: float
    currency: str
    amount: int
    policy: Mapping[str, Any]

    @property
    def ends(self) -> float:
        return self.starts + self.lasts

    def described(self) -> dict[str, Any]:
        return {
            "event": self.label,
            "starts": self.starts,
            "lasts": self.lasts,
            "currency": self.currency,
            "amount": self.amount,
            "policy": dict(self.policy),
        }


@dataclass
class Plan:
    """`trouble`: so many requests meet one; `rush`: so many neighbouring actions happen at once; `meddling`: after so
    many requests somebody in the dashboard, or the bank, does something to the same booking.
    """

    rng: random.Random
    trouble: float = 0.0
    rush: float = 0.25
    meddling: float = 0.0
    drawn: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    _keys: int = 0

    def happens(self, share: float) -> bool:
        return self.rng.random() < share

    def add(self, at: float, do: str, what: Mapping[str, Any]) -> None:
        self.drawn.append((max(0.0, at), do, dict(what)))

    def request(self, at: float, do: str, what: Mapping[str, Any]) -> None:
        """With an idempotency key of its own; sometimes its sender tries again under the same."""
        self._keys += 1
        keyed = {**what, "key": f"key-{self._keys}"}
        self.add(at, do, keyed)
        if self.happens(self.meddling):
            moment = at + self.rng.choice((0.0, 1.0, 7.0, 20.0, 40.0, HOUR))
            self.add(moment, self.rng.choice(MEDDLING), {"booking": what["booking"]})
        while self.happens(0.3):
            at += self.rng.choice((0.0, 1.0, 8.0, 45.0, 3 * MINUTE, 26 * HOUR))
            self.add(at, do, keyed)
