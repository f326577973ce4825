"""What Stripe's lists show of one span of time: sightings of PaymentIntents, and movements of the balance.

Pure. A sighting is one listed object, as far as it says what became of a PaymentIntent of ours. It is enough to see
that the book agrees, so that nobody has to ask for the object itself; where it does not, somebody looks
(`differences`). Amounts in minor units of the currency beside them, times in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdfast.booking import Dispute
from holdfast.stripe_objects import PaymentIntent, StripeRefund


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on and before `until`, both on a whole second: Stripe counts in seconds, and so does the log."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> int:
        return round((self.until - self.since).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge as it is now. A hold that was let go is `refunded` without ever having been `captured`."""

    succeeded: bool
    captured: bool
    amount_captured: int
    amount_refunded: int
    refunded: bool
    disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One object of Stripe's lists.

    `past`: it was so at some moment in the span (an event's snapshot), and may be otherwise by now.
    """

    payment_intent_id: str
    object_id: str
    currency: str | None = None
    intent: PaymentIntent | None = None
    charge: Charge | None = None
    refund: StripeRefund | None = None
    dispute: Dispute | None = None
    past: bool = False


class Source(StrEnum):
    """What a balance transaction comes from."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One balance transaction of a charge, refund or dispute.

    `amount` is what the customer's side moved, in the currency of the charge: positive where money came in. Stripe's
    own `fee` is in the currency of the balance, which may be another.
    """

    transaction_id: str
    source: Source
    source_id: str
    payment_intent_id: str
    amount: int
    currency: str
    fee: int
    fee_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that Stripe's lists show of one span and that may be ours.

    `owners`: PaymentIntent to booking, as the metadata of any of its objects says. What is somebody else's by its own
    metadata is left out.
    """

    sightings: tuple[Sighting, ...] = ()
    movements: tuple[Movement, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def strangers(self) -> frozenset[str]:
        """PaymentIntents of which no listed object says whose they are."""
        shown = {each.payment_intent_id for each in self.sightings}
        return frozenset(shown | {each.payment_intent_id for each in self.movements}) - self.owners.keys()
