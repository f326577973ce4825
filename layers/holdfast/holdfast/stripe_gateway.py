"""Stripe, as far as Holdfast needs it: holds, captures, releases, refunds, cards. The only module that calls the SDK
for money.

Every movement carries the operation's id as idempotency key and, in the metadata, the deployment, the booking and the
operation, so that whatever is found at Stripe can be told from somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import stripe

from holdfast import stripe_translation as translate
from holdfast.booking import Operation
from holdfast.budget import STRIPE_CALL_SECONDS, Budget
from holdfast.call_failures import CardRefused
from holdfast.dispute import Dispute, DisputeResponse
from holdfast.stripe_calls import call
from holdfast.stripe_objects import Observation, PaymentIntent, SetupIntent, StripeRefund

T = TypeVar("T")
# Our clock and Stripe's may differ by this much when objects are looked for by time.
_SKEW: Final = timedelta(minutes=5)
_PAGE: Final = 100


def client(
    secret_key: str, api_base: str | None = None, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """A client without retries of its own and with our timeout. Expensive: make it once per function."""
    # For its telemetry the SDK keeps an id in the home folder, which Lambda has not and a laptop's owner did not offer.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        secret_key,
        http_client=http_client or stripe.RequestsClient(timeout=STRIPE_CALL_SECONDS),
        max_network_retries=0,
        **({"base_addresses": {"api": api_base}} if api_base else {}),  # type: ignore[arg-type]
    )


class StripeGateway:
    """One request's view of Stripe: the shared client, the deployment's name and what is left of the time."""

    def __init__(self, client: stripe.StripeClient, deployment: str, budget: Budget) -> None:
        self._stripe = client.v1
        self._deployment = deployment
        self._budget = budget

    def _call(self, effect: Callable[[], T]) -> T:
        return call(effect, budget=self._budget, declined=declined)

    def metadata(self, booking_id: str, operation_id: str) -> dict[str, str]:
        return {"deployment": self._deployment, "booking_id": booking_id, "operation_id": operation_id}

    def is_ours(self, metadata: Mapping[str, str]) -> bool:
        return metadata.get("deployment") == self._deployment and "booking_id" in metadata

    # --- holds -------------------------------------------------------------------------------------------------------

    def authorize(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:
        """Place a hold, created and confirmed in one call; without the customer where the operation is off-session.

        With `saves_card` the bank is asked to allow charges without the customer later, as renewals and fees are.
        """
        params: Any = {
            "amount": operation.amount,
            "currency": operation.currency,
            "customer": operation.customer_id,
            "payment_method": operation.payment_method_id,
            "allowed_payment_method_types": ["card"],
            "capture_method": "manual",
            "confirm": True,
            "metadata": self.metadata(booking_id, operation.operation_id),
            "expand": ["latest_charge"],
        }
        if operation.off_session:
            params["off_session"] = True
        elif operation.saves_card:
            params["setup_future_usage"] = "off_session"
        if operation.extended:
            params["payment_method_options"] = {"card": {"request_extended_authorization": "if_available"}}
        return translate.payment_intent(
            raw(self._call(lambda: self._stripe.payment_intents.create(params, {"idempotency_key": key})))
        )

    def save_card(self, booking_id: str, operation: Operation, key: str) -> SetupIntent:
        """Save a card for charges without its customer, who is present now: created and confirmed in one call."""
        params: Any = {
            "customer": operation.customer_id,
            "payment_method": operation.payment_method_id,
            "allowed_payment_method_types": ["card"],
            "usage": "off_session",
            "confirm": True,
            "metadata": self.metadata(booking_id, operation.operation_id),
        }
        return translate.setup_intent(
            raw(self._call(lambda: self._stripe.setup_intents.create(params, {"idempotency_key": key})))
        )

    def capture(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:
        """Capture part or all of a hold; Stripe releases the rest."""
        params: Any = {
            "amount_to_capture": operation.amount,
            "metadata": self.metadata(booking_id, operation.operation_id),
            "expand": ["latest_charge"],
        }
        intent = self._target(operation)
        return translate.payment_intent(
            raw(self._call(lambda: self._stripe.payment_intents.capture(intent, params, {"idempotency_key": key})))
        )

    def release(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:  # noqa: ARG002 - a cancel takes no metadata
        """Cancel a PaymentIntent, which gives the whole hold back."""
        params: Any = {"expand": ["latest_charge"]}
        intent = self._target(operation)
        return translate.payment_intent(
            raw(self._call(lambda: self._stripe.payment_intents.cancel(intent, params, {"idempotency_key": key})))
        )

    def refund(self, booking_id: str, operation: Operation, key: str) -> StripeRefund:
        """Send back part or all of what was captured."""
        params: Any = {
            "payment_intent": self._target(operation),
            "amount": operation.amount,
            "metadata": self.metadata(booking_id, operation.operation_id),
        }
        if operation.stripe_reason is not None:
            params["reason"] = operation.stripe_reason
        return translate.refund(raw(self._call(lambda: self._stripe.refunds.create(params, {"idempotency_key": key}))))

    def _target(self, operation: Operation) -> str:
        if operation.payment_intent_id is None:
            raise ValueError(f"{operation.kind} without a PaymentIntent")
        return operation.payment_intent_id

    # --- looking ----------------------------------------------------------------------------------------------------

    def retrieve(self, payment_intent_id: str) -> PaymentIntent:
        params: Any = {"expand": ["latest_charge"]}
        return translate.payment_intent(
            raw(self._call(lambda: self._stripe.payment_intents.retrieve(payment_intent_id, params)))
        )

    def retrieve_setup(self, setup_intent_id: str) -> SetupIntent:
        return translate.setup_intent(raw(self._call(lambda: self._stripe.setup_intents.retrieve(setup_intent_id))))

    def observe(self, payment_intent_id: str) -> Observation:
        """The PaymentIntent with its refunds and disputes.

        Refunds before disputes before nothing: each list is complete.
        """
        intent = self.retrieve(payment_intent_id)
        refunds = tuple(self.refunds(payment_intent_id)) if intent.amount_received else ()
        disputes = tuple(map(translate.dispute, self._disputes(payment_intent_id))) if intent.amount_received else ()
        return Observation(intent=intent, refunds=refunds, disputes=disputes)

    def find_authorization(self, customer_id: str, operation: Operation) -> PaymentIntent | None:
        """The PaymentIntent of this operation, whose id we never learnt. A list is consistent; a
        search would not be.
        """
        since = int((operation.started_at - _SKEW).timestamp())
        for found in self._pages(
            lambda page: self._stripe.payment_intents.list(
                cast(
                    Any, {"customer": customer_id, "created": {"gte": since}, "expand": ["data.latest_charge"], **page}
                )
            )
        ):
            if (found.get("metadata") or {}).get("operation_id") == operation.operation_id:
                return translate.payment_intent(found)
        return None

    def find_setup(self, customer_id: str, operation: Operation) -> SetupIntent | None:
        """The SetupIntent of this operation, whose id we never learnt."""
        since = int((operation.started_at - _SKEW).timestamp())
        for found in self._pages(
            lambda page: self._stripe.setup_intents.list(
                cast(Any, {"customer": customer_id, "created": {"gte": since}, **page})
            )
        ):
            if (found.get("metadata") or {}).get("operation_id") == operation.operation_id:
                return translate.setup_intent(found)
        return None

    def refunds(self, payment_intent_id: str) -> Iterator[StripeRefund]:
        """All refunds of a PaymentIntent, oldest first."""
        pages = self._pages(
            lambda page: self._stripe.refunds.list(cast(Any, {"payment_intent": payment_intent_id, **page}))
        )
        yield from reversed([translate.refund(found) for found in pages])

    def _disputes(self, payment_intent_id: str) -> Iterator[Mapping[str, Any]]:
        return self._pages(
            lambda page: self._stripe.disputes.list(cast(Any, {"payment_intent": payment_intent_id, **page}))
        )

    def _pages(self, fetch: Callable[[dict[str, Any]], Any]) -> Iterator[Mapping[str, Any]]:
        """Every object of a list, newest first, page by page."""
        page: dict[str, Any] = {"limit": _PAGE}
        while True:
            answer = self._call(lambda: fetch(page))  # noqa: B023 - called at once
            data = [raw(item) for item in answer.data]
            yield from data
            if not answer.has_more or not data:
                return
            page = {"limit": _PAGE, "starting_after": data[-1]["id"]}

    # --- disputes ----------------------------------------------------------------------------------------------------

    def dispute(self, dispute_id: str) -> Dispute:
        return translate.dispute(raw(self._call(lambda: self._stripe.disputes.retrieve(dispute_id))))

    def submit_evidence(
        self, booking_id: str, response: DisputeResponse, evidence: Mapping[str, str], key: str
    ) -> Dispute:
        """Hand evidence to the bank, together with whatever is staged in the dashboard. Stripe normally takes it once.

        The metadata goes in the same call, so a dispute that carries the answer's id has its evidence.
        """
        params: Any = {
            "evidence": dict(evidence),
            "submit": True,
            "metadata": self.metadata(booking_id, response.operation_id),
        }
        dispute_id = response.dispute_id
        return translate.dispute(
            raw(self._call(lambda: self._stripe.disputes.update(dispute_id, params, {"idempotency_key": key})))
        )

    def close_dispute(self, response: DisputeResponse, key: str) -> Dispute:
        """Give a dispute up: it is lost at once, and for good."""
        dispute_id = response.dispute_id
        return translate.dispute(
            raw(self._call(lambda: self._stripe.disputes.close(dispute_id, {}, {"idempotency_key": key})))
        )


def raw(obj: Any) -> Mapping[str, Any]:
    """The SDK's object as plain data: since version 15 it is no dict any more."""
    return cast(Mapping[str, Any], obj.to_dict())


def declined(error: stripe.CardError) -> CardRefused:
    body = cast(Mapping[str, Any], (error.json_body or {}))
    details: Mapping[str, Any] = body.get("error") or {}
    intent = details.get("payment_intent")
    return CardRefused(translate.decline(details), translate.payment_intent(intent) if intent else None)
