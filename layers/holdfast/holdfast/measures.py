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
        ("external", "succeeded"): "OutsideChanges",
    }
)


def count(line: Mapping[str, Any]) -> Count | None:
    """What this line counts as, if anything."""
    name = "Disputes" if line["kind"] == "dispute" else _COUNTED.get((line["kind"], line["status"]))
    if name is None:
        return None
    by_reason = line["reason"] if name in ("HoldsDeclined", "Captures", "OutsideChanges") else None
    return Count(name, line["currency"], line["amount"] or 0, by_reason)
