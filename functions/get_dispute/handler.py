"""GET /bookings/{booking_id}/dispute: a dispute with its evidence, as it would be sent or as it was sent."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from holdfast import api, bootstrap
from holdfast.desk import disputing

app = api.resolver(api.READS, roles={api.STAFF})


@app.get(
    "/bookings/<booking_id>/dispute",
    **api.documented("Read a dispute and its evidence", {200: api.DisputePacketView}, problems=(404,)),
)
def get_dispute(booking_id: api.BookingId, dispute_id: Annotated[api.DisputeId | None, Query()] = None) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    return api.reply(200, disputing.one(desk, booking_id=booking_id, dispute_id=dispute_id))


handler = api.entry(app)
