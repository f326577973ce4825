"""PUT /events/{event_id}: staff create or change an event."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import events
from holdfast.money import Money
from holdfast.served import event_view

app = api.resolver(api.READS, roles={api.STAFF})


class EventRequest(api.Body):
    title: api.Title
    price: api.Price
    starts_at: api.Time
    ends_at: api.Time
    timezone: api.TimeZone
    policy: api.PolicyTerms | None = None


@app.put(
    "/events/<event_id>",
    **api.documented("Create or change an event", {200: api.EventView, 201: api.EventView}, problems=(409,)),
)
def put_event(event_id: api.EventId, body: EventRequest) -> api.Answer:
    wanted = events.Wanted(
        title=body.title,
        price=Money(body.price.amount, body.price.currency),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        timezone=body.timezone,
        policy=body.policy,
    )
    desk = bootstrap.desk(api.request_id())
    event, created = events.put(desk, event_id, wanted)
    return api.reply(201 if created else 200, event_view(event, desk.clock()))


handler = api.entry(app)
