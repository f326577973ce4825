"""SQS: does the next step of one booking, or queues one page of an event's bookings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from holdfast import bootstrap, records, telemetry
from holdfast.desk import clockwork


def take_step(body: str, request_id: str | None) -> None:
    message = json.loads(body)
    desk = bootstrap.desk(request_id)
    if "event_id" in message:
        after = message.get("after")
        queued = clockwork.look_at_event(desk, message["event_id"], (after[0], after[1]) if after else None)
        telemetry.annotate(event_id=message["event_id"], queued=queued)
        return
    telemetry.annotate(booking_id=message["booking_id"])
    booking = clockwork.take_step(desk, message["booking_id"])
    if booking is not None:
        telemetry.annotate(payment_status=str(booking.payment_status), outcome=str(booking.outcome))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    return records.each(event, context, "step", take_step)
