"""GET /events/{event_id}: what a booking costs, and the policy that it is made under."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.served import event_view

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get("/events/<event_id>", **api.documented("Read an event", {200: api.EventView}, problems=(404,)))
def get_event(event_id: api.EventId) -> api.Answer:
    return api.reply(200, event_view(bootstrap.desk(api.request_id()).event(event_id)))


handler = api.entry(app)
