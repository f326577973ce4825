"""Threads as instances of Lambda: each runs alone, and others run while it waits for somebody outside.

Lambda gives an instance one request at a time, and Powertools keeps the request under way where only one can be (on its
classes, and in the app's context). So one handler runs at a time; whatever leaves it (a call to AWS or Stripe, a
pause) lets the others on, and what belongs to the request is put back when its answer comes. Requests interleave
wherever instances of their own would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

from holdfast import telemetry

T = TypeVar("T")
_OF_POWERTOOLS = ("current_event", "lambda_context")


@dataclass(frozen=True)
class UnderWay:
    """The request under way, wherever Powertools and the telemetry keep it: taken off, and put back later."""

    app: Any
    of_powertools: dict[str, Any]
    context: dict[str, Any]
    fields: dict[str, Any]
    failure: list[BaseException]

    @classmethod
    def take(cls, app: Any) -> UnderWay:
        of_powertools = {name: BaseRouter.__dict__[name] for name in _OF_POWERTOOLS if name in BaseRouter.__dict__}
        context = dict(app.context) if app else {}
        return cls(app, of_powertools, context, dict(telemetry._fields), list(telemetry._failure))

    def put_back(self) -> None:
        for name, value in self.of_powertools.items():
            setattr(BaseRouter, name, value)
        if self.app:
            self.app.context.clear()
            self.app.context.update(self.context)
        telemetry._fields.clear()
        telemetry._fields.update(self.fields)
        telemetry._failure[:] = self.failure


@dataclass
class Instances:
    _stage: threading.Lock = field(default_factory=threading.Lock)
    _own: threading.local = field(default_factory=threading.local)

    @property
    def function(self) -> str | None:
        """The function whose handler this thread runs, if any: it has its rights and its variables."""
        return getattr(self._own, "function", None)

    @contextmanager
    def running(self, function: str, app: Any) -> Iterator[None]:
        self._stage.acquire()
        self._own.function, self._own.app = function, app
        try:
            yield
        finally:
            self._own.function = self._own.app = None
            self._stage.release()

    def outside(self, call: Callable[[], T]) -> T:
        """The call's result; other instances run meanwhile."""
        if self.function is None:
            return call()
        kept = UnderWay.take(self._own.app)
        self._stage.release()
        try:
            time.sleep(0)  # lets somebody else be next
            return call()
        finally:
            self._stage.acquire()
            kept.put_back()


INSTANCES = Instances()
