"""Which domain event a line of the log is, and which lines are none.

Pure, and closed: a line that no row of the tables names is a fault of ours (`Unmapped`), never a silence. One line is
at most one event. docs/domain-events.md and its schema describe the types; a new one is a row here, there, and a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

Line = Mapping[str, Any]


class EventType(StrEnum):
    """What happened, as consumers name it."""

    HOLD_SCHEDULED = "hold.scheduled"
    HOLD_PLACED = "hold.placed"
    HOLD_ACTION_REQUIRED = "hold.action_required"
    HOLD_DECLINED = "hold.declined"
    HOLD_RENEWED = "hold.renewed"
    HOLD_RENEWAL_FAILED = "hold.renewal_failed"
    HOLD_EXPIRY_CHANGED = "hold.expiry_changed"
    HOLD_EXPIRED = "hold.expired"
    HOLD_RELEASED = "hold.released"
    HOLD_RELEASE_FAILED = "hold.release_failed"
    HOLD_SUPERSEDED = "hold.superseded"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_CAPTURE_FAILED = "payment.capture_failed"
    PAYMENT_UNEXPECTED_CAPTURE = "payment.unexpected_capture"
    PAYMENT_CHANGED_OUTSIDE = "payment.changed_outside"
    REFUND_PENDING = "refund.pending"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    REFUND_CANCELED = "refund.canceled"
    DISPUTE_INQUIRY_OPENED = "dispute.inquiry_opened"
    DISPUTE_INQUIRY_UNDER_REVIEW = "dispute.inquiry_under_review"
    DISPUTE_INQUIRY_CLOSED = "dispute.inquiry_closed"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_ESCALATED = "dispute.escalated"
    DISPUTE_UPDATED = "dispute.updated"
    DISPUTE_DEADLINE_NEAR = "dispute.deadline_near"
    DISPUTE_UNDER_REVIEW = "dispute.under_review"
    DISPUTE_FUNDS_WITHDRAWN = "dispute.funds_withdrawn"
    DISPUTE_FUNDS_REINSTATED = "dispute.funds_reinstated"
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"
    DISPUTE_PREVENTED = "dispute.prevented"
    DISPUTE_CLOSED = "dispute.closed"
    DISPUTE_EVIDENCE_EDITED = "dispute.evidence_edited"
    DISPUTE_EVIDENCE_SUBMITTED = "dispute.evidence_submitted"
    DISPUTE_EVIDENCE_FAILED = "dispute.evidence_failed"
    DISPUTE_ACCEPTED = "dispute.accepted"
    DISPUTE_ACCEPT_FAILED = "dispute.accept_failed"
    NO_SHOW_NOTICED = "no_show.noticed"
    NO_SHOW_CONTESTED = "no_show.contested"
    NO_SHOW_UPHELD = "no_show.upheld"
    NO_SHOW_WAIVED = "no_show.waived"
    BOOKING_CHECKED_IN = "booking.checked_in"
    BOOKING_CANCEL_REQUESTED = "booking.cancel_requested"
    BOOKING_EVENT_MOVED = "booking.event_moved"
    BOOKING_EVENT_CANCELLED = "booking.event_cancelled"
    BOOKING_MOVED = "booking.moved"
    BOOKING_REPRICED = "booking.repriced"
    BOOKING_MEND_REQUIRED = "booking.mend_required"
    BOOKING_MEND_DEADLINE_PASSED = "booking.mend_deadline_passed"
    BOOKING_CLOSED = "booking.closed"
    REMINDER_HOLD_COMING = "reminder.hold_coming"
    REMINDER_FREE_CANCELLATION_ENDING = "reminder.free_cancellation_ending"


class Unmapped(LookupError):
    """No row says what this line is to the world outside."""


SILENT: Final = None
"""Deliberately no event: the line says only that something is about to be tried, or is the log's own bookkeeping."""

