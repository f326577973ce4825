"""Which requests go wrong, and how: decided by whoever tests, one rule at a time."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from local.stripe_simulator.wire import Body, Request
from local.stripe_simulator.world import World

KINDS = {
    "fail_before": "500, stored under the key; no effect",
    "fail_after": "the effect happens; 500, stored under the key",
    "timeout_before": "no effect, nothing stored; silence for delay_seconds, then the connection is closed",
    "timeout_after": "the effect happens and is stored; silence for delay_seconds, then the connection is closed",
    "drop_after": "the effect happens and is stored; the connection is closed at once",
    "rate_limit": "429 rate_limit; not executed, not stored",
    "lock_timeout": "429 lock_timeout; not executed, not stored",
    "conflict": "409 idempotency_key_in_use; not executed, not stored",
    "unavailable": "503; not executed, not stored",
    "slow": "delay_seconds while the key is in flight, then as usual",
}
_FIELDS = {"match", "kind", "times", "skip", "delay_seconds", "should_retry"}
_MATCH = {"method", "path", "idempotency_key"}


class FaultRefused(ValueError):
    """A rule that makes no sense."""


def add(world: World, wanted: Any) -> Body:
    _check(wanted)
    id = f"fault_{world.identifiers.token(12)}"
    return world.store.insert(
        "fault",
        id,
        {
            "id": id,
            "match": wanted.get("match", {}),
            "kind": wanted["kind"],
            "times": wanted.get("times", 1),
            "skip": wanted.get("skip", 0),
            "delay_seconds": wanted.get("delay_seconds", 0),
            "should_retry": wanted.get("should_retry"),
            "seen": 0,
            "hits": 0,
        },
    )


def _check(wanted: Any) -> None:
    if not isinstance(wanted, dict) or not set(wanted) <= _FIELDS:
        raise FaultRefused(f"a fault is an object with {', '.join(sorted(_FIELDS))}")
    if wanted.get("kind") not in KINDS:
        raise FaultRefused(f"kind is one of {', '.join(KINDS)}")
    match = wanted.get("match", {})
    if not isinstance(match, dict) or not set(match) <= _MATCH or not all(isinstance(v, str) for v in match.values()):
        raise FaultRefused(f"match is an object of texts: {', '.join(sorted(_MATCH))}")
    for name in ("times", "skip"):
        if not isinstance(wanted.get(name, 0), int) or isinstance(wanted.get(name), bool) or wanted.get(name, 0) < 0:
            raise FaultRefused(f"{name} is a whole number from 0")
    delay = wanted.get("delay_seconds", 0)
    if not isinstance(delay, int | float) or isinstance(delay, bool) or delay < 0:
        raise FaultRefused("delay_seconds is a number from 0")
    if not isinstance(wanted.get("should_retry"), bool | None):
        raise FaultRefused("should_retry is true or false")


def take(world: World, request: Request) -> Body | None:
    """The oldest rule that matches, past its `skip` and not used up, strikes; only that one is counted."""
    if not world.store.rows("fault"):
        return None
    with world.store.transaction():
        for fault in list(world.store.rows("fault").values()):
            if (fault["times"] and fault["hits"] >= fault["times"]) or not _matches(fault["match"], request):
                continue
            fault = world.store.edit("fault", fault["id"])
            fault["seen"] += 1
            if fault["seen"] > fault["skip"]:
                fault["hits"] += 1
                return fault
    return None


def _matches(match: Body, request: Request) -> bool:
    return (
        match.get("method", request.method).upper() == request.method
        and fnmatchcase(request.path, match.get("path", "*"))
        and fnmatchcase(request.header("idempotency-key") or "", match.get("idempotency_key", "*"))
    )
