"""The log: append-only lines per booking, each carrying the hash of the one before it.

Pure. `append` is the only way a booking changes: it numbers and chains the lines, advances version and sequence,
and refuses a status that the table of transitions does not allow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.booking import Booking, check_transition

FIRST_HASH: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a rule wants written. Amount in minor units of the booking's currency; None where no money is meant."""

    kind: str
    status: str
    actor: str
    amount: int | None = None
    operation_id: str | None = None
    reason: str | None = None
    stripe_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which request a line came from, and which member of staff made it.

    Customers are not named: the booking knows whose it is.
    """

    request_id: str | None = None
    staff: str | None = None


NOBODY: Final = Origin()

Line = dict[str, Any]
"""A line exactly as it is stored, served and hashed."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A line and what is kept beside it: whose it is, and which event the booking was for when it was written."""

    booking_id: str
    event_id: str | None
    line: Line

    @property
    def sequence(self) -> int:
        return int(self.line["sequence"])


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; characters outside ASCII as \\uXXXX (Python's json.dumps default)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def entry_hash(line: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the line's canonical JSON without `entry_hash` itself."""
    return hashlib.sha256(canonical({k: v for k, v in line.items() if k != "entry_hash"}).encode()).hexdigest()


def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as everywhere on the wire."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def append(
    before: Booking | None, after: Booking, entries: Sequence[Entry], *, now: datetime, origin: Origin = NOBODY
) -> tuple[Booking, list[Line]]:
    """The next version of the booking, and its lines.

    Raises TransitionRefused where the table of states forbids the change.
    """
    if before is not None:
        check_transition(before.payment_status, after.payment_status)
    sequence, head = after.sequence, after.chain_head
    lines: list[Line] = []
    for entry in entries:
        sequence += 1
        line = _line(entry, after, before, sequence=sequence, previous_hash=head, now=now, origin=origin)
        head = line["entry_hash"]
        lines.append(line)
    return replace(after, version=after.version + 1, sequence=sequence, chain_head=head, updated_at=now), lines


def staff_id(subject: str) -> str:
    """The same for the same member of staff, and not their name: customers read the log too."""
    return "staff_" + hashlib.sha256(subject.encode()).hexdigest()[:16]


def _line(
    entry: Entry,
    after: Booking,
    before: Booking | None,
    *,
    sequence: int,
    previous_hash: str,
    now: datetime,
    origin: Origin,
) -> Line:
    details = dict(entry.details) | {
        "before": str(before.payment_status) if before else None,
        "after": str(after.payment_status),
        "outcome": str(after.outcome),
    }
    if origin.request_id is not None:
        details["request_id"] = origin.request_id
    if origin.staff is not None:
        details["staff"] = staff_id(origin.staff)
    line: Line = {
        "sequence": sequence,
        "operation_id": entry.operation_id,
        "kind": entry.kind,
        "status": entry.status,
        "amount": entry.amount,
        "currency": after.currency,
        "actor": entry.actor,
        "reason": entry.reason,
        "stripe_id": entry.stripe_id,
        "details": details,
        "created_at": wire_time(now),
        "previous_hash": previous_hash,
    }
    line["entry_hash"] = entry_hash(line)
    return line


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain breaks, and how."""

    sequence: int
    what: str


def verify(lines: Iterable[Mapping[str, Any]], *, expected_length: int, expected_head: str) -> list[Fault]:
    """Every place where a booking's log is not what was written: altered, missing, reordered or cut off lines."""
    faults: list[Fault] = []
    previous, sequence = FIRST_HASH, 0
    for line in lines:
        sequence += 1
        found = line.get("sequence")
        if found != sequence:
            faults.append(Fault(sequence, f"expected sequence {sequence}, found {found}"))
            sequence = found if isinstance(found, int) else sequence
        if line.get("previous_hash") != previous:
            faults.append(Fault(sequence, "previous_hash is not the hash of the line before"))
        if line.get("entry_hash") != entry_hash(line):
            faults.append(Fault(sequence, "the line was altered: entry_hash does not match"))
        previous = str(line.get("entry_hash"))
    if sequence != expected_length:
        faults.append(Fault(sequence + 1, f"the booking says {expected_length} lines, the log has {sequence}"))
    if previous != expected_head:
        faults.append(Fault(sequence, "the last line is not the one that the booking points at"))
    return faults
