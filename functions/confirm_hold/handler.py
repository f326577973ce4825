"""POST /holds/{booking_id}/confirm: what came of 3-D Secure on the phone."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import holds

app = api.resolver(api.MONEY, roles={api.CUSTOMER})


class ConfirmRequest(api.Body):
    """Nothing to say: Stripe knows what happened."""


@app.post(
    "/holds/<booking_id>/confirm",
    **api.documented(
        "Go on after 3-D Secure",
        {200: api.BookingView, 202: api.BookingView},
        problems=(402, 404, 409, 503),
    ),
)
def confirm_hold(booking_id: api.BookingId, key: api.IdempotencyKey, body: ConfirmRequest | None = None) -> api.Answer:  # noqa: ARG001 - read for its shape only
    desk = bootstrap.desk(api.request_id())
    request = commands.request(app, key)
    reply = holds.confirm(desk, request, user_id=api.caller(app).subject, booking_id=booking_id)
    return commands.reply(reply, 200)


handler = api.entry(app)
