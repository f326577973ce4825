"""The shapes of answers, as the contract has them: what OpenAPI documents and what `api.reply` serves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from holdfast.booking import Outcome, RefundStatus, Status
from holdfast.policy_schema import SERVED_POLICY

Item = TypeVar("Item", bound=BaseModel)


def _to_second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


WireTime = Annotated[
    datetime, PlainSerializer(_to_second, return_type=str), Field(json_schema_extra={"format": "date-time"})
]
"""UTC to the second: `2026-11-23T20:00:00Z`."""


VenueTime = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$",
        description="As the clocks at the venue show it, with their offset from UTC.",
    ),
]
"""`2026-11-23T21:00:00+01:00`."""


class View(BaseModel):
    """Base of every answer. A field that can be null says so, and is there all the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class MoneyView(View):
    amount: int
    currency: str


class HoldView(View):
    """The last authorization; `expires_at` is Stripe's `capture_before`, null while Stripe has not said."""

    amount: int
    expires_at: WireTime | None
    payment_intent_id: str


class NextActionView(View):
    """What the phone has to do; the secret goes to Stripe's SDK and to nobody else."""

    type: Literal["confirm_payment", "confirm_setup", "new_payment_method"]
    client_secret: str | None


class AttentionView(View):
    """Why, and since when, somebody of the staff has to look."""

    reason: str
    since: WireTime | None


class BookedRefundView(View):
    """A refund of the booking, in the order in which they were made or heard of."""

    refund_id: str
    amount: int
    status: RefundStatus


class PeriodView(View):
    """Cancelling later than `from` and not later than `until` costs `amount`. `from` is null at an event for "from the
    booking on"; `until` is null in the last period, which lasts until the booking is closed.
    """

    from_: WireTime | None = Field(alias="from")
    venue_from: VenueTime | None
    until: WireTime | None
    venue_until: VenueTime | None
    amount: int
    clause: str


class NextTierView(View):
    """Cancelling later than `from` costs `amount`."""

    from_: WireTime = Field(alias="from")
    venue_from: VenueTime
    amount: int


class AcceptedPolicyView(View):
    """What the customer accepted. `text` comes with a single booking that is read: as they saw it, word for word."""

    hash: str
    locale: str
    accepted_at: WireTime
    text: str | None = None


class CancellationQuoteView(View):
    """What cancelling costs, if `quote` is given back to it before `expires_at`. `deadline` is the last second in which
    the clause holds; null once the event has begun.
    """

    amount: int
    currency: str
    clause: str
    deadline: WireTime | None
    venue_deadline: VenueTime | None
    expires_at: WireTime
    quote: str


class BookingView(View):
    """`attention` is there for staff only."""

    booking_id: str
    user_id: str
    event_id: str
    payment_status: Status
    outcome: Outcome
    price: MoneyView
    hold: HoldView | None
    captured: int
    refunded: int
    fee: int
    starts_at: WireTime
    timezone: str
    policy: AcceptedPolicyView
    free_cancellation_until: WireTime
    venue_free_cancellation_until: VenueTime
    next_tier: NextTierView | None
    cancellation_schedule: list[PeriodView]
    no_show_fee: int
    checked_in_at: WireTime | None
    cancelled_at: WireTime | None
    next_action: NextActionView | None
    action_required_by: WireTime | None
    hold_at: WireTime | None
    created_at: WireTime
    updated_at: WireTime
    version: int
    refunds: list[BookedRefundView]
    attention: AttentionView | None = None


class EventView(View):
    """`policy` is complete, and has a `text` beside its terms that a customer can read. Deadlines and amounts are those
    of a booking made now; there are none once the event has begun.
    """

    event_id: str
    title: str
    price: MoneyView
    starts_at: WireTime
    ends_at: WireTime
    timezone: str
    hold_amount: int
    policy: Annotated[dict[str, Any], WithJsonSchema(SERVED_POLICY)]
    policy_hash: str
    policy_locale: str
    free_cancellation_until: WireTime | None
    venue_free_cancellation_until: VenueTime | None
    next_tier: NextTierView | None
    cancellation_schedule: list[PeriodView]
    no_show_fee: int
    cancelled_at: WireTime | None
    created_at: WireTime
    updated_at: WireTime
    version: int


class LogLineView(View):
    """Served exactly as it is stored, because its hash covers it."""

    sequence: int
    operation_id: str | None
    kind: str
    status: str
    amount: int | None
    currency: str
    actor: str
    reason: str | None
    stripe_id: str | None
    details: dict[str, Any]
    created_at: str
    previous_hash: str
    entry_hash: str


class PaymentMethodView(View):
    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str | None
    is_default: bool


class SetupView(View):
    """What the phone's Stripe SDK needs to save a card."""

    customer_id: str
    setup_intent_id: str
    client_secret: str
    ephemeral_key_secret: str
    publishable_key: str


class RefundView(View):
    refund_id: str
    booking_id: str
    amount: int
    currency: str
    status: RefundStatus


class DisputeFundsView(View):
    """What the dispute moved on our balance, in the balance's own currency."""

    withdrawn: int
    reinstated: int
    fees: int
    currency: str


class DisputeView(View):
    """`status` and `reason` are Stripe's; `answering` is there while an answer of ours is on its way."""

    dispute_id: str
    booking_id: str
    event_id: str
    status: str
    reason: str
    network_reason_code: str | None
    is_inquiry: bool
    amount: int
    currency: str
    charge_id: str | None
    opened_at: WireTime | None
    due_by: WireTime | None
    refundable: bool
    funds: DisputeFundsView | None
    answering: Literal["submit", "accept"] | None
    submitted_at: WireTime | None
    evidence_hash: str | None


class DisputePacketView(DisputeView):
    """`evidence` is what would be sent now, or what was sent; `evidence_hash` is of that text. `assembled` is what it
    is without the edits of the fields in `edited`. `dispute_ids` are all disputes of the booking.
    """

    evidence: dict[str, str]
    assembled: dict[str, str]
    edited: list[str]
    characters: int
    characters_left: int
    dispute_ids: list[str]


class Page(View, Generic[Item]):
    items: list[Item]
    next_cursor: str | None


class FieldFault(View):
    """`pointer` is a JSON pointer into the body, or the name of a parameter or header."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """RFC 9457. `errors` come with bad input, `decline_code` and `booking_id` with a declined card."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldFault] | None = None
    decline_code: str | None = None
    booking_id: str | None = None
