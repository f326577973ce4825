"""POST /holds: book a place and put the hold on the card."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import holds
from holdfast.money import Money
from holdfast.policy_languages import locale_for

app = api.resolver(api.MONEY, roles={api.CUSTOMER})


class HoldRequest(api.Body):
    event_id: api.EventId
    payment_method_id: api.PaymentMethodId | None = None
    accepted_policy_hash: api.PolicyHash | None = None
    accepted_price: api.Price | None = None
    locale: api.Locale | None = None


@app.post(
    "/holds",
    **api.documented(
        "Book a place",
        {201: api.BookingView, 202: api.BookingView},
        problems=(402, 404, 409, 503),
    ),
)
def place_hold(body: HoldRequest, key: api.IdempotencyKey) -> api.Answer:
    price = body.accepted_price
    reply = holds.place(
        bootstrap.desk(api.request_id()),
        commands.request(app, key),
        user_id=api.caller(app).subject,
        event_id=body.event_id,
        payment_method_id=body.payment_method_id,
        accepted_policy_hash=body.accepted_policy_hash,
        accepted_price=Money(price.amount, price.currency) if price else None,
        locale=locale_for(body.locale, api.accept_language(app)),
    )
    booked = reply.body.get("payment_status") in ("held", "scheduled")
    return commands.reply(reply, 201 if booked else 202)


handler = api.entry(app)
