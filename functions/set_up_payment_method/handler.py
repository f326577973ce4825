"""POST /payment-methods/setup: what the phone's Stripe SDK needs to save a card."""

from __future__ import annotations

from typing import Final

from holdfast import api, bootstrap
from holdfast.desk import payment_methods

app = api.resolver(api.CARDS, roles={api.CUSTOMER})

# What a phone gets that names no version: the one that our own SDK is pinned to.
PINNED_VERSION: Final = "2026-10-28.endive"


class SetupRequest(api.Body):
    stripe_version: api.StripeVersion = PINNED_VERSION


@app.post("/payment-methods/setup", **api.documented("Prepare to save a card", {201: api.SetupView}, problems=(503,)))
def set_up_payment_method(body: SetupRequest | None = None) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    user_id = api.caller(app).subject
    cards = bootstrap.stripe_cards(desk)
    version = (body or SetupRequest()).stripe_version
    customer_id, setup = payment_methods.set_up(desk, cards, user_id=user_id, stripe_version=version)
    view = {
        "customer_id": customer_id,
        "setup_intent_id": setup.setup_intent_id,
        "client_secret": setup.client_secret,
        "ephemeral_key_secret": setup.ephemeral_key_secret,
        "publishable_key": bootstrap.stripe_secret()["publishable_key"],
    }
    return api.reply(201, view)


handler = api.entry(app)
