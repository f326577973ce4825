"""What OpenAPI says about a route: its answers, and the problems that it can answer with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from holdfast.problems import PROBLEM_JSON
from holdfast.views import Problem

# Every route can answer with these, whatever it does.
_ALWAYS: Final = (400, 401, 403, 413, 415, 422, 429, 500)

_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_CAN_BE_RETRIED: Final = (409, 429, 503)


def documented(
    summary: str, answers: Mapping[int, type[BaseModel] | None], *, problems: Iterable[int] = ()
) -> dict[str, Any]:
    """The arguments of a route decorator.

    What the route does, the shape of each answer by status (None: no body), and the problems beside every route's.
    """
    responses = {status: _answer(status, model) for status, model in answers.items()}
    responses |= {status: _problem(status) for status in sorted({*_ALWAYS, *problems})}
    return {"summary": summary, "responses": responses}


# Python 3.13 renamed these; the document is the same whatever writes it.
_RENAMED: Final = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}


def _phrase(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _answer(status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _phrase(status)}
    if model is not None:
        response["content"] = {"application/json": {"model": model}}
    return response


def _problem(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _phrase(status),
        "content": {PROBLEM_JSON: {"model": Problem}},
    }
    if status in _CAN_BE_RETRIED:
        response["headers"] = _RETRY_AFTER
    return response
