"""DELETE /payment-methods/{payment_method_id}: forget a card, unless an open booking needs it."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import payment_methods

app = api.resolver(api.CARDS, roles={api.CUSTOMER})


@app.delete(
    "/payment-methods/<payment_method_id>",
    **api.documented("Forget a card", {204: None}, problems=(404, 409, 503)),
)
def detach_payment_method(payment_method_id: api.PaymentMethodId) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    cards = bootstrap.stripe_cards(desk)
    payment_methods.detach(desk, cards, user_id=api.caller(app).subject, payment_method_id=payment_method_id)
    return api.reply(204)


handler = api.entry(app)
