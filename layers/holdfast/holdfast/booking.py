"""A booking: its facts, the `payment_status` they amount to, and the moves that are allowed.

Pure. Facts are what happened (a hold was placed, n was captured, a refund is pending); `payment_status` is computed
from them and never set by hand. `MAY_BEGIN` says from which status an operation may begin, `TRANSITIONS` which status
may follow which; `docs/states.md` is drawn from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from holdfast.cancellation_quotes import CancelQuote
from holdfast.dispute import Dispute, DisputeResponse
from holdfast.errors import Conflict
from holdfast.facts import (
    CANCELLATION_REFUNDS,
    DEFAULT_TERMS,
    HOLD_PLACING,
    Hold,
    HoldState,
    HoldTerms,
    Initiator,
    Kind,
    Operation,
    Outcome,
    Refund,
    RefundStatus,
    Setup,
    SetupState,
)
from holdfast.money import Money
from holdfast.policy import Policy

__all__ = [
    "CANCELLATION_REFUNDS",
    "DEFAULT_TERMS",
    "HOLD_PLACING",
    "MAY_BEGIN",
    "TRANSITIONS",
    "Booking",
    "Dispute",
    "Hold",
    "HoldState",
    "HoldTerms",
    "Initiator",
    "Kind",
    "Operation",
    "Outcome",
    "Refund",
    "RefundStatus",
    "Setup",
    "SetupState",
    "Status",
    "TransitionRefused",
    "begun",
    "check_transition",
    "payment_status",
    "with_dispute",
    "with_refund",
]


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
    # The card that is saved for a hold that comes later, and one that is being saved in its place.
    setup: Setup | None = None
    new_card: Setup | None = None
    card_brand: str | None = None
    hold_terms: HoldTerms = DEFAULT_TERMS
    # A new authorization that waits for its customer, while the hold that it is to replace still stands.
    renewal: Hold | None = None
    # Since the last hold that came: how often the bank said no, when the clock may ask again, which card it must not
    # ask again, and until when the customer can mend it.
    declines: int = 0
    next_try_at: datetime | None = None
    refused_card: str | None = None
    mend_by: datetime | None = None
    kept_without_hold_at: datetime | None = None
    no_show_noticed_at: datetime | None = None
    contested_at: datetime | None = None
    no_show_upheld_at: datetime | None = None
    reminded: tuple[str, ...] = ()
    # An answer to a dispute that is on its way to Stripe, and the deadlines that staff were told of.
    dispute_response: DisputeResponse | None = None
    disputes_noticed: tuple[str, ...] = ()
    # In which language the policy was accepted.
    locale: str = "en"
    # A customer moved the booking here from another event: since when it belongs to this one, and the start from which
    # its fees are counted, because moving gives nobody more time.
    joined_at: datetime | None = None
    window_starts_at: datetime | None = None
    # What cancelling was quoted at, and is carried out at.
    cancel_quote: CancelQuote | None = None
    # PaymentIntents with the booking's name that it does not use, and that were captured: staff hear of each once.
    captured_strangers: tuple[str, ...] = ()
    # When a replaced hold that could not be let go is tried again; it keeps nothing else from happening.
    drop_after: datetime | None = None
    # How many of this card's holds were taken back before their time.
    voided: int = 0

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
    def barred_by(self) -> Dispute | None:
        """The dispute that stands in the way of refunds, if one does."""
        return next((dispute for dispute in self.disputes if dispute.bars_refunds), None)

    @property
    def refund_failed(self) -> bool:
        """What a cancellation owes came back from the bank: sending it again needs another route, so a person."""
        return any(not refund.counts and refund.reason in CANCELLATION_REFUNDS for refund in self.refunds)

    @property
    def owes_refund(self) -> bool:
        """The organiser cancelled, and money that can be sent back is still here."""
        return (
            self.event_cancelled_at is not None
            and self.refundable > 0
            and self.barred_by is None
            and not self.refund_failed
        )

    @property
    def owed_back(self) -> int:
        """What the customer of a cancelled booking is still to get, in minor units; sent by the clock or by staff."""
        if self.event_cancelled_at is not None:
            return self.refundable
        return max(0, self.refundable - self.fee) if self.outcome is Outcome.CANCELLED else 0

    @property
    def contest_undecided(self) -> bool:
        """The customer says that they were there, and staff have not answered since: by a check-in, a waiver, or their
        word against it.
        """
        if self.contested_at is None or self.checked_in_at is not None or self.waived_at is not None:
            return False
        return self.no_show_upheld_at is None or self.no_show_upheld_at < self.contested_at

    @property
    def is_open(self) -> bool:
        return self.outcome is Outcome.OPEN

    @property
    def holds_money(self) -> bool:
        """An authorization that Stripe can still capture or cancel."""
        return self.hold is not None and self.hold.state in (HoldState.LIVE, HoldState.ACTION_REQUIRED)

    @property
    def is_held(self) -> bool:
        """An authorization that can be captured."""
        return self.hold is not None and self.hold.state is HoldState.LIVE

    @property
    def most_chargeable(self) -> int:
        """No rule charges more: the hold that there is, or, where it lapsed or never came, the one there should be."""
        gone = (HoldState.EXPIRED, HoldState.DECLINED, HoldState.RELEASED)
        return self.hold_amount if self.hold is None or self.hold.state in gone else self.hold.amount

    @property
    def first_try(self) -> bool:
        """Nothing ever came of a card for this booking: what fails now ends it."""
        return self.hold is None and self.setup is None

    @property
    def waits_for_its_first_card(self) -> bool:
        """The customer who books is still being asked for 3-D Secure: it is no booking yet."""
        if self.first_try:
            return True
        return self.hold is not None and self.hold.state is HoldState.ACTION_REQUIRED and self.mend_by is None

    @property
    def payment_status(self) -> Status:
        return payment_status(self)

    def under_way(self, operation_id: str) -> Operation | None:
        operation = self.operation
        return operation if operation is not None and operation.operation_id == operation_id else None


_UNDER_WAY: Final = MappingProxyType(
    {
        Kind.AUTHORIZE: Status.AUTHORIZING,
        Kind.SCHEDULE: Status.AUTHORIZING,
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
    """The first of these that holds: a dispute weighs; an operation is under way (a renewal leaves the hold as it is);
    money was captured (and so far refunded); what became of the hold; of the card that was saved for it.
    """
    if booking.disputed:
        return Status.DISPUTED
    operation = booking.operation
    if operation is not None and not operation.superseded and operation.kind is not Kind.RENEW:
        return _UNDER_WAY[operation.kind]
    if booking.captured > 0:
        return _refund_status(booking)
    if booking.hold is None:
        return _before_any_hold(booking)
    return _AT_REST.get(booking.hold.state, Status.CAPTURED)


def _before_any_hold(booking: Booking) -> Status:
    if not booking.is_open:
        # Nothing was ever on the card, so nothing is left on it.
        return Status.DECLINED if booking.setup is None or booking.outcome is Outcome.DECLINED else Status.RELEASED
    if booking.setup is not None:
        return Status.SCHEDULED
    return Status.DECLINED if booking.new_card is None else Status.ACTION_REQUIRED


def _refund_status(booking: Booking) -> Status:
    if any(refund.status is RefundStatus.PENDING for refund in booking.refunds):
        return Status.REFUNDING
    if booking.refunded == 0:
        return Status.CAPTURED
    return Status.REFUNDED if booking.refunded >= booking.captured else Status.PARTIALLY_REFUNDED


# The first step of a booking's life is an `authorize` or a `schedule`; later ones need a booking that is still open.
MAY_BEGIN: Final[Mapping[Kind, frozenset[Status]]] = MappingProxyType(
    {
        Kind.AUTHORIZE: frozenset({Status.SCHEDULED, Status.DECLINED, Status.EXPIRED, Status.ACTION_REQUIRED}),
        Kind.SCHEDULE: frozenset({Status.SCHEDULED, Status.ACTION_REQUIRED}),
        Kind.RENEW: frozenset({Status.HELD}),
        Kind.CAPTURE: frozenset({Status.HELD}),
        Kind.RELEASE: frozenset({Status.HELD, Status.ACTION_REQUIRED}),
        Kind.REFUND: frozenset({Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDING}),
    }
)
_ONLY_OPEN: Final = HOLD_PLACING | {Kind.SCHEDULE}

_CAPTURED_FAMILY: Final = frozenset(
    {Status.CAPTURED, Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED}
)
_CLOSED_HOLD: Final = frozenset({Status.RELEASED, Status.EXPIRED})

# Beside our own moves, what Stripe or its dashboard can do at any time (a capture, a refund, a cancel, a dispute, an
# expiry).
TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        Status.SCHEDULED: frozenset({Status.AUTHORIZING, Status.DECLINED, Status.RELEASED}),
        Status.AUTHORIZING: frozenset({Status.HELD, Status.SCHEDULED, Status.ACTION_REQUIRED, Status.DECLINED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.ACTION_REQUIRED: frozenset(
            {Status.HELD, Status.SCHEDULED, Status.AUTHORIZING, Status.RELEASING, Status.DECLINED}
        )
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.HELD: frozenset({Status.CAPTURING, Status.RELEASING, Status.SCHEDULED, Status.ACTION_REQUIRED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.CAPTURING: frozenset({Status.HELD, Status.ACTION_REQUIRED}) | _CLOSED_HOLD | _CAPTURED_FAMILY,
        Status.RELEASING: frozenset({Status.HELD, Status.ACTION_REQUIRED, Status.DECLINED})
        | _CLOSED_HOLD
        | _CAPTURED_FAMILY,
        Status.CAPTURED: _CAPTURED_FAMILY,
        Status.REFUNDING: _CAPTURED_FAMILY,
        Status.PARTIALLY_REFUNDED: _CAPTURED_FAMILY,
        Status.REFUNDED: _CAPTURED_FAMILY,
        Status.DISPUTED: _CAPTURED_FAMILY,
        Status.RELEASED: frozenset[Status](),
        Status.DECLINED: frozenset({Status.AUTHORIZING}),
        Status.EXPIRED: frozenset({Status.AUTHORIZING}),
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
    if operation.kind in _ONLY_OPEN and not booking.is_open:
        raise Conflict(f"The booking is closed: {booking.outcome}.")
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
