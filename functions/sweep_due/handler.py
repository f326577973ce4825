"""EventBridge, each minute: queues everything that is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from holdfast import bootstrap, telemetry
from holdfast.desk import clockwork


def handler(_event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    with telemetry.request("sweep", context):
        swept = clockwork.sweep(bootstrap.desk(getattr(context, "aws_request_id", None)))
        telemetry.annotate(bookings=swept.bookings, events=swept.events, lag_seconds=swept.lag_seconds)
        telemetry.count("ClockLag", swept.lag_seconds, unit=MetricUnit.Seconds)
    return {"bookings": swept.bookings, "events": swept.events, "lag_seconds": swept.lag_seconds}
