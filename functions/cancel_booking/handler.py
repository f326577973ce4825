"""POST /bookings/{booking_id}/cancel: releases the hold, or captures the fee of the tier that applies."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import cancelling

app = api.resolver(api.MONEY, roles={api.CUSTOMER, api.STAFF})


class CancelRequest(api.Body):
    charge_fee: bool | None = None


@app.post(
    "/bookings/<booking_id>/cancel",
    **api.documented("Cancel a booking", {200: api.BookingView, 202: api.BookingView}, problems=(404, 409, 503)),
)
def cancel_booking(booking_id: api.BookingId, key: api.IdempotencyKey, body: CancelRequest | None = None) -> api.Answer:
    reply = cancelling.cancel(
        bootstrap.desk(api.request_id(), api.caller(app)),
        commands.request(app, key),
        caller=api.caller(app),
        booking_id=booking_id,
        charge_fee=body.charge_fee if body else None,
    )
    return commands.reply(reply, 200)


handler = api.entry(app)
