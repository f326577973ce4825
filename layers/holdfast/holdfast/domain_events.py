"""A line of the log as the world outside hears of it.

Pure. The event says what the line says, and nothing that a consumer must not have: no card, no secret, no text that a
person wrote. What it carries is named field by field; what a line holds besides stays in the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.domain_event_types import EventType, Line, event_type
from holdfast.log import Logged

SCHEMA_VERSION: Final = 1
Event = dict[str, Any]

# A code: ours or Stripe's. Anything else might be a person's words.
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# Kinds whose reason can be what a person wrote. Only what these sets name goes out.
_WRITTEN_BY_PEOPLE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "refund": frozenset(
            {
                "duplicate",
                "fraudulent",
                "requested_by_customer",
                "event_cancelled",
                "cancelled_after_outside_capture",
            }
        ),
        "waive": frozenset(),
        "contest": frozenset(),
        "no_show": frozenset(),
        "reprice": frozenset(),
        "moved": frozenset(),
    }
)


def domain_event(logged: Logged, *, user_id: str | None, deployment: str, replayed: bool = False) -> Event | None:
    """The event that this line is; None where it is deliberately none.

    The same line is always the same event with the same `id`. Raises Unmapped where no rule knows the line.
    """
    line = logged.line
    kind = event_type(line)
    if kind is None:
        return None
    details = line["details"]
    return {
        "id": f"{logged.booking_id}:{logged.sequence}",
        "type": str(kind),
        "schema_version": SCHEMA_VERSION,
        "deployment": deployment,
        "occurred_at": line["created_at"],
        "replayed": replayed,
        "booking_id": logged.booking_id,
        "sequence": logged.sequence,
        "event_id": logged.event_id,
        "user_id": user_id,
        "operation_id": line["operation_id"],
        "actor": line["actor"],
        "reason": _reason(line),
        "amount": None if line["amount"] is None else {"amount": line["amount"], "currency": line["currency"]},
        "stripe_id": line["stripe_id"],
        "payment_status": details.get("after"),
        "previous_payment_status": details.get("before"),
        "outcome": details.get("outcome"),
        "data": {name: value(line) for name, value in DATA.get(kind, {}).items()},
    }


def _reason(line: Line) -> str | None:
    allowed = _WRITTEN_BY_PEOPLE.get(line["kind"])
    if allowed is not None:
        return line["reason"] if line["reason"] in allowed else None
    return _matching(_CODE, line["reason"])


def _matching(shape: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and shape.fullmatch(value) else None


Value = Callable[[Line], Any]


def _detail(line: Line, names: tuple[str, ...]) -> Any:
    return next((line["details"][name] for name in names if line["details"].get(name) is not None), None)


def _time(*names: str) -> Value:
    """The first of these details that is there, if it is a time."""
    return lambda line: _matching(_TIME, _detail(line, names))


def _code(*names: str) -> Value:
    return lambda line: _matching(_CODE, _detail(line, names))


def _whole(*names: str) -> Value:
    def value(line: Line) -> int | None:
        found = _detail(line, names)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    return value


def _flag(name: str) -> Value:
    return lambda line: line["details"].get(name) is True


def _span(name: str) -> Value:
    """A start and an end, which the log keeps as a pair."""

    def value(line: Line) -> dict[str, str | None] | None:
        found = line["details"].get(name)
        if not isinstance(found, list) or len(found) != 2:
            return None
        starts_at, ends_at = (_matching(_TIME, each) for each in found)
        return {"starts_at": starts_at, "ends_at": ends_at}

    return value


def _place(name: str) -> Value:
    """Which event, and when it starts."""

    def value(line: Line) -> dict[str, str | None] | None:
        found = line["details"].get(name)
        if not isinstance(found, Mapping):
            return None
        return {
            "event_id": _matching(_ID, found.get("event_id")),
            "starts_at": _matching(_TIME, found.get("starts_at")),
        }

    return value


def _operation(line: Line) -> str:
    return str(line["kind"])


def _money(details: Any) -> dict[str, Any] | None:
    """An amount in a currency of its own, because it need not be the booking's."""
    if not isinstance(details, Mapping):
        return None
    amount, currency = details.get("amount"), _matching(_CODE, details.get("currency"))
    is_money = isinstance(amount, int) and not isinstance(amount, bool) and currency is not None
    return {"amount": amount, "currency": currency} if is_money else None


def _disputed(line: Line) -> dict[str, Any] | None:
    """Only where it is not the line's own amount."""
    return _money(line["details"].get("disputed"))


