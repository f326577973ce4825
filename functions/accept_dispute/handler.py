"""POST /bookings/{booking_id}/dispute/accept: give the dispute up, for good."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import disputing

app = api.resolver(api.MONEY, roles={api.STAFF})


class AcceptRequest(api.Body):
    dispute_id: api.DisputeId | None = None
    reason: api.Reason | None = None


@app.post(
    "/bookings/<booking_id>/dispute/accept",
    **api.documented("Accept a dispute", {200: api.DisputeView, 202: api.DisputeView}, problems=(404, 409, 503)),
)
def accept_dispute(booking_id: api.BookingId, key: api.IdempotencyKey, body: AcceptRequest | None = None) -> api.Answer:
    reply = disputing.accept(
        bootstrap.desk(api.request_id(), api.caller(app)),
        commands.request(app, key),
        booking_id=booking_id,
        dispute_id=body.dispute_id if body else None,
        reason=body.reason if body else None,
    )
    return commands.reply(reply, 200)


handler = api.entry(app)