_T: Final = EventType
_OTHERWISE: Final = "*"
Reasons = Mapping[str, EventType | None]
Rule = EventType | None | Reasons
"""An event, none, or one of them by the line's reason."""


def _reason(rows: Reasons) -> Reasons:
    return MappingProxyType(rows)


_OPERATIONS: Final[Mapping[tuple[str, str], Rule]] = {
    ("schedule", "started"): SILENT,
    ("schedule", "succeeded"): _T.HOLD_SCHEDULED,
    ("schedule", "pending"): _T.HOLD_ACTION_REQUIRED,
    ("schedule", "failed"): _T.HOLD_DECLINED,
    ("schedule", "canceled"): _T.HOLD_DECLINED,
    ("authorize", "started"): SILENT,
    ("authorize", "succeeded"): _T.HOLD_PLACED,
    ("authorize", "pending"): _T.HOLD_ACTION_REQUIRED,
    ("authorize", "failed"): _T.HOLD_DECLINED,
    ("authorize", "canceled"): _T.HOLD_DECLINED,
    ("renew", "started"): SILENT,
    ("renew", "succeeded"): _T.HOLD_RENEWED,
    ("renew", "pending"): _T.HOLD_ACTION_REQUIRED,
    ("renew", "failed"): _T.HOLD_RENEWAL_FAILED,
    ("renew", "canceled"): _T.HOLD_RENEWAL_FAILED,
    ("capture", "started"): SILENT,
    ("capture", "succeeded"): _T.PAYMENT_CAPTURED,
    ("capture", "failed"): _T.PAYMENT_CAPTURE_FAILED,
    ("release", "started"): SILENT,
    ("release", "succeeded"): _reason({"superseded": _T.HOLD_SUPERSEDED, _OTHERWISE: _T.HOLD_RELEASED}),
    ("release", "failed"): _T.HOLD_RELEASE_FAILED,
    ("refund", "started"): SILENT,
    ("refund", "pending"): _T.REFUND_PENDING,
    ("refund", "succeeded"): _T.REFUND_SUCCEEDED,
    ("refund", "failed"): _T.REFUND_FAILED,
    ("refund", "canceled"): _T.REFUND_CANCELED,
}

# Made at Stripe without us. Only refunds come in other statuses than `succeeded`. What is not named here is told all
# the same: money that moved outside concerns whoever keeps books.
_OUTSIDE: Final[Mapping[tuple[str, str], Rule]] = {
    ("external", "succeeded"): _reason(
        {
            "captured": _T.PAYMENT_CAPTURED,
            "refunded": _T.REFUND_SUCCEEDED,
            "hold_released": _T.HOLD_RELEASED,
            "hold_expired": _T.HOLD_EXPIRED,
            "capture_before_changed": _T.HOLD_EXPIRY_CHANGED,
            "unused_authorization": SILENT,  # it is let go next, which is `hold.superseded`
            "unused_authorization_captured": _T.PAYMENT_UNEXPECTED_CAPTURE,
            _OTHERWISE: _T.PAYMENT_CHANGED_OUTSIDE,
        }
    ),
    ("external", "pending"): _T.REFUND_PENDING,
    ("external", "failed"): _T.REFUND_FAILED,
    ("external", "canceled"): _T.REFUND_CANCELED,
}