def _balance(line: Line) -> dict[str, Any] | None:
    return _money(line["details"])


def _status(line: Line) -> str | None:
    return _matching(_CODE, line["status"])


def _next_action(line: Line) -> str | None:
    """What the customer is asked for: `confirm_payment`, `confirm_setup` or `new_payment_method`."""
    told = _code("next_action")(line)
    if told is not None:
        return str(told)
    if line["status"] != "pending":
        return None
    if line["kind"] == "mend":
        return "new_payment_method" if line["reason"] == "new_payment_method" else "confirm_payment"
    return "confirm_setup" if line["kind"] == "schedule" else "confirm_payment"


def _refund_failure(line: Line) -> str | None:
    """The bank's reason, or Stripe's code where the refund was refused: such a line carries Stripe's message."""
    told = _code("failure_reason")(line)
    if told is None and line["status"] == "failed" and ("message" in line["details"] or line["actor"] == "stripe"):
        told = _matching(_CODE, line["reason"])
    return None if told in ("refund_updated", "refunded") else told


_DEADLINE: Final = _time("deadline")
_DECLINED: Final[Mapping[str, Value]] = {
    "decline_code": _code("decline_code", "code"),
    "will_retry_at": _time("will_retry_at"),
    "next_action": _next_action,
    "deadline": _DEADLINE,
}
_EXPIRES: Final[Mapping[str, Value]] = {"expires_at": _time("expires_at")}
_DISPUTE: Final[Mapping[str, Value]] = {"status": _status, "due_by": _time("due_by"), "disputed": _disputed}
_FUNDS: Final[Mapping[str, Value]] = {"balance": _balance, "fee": _whole("fee")}
_ANSWER: Final = frozenset(
    {
        EventType.DISPUTE_EVIDENCE_EDITED,
        EventType.DISPUTE_EVIDENCE_SUBMITTED,
        EventType.DISPUTE_EVIDENCE_FAILED,
        EventType.DISPUTE_ACCEPTED,
        EventType.DISPUTE_ACCEPT_FAILED,
    }
)
_MEND: Final[Mapping[str, Value]] = {"next_action": _next_action, "deadline": _DEADLINE}

# What an event of this type carries in `data`, beside what all carry. Types without a row carry nothing more.
DATA: Final[Mapping[EventType, Mapping[str, Value]]] = MappingProxyType(
    {
        EventType.HOLD_SCHEDULED: {"place_at": _time("hold_at", "place_at")},
        EventType.HOLD_PLACED: _EXPIRES,
        EventType.HOLD_ACTION_REQUIRED: {"operation": _operation, "next_action": _next_action, "deadline": _DEADLINE},
        EventType.HOLD_DECLINED: {"operation": _operation, **_DECLINED},
        EventType.HOLD_RENEWED: _EXPIRES,
        EventType.HOLD_RENEWAL_FAILED: _DECLINED,
        EventType.HOLD_EXPIRY_CHANGED: _EXPIRES,
        EventType.REFUND_PENDING: {"pending_reason": _code("pending_reason")},
        EventType.REFUND_FAILED: {"failure_code": _refund_failure},
        EventType.REFUND_CANCELED: {"failure_code": _refund_failure},
        **{each: _DISPUTE for each in EventType if each.startswith("dispute.") and each not in _ANSWER},
        EventType.DISPUTE_FUNDS_WITHDRAWN: _FUNDS,
        EventType.DISPUTE_FUNDS_REINSTATED: _FUNDS,
        EventType.NO_SHOW_NOTICED: {"charge_at": _time("charge_at")},
        EventType.BOOKING_CANCEL_REQUESTED: {"charges_fee": _flag("charges_fee")},
        EventType.BOOKING_EVENT_MOVED: {"from": _span("from"), "to": _span("to")},
        EventType.BOOKING_MOVED: {"from": _place("from"), "to": _place("to"), "fresh_window": _flag("fresh_window")},
        EventType.BOOKING_REPRICED: {"previous_amount": _whole("from")},
        EventType.BOOKING_MEND_REQUIRED: _MEND,
        EventType.BOOKING_MEND_DEADLINE_PASSED: _MEND,
        EventType.REMINDER_HOLD_COMING: {"place_at": _time("about", "hold_at", "place_at")},
        EventType.REMINDER_FREE_CANCELLATION_ENDING: {"until": _time("about", "free_cancellation_until")},
    }
)
