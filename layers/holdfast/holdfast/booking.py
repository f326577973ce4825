"""A booking: its facts, the `payment_status` they amount to, and the moves that are allowed.

Pure. Facts are what happened (a hold was placed, n was captured, a refund is pending); `payment_status` is computed
from them and never set by hand. `MAY_BEGIN` says from which status an operation may begin, `TRANSITIONS` which status
may follow which; `docs/states.md` is drawn from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from holdfast.cancellation_quotes import CancelQuote
from holdfast.errors import Conflict
from holdfast.money import Money
from holdfast.policy import Policy


class Status(StrEnum):
    """What the customer's money is doing, as served in `payment_status`."""

    SCHEDULED = "scheduled"
    AUTHORIZING = "authorizing"
    ACTION_REQUIRED = "action_required"
    HELD = "held"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    RELEASING = "releasing"
    RELEASED = "released"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


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
    """One authorization (a PaymentIntent with manual capture). Amount in minor units of the booking's currency."""

    payment_intent_id: str
    amount: int
    state: HoldState
    operation_id: str | None = None
    charge_id: str | None = None
    expires_at: datetime | None = None
    placed_at: datetime | None = None
    client_secret: str | None = field(default=None, repr=False)


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


# Stripe: `won` gave the money back, `prevented` never took it. A `warning_*` status is an inquiry: nothing has moved,
# and the charge can still be refunded.
SETTLED_DISPUTES: Final = frozenset({"won", "prevented"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute or an inquiry; `status` is Stripe's own word, `due_by` the deadline for evidence."""

    dispute_id: str
    amount: int
    status: str
    reason: str
    due_by: datetime | None = None

    @property
    def weighs(self) -> bool:
        """Whether it shows in `payment_status` and stands in the way of refunds."""
        return self.status not in SETTLED_DISPUTES and not self.status.startswith("warning_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A movement of money under way. Everything the effect needs is frozen here when the operation begins.

    `outcome`, `fee` and `cancelled_at` are what the booking becomes when it succeeds. `superseded` marks the release of
    an authorization that is not the booking's hold: it never moves `payment_status`. `request_key` is the idempotency
    record of the request that began it, where its answer is written.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One customer's place at an event, with the price and the policy as they were when it was booked."""

    booking_id: str
    user_id: str
    event_id: str
    customer_id: str
    payment_method_id: str
    price: Money
    hold_amount: int
    policy: Policy
    event_version: int
    starts_at: datetime
    ends_at: datetime
    timezone: str
    created_at: datetime
    updated_at: datetime
    version: int = 0
    sequence: int = 0
    chain_head: str = "0" * 64
    outcome: Outcome = Outcome.OPEN
    declined_because: str | None = None
    operation: Operation | None = None
    hold: Hold | None = None
    superseded: tuple[str, ...] = ()
    captured: int = 0
    fee: int = 0
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    moved_at: datetime | None = None
    checked_in_at: datetime | None = None
    waived_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_actor: str | None = None
    cancel_charges_fee: bool = True
    cancel_request_key: str | None = None
    cancelled_at: datetime | None = None
    event_cancelled_at: datetime | None = None
    action_deadline: datetime | None = None
    look_again_at: datetime | None = None
    retry_at: datetime | None = None
    attempts: int = 0
    attention: str | None = None
    attention_since: datetime | None = None
    # In which language the policy was accepted.
    locale: str = "en"
    # A customer moved the booking here from another event: since when it belongs to this one, and the start from which
    # its fees are counted, because moving gives nobody more time.
    joined_at: datetime | None = None
    window_starts_at: datetime | None = None
    # What cancelling was quoted at, and is carried out at.
    cancel_quote: CancelQuote | None = None

    @property
    def fees_count_from(self) -> datetime:
        """The start that cancellation windows are counted back from."""
        return min(self.starts_at, self.window_starts_at or self.starts_at)

    @property
    def currency(self) -> str:
        return self.price.currency

    @property
    def refunded(self) -> int:
        """Minor units returned or on their way: pending refunds count, failed and canceled ones do not."""
        return sum(refund.amount for refund in self.refunds if refund.counts)

    @property
    def refundable(self) -> int:
        return self.captured - self.refunded

    @property
    def disputed(self) -> bool:
        return any(dispute.weighs for dispute in self.disputes)

    @property
    def refund_failed(self) -> bool:
        """What a cancellation owes came back from the bank: sending it again needs another route, so a person."""
        return any(not refund.counts and refund.reason in CANCELLATION_REFUNDS for refund in self.refunds)

    @property
    def owes_refund(self) -> bool:
        """The organiser cancelled, and money that can be sent back is still here."""
        return (
            self.event_cancelled_at is not None and self.refundable > 0 and not self.disputed and not self.refund_failed
        )

    @property
    def is_open(self) -> bool:
        return self.outcome is Outcome.OPEN

    @property
    def holds_money(self) -> bool:
        """An authorization that Stripe can still capture or cancel."""
        return self.hold is not None and self.hold.state in (HoldState.LIVE, HoldState.ACTION_REQUIRED)

    @property
    def payment_status(self) -> Status:
        return payment_status(self)

    def under_way(self, operation_id: str) -> Operation | None:
        operation = self.operation
        return operation if operation is not None and operation.operation_id == operation_id else None


_UNDER_WAY: Final = MappingProxyType(
    {
        Kind.AUTHORIZE: Status.AUTHORIZING,
        Kind.CAPTURE: Status.CAPTURING,
        Kind.RELEASE: Status.RELEASING,
        Kind.REFUND: Status.REFUNDING,
    }
)
_AT_REST: Final = MappingProxyType(
    {
        HoldState.ACTION_REQUIRED: Status.ACTION_REQUIRED,
        HoldState.LIVE: Status.HELD,
        HoldState.RELEASED: Status.RELEASED,
        HoldState.EXPIRED: Status.EXPIRED,
        HoldState.DECLINED: Status.DECLINED,
    }
)


def payment_status(booking: Booking) -> Status:
    """The first of these that holds: a dispute weighs; an operation is under way; money was captured (and so far
    refunded); the hold.
    """
    if booking.disputed:
        return Status.DISPUTED
    if booking.operation is not None and not booking.operation.superseded:
        return _UNDER_WAY[booking.operation.kind]
    if booking.captured > 0:
        return _refund_status(booking)
    if booking.hold is None:
        return Status.DECLINED
    return _AT_REST.get(booking.hold.state, Status.CAPTURED)


def _refund_status(booking: Booking) -> Status:
    if any(refund.status is RefundStatus.PENDING for refund in booking.refunds):
        return Status.REFUNDING
    if booking.refunded == 0:
        return Status.CAPTURED
    return Status.REFUNDED if booking.refunded >= booking.captured else Status.PARTIALLY_REFUNDED


MAY_BEGIN: Final[Mapping[Kind, frozenset[Status]]] = MappingProxyType(
    {
        Kind.AUTHORIZE: frozenset[Status](),  # only as the first step of a booking's life
        Kind.CAPTURE: frozenset({Status.HELD}),
        Kind.RELEASE: frozenset({Status.HELD, Status.ACTION_REQUIRED}),
        Kind.REFUND: frozenset({Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDING}),
    }
)

_CAPTURED_FAMILY: Final = frozenset(
    {Status.CAPTURED, Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED}
)
_CLOSED_HOLD: Final = frozenset({Status.RELEASED, Status.EXPIRED})

# Beside our own moves, what Stripe or its dashboard can do at any time (a capture, a refund, a cancel, a dispute, an
# expiry).
TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        Status.SCHEDULED: frozenset({Status.AUTHORIZING, Status.DECLINED}),
        Status.AUTHORIZING: frozenset({Status.HELD, Status.ACTION_REQUIRED, Status.DECLINED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.ACTION_REQUIRED: frozenset({Status.HELD, Status.RELEASING, Status.DECLINED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.HELD: frozenset({Status.CAPTURING, Status.RELEASING}) | _CLOSED_HOLD | _CAPTURED_FAMILY,
        Status.CAPTURING: frozenset({Status.HELD}) | _CLOSED_HOLD | _CAPTURED_FAMILY,
        Status.RELEASING: frozenset({Status.HELD, Status.ACTION_REQUIRED, Status.DECLINED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.CAPTURED: _CAPTURED_FAMILY,
        Status.REFUNDING: _CAPTURED_FAMILY,
        Status.PARTIALLY_REFUNDED: _CAPTURED_FAMILY,
        Status.REFUNDED: _CAPTURED_FAMILY,
        Status.DISPUTED: _CAPTURED_FAMILY,
        Status.RELEASED: frozenset[Status](),
        Status.DECLINED: frozenset[Status](),
        Status.EXPIRED: frozenset[Status](),
    }
)


class TransitionRefused(Exception):
    """A bug, or a change made outside that the table does not know: nothing may be written."""


def check_transition(before: Status, after: Status) -> None:
    """Raises TransitionRefused unless the table allows it. Staying where one is always is."""
    if before is not after and after not in TRANSITIONS[before]:
        raise TransitionRefused(f"{before} -> {after}")


def begun(booking: Booking, operation: Operation) -> Booking:
    """The booking with this operation under way. Raises Conflict where the state forbids it."""
    if booking.operation is not None:
        raise Conflict("Another operation on this booking is under way.")
    if not operation.superseded and booking.payment_status not in MAY_BEGIN[operation.kind]:
        raise Conflict(f"A booking that is {booking.payment_status} cannot {operation.kind} anything.")
    return replace(booking, operation=operation, retry_at=None)


def with_refund(booking: Booking, refund: Refund) -> Booking:
    """The booking with this refund added, or its status brought up to date."""
    if all(known.refund_id != refund.refund_id for known in booking.refunds):
        return replace(booking, refunds=(*booking.refunds, refund))
    return replace(
        booking, refunds=tuple(refund if known.refund_id == refund.refund_id else known for known in booking.refunds)
    )


def with_dispute(booking: Booking, dispute: Dispute) -> Booking:
    if all(known.dispute_id != dispute.dispute_id for known in booking.disputes):
        return replace(booking, disputes=(*booking.disputes, dispute))
    return replace(
        booking,
        disputes=tuple(dispute if known.dispute_id == dispute.dispute_id else known for known in booking.disputes),
    )
