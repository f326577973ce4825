"""POST /bookings/{booking_id}/complete: capture what is owed and let the rest go."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import attendance

app = api.resolver(api.MONEY, roles={api.STAFF})


class CompleteRequest(api.Body):
    amount: api.AmountOrPrice = None


@app.post(
    "/bookings/<booking_id>/complete",
    **api.documented("Capture what is owed", {200: api.BookingView, 202: api.BookingView}, problems=(404, 409, 503)),
)
def complete_booking(
    booking_id: api.BookingId, key: api.IdempotencyKey, body: CompleteRequest | None = None
) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    amount = body.amount if body else None
    reply = attendance.complete(desk, commands.request(app, key), booking_id=booking_id, amount=amount)
    return commands.reply(reply, 200)


handler = api.entry(app)