# What happened without an operation: such a line says that it did.
_FACTS: Final[Mapping[tuple[str, str], Rule]] = {
    ("check_in", "succeeded"): _T.BOOKING_CHECKED_IN,
    ("waive", "succeeded"): _T.NO_SHOW_WAIVED,
    ("cancel_request", "succeeded"): _T.BOOKING_CANCEL_REQUESTED,
    ("event_moved", "succeeded"): _T.BOOKING_EVENT_MOVED,
    ("event_cancelled", "succeeded"): _T.BOOKING_EVENT_CANCELLED,
    ("close", "succeeded"): _T.BOOKING_CLOSED,
    ("moved", "succeeded"): _T.BOOKING_MOVED,
    ("reprice", "succeeded"): _T.BOOKING_REPRICED,
    ("attention", "succeeded"): SILENT,  # a note among staff
    ("no_show_notice", "succeeded"): _T.NO_SHOW_NOTICED,
    ("contest", "succeeded"): _T.NO_SHOW_CONTESTED,
    ("no_show", "succeeded"): _T.NO_SHOW_UPHELD,
    ("mend", "pending"): _T.BOOKING_MEND_REQUIRED,
    ("mend", "failed"): _T.BOOKING_MEND_DEADLINE_PASSED,
    ("reminder", "succeeded"): _reason(
        {
            "hold_coming": _T.REMINDER_HOLD_COMING,
            "free_cancellation_ending": _T.REMINDER_FREE_CANCELLATION_ENDING,
        }
    ),
}
# What staff answer to a dispute, which moves no money by itself.
_ANSWERS: Final[Mapping[tuple[str, str], Rule]] = {
    ("evidence", "edited"): _T.DISPUTE_EVIDENCE_EDITED,
    ("evidence", "started"): SILENT,
    ("evidence", "succeeded"): _T.DISPUTE_EVIDENCE_SUBMITTED,
    ("evidence", "failed"): _T.DISPUTE_EVIDENCE_FAILED,
    ("dispute_accept", "started"): SILENT,
    ("dispute_accept", "succeeded"): _T.DISPUTE_ACCEPTED,
    ("dispute_accept", "failed"): _T.DISPUTE_ACCEPT_FAILED,
}
_ROWS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType({**_OPERATIONS, **_OUTSIDE, **_FACTS, **_ANSWERS})

# What the line says that happened to the dispute, where it says so.
_STEPS: Final[Mapping[str, EventType]] = MappingProxyType(
    {
        "escalated": _T.DISPUTE_ESCALATED,
        "updated": _T.DISPUTE_UPDATED,
        "deadline_near": _T.DISPUTE_DEADLINE_NEAR,
        "funds_withdrawn": _T.DISPUTE_FUNDS_WITHDRAWN,
        "funds_reinstated": _T.DISPUTE_FUNDS_REINSTATED,
    }
)
# Otherwise (it opened, was answered, closed) its status says more; that is Stripe's own word.
_DISPUTES: Final[Mapping[str, EventType]] = MappingProxyType(
    {
        "warning_needs_response": _T.DISPUTE_INQUIRY_OPENED,
        "warning_under_review": _T.DISPUTE_INQUIRY_UNDER_REVIEW,
        "warning_closed": _T.DISPUTE_INQUIRY_CLOSED,
        "needs_response": _T.DISPUTE_OPENED,
        "under_review": _T.DISPUTE_UNDER_REVIEW,
        "won": _T.DISPUTE_WON,
        "lost": _T.DISPUTE_LOST,
        "prevented": _T.DISPUTE_PREVENTED,
    }
)

KINDS: Final = frozenset({kind for kind, _ in _ROWS} | {"dispute"})


def _of_a_dispute(line: Line) -> EventType:
    """A status that Stripe invents later is news of the dispute all the same."""
    step = line["details"].get("step")
    otherwise = _T.DISPUTE_CLOSED if step == "closed" else _T.DISPUTE_UPDATED
    return _STEPS.get(step) or _DISPUTES.get(line["status"], otherwise)


def event_type(line: Line) -> EventType | None:
    """The type of event that this line is; None where it is deliberately none. Raises Unmapped."""
    kind, status, reason = line["kind"], line["status"], line["reason"]
    if kind == "dispute":
        return _of_a_dispute(line)
    if (kind, status) not in _ROWS:
        raise Unmapped(f"{kind} {status}")
    rule = _ROWS[kind, status]
    if not isinstance(rule, Mapping):
        return rule
    if reason not in rule and _OTHERWISE not in rule:
        raise Unmapped(f"{kind} {status} with the reason {reason}")
    return rule.get(reason, rule.get(_OTHERWISE))
