"""POST /bookings/{booking_id}/cancel: releases the hold, or captures the fee of the tier that applies."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from holdfast import api, bootstrap, commands
from holdfast.desk import cancelling

app = api.resolver(api.MONEY, roles={api.CUSTOMER, api.STAFF})


class CancelRequest(api.Body):
    charge_fee: bool | None = None
    quote: api.Quote | None = None

    @model_validator(mode="after")
    def _one_of_them_says_what_is_charged(self) -> Self:
        if self.quote is not None and self.charge_fee is not None:
            raise ValueError("The quote says what is charged: leave charge_fee out.")
        return self


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
        quote=body.quote if body else None,
        quote_keys=bootstrap.quote_keys,
    )
    return commands.reply(reply, 200)


handler = api.entry(app)
