"""POST /events/{event_id}/cancel: every hold goes back, every capture is refunded in full, without fees."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import events
from holdfast.served import event_view

app = api.resolver(api.READS, roles={api.STAFF})


@app.post("/events/<event_id>/cancel", **api.documented("Cancel an event", {202: api.EventView}, problems=(404,)))
def cancel_event(event_id: api.EventId) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    return api.reply(202, event_view(events.cancel(desk, event_id), desk.clock()))


handler = api.entry(app)
