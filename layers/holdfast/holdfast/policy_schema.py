"""The JSON Schema of a policy, for OpenAPI. `policy_input` does the checking; this only tells clients what to send."""

from __future__ import annotations

from typing import Any, Final

from holdfast.policy_terms import DEFAULT, NoShowCapture, OnUnplaceableHold

_DECIMAL: Final = {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,4})?$"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_PERCENT: Final = {"anyOf": [_COUNT, _DECIMAL], "description": "Of the price."}
_AMOUNT: Final = {"type": "integer", "minimum": 0, "description": "In minor units of the price's currency."}


def _charge(**more: Any) -> dict[str, Any]:
    """Exactly one of percent and amount, beside what is always there."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": more | {name: schema},
                "required": [*more, name],
                "additionalProperties": False,
            }
            for name, schema in (("percent", _PERCENT), ("amount", _AMOUNT))
        ]
    }


_TERMS: Final[dict[str, dict[str, Any]]] = {
    "hold_ratio": {**_DECIMAL, "description": "The hold, as a multiple of the price: from 1 to 2."},
    "free_cancellation_hours": {**_COUNT, "description": "Cancelling is free until so many hours before the start."},
    "booking_grace_minutes": {**_COUNT, "description": "And for so long after booking, until the start."},
    "cancellation_tiers": {
        "type": "array",
        "items": _charge(hours_before=_COUNT),
        "maxItems": 20,
        "description": "What a later cancellation costs: by the smallest hours_before that is more than is left.",
    },
    "no_show_fee": {**_charge(), "description": "What somebody who never came pays."},
    "no_show_grace_minutes": {**_COUNT, "description": "Nobody is absent until so long after the start."},
    "no_show_contest_minutes": {**_COUNT, "description": "Time to object before the fee is captured."},
    "no_show_capture": {"type": "string", "enum": [option.value for option in NoShowCapture]},
    "capture_on_attendance": {
        "type": "boolean",
        "description": "Whoever was checked in and not completed pays the price (true) or is released (false).",
    },
    "settle_hours": {**_COUNT, "description": "How long after the end that happens."},
    "self_refund_until_hours": {
        "anyOf": [_COUNT, {"type": "null"}],
        "description": "Customers may refund themselves until so many hours before the start; null: never.",
    },
    "on_unplaceable_hold": {"type": "string", "enum": [option.value for option in OnUnplaceableHold]},
    "off_session_fees": {
        "type": "boolean",
        "description": "Where no hold is left, a fee may be charged to the saved card without the customer.",
    },
}

PARTIAL_POLICY: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A policy, whole or in part: what is left out is the deployment's default.",
    "properties": {name: {**schema, "default": DEFAULT.to_json()[name]} for name, schema in _TERMS.items()},
    "additionalProperties": False,
}

SERVED_POLICY: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The complete policy, and its text for the customer.",
    "properties": {**_TERMS, "text": {"type": "string"}},
    "required": [*_TERMS, "text"],
    "additionalProperties": False,
}
