"""Kills the process at a chosen call that leaves it: before the call, or after it and before its answer is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from botocore.client import BaseClient

from local.stripe_simulator.in_process import InProcessHTTPClient

When = Literal["before", "after"]


class Died(BaseException):
    """The process is gone: nothing of Holdfast may catch this."""


@dataclass
class Boundary:
    """Counts the calls to DynamoDB, SQS and Stripe, and dies at one of them."""

    die_at: int | None = None
    when: When = "before"
    calls: list[str] = field(default_factory=list)

    def crossing(self, name: str, call: Any) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if number == self.die_at and self.when == "before":
            raise Died(f"before {name}")
        try:
            return call()
        finally:
            if number == self.die_at:
                raise Died(f"after {name}")


@contextmanager
def boundary(die_at: int | None = None, when: When = "before") -> Iterator[Boundary]:
    """Everything that leaves the process inside the block crosses this boundary."""
    watched = Boundary(die_at, when)
    make_api_call, request = BaseClient._make_api_call, InProcessHTTPClient.request  # type: ignore[attr-defined]

    def aws(self: Any, operation: str, parameters: Any) -> Any:
        return watched.crossing(operation, lambda: make_api_call(self, operation, parameters))

    def stripe(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return watched.crossing(f"{method} {url}", lambda: request(self, method, url, *args, **kwargs))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", aws)
        patch.setattr(InProcessHTTPClient, "request", stripe)
        yield watched
