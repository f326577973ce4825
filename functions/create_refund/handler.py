"""POST /refunds: send back part or all of what was captured."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import refunding

app = api.resolver(api.MONEY, roles={api.CUSTOMER, api.STAFF})


class RefundRequest(api.Body):
    booking_id: api.BookingId
    amount: api.PositiveAmountOrAll = None
    reason: api.Reason


@app.post(
    "/refunds",
    **api.documented("Refund", {201: api.RefundView, 202: api.BookingView}, problems=(404, 409, 503)),
)
def create_refund(body: RefundRequest, key: api.IdempotencyKey) -> api.Answer:
    reply = refunding.refund(
        bootstrap.desk(api.request_id(), api.caller(app)),
        commands.request(app, key),
        caller=api.caller(app),
        booking_id=body.booking_id,
        amount=body.amount,
        reason=body.reason,
    )
    return commands.reply(reply, 201)


handler = api.entry(app)
