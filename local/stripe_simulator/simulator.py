"""The simulator as one object: give it requests, move its clock, tell it what should go wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.stripe_simulator.access import Access
from local.stripe_simulator.api import Api
from local.stripe_simulator.clock import Clock
from local.stripe_simulator.control import Control
from local.stripe_simulator.events import announce
from local.stripe_simulator.identifiers import Identifiers
from local.stripe_simulator.journal import SqliteJournal
from local.stripe_simulator.resources import captures, disputes, refunds
from local.stripe_simulator.store import Store
from local.stripe_simulator.switches import Switches
from local.stripe_simulator.timers import run_due
from local.stripe_simulator.webhooks import Background, Webhooks
from local.stripe_simulator.wire import Answer, Body, Request
from local.stripe_simulator.world import World
from local.stripe_simulator.wsgi import Application

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ACTIONS = {
    "expire": captures.expire,
    "settle_refund": refunds.settle,
    "decide_dispute": disputes.decided,
    "dispute_ends": disputes.ends,
}


class Simulator:
    """`clock` answers real seconds since 1970 and is only the base: advancing and freezing come on top."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] | None = None,
        secret_key: str | None = None,
        publishable_key: str | None = None,
        database: str | Path | None = None,
        seed: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._journal = SqliteJournal(Path(database)) if database is not None else None
        self.store = Store(self._journal)
        self.world = World(self.store, Clock(clock), Identifiers(seed), announce)
        self.webhooks = Webhooks(self.world)
        self._sleep = sleep
        self._api = Api(self.world, Access(secret_key, publishable_key), ACTIONS, sleep)
        self._control = Control(self.world, self.webhooks, self.run_due)
        self._background: Background | None = None

    def handle(self, request: Request) -> Answer:
        ours = request.path == "/_simulator" or request.path.startswith("/_simulator/")
        answer = self._control.answer(request) if ours else self._api.answer(request)
        if self._background is not None:
            self._background.wake()
        if answer.silent_seconds:
            self._sleep(answer.silent_seconds)
        return answer

    @property
    def wsgi(self) -> WSGIApplication:
        return Application(self.handle)

    def control(self, method: str, path: str, body: object = None) -> Body:
        """A call of the control API without HTTP; a refusal is an exception."""
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.handle(Request(method, path, "", {}, content))
        result: Body = json.loads(answer.content)
        if answer.status >= 400:
            raise ValueError(result["error"]["message"])
        return result

    def add_fault(self, kind: str, **details: Any) -> Body:
        return self.control("POST", "/_simulator/faults", {"kind": kind, **details})

    def advance(self, seconds: float) -> None:
        self.control("POST", "/_simulator/clock", {"advance_seconds": seconds})

    @property
    def switches(self) -> Switches:
        return self.world.switches

    def run_due(self) -> int:
        return run_due(self.world, ACTIONS)

    def start(self) -> None:
        """Lets time pass by itself: for a running process; tests call `advance` and `webhooks.pump`."""
        if self._background is None:
            self._background = Background(self._tick)
            self._background.start()

    def _tick(self) -> None:
        self.run_due()
        self.webhooks.start_due()

    def close(self) -> None:
        if self._background is not None:
            self._background.stop()
            self._background = None
        self.webhooks.close()
        if self._journal is not None:
            self._journal.close()
