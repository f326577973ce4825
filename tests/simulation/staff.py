"""What the organiser's staff do: put, move and cancel events; check in, complete, waive, refund; answer disputes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from holdfast import money
from holdfast.booking import Booking
from tests.simulation.cast import Cast, Verb, told
from tests.simulation.history import Action
from tests.world import wire


def put_event(cast: Cast, action: Action) -> str | None:
    """New, or at another time or price. Times count from the history's beginning."""
    what = action.what
    starts = cast.history.begins + timedelta(seconds=what["starts"])
    body: dict[str, Any] = {
        "title": "Event",
        "price": {"amount": what["amount"], "currency": what["currency"]},
        "starts_at": wire(starts),
        "ends_at": wire(starts + timedelta(seconds=what["lasts"])),
        "timezone": what.get("timezone", "Europe/Berlin"),
    }
    if what.get("policy"):
        body["policy"] = what["policy"]
    answer = cast.ask(action, "put_event", "PUT", "/events/{event_id}", staff="sam", body=body, event_id=what["event"])
    return told(answer)


def cancel_event(cast: Cast, action: Action) -> str | None:
    return _of_event(cast, action, "cancel_event", "cancel")


def say_who_did_not_come(cast: Cast, action: Action) -> str | None:
    return _of_event(cast, action, "charge_no_shows", "no-shows")


def _of_event(cast: Cast, action: Action, function: str, verb: str) -> str:
    resource = f"/events/{{event_id}}/{verb}"
    return told(cast.ask(action, function, "POST", resource, staff="sam", event_id=action.what["event"]))


def check_in(cast: Cast, action: Action) -> str | None:
    return cast.staff_asks(action, "check_in_booking", "POST", "check-in")


def complete(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None:
        return None
    amount = _part(booking, booking.price.amount, action.what.get("part"))
    return cast.staff_asks(
        action, "complete_booking", "POST", "complete", None if amount is None else {"amount": amount}
    )


def waive(cast: Cast, action: Action) -> str | None:
    return cast.staff_asks(action, "waive_no_show", "POST", "waive", {"reason": "They were ill."})


def uphold(cast: Cast, action: Action) -> str | None:
    return cast.staff_asks(action, "uphold_no_show", "POST", "no-show", {"reason": "Nobody was there."})


def cancel(cast: Cast, action: Action) -> str | None:
    charge = action.what.get("charge_fee")
    return cast.staff_asks(
        action, "cancel_booking", "POST", "cancel", None if charge is None else {"charge_fee": charge}
    )


def move(cast: Cast, action: Action) -> str | None:
    body = {"event_id": action.what["event"], "fresh_window": action.what.get("fresh_window", False)}
    return cast.staff_asks(action, "move_booking", "POST", "move", body)


def reprice(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None:
        return None
    amount = _part(booking, booking.price.amount, action.what["part"])
    price = {"amount": amount, "currency": booking.currency}
    return cast.staff_asks(action, "reprice_booking", "POST", "reprice", {"price": price, "consent": "By telephone."})


def refund(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None:
        return None
    body: dict[str, Any] = {"booking_id": booking.booking_id, "reason": action.what.get("reason", "goodwill")}
    amount = _part(booking, booking.captured or booking.price.amount, action.what.get("part"))
    if amount is not None:
        body["amount"] = amount
    return told(cast.ask(action, "create_refund", "POST", "/refunds", staff="sam", key=action.what["key"], body=body))


def edit_evidence(cast: Cast, action: Action) -> str | None:
    body = {"evidence": {"uncategorized_text": action.what.get("text", "The door's list says so.")}}
    return cast.staff_asks(action, "edit_dispute_evidence", "PUT", "dispute/evidence", body)


def submit_evidence(cast: Cast, action: Action) -> str | None:
    return cast.staff_asks(action, "submit_dispute_evidence", "POST", "dispute/submit", {})


def accept_dispute(cast: Cast, action: Action) -> str | None:
    return cast.staff_asks(action, "accept_dispute", "POST", "dispute/accept", {"reason": "Not worth it."})


def resolve(cast: Cast, action: Action) -> str | None:
    """Takes the booking off the staff's list, whatever it is there for."""
    booking = cast.booking(action.what["booking"])
    if booking is None or booking.attention is None:
        return None
    body = {"attention": booking.attention, "reason": "Looked at."}
    return cast.staff_asks(action, "resolve_attention", "POST", "resolve", body)


def _part(booking: Booking, whole: int, part: str | None) -> int | None:
    """A fraction of an amount, in steps of its currency; None stays None."""
    return None if part is None else money.round_up(Fraction(part) * whole, booking.currency)


VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "put an event": put_event,
        "cancel an event": cancel_event,
        "say who did not come": say_who_did_not_come,
        "check in": check_in,
        "complete": complete,
        "waive": waive,
        "uphold a no-show": uphold,
        "cancel for a customer": cancel,
        "move a customer": move,
        "reprice": reprice,
        "refund": refund,
        "take off the list": resolve,
        "edit evidence": edit_evidence,
        "submit evidence": submit_evidence,
        "accept a dispute": accept_dispute,
    }
)
