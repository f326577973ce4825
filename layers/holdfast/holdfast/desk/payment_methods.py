"""Saving cards: one Stripe customer per user, cards attached to it, one of them the default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.call_failures import CallFailed, CallRefused, CardRefused, KeySpoilt
from holdfast.desk.desk import Desk
from holdfast.errors import CardDeclined, Conflict, InvalidRequest, NotFound, StripeUnavailable
from holdfast.store.items import sortable
from holdfast.store.users import Card, User, default_of

if TYPE_CHECKING:
    from holdfast.stripe_cards import Setup, StripeCards

View = dict[str, Any]
Position = tuple[str, str]
"""Where the list goes on: the `created_at` and the id of the last card shown."""
# How many keys one request may spoil while Stripe is out of order.
_WISHES: Final = 2


def customer_of(desk: Desk, cards: StripeCards, user_id: str) -> str:
    """The user's Stripe customer, created on first need; many first calls at once end with the same one."""
    user = desk.store.users.get(user_id)
    if user is not None and user.customer_id is not None:
        return user.customer_id
    now = desk.clock()
    begun = desk.store.users.begin_customer(user_id, now)
    if begun.customer_id is not None:
        return begun.customer_id
    try:
        customer_id = _created(desk, cards, begun, now)
    except CallFailed as failed:
        raise StripeUnavailable() from failed
    settled = desk.store.users.settle_customer(user_id, customer_id)
    return settled.customer_id or customer_id


def _created(desk: Desk, cards: StripeCards, user: User, now: datetime) -> str:
    """A spoilt key is put aside before anything else, so that the next try, whoever makes it, has another one."""
    for _ in range(_WISHES):
        try:
            return cards.customer(
                user.user_id, datetime.fromisoformat(user.customer_requested_at), user.customer_wish, now
            )
        except KeySpoilt:
            user = desk.store.users.wish_anew(user, now)
            if user.customer_id is not None:
                return user.customer_id
    raise StripeUnavailable()


def set_up(desk: Desk, cards: StripeCards, *, user_id: str, stripe_version: str) -> tuple[str, Setup]:
    """What the phone needs to save a card; the customer's id and the secrets."""
    customer_id = customer_of(desk, cards, user_id)
    try:
        return customer_id, cards.set_up(customer_id, stripe_version, desk.new_id("setup"))
    except CallRefused as refused:
        raise InvalidRequest.at("/stripe_version", "Stripe does not know this API version.") from refused
    except CallFailed as failed:
        raise StripeUnavailable() from failed


def attach(desk: Desk, cards: StripeCards, *, user_id: str, payment_method_id: str) -> View:
    """Keep this card for the user. The first becomes the default; attaching one's own again changes nothing."""
    customer_id = customer_of(desk, cards, user_id)
    try:
        attached = cards.attach(customer_id, payment_method_id, desk.new_id("attach"))
    except CardRefused as refused:
        raise CardDeclined("The bank refused this card.", decline_code=refused.decline.shown) from refused
    except CallRefused as refused:
        # Unknown to Stripe, or somebody else's: the answer is the same, so that ids cannot be probed.
        raise NotFound("There is no such payment method.") from refused
    except CallFailed as failed:
        raise StripeUnavailable() from failed
    if attached.get("type") != "card":
        raise Conflict("Only cards can be held; this is another kind of payment method.")
    card = _card(attached, desk.clock())
    desk.store.users.add_card(user_id, card)
    # Another call may have forgotten it by now; what was asked for was done all the same.
    return _view(card, default_of(desk.store.users.get(user_id), desk.store.users.cards(user_id)))


def _card(attached: Mapping[str, Any], now: datetime) -> Card:
    card = attached["card"]
    return Card(
        payment_method_id=attached["id"],
        brand=card["brand"],
        last4=card["last4"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        country=card.get("country"),
        created_at=sortable(now),
    )


def listing(
    desk: Desk, *, user_id: str, limit: int | None = None, after: Position | None = None
) -> tuple[list[View], Position | None]:
    """The user's cards, newest first, from behind `after`; and where to go on, None at the end."""
    cards = desk.store.users.cards(user_id)
    default = default_of(desk.store.users.get(user_id), cards)
    left = [card for card in cards if after is None or _position(card) < after]
    shown = left[:limit]
    return [_view(card, default) for card in shown], _position(shown[-1]) if len(left) > len(shown) else None


def _position(card: Card) -> Position:
    """Not the card alone: it may be gone when the next page is asked for."""
    return card.created_at, card.payment_method_id


def _view(card: Card, default: str | None) -> View:
    return {
        "id": card.payment_method_id,
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "country": card.country,
        "is_default": card.payment_method_id == default,
    }


def make_default(desk: Desk, *, user_id: str, payment_method_id: str) -> View:
    """From now on bookings that name no card use this one."""
    card = _own(desk, user_id, payment_method_id)
    desk.store.users.make_default(user_id, payment_method_id)
    return _view(card, payment_method_id)


def detach(desk: Desk, cards: StripeCards, *, user_id: str, payment_method_id: str) -> None:
    """Forget a card, here and at Stripe. Raises Conflict while an open booking needs it."""
    known = desk.store.users.card(user_id, payment_method_id)
    if known is None or not desk.store.users.begin_detaching(user_id, payment_method_id, desk.clock()):
        raise NotFound("There is no such payment method.")
    if _is_needed(desk, user_id, payment_method_id):
        desk.store.users.keep_after_all(user_id, payment_method_id)
        raise Conflict("An open booking needs this card.")
    try:
        cards.detach(payment_method_id)
    except CallRefused:
        pass  # detached already, by an earlier try or in the dashboard
    except CallFailed as failed:
        desk.store.users.keep_after_all(user_id, payment_method_id)
        raise StripeUnavailable() from failed
    desk.store.users.remove_card(user_id, payment_method_id)


def _is_needed(desk: Desk, user_id: str, payment_method_id: str) -> bool:
    bookings, _ = desk.store.bookings.of_user(user_id, limit=1, outcome="open", payment_method_id=payment_method_id)
    return bool(bookings)


def _own(desk: Desk, user_id: str, payment_method_id: str) -> Card:
    card = desk.store.users.card(user_id, payment_method_id)
    if card is None or card.detaching_at is not None:
        raise NotFound("There is no such payment method.")
    return card
