"""POST /bookings/{booking_id}/move: to another event of the same price; no deadline is reset, and no money moves."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import reading, rebooking

app = api.resolver(api.MONEY, roles={api.CUSTOMER, api.STAFF})


class MoveRequest(api.Body):
    event_id: api.EventId
    fresh_window: bool | None = None


@app.post(
    "/bookings/<booking_id>/move",
    **api.documented("Move a booking to another event", {200: api.BookingView}, problems=(404, 409)),
)
def move_booking(booking_id: api.BookingId, body: MoveRequest) -> api.Answer:
    caller = api.caller(app)
    desk = bootstrap.desk(api.request_id(), caller)
    booking = rebooking.move(
        desk, caller=caller, booking_id=booking_id, event_id=body.event_id, fresh_window=body.fresh_window
    )
    return api.reply(200, reading.view_for(caller, booking, desk.clock()))


handler = api.entry(app)
