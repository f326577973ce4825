"""POST /bookings/{booking_id}/resolve: staff have seen to what the booking is on their list for."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import attention
from holdfast.served import staff_booking_view

app = api.resolver(api.READS, roles={api.STAFF})


class ResolveRequest(api.Body):
    attention: api.AttentionReason
    reason: api.Reason


@app.post(
    "/bookings/<booking_id>/resolve",
    **api.documented("Take a booking off the staff's list", {200: api.BookingView}, problems=(404, 409)),
)
def resolve_attention(booking_id: api.BookingId, body: ResolveRequest) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    booking = attention.resolve(desk, booking_id=booking_id, attention=body.attention, reason=body.reason)
    return api.reply(200, staff_booking_view(booking))


handler = api.entry(app)
