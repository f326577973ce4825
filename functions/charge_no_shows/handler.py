"""POST /events/{event_id}/no-shows: the venue's word that whoever was not checked in did not come."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import events
from holdfast.served import event_view

app = api.resolver(api.READS, roles={api.STAFF})


@app.post(
    "/events/<event_id>/no-shows",
    **api.documented("Charge those who did not come", {202: api.EventView}, problems=(404, 409)),
)
def charge_no_shows(event_id: api.EventId) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    return api.reply(202, event_view(events.charge_no_shows(desk, event_id), desk.clock()))


handler = api.entry(app)
