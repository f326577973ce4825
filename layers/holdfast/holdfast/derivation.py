"""Derives again, from a booking's log alone, every amount that was charged, kept or sent back under its policy.

Pure, and a second opinion: it asks nothing of `policy`, `movements` or the booking. It reads the policy that the
customer accepted (the JSON in the first line, held against its hash), follows price, times and holds from line to line,
and works each amount out with whole numbers. Only what is true of a currency is shared with the rest (`money`). Amounts
are in minor units; instants are UTC and count by whole seconds, as the log writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from holdfast import money
from holdfast.log import Fault, canonical, wire_time

Line = Mapping[str, Any]

_CANCELLATIONS: Final = frozenset(
    {"late_cancellation", "cancelled_in_time", "cancelled_by_staff", "cancelled_after_outside_capture"}
)
_FEES: Final = frozenset({"late_cancellation", "no_show"})
_AFTER_OUTSIDE_CAPTURE: Final = "cancelled_after_outside_capture"
_BEFORE_AUTHENTICATION: Final = "cancelled before authentication"
_RETURNED: Final = frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Derived:
    """One amount that follows from the lines before it: `said` by the line, and what it comes to."""

    sequence: int
    kind: str
    reason: str
    said: int
    amount: int
    clause: str


@dataclass(slots=True)
class Account:
    """What the lines amount to: money taken and returned so far, the fee that was kept, and where the log
    contradicts itself.
    """

    captured: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    fee: int = 0
    derived: list[Derived] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """Also what is on its way; a refund that came back is not among it."""
        return sum(self.refunds.values())


@dataclass(slots=True)
class _Terms:
    """What is in force after the lines read so far."""

    policy: Mapping[str, Any]
    policy_hash: str
    currency: str
    price: int
    booked_at: datetime
    starts_at: datetime
    counted_from: datetime
    moved_at: datetime | None = None
    wish: Line | None = None
    event_cancelled: bool = False
    # What each authorization blocked, and every amount that one was to block.
    holds: dict[str, int] = field(default_factory=dict)
    planned: set[int] = field(default_factory=set)
    started: dict[str, Line] = field(default_factory=dict)


def account(lines: Iterable[Line]) -> Account:
    """Reads a booking's log from its first line on. Lines that no rule explains are faults, never exceptions."""
    result = Account()
    terms: _Terms | None = None
    for line in lines:
        try:
            if terms is None:
                terms = _accepted(line, result)
            _follow(terms, line)
            _derive(terms, line, result)
            _count(terms, line, result)
        except (KeyError, TypeError, ValueError) as missing:
            result.faults.append(Fault(int(line["sequence"]), f"what it follows from is missing: {missing!r}"))
            if terms is None:
                return result
    return result


def check(lines: Iterable[Line]) -> list[Fault]:
    """Every amount in the log that the lines before it do not come to."""
    return account(lines).faults


# --- what is in force -------------------------------------------------------------------------------------------------


def _accepted(line: Line, result: Account) -> _Terms:
    """The first line: what the customer agreed to."""
    details = line["details"]
    policy = details["policy"]
    found = hashlib.sha256(canonical(policy).encode()).hexdigest()
    if found != details["policy_hash"]:
        result.faults.append(Fault(int(line["sequence"]), "policy_hash is not the hash of the policy"))
    starts = _instant(details["starts_at"])
    price = details["price"]
    hold = _rounded_up(price * Fraction(policy["hold_ratio"]), line["currency"])
    if details["hold"] != hold:
        result.faults.append(Fault(int(line["sequence"]), f"the hold is {details['hold']}, the policy says {hold}"))
    return _Terms(
        policy=policy,
        policy_hash=details["policy_hash"],
        currency=line["currency"],
        price=price,
        booked_at=_instant(details["accepted_at"]),
        starts_at=starts,
        counted_from=starts,
        planned={details["hold"]},
    )


