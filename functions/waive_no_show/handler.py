"""POST /bookings/{booking_id}/waive: staff spare one customer the no-show fee."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import attendance
from holdfast.served import staff_booking_view

app = api.resolver(api.READS, roles={api.STAFF})


class WaiveRequest(api.Body):
    reason: api.Reason


@app.post(
    "/bookings/<booking_id>/waive",
    **api.documented("Waive the no-show fee", {200: api.BookingView}, problems=(404, 409)),
)
def waive_no_show(booking_id: api.BookingId, body: WaiveRequest) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    return api.reply(200, staff_booking_view(attendance.waive(desk, booking_id=booking_id, reason=body.reason)))


handler = api.entry(app)
