"""GET /disputes: what waits for an answer to a bank, the nearest deadline first."""

from __future__ import annotations

from datetime import datetime

from holdfast import api, bootstrap, pages
from holdfast.desk import disputing

app = api.resolver(api.READS, roles={api.STAFF})


@app.get("/disputes", **api.documented("List disputes that wait for an answer", {200: api.Page[api.DisputeView]}))
def list_disputes(
    limit: api.Limit = pages.DEFAULT_LIMIT, cursor: api.Cursor = None, due_within_hours: api.HoursAhead = None
) -> api.Answer:
    position = pages.decode("disputes", cursor, (datetime, str))
    found, after = disputing.due(
        bootstrap.desk(api.request_id()),
        within_hours=due_within_hours,
        limit=limit,
        after=(str(position[0]), str(position[1])) if position else None,
    )
    return api.reply(200, {"items": found, "next_cursor": pages.encode("disputes", after) if after else None})


handler = api.entry(app)
