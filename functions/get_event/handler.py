"""GET /events/{event_id}: what a booking costs, and the policy that it is made under."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.policy_languages import locale_for
from holdfast.served import event_view

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get("/events/<event_id>", **api.documented("Read an event", {200: api.EventView}, problems=(404,)))
def get_event(event_id: api.EventId, locale: api.LocaleParameter = None) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    language = locale_for(locale, api.accept_language(app))
    view = event_view(desk.event(event_id), desk.clock(), language)
    return api.reply(200, view, headers={"Content-Language": language})


handler = api.entry(app)
