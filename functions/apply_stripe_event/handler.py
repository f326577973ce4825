"""SQS: applies one event of Stripe's to its booking."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from holdfast import bootstrap, records, telemetry
from holdfast.desk import stripe_events


def apply(body: str, request_id: str | None) -> None:
    event = json.loads(body)
    telemetry.annotate(stripe_event_id=event.get("id"), stripe_event_type=event.get("type"))
    try:
        applied, booking = stripe_events.apply(bootstrap.desk(request_id), event)
    except stripe_events.Later as later:
        bootstrap.stripe_events().defer(body, later.seconds)
        telemetry.annotate(applied="later", again_in_seconds=later.seconds)
        return
    telemetry.annotate(applied=applied.value, booking_id=booking.booking_id if booking else None)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    return records.each(event, context, "stripe event", apply)
