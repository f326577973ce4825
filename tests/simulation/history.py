"""A history: who does what when, drawn from a seed or kept as a story. Plain data: it can be cut and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.climate import Climate
from tests.simulation.postbox import Manner

Json = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """Somebody does something, `at` seconds after the history begins. What has the same `at` happens at once.

    `number` stays when others are cut out, and with it whatever chance decides inside this action. `troubles` says at
    which of its calls what goes wrong: they count from 0 up, those to Stripe by themselves from -1 down. `what` names
    bookings and events by labels; where there is no such booking the action does nothing.
    """

    number: int
    at: float
    do: str
    what: Mapping[str, Any] = field(default_factory=dict)
    troubles: Mapping[int, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        troubles = {str(place): kind for place, kind in self.troubles.items()}
        kept = {"number": self.number, "at": self.at, "do": self.do, "what": dict(self.what)}
        return kept | ({"troubles": troubles} if troubles else {})

    @classmethod
    def from_json(cls, kept: Json) -> Action:
        troubles = {int(place): kind for place, kind in kept.get("troubles", {}).items()}
        return cls(kept["number"], kept["at"], kept["do"], kept["what"], troubles)


@dataclass(frozen=True)
class History:
    seed: str
    begins: datetime
    climate: Climate
    actions: Sequence[Action]

    def time_of(self, action: Action) -> datetime:
        return self.begins + timedelta(seconds=action.at)

    def dumps(self, **more: Any) -> str:
        kept = {
            "seed": self.seed,
            "begins": self.begins.isoformat(),
            "climate": asdict(self.climate),
            "actions": [action.to_json() for action in self.actions],
        }
        return json.dumps(more | kept, indent=1) + "\n"

    @classmethod
    def loads(cls, text: str) -> History:
        kept = json.loads(text)
        climate = kept["climate"] | {"manner": Manner(**kept["climate"]["manner"])}
        return cls(
            seed=kept["seed"],
            begins=datetime.fromisoformat(kept["begins"]).astimezone(UTC),
            climate=Climate(**climate),
            actions=tuple(Action.from_json(each) for each in kept["actions"]),
        )
