"""The stream of the log: each line that concerns the world outside becomes a domain event on the deployment's bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast import bootstrap, publishing, telemetry

# A call to the bus needs this much time at most, with all of its pauses and repetitions.
_NEEDED_MS = 20_000


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Where the bus stops taking events, the stream starts again; what goes on meanwhile waits behind it."""
    with telemetry.request("domain_events", context, records=len(event["Records"])):
        served = publishing.serve(
            bootstrap.publisher(),
            bootstrap.unpublished_lines(),
            event["Records"],
            has_time=lambda: context.get_remaining_time_in_millis() > _NEEDED_MS,
        )
        telemetry.annotate(sent=served.sent, broken=served.broken)
        if served.sent:
            telemetry.count("DomainEvents", served.sent)
        if served.stopped is not None:
            telemetry.failed(served.stopped)
    failures = [] if served.again_from is None else [{"itemIdentifier": served.again_from}]
    return {"batchItemFailures": failures}
