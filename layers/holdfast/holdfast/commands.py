"""The edge of the idempotent commands: the request as `requests` compares it, and its reply as HTTP."""

from __future__ import annotations

from holdfast import api, telemetry
from holdfast.requests import Reply, Request


def request(app: api.Api, key: str) -> Request:
    """The request under way: the key counts per caller, method and path."""
    event = app.current_event
    return Request(
        caller=api.caller(app).actor, method=event.http_method, path=event.path, key=key, body=api.json_body(app)
    )


def reply(given: Reply, status: int) -> api.Answer:
    """The answer with this status; 202 while the outcome is unknown; a replayed error as it was."""
    if given.error is not None:
        code, problem, headers = api.problem_of(given.error)
        return api.reply(code, problem, headers=headers, replayed=True)
    telemetry.annotate(booking_id=given.body.get("booking_id"), payment_status=given.body.get("payment_status"))
    return api.reply(202 if given.unknown else status, given.body, replayed=given.replayed)
