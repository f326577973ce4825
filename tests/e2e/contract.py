"""Every answer of the API against the published document, so that no test has to think of it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
_WIRE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What API Gateway answers by itself, before any function: the status binds.
_OF_THE_GATEWAY = frozenset({401, 403, 404, 413, 429})
# ...and where a function died or timed out.
_NO_ANSWER = frozenset({502, 504})


class NoAnswer(AssertionError):
    """The function behind the gateway said nothing, so nothing can be held against the document."""


_formats = jsonschema.FormatChecker(formats=())
_formats.checks("date-time")(lambda value: not isinstance(value, str) or bool(_WIRE_TIME.fullmatch(value)))


def check(method: str, path: str, status: int, content_type: str, body: Any) -> None:
    """Raises AssertionError unless this answer is one that the document has for this route."""
    route = _route(path)
    if route is None:
        assert status in _OF_THE_GATEWAY, f"{method} {path} is no route, but answers {status}"
        return
    responses = route[method.lower()]["responses"]
    if status in _NO_ANSWER and str(status) not in responses:
        raise NoAnswer(f"{method} {path}: {status} {body}")
    assert str(status) in responses, f"{method} {path} answers {status}, which the document does not know: {body}"
    if status == 204:
        assert body is None
        return
    media = content_type.split(";")[0]
    content = responses[str(status)]["content"]
    assert media in content, f"{method} {path} answers {status} as {media}, not as {', '.join(content)}: {body}"
    schema = content[media]["schema"] | {"components": _document()["components"]}
    jsonschema.Draft202012Validator(schema, format_checker=_formats).validate(body)
    if media == "application/problem+json":
        _check_problem(status, body)


def _check_problem(status: int, body: Any) -> None:
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    known = {"type", "title", "status", "detail", "instance", "errors", "decline_code", "booking_id"}
    assert set(body) <= known, set(body) - known
    assert "sk_test" not in json.dumps(body)


def _route(path: str) -> Any:
    for template, methods in _document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.split("?")[0]):
            return methods
    return None


@cache
def _document() -> Any:
    return json.loads(_DOCUMENT.read_text())
