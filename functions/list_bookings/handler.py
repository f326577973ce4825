"""GET /bookings: one's own; staff see all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from holdfast import api, bootstrap, pages
from holdfast.booking import Status
from holdfast.desk import reading

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get("/bookings", **api.documented("List bookings", {200: api.Page[api.BookingView]}))
def list_bookings(
    limit: api.Limit = pages.DEFAULT_LIMIT,
    cursor: api.Cursor = None,
    event_id: Annotated[api.EventId | None, Query()] = None,
    payment_status: Annotated[Status | None, Query()] = None,
    attention: Annotated[bool, Query(description="Staff: only what somebody has to look at")] = False,
) -> api.Answer:
    position = pages.decode("bookings", cursor, (datetime, str))
    found, after = reading.many(
        bootstrap.desk(api.request_id()),
        api.caller(app),
        limit=limit,
        after=(str(position[0]), str(position[1])) if position else None,
        event_id=event_id,
        payment_status=str(payment_status) if payment_status else None,
        attention=attention,
    )
    return api.reply(200, {"items": found, "next_cursor": pages.encode("bookings", after) if after else None})


handler = api.entry(app)
