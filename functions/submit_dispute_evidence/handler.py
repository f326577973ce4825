"""POST /bookings/{booking_id}/dispute/submit: hand the evidence in, once."""

from __future__ import annotations

from holdfast import api, bootstrap, commands
from holdfast.desk import disputing

app = api.resolver(api.MONEY, roles={api.STAFF})


class SubmitRequest(api.Body):
    dispute_id: api.DisputeId | None = None
    evidence_hash: api.EvidenceHash | None = None


@app.post(
    "/bookings/<booking_id>/dispute/submit",
    **api.documented(
        "Submit the evidence of a dispute", {200: api.DisputeView, 202: api.DisputeView}, problems=(404, 409, 503)
    ),
)
def submit_dispute_evidence(
    booking_id: api.BookingId, key: api.IdempotencyKey, body: SubmitRequest | None = None
) -> api.Answer:
    reply = disputing.submit(
        bootstrap.desk(api.request_id(), api.caller(app)),
        commands.request(app, key),
        booking_id=booking_id,
        dispute_id=body.dispute_id if body else None,
        expected_hash=body.evidence_hash if body else None,
    )
    return commands.reply(reply, 200)


handler = api.entry(app)
