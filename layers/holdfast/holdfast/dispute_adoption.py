"""Takes what Stripe says of a dispute into the book, one line of the log for each thing that happened.

Pure. Like all adoption it compares states and replays no events: twice, late or out of order ends in the same facts,
and a step that was never seen is not made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from holdfast.booking import Booking, with_dispute
from holdfast.dispute import Dispute
from holdfast.dispute_clock import no_longer_due
from holdfast.log import Entry, wire_time

Change = tuple[Booking, Sequence[Entry]]
_MONEY: Final = ("withdrawn", "reinstated", "fees", "balance_currency")


def observe_dispute(booking: Booking, seen: Dispute, now: datetime) -> Change:
    """A dispute opened, moved or closed, and the money that it took or brought back. Unchanged, without lines, where
    the book says the same.
    """
    known = next((dispute for dispute in booking.disputes if dispute.dispute_id == seen.dispute_id), None)
    current = _with_ours(known, seen)
    if known == current:
        return booking, []
    changed = no_longer_due(with_dispute(booking, current))
    if current.is_closed and _owed_and_barred(changed):
        changed = replace(changed, attention="refund_owed", attention_since=now)
    money = _money(known, current, booking)
    if known is not None and money and _only_money_moved(known, current):
        return changed, money
    return changed, [_status(known, current, booking), *money]


def _with_ours(known: Dispute | None, seen: Dispute) -> Dispute:
    """What we sent is ours to remember, until the bank wants another answer: an inquiry that became a dispute."""
    if known is None or (seen.awaits_answer and not known.awaits_answer):
        return seen
    return replace(seen, submitted_at=known.submitted_at, evidence_hash=known.evidence_hash)


def _owed_and_barred(booking: Booking) -> bool:
    """The organiser cancelled, and what is still owed cannot go back by Stripe: a person needs another way."""
    owed = booking.event_cancelled_at is not None and booking.refundable > 0
    lost = any(dispute.status == "lost" for dispute in booking.disputes)  # the bank gave it back already
    return owed and not lost and booking.barred_by is not None and booking.attention is None


def _only_money_moved(known: Dispute, current: Dispute) -> bool:
    return replace(known, **{name: getattr(current, name) for name in _MONEY}) == current


def _status(known: Dispute | None, current: Dispute, booking: Booking) -> Entry:
    same_currency = current.currency in (None, booking.currency)
    details: dict[str, Any] = {
        "step": _step(known, current),
        "due_by": wire_time(current.due_by) if current.due_by else None,
        "charge_id": current.charge_id,
        "network_reason_code": current.network_reason_code,
        "refundable": current.refundable,
    }
    if not same_currency:
        details["disputed"] = {"amount": current.amount, "currency": current.currency}
    return _entry(current, current.status, current.amount if same_currency else None, details)


def _step(known: Dispute | None, current: Dispute) -> str:
    """What happened, for whoever publishes it; Stripe's own word is the line's status."""
    if current.is_closed and (known is None or not known.is_closed):
        return "closed"
    if known is None:
        return "opened"
    if known.is_inquiry and not current.is_inquiry:
        return "escalated"
    if known.awaits_answer and not current.awaits_answer:
        return "answered"
    return "updated"


def _money(known: Dispute | None, current: Dispute, booking: Booking) -> list[Entry]:
    """Each movement is a line of its own. The balance may be kept in another currency than the booking."""
    before = (known.withdrawn, known.reinstated, known.fees) if known else (0, 0, 0)
    after = (current.withdrawn, current.reinstated, current.fees)
    withdrawn, reinstated, fee = (now - then for now, then in zip(after, before, strict=True))
    same_currency = current.balance_currency == booking.currency
    entries = []
    for status, amount, costs in (("funds_withdrawn", withdrawn, fee), ("funds_reinstated", reinstated, 0)):
        if amount > 0:
            moved = {"step": status, "amount": amount, "currency": current.balance_currency, "fee": costs}
            entries.append(_entry(current, status, amount if same_currency else None, moved))
    return entries


def _entry(dispute: Dispute, status: str, amount: int | None, details: dict[str, Any]) -> Entry:
    return Entry(
        kind="dispute",
        status=status,
        actor="stripe",
        amount=amount,
        reason=dispute.reason,
        stripe_id=dispute.dispute_id,
        details=details,
    )
