"""POST /bookings/{booking_id}/check-in: staff record attendance; no money moves."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import attendance
from holdfast.served import staff_booking_view

app = api.resolver(api.READS, roles={api.STAFF})


@app.post(
    "/bookings/<booking_id>/check-in",
    **api.documented("Record that the customer came", {200: api.BookingView}, problems=(404, 409)),
)
def check_in_booking(booking_id: api.BookingId) -> api.Answer:
    return api.reply(
        200,
        staff_booking_view(
            attendance.check_in(bootstrap.desk(api.request_id(), api.caller(app)), booking_id=booking_id)
        ),
    )


handler = api.entry(app)
