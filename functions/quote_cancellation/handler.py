"""GET /bookings/{booking_id}/cancellation-quote: what cancelling costs now, signed and good for five minutes."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from holdfast import api, bootstrap
from holdfast.desk import quoting

app = api.resolver(api.READS, roles={api.CUSTOMER, api.STAFF})


@app.get(
    "/bookings/<booking_id>/cancellation-quote",
    **api.documented("What cancelling costs now", {200: api.CancellationQuoteView}, problems=(404, 409)),
)
def quote_cancellation(
    booking_id: api.BookingId,
    charge_fee: Annotated[bool, Query(description="Staff: whether they charge the fee")] = False,
) -> api.Answer:
    desk = bootstrap.desk(api.request_id())
    view = quoting.quote(
        desk, bootstrap.quote_keys(), caller=api.caller(app), booking_id=booking_id, charge_fee=charge_fee
    )
    return api.reply(200, view)


handler = api.entry(app)
