"""GET /payment-methods: the customer's cards."""

from __future__ import annotations

from holdfast import api, bootstrap, pages
from holdfast.desk import payment_methods

app = api.resolver(api.READS, roles={api.CUSTOMER})


@app.get("/payment-methods", **api.documented("List one's cards", {200: api.Page[api.PaymentMethodView]}))
def list_payment_methods(limit: api.Limit = pages.DEFAULT_LIMIT, cursor: api.Cursor = None) -> api.Answer:
    position = pages.decode("payment-methods", cursor, (str,))
    cards = payment_methods.listing(bootstrap.desk(api.request_id()), user_id=api.caller(app).subject)
    if position is not None:
        ids = [card["id"] for card in cards]
        cards = cards[ids.index(position[0]) + 1 :] if position[0] in ids else []
    more = len(cards) > limit
    shown = cards[:limit]
    next_cursor = pages.encode("payment-methods", (shown[-1]["id"],)) if more else None
    return api.reply(200, {"items": shown, "next_cursor": next_cursor})


handler = api.entry(app)
