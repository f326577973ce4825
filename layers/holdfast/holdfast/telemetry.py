"""Logs, metrics and traces through Powertools: one log line per request, and nothing secret in it.

A request's line is made by `request`; whoever learns the booking's or the operation's id on the way says `annotate`.
Bodies, headers and tokens are never given to the logger; `redaction` removes by shape what slips into a message.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from holdfast.redaction import redact

if TYPE_CHECKING:
    from aws_lambda_powertools import Tracer

NAMESPACE: Final = "Holdfast"
_Handler = TypeVar("_Handler", bound=Callable[..., Any])

_fields: dict[str, object] = {}
_failure: list[BaseException] = []
_tracers: list[Tracer] = []
_cold = True


class _RedactingFormatter(LambdaPowertoolsFormatter):
    def serialize(self, log: Any) -> str:
        return redact(super().serialize(log))


@cache
def logger() -> Logger:
    """The one logger; its service name and level come from Powertools' own variables."""
    return Logger(utc=True, logger_formatter=_RedactingFormatter(utc=True, log_record_order=["level", "message"]))


def _tracing_is_on() -> bool:
    """Only where an X-Ray daemon listens, which is in Lambda; and unless Powertools' own variable says otherwise."""
    disabled = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in ("1", "true", "yes", "on", "y", "t")
    return "AWS_XRAY_DAEMON_ADDRESS" in os.environ and not disabled and find_spec("aws_xray_sdk") is not None


def annotate(**fields: object) -> None:
    """Put these on the line of the request under way: ids, statuses, amounts. None is left out."""
    for name, value in fields.items():
        if value is not None:
            _fields[name] = value
            if _tracers and isinstance(value, str | int):
                _tracers[0].put_annotation(name, str(value))


def failed(error: BaseException) -> None:
    """The request ends in an error that nobody expected: its line becomes an error with the traceback."""
    _failure.append(error)


@contextmanager
def request(kind: str, context: object, **fields: object) -> Iterator[None]:
    """Writes one line when the block ends, with all that was annotated in it. An exception is logged and goes on."""
    global _cold
    started = time.perf_counter()
    _fields.clear()
    _failure.clear()
    annotate(**fields, lambda_request_id=getattr(context, "aws_request_id", None), cold_start=_cold)
    _cold = False
    try:
        yield
    except BaseException as error:
        failed(error)
        raise
    finally:
        line = {**_fields, "duration_ms": round((time.perf_counter() - started) * 1000, 1)}
        if _failure:
            logger().error(kind, exc_info=_failure[0], extra=line)
        else:
            logger().info(kind, extra=line)
        _fields.clear()
        _failure.clear()


def note(message: str, /, *, warning: bool = False, **fields: object) -> None:
    """A line of its own, beside the request's: something that somebody may want to find by itself."""
    line = {name: value for name, value in fields.items() if value is not None}
    (logger().warning if warning else logger().info)(message, extra=line)


def traced(handler: _Handler) -> _Handler:
    """Gives a handler its own trace segment where tracing is on; answers are not captured, they hold client secrets.

    Importing the X-Ray SDK costs a cold start some 100 ms, so it happens here, for those who ask, and nowhere else.
    """
    if not _tracing_is_on():
        return handler
    from aws_lambda_powertools import Tracer

    tracer = Tracer(auto_patch=False)
    _tracers[:] = [tracer]
    return cast(_Handler, tracer.capture_lambda_handler(handler, capture_response=False))


def count(
    name: str, value: float = 1, *, unit: MetricUnit = MetricUnit.Count, dimensions: Mapping[str, str] | None = None
) -> None:
    """One metric, written at once as an EMF line; dimensions must be few and of few values, never ids."""
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE
    service = os.environ.get("POWERTOOLS_SERVICE_NAME") or "holdfast"
    with single_metric(
        name=name,
        unit=unit,
        value=value,
        namespace=namespace,
        default_dimensions={"service": service, **(dimensions or {})},
    ):
        pass
