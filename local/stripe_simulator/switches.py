"""What Stripe's documentation leaves open, or differs between accounts: one named switch per question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

API_VERSION = "2026-10-28.endive"


class SwitchRefused(ValueError):
    """No such switch, or not a value for it."""


@dataclass
class Switches:
    """Grades: D documented, I inferred, R recorded. docs/simulator.md says what each one means."""

    enforce_minimum_amount: bool = True  # D/I; a recorded sandbox accepted 40 and 49 cents (R)
    special_case_currencies: bool = True  # D/I
    failed_charge_on_off_session_authentication: bool = False  # I, cards 3155 and 3184 only
    release_emits_refund_created: bool = True  # I
    release_emits_canceled_first: bool = False  # order unknown
    expiry_lag_seconds: float = 1.0  # H: canceled 604,801 s after the hold
    expiry_emits_charge_refunded: bool = False  # unknown
    expiry_cancellation_reason: str = "automatic"  # H; the SDK also lists "expired" (S)
    refund_emits_legacy_updated: bool = True  # I
    refund_failure_emits_updated: bool = True  # I
    inquiry_withdraws_funds: bool = False  # I
    dispute_lost_when_past_due: bool = True  # I
    dispute_evidence_submitted_once: bool = False  # D says "typically"; what a second time answers is unknown
    extended_authorization: str = "refused"  # H; how an account that has it by contract is treated, too
    # D: each network has its own merchant categories.
    extended_authorization_brands: list[str] = field(default_factory=lambda: ["visa", "mastercard", "amex", "discover"])
    replay_has_new_request_id: bool = True  # I
    idempotency_compares_path: bool = True  # I
    prune_idempotency_keys: bool = True  # D: prunable after at least 24 h
    conflict_error_type: str = "idempotency_error"  # I
    reattach_refused: bool = False  # I
    require_return_url_for_redirects: bool = False  # I
    refund_settlement_seconds: float = 60.0
    dispute_resolution_seconds: float = 5.0  # R: seconds later in test mode
    rate_limit_per_second: int = 0  # D: 25 in a sandbox, 100 live; 0 is no limit
    payment_intent_updates_per_hour: int = 1000  # D; 0 is no limit
    webhook_timeout_seconds: float = 10.0
    webhook_retry_seconds: list[float] = field(
        # I: the intervals are unpublished; this is exponential, over about two and a half days (D: three).
        default_factory=lambda: [10.0, 40.0, 160.0, 640.0, 2560.0, 10240.0, 40960.0, 163840.0]
    )
    account_api_version: str = API_VERSION

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def change(self, wanted: Mapping[str, Any]) -> None:
        known = {each.name for each in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise SwitchRefused(f"no such switch: {name}")
            _check(name, value, getattr(self, name))
        for name, value in wanted.items():
            setattr(self, name, float(value) if isinstance(getattr(self, name), float) else value)


_OPTIONS = {
    "expiry_cancellation_reason": ("automatic", "expired"),
    "extended_authorization": ("refused", "unavailable", "granted"),
}


def _check(name: str, value: object, present: object) -> None:
    if isinstance(present, bool):
        fits = isinstance(value, bool)
    elif isinstance(present, int | float):
        whole_enough = isinstance(value, int) or isinstance(present, float)
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and whole_enough
    elif name == "extended_authorization_brands":
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
    elif isinstance(present, list):
        fits = isinstance(value, list) and all(isinstance(each, int | float) and each >= 0 for each in value)
    else:
        fits = isinstance(value, str) and value != ""
    if not fits:
        raise SwitchRefused(f"{name} does not take {value!r}")
    options = _OPTIONS.get(name)
    if options is not None and value not in options:
        raise SwitchRefused(f"{name} is {' or '.join(options)}")
