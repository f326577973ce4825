"""POST /bookings/{booking_id}/contest: a customer who was called a no-show says that they were there."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import contesting
from holdfast.served import booking_view

app = api.resolver(api.READS, roles={api.CUSTOMER})


class ContestRequest(api.Body):
    reason: api.Reason | None = None


@app.post(
    "/bookings/<booking_id>/contest",
    **api.documented("Contest a no-show", {200: api.BookingView}, problems=(404, 409)),
)
def contest_no_show(booking_id: api.BookingId, body: ContestRequest | None = None) -> api.Answer:
    booking = contesting.contest(
        bootstrap.desk(api.request_id()),
        user_id=api.caller(app).subject,
        booking_id=booking_id,
        reason=body.reason if body else None,
    )
    return api.reply(200, booking_view(booking))


handler = api.entry(app)
