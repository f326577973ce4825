"""PUT /payment-methods/{payment_method_id}/default: the card of bookings that name none."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import payment_methods

app = api.resolver(api.CARDS, roles={api.CUSTOMER})


@app.put(
    "/payment-methods/<payment_method_id>/default",
    **api.documented("Make a card the default", {200: api.PaymentMethodView}, problems=(404,)),
)
def set_default_payment_method(payment_method_id: api.PaymentMethodId) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    user_id = api.caller(app).subject
    return api.reply(200, payment_methods.make_default(desk, user_id=user_id, payment_method_id=payment_method_id))


handler = api.entry(app)
