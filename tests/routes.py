"""Every route of the API: its function, who may call it, and what a request to it looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CUSTOMER = "customer"
STAFF = "staff"
BOTH = frozenset({CUSTOMER, STAFF})


@dataclass(frozen=True)
class Route:
    """`body` is one that the route takes; None where it takes none."""

    function: str
    method: str
    resource: str
    roles: frozenset[str]
    body: Mapping[str, Any] | None = None
    keyed: bool = False
    ids: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.function


EVENT = {
    "title": "Yoga",
    "price": {"amount": 5000, "currency": "eur"},
    "starts_at": "2026-11-25T20:00:00Z",
    "ends_at": "2026-11-25T22:00:00Z",
    "timezone": "Europe/Berlin",
}
CARD = {"payment_method_id": "pm_card_visa"}
_OF_STAFF, _OF_CUSTOMERS = frozenset({STAFF}), frozenset({CUSTOMER})
_BOOKING, _EVENT, _CARD = ("booking_id",), ("event_id",), ("payment_method_id",)

ROUTES = (
    Route("put_event", "PUT", "/events/{event_id}", _OF_STAFF, EVENT, ids=_EVENT),
    Route("get_event", "GET", "/events/{event_id}", BOTH, ids=_EVENT),
    Route("cancel_event", "POST", "/events/{event_id}/cancel", _OF_STAFF, ids=_EVENT),
    Route("charge_no_shows", "POST", "/events/{event_id}/no-shows", _OF_STAFF, ids=_EVENT),
    Route("set_up_payment_method", "POST", "/payment-methods/setup", _OF_CUSTOMERS, {}),
    Route("attach_payment_method", "POST", "/payment-methods", _OF_CUSTOMERS, CARD),
    Route("list_payment_methods", "GET", "/payment-methods", _OF_CUSTOMERS),
    Route(
        "set_default_payment_method", "PUT", "/payment-methods/{payment_method_id}/default", _OF_CUSTOMERS, ids=_CARD
    ),
    Route("detach_payment_method", "DELETE", "/payment-methods/{payment_method_id}", _OF_CUSTOMERS, ids=_CARD),
    Route("place_hold", "POST", "/holds", _OF_CUSTOMERS, {"event_id": "yoga"}, keyed=True),
    Route("confirm_hold", "POST", "/holds/{booking_id}/confirm", _OF_CUSTOMERS, {}, keyed=True, ids=_BOOKING),
    Route("change_payment_method", "PUT", "/bookings/{booking_id}/payment-method", _OF_CUSTOMERS, CARD, ids=_BOOKING),
    Route("list_bookings", "GET", "/bookings", BOTH),
    Route("get_booking", "GET", "/bookings/{booking_id}", BOTH, ids=_BOOKING),
    Route("list_transactions", "GET", "/bookings/{booking_id}/transactions", BOTH, ids=_BOOKING),
    Route("quote_cancellation", "GET", "/bookings/{booking_id}/cancellation-quote", BOTH, ids=_BOOKING),
    Route("cancel_booking", "POST", "/bookings/{booking_id}/cancel", BOTH, {}, keyed=True, ids=_BOOKING),
    Route("move_booking", "POST", "/bookings/{booking_id}/move", BOTH, {"event_id": "yoga"}, ids=_BOOKING),
    Route("check_in_booking", "POST", "/bookings/{booking_id}/check-in", _OF_STAFF, ids=_BOOKING),
    Route("complete_booking", "POST", "/bookings/{booking_id}/complete", _OF_STAFF, {}, keyed=True, ids=_BOOKING),
    Route("waive_no_show", "POST", "/bookings/{booking_id}/waive", _OF_STAFF, {"reason": "ill"}, ids=_BOOKING),
    Route("contest_no_show", "POST", "/bookings/{booking_id}/contest", _OF_CUSTOMERS, {}, ids=_BOOKING),
    Route("uphold_no_show", "POST", "/bookings/{booking_id}/no-show", _OF_STAFF, {}, ids=_BOOKING),
    Route(
        "resolve_attention",
        "POST",
        "/bookings/{booking_id}/resolve",
        _OF_STAFF,
        {"attention": "hold_expired", "reason": "called them"},
        ids=_BOOKING,
    ),
    Route(
        "reprice_booking",
        "POST",
        "/bookings/{booking_id}/reprice",
        _OF_STAFF,
        {"price": {"amount": 6000, "currency": "eur"}, "consent": "by mail"},
        ids=_BOOKING,
    ),
    Route("list_disputes", "GET", "/disputes", _OF_STAFF),
    Route("get_dispute", "GET", "/bookings/{booking_id}/dispute", _OF_STAFF, ids=_BOOKING),
    Route(
        "edit_dispute_evidence",
        "PUT",
        "/bookings/{booking_id}/dispute/evidence",
        _OF_STAFF,
        {"evidence": {"customer_name": "Alice"}},
        ids=_BOOKING,
    ),
    Route(
        "submit_dispute_evidence",
        "POST",
        "/bookings/{booking_id}/dispute/submit",
        _OF_STAFF,
        {},
        keyed=True,
        ids=_BOOKING,
    ),
    Route("accept_dispute", "POST", "/bookings/{booking_id}/dispute/accept", _OF_STAFF, {}, keyed=True, ids=_BOOKING),
    Route("create_refund", "POST", "/refunds", BOTH, {"booking_id": "bk_1", "reason": "duplicate"}, keyed=True),
)
BY_FUNCTION = {route.function: route for route in ROUTES}
