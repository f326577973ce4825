"""The HTTP edge that every API function shares: who may call, what may come in, how answers and problems go out.

A function's handler reads

    app = api.resolver(api.MONEY, roles={api.CUSTOMER})

    class HoldRequest(api.Body):
        event_id: api.EventId

    @app.post("/holds", **api.documented("Book an event", {201: api.BookingView}, problems=(402, 404, 409)))
    def place_hold(body: HoldRequest, key: api.IdempotencyKey) -> api.Answer:
        return api.reply(201, ...)

    handler = api.entry(app)

and everything else happens here, in this order: token, role, rate limit, size and type of the body, JSON, shape,
unknown parameters, the handler. Whatever is raised becomes a problem by the table in `problems`; nothing escapes as a
bare 500.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from typing import Any, Final, Protocol

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from pydantic import BaseModel

from holdfast import strict_json, telemetry
from holdfast.caller import Caller, Role, admit, caller_of
from holdfast.documentation import documented
from holdfast.errors import FieldError, HoldfastError, InvalidRequest, NotFound
from holdfast.faults import invalid_request
from holdfast.fields import (
    AmountOrPrice,
    AttentionReason,
    Body,
    BookingId,
    CurrencyCode,
    Cursor,
    DisputeId,
    EventId,
    EvidenceEdits,
    EvidenceHash,
    HoursAhead,
    IdempotencyKey,
    Limit,
    Locale,
    LocaleParameter,
    OptionalIdempotencyKey,
    PaymentMethodId,
    PolicyHash,
    PolicyTerms,
    PositiveAmountOrAll,
    Price,
    Quote,
    Reason,
    StripeVersion,
    Time,
    TimeZone,
    Title,
)
from holdfast.problems import PROBLEM_JSON, problem_of
from holdfast.rate_limit import CARDS, MONEY, READS, OperationClass
from holdfast.views import (
    BookingView,
    CancellationQuoteView,
    DisputePacketView,
    DisputeView,
    EventView,
    HoldView,
    LogLineView,
    MoneyView,
    NextActionView,
    Page,
    PaymentMethodView,
    Problem,
    RefundView,
    SetupView,
)

__all__ = [
    "CARDS", "CUSTOMER", "MONEY", "READS", "STAFF",
    "AmountOrPrice", "Answer", "Api", "AttentionReason", "Body", "BookingId", "BookingView", "Caller",
    "CancellationQuoteView", "CurrencyCode", "Cursor", "DisputeId", "DisputePacketView", "DisputeView", "EventId",
    "EventView", "EvidenceEdits", "EvidenceHash", "HoldView", "HoursAhead", "IdempotencyKey", "Limit", "Locale",
    "LocaleParameter", "LogLineView", "MoneyView", "NextActionView", "OptionalIdempotencyKey", "Page",
    "PaymentMethodId", "PaymentMethodView", "PolicyHash", "PolicyTerms", "PositiveAmountOrAll", "Price", "Problem",
    "Quote", "Reason", "RefundView", "Role", "SetupView", "StripeVersion", "Time", "TimeZone", "Title",
    "accept_language", "caller", "documented", "entry", "json_body", "problem_of", "reply", "request_id", "resolver",
]  # fmt: skip

CUSTOMER: Final = Role.CUSTOMER
STAFF: Final = Role.STAFF
Answer = Response[Any]
Event = Mapping[str, Any]
_request_id: ContextVar[str] = ContextVar("request_id", default="")


class Limiter(Protocol):
    def take(self, operations: OperationClass, caller: Caller) -> None:
        """Raises RateLimited when the caller's bucket for this class is empty."""


class Api(APIGatewayRestResolver):
    """A resolver that knows who may call it and which bucket a call is taken from."""

    def __init__(self, operations: OperationClass, roles: Collection[Role]) -> None:
        super().__init__(enable_validation=True, json_body_deserializer=strict_json.parse)
        self.operations = operations
        self.roles = frozenset(roles)
        self.use(middlewares=[_refuse_what_is_not_known])
        self.exception_handler(Exception)(self._answer)

    def _answer(self, error: Exception) -> Answer:
        if isinstance(error, RequestValidationError):
            error = invalid_request(error.errors())
        elif isinstance(error, NotFoundError):
            error = self._no_match()
        return _problem(error)

    def _no_match(self) -> HoldfastError:
        """API Gateway only sends what fits a route: where our pattern matches none, an id in the path is malformed."""
        event = self.current_event.raw_event
        if any(event.get("resource") == route.openapi_path for route in self._dynamic_routes):
            return InvalidRequest("The id in the path is malformed.")
        return NotFound("There is nothing here.")


def resolver(operations: OperationClass, *, roles: Collection[Role]) -> Api:
    """The app of one function: its class of operation for the rate limit, and the roles that may call it."""
    return Api(operations, roles)


