"""POST /bookings/{booking_id}/reprice: staff change a booking's price, with the customer's consent."""

from __future__ import annotations

from holdfast import api, bootstrap
from holdfast.desk import repricing
from holdfast.money import Money
from holdfast.served import staff_booking_view

app = api.resolver(api.READS, roles={api.STAFF})


class RepriceRequest(api.Body):
    price: api.Price
    consent: api.Reason


@app.post(
    "/bookings/<booking_id>/reprice",
    **api.documented("Change the price of a booking", {200: api.BookingView}, problems=(404, 409, 422)),
)
def reprice_booking(booking_id: api.BookingId, body: RepriceRequest) -> api.Answer:
    desk = bootstrap.desk(api.request_id(), api.caller(app))
    price = Money(body.price.amount, body.price.currency)
    booking = repricing.reprice(desk, booking_id=booking_id, price=price, consent=body.consent)
    return api.reply(200, staff_booking_view(booking))


handler = api.entry(app)
