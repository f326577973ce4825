"""GET /payment-methods: the customer's cards."""

from __future__ import annotations

from datetime import datetime

from holdfast import api, bootstrap, pages
from holdfast.desk import payment_methods

app = api.resolver(api.READS, roles={api.CUSTOMER})


@app.get("/payment-methods", **api.documented("List one's cards", {200: api.Page[api.PaymentMethodView]}))
def list_payment_methods(limit: api.Limit = pages.DEFAULT_LIMIT, cursor: api.Cursor = None) -> api.Answer:
    position = pages.decode("payment-methods", cursor, (datetime, str))
    cards, after = payment_methods.listing(
        bootstrap.desk(api.request_id()),
        user_id=api.caller(app).subject,
        limit=limit,
        after=(str(position[0]), str(position[1])) if position else None,
    )
    return api.reply(200, {"items": cards, "next_cursor": pages.encode("payment-methods", after) if after else None})


handler = api.entry(app)
