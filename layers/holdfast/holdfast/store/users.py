"""Users and their cards: who they are at Stripe, and which card is their default."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.store.items import marshal, sortable, unmarshal
from holdfast.store.paging import every
from holdfast.store.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`customer_requested_at` is when the Stripe customer was first asked for under the present key, whose number is
    `customer_wish`; `customer_id` is its id once it is known.
    """

    user_id: str
    customer_requested_at: str
    customer_id: str | None = None
    default_payment_method_id: str | None = None
    customer_wish: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What may be shown of a card, and nothing else is kept of it."""

    payment_method_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str | None
    created_at: str
    detaching_at: str | None = None


class Users:
    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self._client = client
        self._tables = tables

    def get(self, user_id: str) -> User | None:
        answer = self._client.get_item(
            TableName=self._tables.users, Key=marshal({"user_id": user_id}), ConsistentRead=True
        )
        item = answer.get("Item")
        return User(**unmarshal(item)) if item else None

    def begin_customer(self, user_id: str, now: datetime) -> User:
        """Write down that a Stripe customer is about to be asked for; whoever came first decides the time."""
        answer = self._client.update_item(
            TableName=self._tables.users,
            Key=marshal({"user_id": user_id}),
            UpdateExpression="SET customer_requested_at = if_not_exists(customer_requested_at, :now)",
            ExpressionAttributeValues=marshal({":now": sortable(now)}),
            ReturnValues="ALL_NEW",
        )
        return User(**unmarshal(answer["Attributes"]))

    def wish_anew(self, user: User, now: datetime) -> User:
        """The key of this wish is spoilt: ask under the next one. Whoever comes second finds that done."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._tables.users,
                Key=marshal({"user_id": user.user_id}),
                UpdateExpression="SET customer_wish = :next, customer_requested_at = :now",
                ConditionExpression="attribute_not_exists(customer_wish) OR customer_wish < :next",
                ExpressionAttributeValues=marshal({":next": user.customer_wish + 1, ":now": sortable(now)}),
            )
        return self.get(user.user_id) or user

    def settle_customer(self, user_id: str, customer_id: str) -> User:
        """Keep the customer's id. Whoever comes second keeps the first one's."""
        answer = self._client.update_item(
            TableName=self._tables.users,
            Key=marshal({"user_id": user_id}),
            UpdateExpression="SET customer_id = if_not_exists(customer_id, :id)",
            ExpressionAttributeValues=marshal({":id": customer_id}),
            ReturnValues="ALL_NEW",
        )
        return User(**unmarshal(answer["Attributes"]))

    def cards(self, user_id: str) -> list[Card]:
        """Newest first. Cards on their way out are not among them."""
        query = {
            "TableName": self._tables.payment_methods,
            "KeyConditionExpression": "user_id = :id",
            "ExpressionAttributeValues": marshal({":id": user_id}),
            "ConsistentRead": True,
        }
        found = [_card(item) for item in every(self._client, query)]
        present = [card for card in found if card.detaching_at is None]
        return sorted(present, key=lambda card: (card.created_at, card.payment_method_id), reverse=True)

    def default_card(self, user: User) -> str | None:
        """The card that bookings use which name none: the chosen one or, where that is gone, the newest.

        Forgetting the default and choosing another are two writes; somebody may die, or add a card, between them.
        """
        chosen = self.card(user.user_id, user.default_payment_method_id) if user.default_payment_method_id else None
        return default_of(user, [chosen] if chosen and chosen.detaching_at is None else self.cards(user.user_id))

    def card(self, user_id: str, payment_method_id: str) -> Card | None:
        """The card, also one that is on its way out."""
        answer = self._client.get_item(
            TableName=self._tables.payment_methods,
            Key=marshal({"user_id": user_id, "payment_method_id": payment_method_id}),
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return _card(unmarshal(item)) if item else None

    def add_card(self, user_id: str, card: Card) -> None:
        """Keep the card; the first one becomes the default. Adding it again changes nothing but brings it back."""
        item = {"user_id": user_id} | {name: getattr(card, name) for name in Card.__slots__}
        known = self.card(user_id, card.payment_method_id)
        if known is not None:
            item["created_at"] = known.created_at
        self._client.put_item(TableName=self._tables.payment_methods, Item=marshal(item))
        self._client.update_item(
            TableName=self._tables.users,
            Key=marshal({"user_id": user_id}),
            UpdateExpression="SET default_payment_method_id = if_not_exists(default_payment_method_id, :id)",
            ExpressionAttributeValues=marshal({":id": card.payment_method_id}),
        )

    def make_default(self, user_id: str, payment_method_id: str) -> None:
        self._client.update_item(
            TableName=self._tables.users,
            Key=marshal({"user_id": user_id}),
            UpdateExpression="SET default_payment_method_id = :id",
            ExpressionAttributeValues=marshal({":id": payment_method_id}),
        )

    def begin_detaching(self, user_id: str, payment_method_id: str, now: datetime) -> bool:
        """From here on no new booking can use the card. False if it is gone already."""
        return self._mark(user_id, payment_method_id, "SET detaching_at = :now", {":now": sortable(now)})

    def keep_after_all(self, user_id: str, payment_method_id: str) -> None:
        self._mark(user_id, payment_method_id, "REMOVE detaching_at", {})

    def remove_card(self, user_id: str, payment_method_id: str) -> None:
        """The card is gone; if it was the default, the newest other one takes its place."""
        self._client.delete_item(
            TableName=self._tables.payment_methods,
            Key=marshal({"user_id": user_id, "payment_method_id": payment_method_id}),
        )
        left = self.cards(user_id)
        new_default = "SET default_payment_method_id = :new" if left else "REMOVE default_payment_method_id"
        values = {":gone": payment_method_id} | ({":new": left[0].payment_method_id} if left else {})
        try:
            self._client.update_item(
                TableName=self._tables.users,
                Key=marshal({"user_id": user_id}),
                UpdateExpression=new_default,
                ConditionExpression="default_payment_method_id = :gone",
                ExpressionAttributeValues=marshal(values),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _mark(self, user_id: str, payment_method_id: str, expression: str, values: dict[str, Any]) -> bool:
        try:
            self._client.update_item(
                TableName=self._tables.payment_methods,
                Key=marshal({"user_id": user_id, "payment_method_id": payment_method_id}),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(user_id)",
                **({"ExpressionAttributeValues": marshal(values)} if values else {}),  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def default_of(user: User | None, cards: Sequence[Card]) -> str | None:
    """Which of these, all that the user has, newest first, is the default; None where there are none."""
    chosen = user.default_payment_method_id if user else None
    if any(card.payment_method_id == chosen for card in cards):
        return chosen
    return cards[0].payment_method_id if cards else None


def _card(item: dict[str, Any]) -> Card:
    return Card(**{name: item.get(name) for name in Card.__slots__})  # type: ignore[arg-type]