def _follow(terms: _Terms, line: Line) -> None:
    """What this line changes for those that come after it, and for itself."""
    details = line["details"]
    match line["kind"]:
        case "event_moved":
            terms.starts_at = terms.counted_from = _instant(details["to"][0])
            terms.moved_at = _optional(details["moved_at"])
        case "moved":
            terms.starts_at = _instant(details["to"]["starts_at"])
            terms.counted_from = _instant(details["fees_count_from"])
            terms.moved_at = _optional(details["moved_at"])
        case "event_cancelled":
            terms.event_cancelled = True
        case "reprice":
            terms.price = details["to"]
            terms.planned.add(details["hold_amount"])
        case "cancel_request":
            terms.wish = line
        case "authorize" | "renew" if line["stripe_id"] and line["status"] in ("succeeded", "pending", "failed"):
            terms.holds[line["stripe_id"]] = line["amount"]
            terms.planned.add(line["amount"])
    if line["status"] == "started":
        terms.started[line["operation_id"]] = line


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _optional(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


# --- what an amount has to be -----------------------------------------------------------------------------------------


def _derive(terms: _Terms, line: Line, result: Account) -> None:
    """Compares what this line says with what it follows from, if it charges, keeps or sends back under the policy."""
    if line["kind"] == "cancel_request" and "quote" in line["details"]:
        result.faults += _quoted(terms, line, result)
    found = _amount(terms, line, result)
    if found is None:
        return
    amount, clause, at = found
    derived = Derived(int(line["sequence"]), line["kind"], line["reason"], _said(line), amount, clause)
    result.derived.append(derived)
    if derived.said != amount:
        result.faults.append(
            Fault(derived.sequence, f"{line['kind']} {line['reason']} says {derived.said}, the log comes to {amount}")
        )
    result.faults += [Fault(derived.sequence, what) for what in _misquoted(terms, line, clause, at)]


def _said(line: Line) -> int:
    """A release and an end without money charge nothing, whatever they let go of."""
    return int(line["amount"]) if line["kind"] in ("capture", "authorize", "refund") else 0


def _amount(terms: _Terms, line: Line, result: Account) -> tuple[int, str, str | None] | None:
    """The amount, the clause that it follows from, and the instant at which it was judged (None: whatever it says)."""
    kind, reason, details = line["kind"], line["reason"], line["details"]
    if kind == "refund" and line["status"] == "started" and reason == "event_cancelled":
        return result.captured - result.refunded, "", None
    if kind == "close" and line["reason"] == _AFTER_OUTSIDE_CAPTURE:
        return None if result.captured == 0 else _kept_without_a_refund(terms, line, result)
    decides = line["status"] == "started" or kind == "close"
    if not decides or "clause" not in details or details["clause"] == "nothing held":
        return None
    hold = terms.holds[line["stripe_id"]] if kind == "capture" else details.get("hold", 0)
    if reason in _CANCELLATIONS or details["outcome"] == "cancelled":
        fee, clause, at = _cancellation(terms, hold)
        if kind == "refund":
            return result.captured - result.refunded - fee, clause, at
        return (0 if _was_not_collected(line) else fee), clause, at
    if reason == "no_show" or details["outcome"] == "no_show":
        fee, clause = _charged(terms, terms.policy["no_show_fee"], hold, "no-show")
        return (0 if _was_not_collected(line) else fee), clause, None
    if reason == "attended":
        amount = min(terms.price, hold) if kind == "capture" else terms.price
        return (0 if kind == "close" else amount), "attendance", None
    if reason == "completed":
        # Staff said how much; where they said nothing, it is the price.
        asked = details["asked"]
        return (terms.price if asked is None else int(asked)), "completed", None
    return None


def _was_not_collected(line: Line) -> bool:
    """The bank refused a fee to the end: the booking is closed without it, and staff are told."""
    return bool(line["kind"] == "close" and line["reason"] in _FEES)


def _kept_without_a_refund(terms: _Terms, line: Line, result: Account) -> tuple[int, str, str | None]:
    """Captured outside, and nothing goes back: it is all owed, or it cannot."""
    fee, clause, at = _cancellation(terms, line["details"].get("hold", 0))
    result.fee = min(fee, result.captured)
    return 0, clause, at


def _cancellation(terms: _Terms, hold: int) -> tuple[int, str, str | None]:
    """What the wish to cancel costs: nothing of a cancelled event or where staff charge nothing, what was quoted, or
    the tier of the instant at which it was made.
    """
    if terms.event_cancelled:
        return 0, "event_cancelled", None
    if terms.wish is None:
        raise ValueError("nobody wished to cancel")
    said = terms.wish["details"]
    if not said["charges_fee"]:
        return 0, "staff_cancellation", None
    quote = said.get("quote")
    if quote is not None:
        return min(quote["amount"], hold), quote["clause"], quote["issued_at"]
    fee, clause = _tier(terms, _instant(said["requested_at"]), hold)
    return fee, clause, said["requested_at"]


def _quoted(terms: _Terms, line: Line, result: Account) -> list[Fault]:
    """What was promised is what cancelling cost when it was promised: never more, and less only by what was held or
    captured.
    """
    quote = line["details"]["quote"]
    at = _instant(quote["issued_at"])
    if quote["amount"] == 0 and (terms.event_cancelled or not line["details"]["charges_fee"] or not terms.holds):
        return []
    most, clause = _tier(terms, at, max(terms.planned))
    least = min(_tier(terms, at, min(terms.planned))[0], result.captured or most)
    if quote["clause"] == _BEFORE_AUTHENTICATION:
        most, least, clause = 0, 0, _BEFORE_AUTHENTICATION
    sequence = int(line["sequence"])
    if clause != quote["clause"]:
        return [Fault(sequence, f"the quote's clause is {quote['clause']!r}, the policy says {clause!r}")]
    if not least <= quote["amount"] <= most:
        return [Fault(sequence, f"the quote is {quote['amount']}, the policy says {most}")]
    return []


def _tier(terms: _Terms, at: datetime, hold: int) -> tuple[int, str]:
    """Free up to the last second of the window; then the tier with the fewest hours of those that have begun."""
    if at <= _free_until(terms):
        return 0, "cancelled within the free window"
    left = (terms.counted_from - at).total_seconds()
    begun = [tier for tier in terms.policy["cancellation_tiers"] if left < tier["hours_before"] * 3600]
    if not begun:
        return 0, "cancelled when no tier applied"
    tier = min(begun, key=lambda each: int(each["hours_before"]))
    return _charged(terms, tier, hold, f"cancelled less than {tier['hours_before']} hours before the start")


def _free_until(terms: _Terms) -> datetime:
    window = timedelta(hours=terms.policy["free_cancellation_hours"])
    grace = terms.booked_at + timedelta(minutes=terms.policy["booking_grace_minutes"])
    until = max(terms.counted_from - window, min(grace, terms.counted_from))
    if terms.moved_at is not None and terms.booked_at <= terms.moved_at:
        until = max(until, min(terms.moved_at + window, terms.counted_from))
    return until


def _charged(terms: _Terms, charge: Mapping[str, Any], hold: int, occasion: str) -> tuple[int, str]:
    """Rounded down, at most what is held, and nothing where Stripe takes no such small amount."""
    if "percent" in charge:
        whole = _rounded_down(terms.price * Fraction(charge["percent"]) / 100, terms.currency)
        words = f"{charge['percent']} percent of the price"
    else:
        whole = _rounded_down(Fraction(charge["amount"]), terms.currency)
        words = "a fixed amount"
    amount = _rounded_down(Fraction(min(whole, hold)), terms.currency)
    if amount >= money.minimum_charge(terms.currency):
        return amount, f"{occasion}: {words}"
    if min(whole, hold) > 0:
        words += ", waived because it is below the smallest amount that can be charged"
    return 0, f"{occasion}: {words}"


def _rounded_down(amount: Fraction, currency: str) -> int:
    step = money.minor_step(currency)
    return (amount.numerator // (amount.denominator * step)) * step


def _rounded_up(amount: Fraction, currency: str) -> int:
    return -_rounded_down(-amount, currency)


# --- what the line says it follows from -------------------------------------------------------------------------------


def _misquoted(terms: _Terms, line: Line, clause: str, at: str | None) -> list[str]:
    """Where a line's own reasons are not what the lines before it say."""
    details = line["details"]
    true = {
        "clause": clause or details.get("clause"),
        "policy_hash": terms.policy_hash,
        "price": terms.price,
        "booked_at": wire_time(terms.booked_at),
        "starts_at": wire_time(terms.starts_at),
        "fees_count_from": wire_time(terms.counted_from),
        "moved_at": wire_time(terms.moved_at) if terms.moved_at else None,
        "evaluated_at": at or details.get("evaluated_at"),
    }
    if line["kind"] == "capture":
        true["hold"] = terms.holds[line["stripe_id"]]
    found = [
        f"{name} is {details[name]!r}, the log says {value!r}"
        for name, value in true.items()
        if name in details and details[name] != value
    ]
    if "hold" in details and details["hold"] not in terms.planned:
        found.append(f"hold is {details['hold']}, and nothing in the log was ever that")
    return found


# --- what it amounts to -----------------------------------------------------------------------------------------------


def _count(terms: _Terms, line: Line, result: Account) -> None:
    """Money that this line says has moved, by Stripe's own word."""
    kind, status, reason = line["kind"], line["status"], line["reason"]
    began = terms.started.get(line["operation_id"])
    if kind == "capture" and status == "succeeded":
        result.captured += line["amount"]
        result.fee = line["amount"] if reason in _FEES else 0
        if began is None or began["amount"] != line["amount"]:
            result.faults.append(Fault(int(line["sequence"]), "more or less was captured than was begun"))
    elif kind == "external" and reason == "captured":
        result.captured += line["amount"]
    elif _is_a_refund(line):
        _count_refund(began, line, result)


def _is_a_refund(line: Line) -> bool:
    is_one = line["kind"] in ("refund", "external") and str(line["stripe_id"]).startswith("re_")
    return is_one and line["status"] != "started"


def _count_refund(began: Line | None, line: Line, result: Account) -> None:
    known = line["stripe_id"] in result.refunds
    result.refunds[line["stripe_id"]] = 0 if line["status"] in _RETURNED else line["amount"]
    if began is None or known or line["status"] in _RETURNED:
        return
    if began["reason"] == _AFTER_OUTSIDE_CAPTURE:
        result.fee = result.captured - result.refunded
    elif began["reason"] == "event_cancelled":
        result.fee = 0
