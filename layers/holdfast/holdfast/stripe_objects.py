"""What Holdfast reads of Stripe's objects. Pure; the translation from the SDK's types lives in `stripe_gateway`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from holdfast.booking import RefundStatus
from holdfast.dispute import Dispute

# Stripe asks not to show these to the customer, who might be the thief; they see a generic decline instead.
# Source: docs.stripe.com/declines/codes, column "next steps".
_HIDDEN_DECLINES: Final = frozenset(
    {
        "fraudulent",
        "lost_card",
        "stolen_card",
        "pickup_card",
        "restricted_card",
        "merchant_blacklist",
        "security_violation",
    }
)


# Reasons that Stripe knows for a refund; any other stays in our log.
STRIPE_REFUND_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why the bank refused: Stripe's `code` and `decline_code`."""

    code: str
    decline_code: str | None
    message: str

    @property
    def shown(self) -> str:
        """The decline code that the customer may see."""
        return shown(self.decline_code or self.code)


def shown(code: str) -> str:
    """The decline code as the customer may see it."""
    return "generic_decline" if code in _HIDDEN_DECLINES else code


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIntent:
    """A PaymentIntent with the part of its latest charge that matters. `status` may be a word that we do not know."""

    id: str
    status: str
    amount: int
    amount_received: int
    created: datetime
    client_secret: str | None = field(default=None, repr=False)
    cancellation_reason: str | None = None
    charge_id: str | None = None
    capture_before: datetime | None = None
    disputed: bool = False
    decline: Decline | None = None
    brand: str | None = None
    payment_method_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupIntent:
    """A SetupIntent: the saving of a card for charges without its customer."""

    id: str
    status: str
    client_secret: str | None = field(default=None, repr=False)
    payment_method_id: str | None = None
    decline: Decline | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeRefund:
    """A refund at Stripe; `operation_id` from its metadata where it is ours. `pending_reason` is what a refund that is
    not settled waits for, in Stripe's words: `processing`, `insufficient_funds`, `charge_pending`, `requires_action`.
    """

    id: str
    amount: int
    status: RefundStatus
    failure_reason: str | None = None
    operation_id: str | None = None
    pending_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything at Stripe that belongs to one PaymentIntent, read at one moment."""

    intent: PaymentIntent
    refunds: tuple[StripeRefund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
