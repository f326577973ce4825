"""What a function reads from its environment, once; a missing variable is named, loudly, by whoever first needs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


class MissingSetting(RuntimeError):
    """The template did not give this function a variable that its code needs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, by name."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def __getitem__(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            raise MissingSetting(f"the environment variable {name} is not set")
        return value

    def get(self, name: str, default: str = "") -> str:
        return self.environment.get(name) or default

    def integer(self, name: str) -> int:
        return int(self[name])
