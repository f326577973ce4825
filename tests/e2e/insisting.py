"""A client that does not give up: the same request under the same key, until it is told how it ended."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import httpx

from tests.e2e.contract import NoAnswer
from tests.e2e.people import Answer

BUSY = (409, 429, 503)


def ask(request: Callable[[], Answer]) -> Answer | None:
    """None where a function died or timed out on the way, or AWS did not answer it: fifty workers start at once here,
    on few cores.
    """
    with suppress(httpx.TransportError, NoAnswer):
        answer = request()
        return None if answer.status == 500 else answer
    return None


def insist(request: Callable[[], Answer], patience: float = 60.0) -> Answer:
    """As a good client does: the same request under the same key, until it is told how it ended."""
    deadline = time.monotonic() + patience
    while True:
        answer = ask(request)
        if answer and (answer.status not in BUSY or answer.body["type"] == "/problems/conflict"):
            return answer
        assert time.monotonic() < deadline, "nobody was told how it ended"
        time.sleep(random.uniform(0.1, 0.4))
