"""The one thing that every resource acts on: objects, time, switches, and who is asking."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.stripe_simulator.clock import Clock
from local.stripe_simulator.errors import no_such
from local.stripe_simulator.identifiers import SPOKEN, Identifiers
from local.stripe_simulator.store import Store
from local.stripe_simulator.switches import Switches
from local.stripe_simulator.wire import Body


@dataclass(frozen=True)
class Origin:
    """What an event says about the request behind it; nothing when time itself caused it."""

    request_id: str | None = None
    idempotency_key: str | None = None
    api_version: str | None = None


Announce = Callable[["World", str, Body, "Body | None"], None]


class World:
    def __init__(self, store: Store, clock: Clock, identifiers: Identifiers, announce: Announce) -> None:
        self.store, self.clock, self.identifiers = store, clock, identifiers
        self.switches = Switches()
        self.origin = Origin()
        self._announce = announce
        self._due: list[tuple[float, str]] = []
        self.reload()

    def reload(self) -> None:
        """Takes up what the store remembers: switches, the clock, what falls due."""
        self.switches = Switches()
        self.switches.change(self.store.get("setting", "switches") or {})
        clock = self.store.get("setting", "clock") or {"offset": 0.0, "frozen_at": None}
        self.clock.restore(clock["offset"], clock["frozen_at"])
        self._due = [(row["due"], id) for id, row in self.store.rows("timer").items()]
        heapq.heapify(self._due)

    @contextmanager
    def acting_for(self, origin: Origin) -> Iterator[None]:
        before, self.origin = self.origin, origin
        try:
            yield
        finally:
            self.origin = before

    # Objects

    def add(self, prefix: str, body: Body) -> Body:
        body["id"] = body.get("id") or self.identifiers.new(prefix)
        return self.store.insert(str(body["object"]), body["id"], body)

    def edit(self, body: Body) -> Body:
        return self.store.edit(str(body["object"]), body["id"])

    def get(self, table: str, id: str) -> Body:
        """An object that another one names, so it must exist."""
        body = self.store.get(table, id)
        if body is None:
            raise LookupError(f"{table} {id} is named but does not exist")
        return body

    def find(self, table: str, id: str, param: str, *, in_path: bool = False) -> Body:
        """An object that the caller names."""
        body = self.store.get(table, id)
        if body is None or (body.get("_deleted") and not in_path):
            raise no_such(SPOKEN.get(table, table), id, param, in_path=in_path)
        return body

    def seconds(self) -> int:
        return self.clock.seconds()

    # Events

    def announce(self, type: str, subject: Body, previous: Body | None = None) -> None:
        self._announce(self, type, subject, previous)

    # What falls due

    def schedule(self, kind: str, subject: str, due: float, **details: Any) -> None:
        id = f"{kind}:{subject}"
        self.store.insert("timer", id, {"kind": kind, "subject": subject, "due": due, **details})
        heapq.heappush(self._due, (due, id))

    def unschedule(self, kind: str, subject: str) -> None:
        self.store.delete("timer", f"{kind}:{subject}")

    def next_due(self) -> Body | None:
        """The earliest timer that still stands; superseded ones are dropped on the way."""
        while self._due:
            due, id = self._due[0]
            row = self.store.get("timer", id)
            if row is not None and row["due"] == due:
                return row
            heapq.heappop(self._due)
        return None
