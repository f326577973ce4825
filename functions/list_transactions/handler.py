"""GET /bookings/{booking_id}/transactions: the booking's log, oldest first."""

from __future__ import annotations

from holdfast import api, bootstrap, pages
from holdfast.desk import reading

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get(
    "/bookings/<booking_id>/transactions",
    **api.documented("Read the log of a booking", {200: api.Page[api.LogLineView]}, problems=(404,)),
)
def list_transactions(
    booking_id: api.BookingId, limit: api.Limit = pages.DEFAULT_LIMIT, cursor: api.Cursor = None
) -> api.Answer:
    listing = f"transactions/{booking_id}"
    position = pages.decode(listing, cursor, (int,))
    desk = bootstrap.desk(api.request_id())
    after = int(position[0]) if position else 0
    lines, last = reading.transactions(desk, api.caller(app), booking_id, limit=limit, after=after)
    return api.reply(200, {"items": lines, "next_cursor": pages.encode(listing, (last,)) if last else None})


handler = api.entry(app)
