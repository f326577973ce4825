"""A dispute: what the bank says of it, what it stands in the way of, and which answer it still takes.

Pure. `status` and `reason` are Stripe's own words; which of them mean what is written here and nowhere else. Source:
docs.stripe.com/api/disputes/object, and the annotations of the pinned SDK (`stripe._dispute`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

# `won` gave the money back, `prevented` never took it.
SETTLED_DISPUTES: Final = frozenset({"won", "prevented"})
_CLOSED: Final = SETTLED_DISPUTES | {"lost", "warning_closed"}
# The bank waits for us. An appeal is filed with documents, so in the dashboard; its deadline is one all the same.
_APPEAL: Final = "appeal_needs_response"
_AWAITS: Final = frozenset({"needs_response", "warning_needs_response", _APPEAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute, or an inquiry that may become one (`warning_*`: the bank asks, and nothing has moved).

    `amount` in minor units of `currency` (None: the booking's). `due_by` is the deadline for an answer; None where
    there is none to keep, or no answer is allowed. `withdrawn`, `reinstated` and `fees` are what it moved on our
    balance so far, each positive, in minor units of `balance_currency`. `refundable` is Stripe's word on whether the
    charge can be refunded (None: not said). `operation_id` is the last answer of ours that Stripe took.

    Ours, and kept when Stripe says more: `submitted_at` and `evidence_hash` of the evidence that we sent.
    """

    dispute_id: str
    amount: int
    status: str
    reason: str
    due_by: datetime | None = None
    currency: str | None = None
    charge_id: str | None = None
    network_reason_code: str | None = None
    opened_at: datetime | None = None
    refundable: bool | None = None
    withdrawn: int = 0
    reinstated: int = 0
    fees: int = 0
    balance_currency: str | None = None
    operation_id: str | None = None
    submitted_at: datetime | None = None
    evidence_hash: str | None = None

    @property
    def is_inquiry(self) -> bool:
        return self.status.startswith("warning_")

    @property
    def weighs(self) -> bool:
        """Whether it shows in `payment_status`."""
        return self.status not in SETTLED_DISPUTES and not self.is_inquiry

    @property
    def bars_refunds(self) -> bool:
        """The bank moves the money now. An inquiry can be ended by a refund, unless Stripe says otherwise."""
        return self.weighs or self.refundable is False

    @property
    def is_closed(self) -> bool:
        return self.status in _CLOSED

    @property
    def awaits_answer(self) -> bool:
        return self.status in _AWAITS

    @property
    def takes_evidence(self) -> bool:
        """Whether Stripe takes evidence now; it normally does so once."""
        return self.awaits_answer and self.status != _APPEAL

    def described(self) -> str:
        """In a few words, for whoever is refused because of it."""
        kind = "inquiry" if self.is_inquiry else "dispute"
        return f"{kind} {self.dispute_id}, {self.status}, reason {self.reason}"


class ResponseKind(StrEnum):
    """What can be said to a dispute."""

    SUBMIT = "submit"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeResponse:
    """An answer to a dispute that is under way: begun, and not settled yet.

    The text of the evidence is frozen in the log, in line `sequence`. `tries` counts the recoveries that learnt
    nothing. `request_key` is the idempotency record of the request, where its answer is written.
    """

    operation_id: str
    kind: ResponseKind
    dispute_id: str
    started_at: datetime
    lease_until: datetime
    sequence: int
    evidence_hash: str | None = None
    request_key: str | None = None
    tries: int = 0


def most_urgent(disputes: Iterable[Dispute]) -> Dispute | None:
    """The one that staff mean when they name none: with the nearest deadline of those that wait for an answer, else the
    latest that is open, else the latest.
    """
    known = list(disputes)
    waiting = [each for each in known if each.awaits_answer]
    if waiting:
        return min(waiting, key=lambda each: (each.due_by is None, each.due_by.timestamp() if each.due_by else 0.0))
    latest = [each for each in known if not each.is_closed] or known
    return latest[-1] if latest else None
