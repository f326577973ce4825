"""The one port through which functions read time.

Deployed, it is the machine's clock. In the local cloud, and only there (the template sets `CLOCK_URL` under its local
condition), it is the clock of the Stripe simulator, so that a demo, a test or a person can move the time of everything
at once. Token and signature checks do not come here: they use real time.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

Clock = Callable[[], datetime]
"""Answers the present instant, timezone-aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def remote_clock(url: str) -> Clock:
    """A clock that asks a local simulator on every reading."""
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("CLOCK_URL may only name this machine")

    def read() -> datetime:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - loopback only, checked above
            return datetime.fromisoformat(json.load(response)["now"])

    return read
