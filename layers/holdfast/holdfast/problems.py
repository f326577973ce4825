"""Turns errors of the domain into RFC 9457 problems: the one table that decides statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from holdfast import errors
from holdfast.errors import FieldError, HoldfastError

PROBLEM_JSON: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """`slug` is the end of the problem's `type`; it never changes once a client may rely on it."""

    status: HTTPStatus
    slug: str
    title: str


PROBLEMS: Final[Mapping[type[HoldfastError], ProblemKind]] = MappingProxyType(
    {
        errors.InvalidRequest: ProblemKind(HTTPStatus.BAD_REQUEST, "invalid-request", "The request is malformed"),
        errors.Unauthenticated: ProblemKind(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Who are you?"),
        errors.CardDeclined: ProblemKind(HTTPStatus.PAYMENT_REQUIRED, "card-declined", "The bank declined the card"),
        errors.Forbidden: ProblemKind(HTTPStatus.FORBIDDEN, "forbidden", "Not allowed"),
        errors.NotFound: ProblemKind(HTTPStatus.NOT_FOUND, "not-found", "Not found"),
        errors.Conflict: ProblemKind(HTTPStatus.CONFLICT, "conflict", "The state forbids it"),
        errors.OperationInProgress: ProblemKind(
            HTTPStatus.CONFLICT, "operation-in-progress", "Another operation is under way"
        ),
        errors.TooLarge: ProblemKind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too large"),
        errors.UnsupportedMediaType: ProblemKind(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Not JSON"
        ),
        errors.RuleRefused: ProblemKind(HTTPStatus.UNPROCESSABLE_ENTITY, "rule-refused", "A rule forbids it"),
        errors.TooFarAhead: ProblemKind(HTTPStatus.UNPROCESSABLE_ENTITY, "too-far-ahead", "The event is too far away"),
        errors.IdempotencyMismatch: ProblemKind(
            HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-mismatch", "The key was used for another request"
        ),
        errors.RateLimited: ProblemKind(HTTPStatus.TOO_MANY_REQUESTS, "rate-limited", "Too many requests"),
        errors.StripeUnavailable: ProblemKind(
            HTTPStatus.SERVICE_UNAVAILABLE, "stripe-unavailable", "The payment provider cannot be reached"
        ),
    }
)
INTERNAL: Final = ProblemKind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")


def kind_of(error: BaseException) -> ProblemKind:
    """The nearest entry of the table; whatever is not an error of the domain is internal."""
    for ancestor in type(error).__mro__:
        if ancestor in PROBLEMS:
            return PROBLEMS[ancestor]
    return INTERNAL


def problem_of(error: BaseException) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of the answer to `error`, without `instance`, which is the answering request's.

    Pure, so that the answer of an idempotent request can be kept and given again. Nothing of an internal error shows.
    """
    kind = kind_of(error)
    detail = (
        error.detail if isinstance(error, HoldfastError) else "The request was not finished. It is being looked into."
    )
    body: dict[str, Any] = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": int(kind.status),
        "detail": detail,
    }
    headers: dict[str, str] = {}
    if isinstance(error, errors.InvalidRequest | errors.RuleRefused) and error.errors:
        body["errors"] = [_field(fault) for fault in error.errors]
    if isinstance(error, errors.CardDeclined):
        extras = {"decline_code": error.decline_code, "booking_id": error.booking_id}
        body.update({name: value for name, value in extras.items() if value is not None})
    if isinstance(error, errors.OperationInProgress | errors.RateLimited | errors.StripeUnavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 wants a challenge with every 401
    return int(kind.status), body, headers


def _field(fault: FieldError) -> dict[str, str]:
    return {"pointer": fault.pointer, "detail": fault.detail}
