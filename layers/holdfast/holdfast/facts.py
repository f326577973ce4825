"""What a booking's facts consist of: its holds, its saved card, its refunds and disputes, the operation under way.

Pure, and only data: `booking` puts them together and says what they amount to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """How the booking ended, whatever its money does."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    WAIVED = "waived"
    EVENT_CANCELLED = "event_cancelled"
    DECLINED = "declined"


class Kind(StrEnum):
    """The movements of money."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"
    RENEW = "renew"
    # Saves the card of a booking whose hold comes later. The only one that moves nothing.
    SCHEDULE = "schedule"


# Those that end with an authorization on a card.
HOLD_PLACING: Final = frozenset({Kind.AUTHORIZE, Kind.RENEW})


class Initiator(StrEnum):
    """Who started an authorization: how long it lives depends on it.

    Whoever confirms in the app is the customer; holds that the clock places are the merchant's (`off_session`).
    """

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class HoldState(StrEnum):
    """What became of an authorization at Stripe."""

    ACTION_REQUIRED = "action_required"
    LIVE = "live"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One authorization (a PaymentIntent with manual capture). Amount in minor units of the booking's currency.

    `expires_at` is Stripe's `capture_before`; `brand` is the card's, for the time before Stripe has said it.
    """

    payment_intent_id: str
    amount: int
    state: HoldState
    operation_id: str | None = None
    charge_id: str | None = None
    expires_at: datetime | None = None
    placed_at: datetime | None = None
    client_secret: str | None = field(default=None, repr=False)
    initiator: Initiator = Initiator.CUSTOMER
    brand: str | None = None
    payment_method_id: str | None = None


class SetupState(StrEnum):
    """What became of the SetupIntent that saves a card for later."""

    ACTION_REQUIRED = "action_required"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A card saved for charges without the customer. Without `setup_intent_id` an authorization saved it."""

    payment_method_id: str
    state: SetupState
    setup_intent_id: str | None = None
    brand: str | None = None
    operation_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """How this booking's hold is looked after, as the deployment was set when it was booked.

    `lead_hours`: a hold that is placed later is placed so long before the start. `mend_hours`: the time a customer has
    to mend a hold that cannot be placed, and how long before its end an authorization is renewed. `retry_minutes`:
    after how many minutes a soft decline is tried again, each time. `extended`: whether longer authorizations are
    asked for.
    """

    lead_hours: int = 72
    mend_hours: int = 24
    retry_minutes: tuple[int, ...] = (60, 360, 1440)
    extended: bool = False


DEFAULT_TERMS: Final = HoldTerms()


class RefundStatus(StrEnum):
    """Stripe's refund statuses; `requires_action` counts as pending here."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


# Why the clock refunds by itself.
CANCELLATION_REFUNDS: Final = frozenset({"event_cancelled", "cancelled_after_outside_capture"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back, or back. Counts as refunded unless it failed or was canceled."""

    refund_id: str
    amount: int
    status: RefundStatus
    operation_id: str | None = None
    reason: str | None = None

    @property
    def counts(self) -> bool:
        return self.status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A movement of money under way. Everything the effect needs is frozen here when the operation begins.

    `outcome`, `fee` and `cancelled_at` are what the booking becomes when it succeeds. `superseded` marks the release of
    an authorization that is not the booking's hold: it never moves `payment_status`. `request_key` is the idempotency
    record of the request that began it, where its answer is written. `off_session`: the customer is not there.
    `saves_card`: the card may be charged off-session later. `extended`: a longer authorization is asked for.
    """

    operation_id: str
    kind: Kind
    amount: int
    currency: str
    started_at: datetime
    lease_until: datetime
    actor: str
    reason: str
    payment_intent_id: str | None = None
    customer_id: str | None = None
    payment_method_id: str | None = None
    stripe_reason: str | None = None
    outcome: Outcome | None = None
    fee: int = 0
    superseded: bool = False
    request_key: str | None = None
    off_session: bool = False
    brand: str | None = None
    saves_card: bool = False
    extended: bool = False
