"""PUT /bookings/{booking_id}/dispute/evidence: staff's words in the place of those that were assembled."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import disputing

app = api.resolver(api.READS, roles={api.STAFF})


class EditRequest(api.Body):
    dispute_id: api.DisputeId | None = None
    evidence: api.EvidenceEdits


@app.put(
    "/bookings/<booking_id>/dispute/evidence",
    **api.documented("Edit the evidence of a dispute", {200: api.DisputePacketView}, problems=(404, 409)),
)
def edit_dispute_evidence(booking_id: api.BookingId, body: EditRequest) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    edits = body.evidence.named()
    return api.reply(200, disputing.edit(desk, booking_id=booking_id, dispute_id=body.dispute_id, edits=edits))


handler = api.entry(app)
