"""POST /payment-methods: keep a card for the customer; the first one is the default."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import payment_methods

app = api.resolver(api.CARDS, roles={api.CUSTOMER})


class AttachRequest(api.Body):
    payment_method_id: api.PaymentMethodId


@app.post(
    "/payment-methods", **api.documented("Keep a card", {201: api.PaymentMethodView}, problems=(402, 404, 409, 503))
)
def attach_payment_method(body: AttachRequest) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    cards = bootstrap.stripe_cards(desk)
    user_id = api.caller(app).subject
    card = payment_methods.attach(desk, cards, user_id=user_id, payment_method_id=body.payment_method_id)
    return api.reply(201, card)


handler = api.entry(app)
