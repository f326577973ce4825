"""What customers do: save cards, book, retry, authenticate, change their minds and their cards."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.booking import HoldState
from tests.simulation.cast import Cast, Verb, told
from tests.simulation.history import Action


def save_card(cast: Cast, action: Action) -> str | None:
    user = action.what["user"]
    body = {"payment_method_id": action.what["card"]}
    return told(cast.ask(action, "attach_payment_method", "POST", "/payment-methods", user=user, body=body))


def forget_card(cast: Cast, action: Action) -> str | None:
    cards = cast.cards(action.what["user"])
    if not cards:
        return None
    resource = "/payment-methods/{payment_method_id}"
    return told(
        cast.ask(
            action,
            "detach_payment_method",
            "DELETE",
            resource,
            user=action.what["user"],
            payment_method_id=cards[action.what.get("which", 0) % len(cards)],
        )
    )


def book(cast: Cast, action: Action) -> str | None:
    label, user, event = action.what["booking"], action.what["user"], action.what["event"]
    cast.booked.setdefault(label, (user, event))
    body: dict[str, Any] = {"event_id": event}
    cards = cast.cards(user)
    if cards and "which" in action.what:
        body["payment_method_id"] = cards[action.what["which"] % len(cards)]
    answer = cast.ask(action, "place_hold", "POST", "/holds", user=user, key=action.what["key"], body=body)
    if answer is not None and isinstance(answer.body, dict) and answer.body.get("booking_id"):
        cast.booking_ids.setdefault(label, answer.body["booking_id"])
    return told(answer)


def authenticate(cast: Cast, action: Action) -> str | None:
    """On the phone, whatever of the booking waits for it."""
    booking = cast.booking(action.what["booking"])
    if booking is None:
        return None
    outcome = {"outcome": action.what.get("outcome", "succeeded")}
    if booking.new_card is not None and booking.new_card.setup_intent_id is not None:
        return cast.control(f"setup_intents/{booking.new_card.setup_intent_id}/authenticate", outcome)
    waiting = booking.renewal or booking.hold
    if waiting is None or waiting.state is HoldState.LIVE:
        return None
    return cast.control(f"payment_intents/{waiting.payment_intent_id}/authenticate", outcome)


def confirm(cast: Cast, action: Action) -> str | None:
    return cast.customer_asks(action, "confirm_hold", "POST", "/holds/{booking_id}/confirm")


def ask_for_a_quote(cast: Cast, action: Action) -> str | None:
    booking_id = cast.booking_id(action.what["booking"])
    if booking_id is None:
        return None
    user = cast.booked[action.what["booking"]][0]
    resource = "/bookings/{booking_id}/cancellation-quote"
    answer = cast.ask(action, "quote_cancellation", "GET", resource, user=user, booking_id=booking_id)
    if answer is not None and answer.status == 200:
        cast.quotes[action.what["booking"]] = answer.body["quote"]
    return told(answer)


def cancel(cast: Cast, action: Action) -> str | None:
    quote = cast.quotes.get(action.what["booking"]) if action.what.get("quoted") else None
    return cast.customer_asks(action, "cancel_booking", "POST", "cancel", {"quote": quote} if quote else None)


def change_card(cast: Cast, action: Action) -> str | None:
    user = cast.booked.get(action.what["booking"], ("", ""))[0]
    cards = cast.cards(user) if user else []
    if not cards:
        return None
    body = {"payment_method_id": cards[action.what.get("which", 0) % len(cards)]}
    return cast.customer_asks(action, "change_payment_method", "PUT", "payment-method", body)


def move(cast: Cast, action: Action) -> str | None:
    return cast.customer_asks(action, "move_booking", "POST", "move", {"event_id": action.what["event"]})


def contest(cast: Cast, action: Action) -> str | None:
    return cast.customer_asks(action, "contest_no_show", "POST", "contest", {"reason": "I was there."})


def refund_oneself(cast: Cast, action: Action) -> str | None:
    booking_id = cast.booking_id(action.what["booking"])
    if booking_id is None:
        return None
    body = {"booking_id": booking_id, "reason": "changed my mind"}
    user = cast.booked[action.what["booking"]][0]
    return told(cast.ask(action, "create_refund", "POST", "/refunds", user=user, key=action.what["key"], body=body))


def look(cast: Cast, action: Action) -> str | None:
    return cast.customer_asks(action, "get_booking", "GET", "/bookings/{booking_id}")


VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "saves a card": save_card,
        "forgets a card": forget_card,
        "books": book,
        "authenticates": authenticate,
        "confirms": confirm,
        "asks what cancelling costs": ask_for_a_quote,
        "cancels": cancel,
        "changes the card": change_card,
        "moves the booking": move,
        "contests": contest,
        "refunds themselves": refund_oneself,
        "looks at the booking": look,
    }
)
