"""POST /bookings/{booking_id}/no-show: the venue's word that this customer did not come."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import contesting
from holdfast.served import staff_booking_view

app = api.resolver(api.READS, roles={api.STAFF})


class NoShowRequest(api.Body):
    reason: api.Reason | None = None


@app.post(
    "/bookings/<booking_id>/no-show",
    **api.documented("Say that a customer did not come", {200: api.BookingView}, problems=(404, 409, 422)),
)
def uphold_no_show(booking_id: api.BookingId, body: NoShowRequest | None = None) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    booking = contesting.uphold(desk, booking_id=booking_id, reason=body.reason if body else None)
    return api.reply(200, staff_booking_view(booking))


handler = api.entry(app)
