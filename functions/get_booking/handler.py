"""GET /bookings/{booking_id}: one booking, for its owner and for staff."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import reading

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get("/bookings/<booking_id>", **api.documented("Read a booking", {200: api.BookingView}, problems=(404,)))
def get_booking(booking_id: api.BookingId) -> api.Answer:
    return api.reply(200, reading.one(bootstrap.desk(api.request_id()), api.caller(app), booking_id))


handler = api.entry(app)
