"""Which counters a line of the log moves.

Pure; the log is where metrics come from, so nothing is counted that was not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Count:
    """One more of `name`, and `amount` minor units of `currency`; `reason` only where it is counted by reason."""

    name: str
    currency: str
    amount: int
    reason: str | None = None


_COUNTED: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("authorize", "succeeded"): "HoldsPlaced",
        ("authorize", "failed"): "HoldsDeclined",
        ("capture", "succeeded"): "Captures",
        ("capture", "failed"): "CapturesRefused",
        ("release", "succeeded"): "Releases",
        ("refund", "succeeded"): "Refunds",
        ("refund", "pending"): "RefundsPending",
        ("refund", "failed"): "RefundsFailed",
        ("refund", "canceled"): "RefundsCanceled",
        ("external", "succeeded"): "OutsideChanges",
        ("evidence", "succeeded"): "EvidenceSubmitted",
        ("evidence", "failed"): "EvidenceRefused",
        ("dispute_accept", "succeeded"): "DisputesAccepted",
    }
)
# What a dispute did, by the step in its line; an alert about a deadline is no step of the dispute's.
_OF_DISPUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "funds_withdrawn": "DisputeFundsWithdrawn",
        "funds_reinstated": "DisputeFundsReinstated",
        "deadline_near": "DisputeDeadlinesNear",
    }
)


def count(line: Mapping[str, Any]) -> Count | None:
    """What this line counts as, if anything."""
    name = _COUNTED.get((line["kind"], line["status"]))
    if line["kind"] == "dispute":
        name = _OF_DISPUTES.get(line["details"].get("step"), "Disputes")
    if name is None:
        return None
    by_reason = line["reason"] if name in ("HoldsDeclined", "Captures", "OutsideChanges") else None
    return Count(name, line["currency"], line["amount"] or 0, by_reason)
