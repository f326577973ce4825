"""Stripe's customers and cards. No money moves here, so a call that is repeated can at worst find its work done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

import stripe

from holdfast.budget import Budget
from holdfast.call_failures import CallRefused, KeySpoilt, OutcomeUnknown
from holdfast.stripe_calls import call
from holdfast.stripe_gateway import declined, raw

T = TypeVar("T")
# From here on Stripe may have forgotten the key of the first try: look for the customer before asking for a new one.
_KEY_IS_SAFE: Final = timedelta(hours=23)
_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the phone's Stripe SDK needs to save a card. The secrets go to the phone and nowhere else."""

    setup_intent_id: str
    client_secret: str
    ephemeral_key_secret: str


class StripeCards:
    def __init__(self, client: stripe.StripeClient, deployment: str, budget: Budget) -> None:
        self._stripe = client.v1
        self._deployment = deployment
        self._budget = budget

    def _call(self, effect: Callable[[], T]) -> T:
        return call(effect, budget=self._budget, declined=declined)

    def customer(self, user_id: str, requested_at: datetime, wish: int, now: datetime) -> str:
        """The one Stripe customer of this user: everybody who asks at once asks under the same key.

        `wish` numbers the key. Raises KeySpoilt where Stripe will answer nothing under it but an error that it stored,
        and created nobody: then the next wish has to be written down.
        """
        fingerprint = hashlib.sha256(user_id.encode()).hexdigest()
        if now - requested_at >= _KEY_IS_SAFE:
            known = self._find_customer(fingerprint, requested_at)
            if known is not None:
                return known
        params: Any = {"metadata": {"deployment": self._deployment, "user": fingerprint}}
        key = f"customer:{self._deployment}:{fingerprint}"
        options: Any = {"idempotency_key": key if wish == 1 else f"{key}:{wish}"}
        try:
            return str(self._call(lambda: self._stripe.customers.create(params, options)).id)
        except OutcomeUnknown as unknown:
            if not unknown.answered:
                raise
            known = self._find_customer(fingerprint, requested_at)
            if known is None:
                raise KeySpoilt(str(unknown)) from unknown
            return known

    def _find_customer(self, fingerprint: str, requested_at: datetime) -> str | None:
        since = int((requested_at - _SKEW).timestamp())
        page: dict[str, Any] = {"limit": 100, "created": {"gte": since}}
        while True:
            answer = self._call(lambda page=page: self._stripe.customers.list(cast(Any, page)))  # type: ignore[misc]
            for customer in map(raw, answer.data):
                metadata = customer.get("metadata") or {}
                if metadata.get("user") == fingerprint and metadata.get("deployment") == self._deployment:
                    return str(customer["id"])
            if not answer.has_more:
                return None
            page = page | {"starting_after": answer.data[-1].id}

    def set_up(self, customer_id: str, stripe_version: str, key: str) -> Setup:
        """A SetupIntent for off-session use, and an ephemeral key in the API version that the phone's SDK speaks."""
        intent_params: Any = {"customer": customer_id, "usage": "off_session", "allowed_payment_method_types": ["card"]}
        intent = self._call(
            lambda: self._stripe.setup_intents.create(intent_params, {"idempotency_key": f"{key}:setup"})
        )
        key_params: Any = {"customer": customer_id}
        options: Any = {"stripe_version": stripe_version, "idempotency_key": f"{key}:ephemeral"}
        ephemeral = self._call(lambda: self._stripe.ephemeral_keys.create(key_params, options))
        return Setup(
            setup_intent_id=intent.id,
            client_secret=str(intent.client_secret),
            ephemeral_key_secret=str(ephemeral.secret),
        )

    def attach(self, customer_id: str, payment_method_id: str, key: str) -> Mapping[str, Any]:
        """The card, attached to the customer. Whether Stripe takes it for the same customer twice is nowhere written:
        a refusal of one that is theirs already is as good.
        """
        params: Any = {"customer": customer_id}
        options: Any = {"idempotency_key": key}
        try:
            return raw(self._call(lambda: self._stripe.payment_methods.attach(payment_method_id, params, options)))
        except CallRefused:
            there = self._found(payment_method_id)
            if there is None or there.get("customer") != customer_id:
                raise
            return there

    def _found(self, payment_method_id: str) -> Mapping[str, Any] | None:
        try:
            return self.retrieve(payment_method_id)
        except CallRefused:
            return None

    def retrieve(self, payment_method_id: str) -> Mapping[str, Any]:
        return raw(self._call(lambda: self._stripe.payment_methods.retrieve(payment_method_id)))

    def detach(self, payment_method_id: str) -> None:
        self._call(lambda: self._stripe.payment_methods.detach(payment_method_id))
