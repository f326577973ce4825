"""Serves a batch of SQS records: one log line each, and a failing one goes back alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast import telemetry

# A record needs this much time at most (a budget of 25 s and its settling); without it, it goes back untouched.
_NEEDED_MS: Final = 30_000

Serve = Callable[[str, str | None], None]


def each(event: Mapping[str, Any], context: Any, kind: str, serve: Serve) -> dict[str, Any]:
    """Serves every record's body; answers with those that failed, which SQS gives again and in the end dead-letters."""
    request_id = getattr(context, "aws_request_id", None)
    failed = [
        record["messageId"]
        for record in event["Records"]
        if not _has_time(context) or not _served(record, context, kind, serve, request_id)
    ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _has_time(context: Any) -> bool:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return remaining is None or remaining() >= _NEEDED_MS


def _served(record: Mapping[str, Any], context: Any, kind: str, serve: Serve, request_id: str | None) -> bool:
    received = record.get("attributes", {}).get("ApproximateReceiveCount")
    try:
        with telemetry.request(kind, context, message_id=record["messageId"], received=received):
            serve(record["body"], request_id)
    except Exception:  # noqa: BLE001 - logged by telemetry; this record fails alone
        return False
    return True
