"""What a repeated Idempotency-Key gets: the stored answer, a refusal, or the right to execute."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.stripe_simulator.errors import ApiError
from local.stripe_simulator.wire import Answer, Body, Request
from local.stripe_simulator.world import World

MAXIMUM_LENGTH = 255
KEPT_SECONDS = 86_400


def fingerprint(request: Request, params: Any, *, with_path: bool) -> str:
    where = f"{request.method} {request.path}" if with_path else ""
    return hashlib.sha256(f"{where} {json.dumps(params, sort_keys=True)}".encode()).hexdigest()


class Idempotency:
    def __init__(self, world: World) -> None:
        self._world = world
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, key: str) -> Iterator[None]:
        """Only one request at a time works under a key; the others are told so, and nothing is stored for them."""
        if len(key) > MAXIMUM_LENGTH:
            raise ApiError(
                400, f"The idempotency key must be at most {MAXIMUM_LENGTH} characters.", type="idempotency_error"
            )
        with self._lock:
            if key in self._in_flight:
                raise in_use(self._world, key)
            self._in_flight.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight.discard(key)

    def recall(self, key: str, wanted: str) -> Body | None:
        """The stored answer to the same request; another request under the key is refused (R)."""
        row = self._world.store.get("idempotency", key)
        if row is None or self._is_pruned(row):
            return None
        if row["fingerprint"] != wanted:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                f"using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        return row

    def _is_pruned(self, row: Body) -> bool:
        age = self._world.clock.now() - float(row["created"])
        return self._world.switches.prune_idempotency_keys and age > KEPT_SECONDS

    def keep(self, key: str, wanted: str, answer: Answer, request_id: str) -> None:
        """In the transaction of the effects, so that neither exists without the other."""
        self._world.store.insert(
            "idempotency",
            key,
            {
                "fingerprint": wanted,
                "status": answer.status,
                "content": answer.content.decode(),
                "request_id": request_id,
                "created": self._world.clock.now(),
            },
        )


def in_use(world: World, key: str | None) -> ApiError:
    return ApiError(
        409,
        f"There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        type=world.switches.conflict_error_type,
        code="idempotency_key_in_use",
    )
