"""The simulator behind HTTP, including answers that never come."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.stripe_simulator.errors import server_error
from local.stripe_simulator.wire import Answer, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_HEADERS = ("HTTP_AUTHORIZATION", "HTTP_IDEMPOTENCY_KEY", "HTTP_STRIPE_VERSION", "HTTP_STRIPE_ACCOUNT")


class Application:
    def __init__(self, handle: Callable[[Request], Answer]) -> None:
        self._handle = handle

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._handle(_request(environ))
        except Exception:  # noqa: BLE001 - a bug of the simulator must look like one, not like Stripe's own 500
            traceback.print_exc(file=sys.stderr)
            answer = Answer.of(500, {"error": {**server_error().error, "message": "bug in the simulator: see its log"}})
        if answer.cut:
            # Nothing was sent yet, so the server can only close the connection.
            raise ConnectionAbortedError("a fault that was asked for")
        status = HTTPStatus(answer.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.content)), **answer.headers}
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [answer.content]


def _request(environ: WSGIEnvironment) -> Request:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return Request(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "/"),
        environ.get("QUERY_STRING", ""),
        {name[5:].lower().replace("_", "-"): environ[name] for name in _HEADERS if name in environ},
        environ["wsgi.input"].read(length) if length else b"",
    )
