"""PUT /bookings/{booking_id}/payment-method: another card for a booking, the customer being present."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import mending

app = api.resolver(api.MONEY, roles={api.CUSTOMER})


class PaymentMethodRequest(api.Body):
    payment_method_id: api.PaymentMethodId


@app.put(
    "/bookings/<booking_id>/payment-method",
    **api.documented(
        "Use another card for a booking",
        {200: api.BookingView, 202: api.BookingView},
        problems=(402, 404, 409, 422, 503),
    ),
)
def change_payment_method(
    booking_id: api.BookingId, body: PaymentMethodRequest, key: api.OptionalIdempotencyKey = None
) -> api.Answer:
    reply = mending.change_card(
        bootstrap.desk(api.request_id()),
        commands.request(app, key or bootstrap.new_id("key")),
        user_id=api.caller(app).subject,
        booking_id=booking_id,
        payment_method_id=body.payment_method_id,
    )
    return commands.reply(reply, 202 if reply.body.get("next_action") else 200)


handler = api.entry(app)
