"""What most tests need first: a customer, a card, a hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from local.stripe_simulator import Simulator

Fields = dict[str, Any]


@dataclass
class Stage:
    simulator: Simulator
    client: stripe.StripeClient
    # Metadata by which a run's objects are told from others in the same account.
    tag: Fields = field(default_factory=dict)
    _customer: str | None = field(default=None)

    @property
    def customer(self) -> str:
        if self._customer is None:
            given: Any = {"email": "alice@example.com", "metadata": self.tag}
            self._customer = self.client.v1.customers.create(given).id
        return self._customer

    def card(self, method: str = "pm_card_visa") -> str:
        return self.client.v1.payment_methods.attach(method, {"customer": self.customer}).id

    def numbered(self, number: str) -> str:
        """A card typed in by its number, not yet anybody's."""
        given: Any = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        return self.client.v1.payment_methods.create({"type": "card", "card": given}).id

    def pay(self, method: str = "pm_card_visa", amount: int = 1200, **params: Any) -> stripe.PaymentIntent:
        given: Any = {
            "amount": amount,
            "currency": "usd",
            "customer": self.customer,
            "payment_method": method,
            "confirm": True,
            "metadata": self.tag,
            **params,
        }
        return self.client.v1.payment_intents.create(given)

    def hold(self, method: str = "pm_card_visa", amount: int = 1200, **params: Any) -> stripe.PaymentIntent:
        return self.pay(method, amount, capture_method="manual", **params)

    def captured(self, method: str = "pm_card_visa", amount: int = 1200, **params: Any) -> stripe.PaymentIntent:
        return self.client.v1.payment_intents.capture(self.hold(method, amount, **params).id)

    def intent(self, intent: str) -> Fields:
        return self.client.v1.payment_intents.retrieve(intent).to_dict()

    def charge(self, charge: Any) -> Fields:
        return self.client.v1.charges.retrieve(str(charge)).to_dict()

    def charge_of(self, intent: str) -> Fields:
        return self.charge(self.intent(intent)["latest_charge"])

    def events(self, after: int = 0) -> list[str]:
        """Types, oldest first, without the first few."""
        return [event["type"] for event in self.simulator.store.rows("event").values()][after:]

    def mark(self) -> int:
        return len(self.simulator.store.rows("event"))

    def now(self) -> int:
        return self.simulator.world.seconds()


def refused(act: Any, *args: Any, **kwargs: Any) -> Fields:
    """What the SDK makes of a refusal: status, type and the error's own fields."""
    with pytest.raises(stripe.StripeError) as caught:
        act(*args, **kwargs)
    body: Any = caught.value.json_body or {}
    return {"status": caught.value.http_status, "raised": type(caught.value).__name__, **body.get("error", {})}
