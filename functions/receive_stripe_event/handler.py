"""Function URL: Stripe posts its events here. Verified and queued it is 200 at once; not Stripe's, or stale, is 400.

Anything that goes wrong on our side is 500, and Stripe sends the event again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from holdfast import telemetry
from holdfast.problems import PROBLEM_JSON, problem_of
from holdfast.settings import Settings
from holdfast.stripe_door import StripeDoor, WebhookSecrets


@cache
def door() -> StripeDoor:
    import boto3
    from botocore.config import Config

    settings = Settings()
    # Stripe gives up on an answer after some seconds and comes again: better to fail early than to be called twice.
    config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
    secrets = WebhookSecrets(boto3.client("secretsmanager", config=config), settings["STRIPE_SECRET_ID"])
    return StripeDoor(secrets, boto3.client("sqs", config=config), settings["STRIPE_EVENTS_QUEUE_URL"])


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    request_id = str((event.get("requestContext") or {}).get("requestId", ""))
    with telemetry.request("receive stripe event", context, request_id=request_id):
        answer = _answer(event, request_id)
        telemetry.annotate(status=answer["statusCode"])
    return answer


def _answer(event: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    try:
        door().receive(event)
    except Exception as error:  # noqa: BLE001 - whatever it was, Stripe needs a status that makes it come again
        status, problem, headers = problem_of(error)
        if status >= 500:
            telemetry.failed(error)
        telemetry.annotate(reason=problem["detail"])
        body = problem | {"instance": request_id}
        return {"statusCode": status, "headers": headers | {"Content-Type": PROBLEM_JSON}, "body": json.dumps(body)}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"received":true}'}