def entry(
    app: Api, *, limiter: Callable[[], Limiter] | None = None, real_time: Callable[[], float] = time.time
) -> Callable[[Event, Any], dict[str, Any]]:
    """The Lambda handler of an app. `limiter` is asked for at the first request; by default it is bootstrap's."""

    def handler(event: Event, context: Any) -> dict[str, Any]:
        gateway = event.get("requestContext") or {}
        _request_id.set(str(gateway.get("requestId") or getattr(context, "aws_request_id", "")))
        route = {"method": event.get("httpMethod"), "route": event.get("resource")}
        with telemetry.request("request", context, request_id=request_id(), **route, **_ids(event)):
            answer = _serve(app, event, context, limiter or _bootstrap_limiter, real_time())
            telemetry.annotate(status=int(answer["statusCode"]))
        return answer

    return telemetry.traced(handler)


def _serve(app: Api, event: Event, context: Any, limiter: Callable[[], Limiter], real_time: float) -> dict[str, Any]:
    try:
        who = caller_of(event, real_time=real_time)
        telemetry.annotate(role=who.role.value, subject=who.subject)
        admit(who, app.roles)
        limiter().take(app.operations, who)
        body = strict_json.read_body(event)
        _require_printable(str(event.get("path") or ""))
        app.context.update(caller=who, body=body)
        return app.resolve(_plain(event, body), context)
    except Exception as error:  # noqa: BLE001 - the last place where a 500 can still be a problem document
        answer = _problem(error)
        headers = {name: str(value) for name, value in answer.headers.items()}
        return {"statusCode": answer.status_code, "headers": headers, "body": answer.body, "isBase64Encoded": False}


def _require_printable(path: str) -> None:
    """Patterns match before a last line break, so that `bk_1` and `bk_1\\n` would be the same booking."""
    if not path.isprintable():
        raise InvalidRequest("The id in the path is malformed.")


def _plain(event: Event, body: str | None) -> dict[str, Any]:
    """The event with its body as text, declared as what it was found to be.

    What is declared where there is no body (curl declares a form) is nobody's business; Powertools would fail on it.
    """
    plain = {**event, "body": body, "isBase64Encoded": False}
    for headers, declared in (("headers", "application/json"), ("multiValueHeaders", ["application/json"])):
        kept = {name: value for name, value in (event.get(headers) or {}).items() if name.lower() != "content-type"}
        plain[headers] = kept | {"Content-Type": declared}
    return plain


def _bootstrap_limiter() -> Limiter:
    from holdfast import bootstrap  # late: importing an app, for OpenAPI or a test, must not reach for AWS

    return bootstrap.rate_limiter()


def _ids(event: Event) -> dict[str, str]:
    return {name: value[:64] for name, value in (event.get("pathParameters") or {}).items() if isinstance(value, str)}


def _refuse_what_is_not_known(app: Api, next_middleware: NextMiddleware) -> Response[Any]:
    """Powertools ignores parameters and bodies that a route does not declare; a typo in one should be heard of."""
    route = app.context["_route"]
    known = {field.alias for field in route.dependant.query_params}
    given = app.current_event.resolved_query_string_parameters or {}
    unknown = [name for name in given if name not in known]
    repeated = [name for name, values in given.items() if name in known and len(values) > 1]
    faults = [FieldError(name[:64], "This parameter is not known.") for name in unknown]
    faults += [FieldError(name, "This parameter is given twice.") for name in repeated]
    if not route.dependant.body_params:
        faults += [FieldError(f"/{name[:64]}", "This field is not known.") for name in json_body(app)]
    if faults and route in (*app._static_routes, *app._dynamic_routes):
        raise InvalidRequest("The request has parts that are not known.", faults)
    return next_middleware(app)


def caller(app: Api) -> Caller:
    """Who makes the request under way."""
    who: Caller = app.context["caller"]
    return who


def accept_language(app: Api) -> str | None:
    """The header, as long as a header may be; whoever reads it passes over what is malformed."""
    return app.current_event.headers.get("accept-language")


def request_id() -> str:
    """API Gateway's id of the request under way: `instance` of its problems, and in its log line."""
    return _request_id.get()


def json_body(app: Api) -> dict[str, Any]:
    """The body as it came, parsed; empty where there is none. For comparing a retry with the first request by value."""
    body = app.context.get("body")
    return strict_json.parse(body) if body else {}


def reply(
    status: int,
    body: BaseModel | Mapping[str, Any] | None = None,
    *,
    replayed: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An answer, or a stored one again; a problem from 400 on, whose `instance` becomes the request under way."""
    content = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    extra = {"Idempotent-Replayed": "true"} if replayed else {}
    return _response(status, content, {**(headers or {}), **extra})


def _problem(error: Exception) -> Answer:
    if not isinstance(error, HoldfastError):
        telemetry.failed(error)
    status, body, headers = problem_of(error)
    telemetry.annotate(problem=body["type"])
    return _response(status, body, headers)


def _response(status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Answer:
    if body is None:
        return Response(status_code=status, headers=dict(headers), body="")
    if status < 400:
        return Response(status, "application/json", _dump(body), dict(headers))
    return Response(status, PROBLEM_JSON, _dump({**body, "instance": request_id()}), dict(headers))


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
