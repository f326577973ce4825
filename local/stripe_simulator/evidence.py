"""What may be said in a dispute: texts with limits, and files that were uploaded before."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import no_such, refused
from local.stripe_simulator.params import Kind, clearable, nested, text, text_up_to
from local.stripe_simulator.wire import Body

# Up to 20,000 characters each (D).
_LONG = (
    """access_activity_log cancellation_policy_disclosure cancellation_rebuttal duplicate_charge_explanation
    product_description refund_policy_disclosure refund_refusal_explanation uncategorized_text"""
).split()
_SHORT = (
    """billing_address customer_email_address customer_name customer_purchase_ip duplicate_charge_id service_date
    shipping_address shipping_carrier shipping_date shipping_tracking_number"""
).split()
_FILES = (
    """cancellation_policy customer_communication customer_signature duplicate_charge_documentation receipt
    refund_policy service_documentation shipping_documentation uncategorized_file"""
).split()
FIELDS = sorted([*_LONG, *_SHORT, *_FILES])
MAXIMUM_LONG, MAXIMUM_TOGETHER = 20_000, 150_000  # D
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "escalated"}


def _file(name: str, value: Any) -> str:
    """There are no uploads here, so any id that looks like one is taken; words never are."""
    given: str = text(name, value)
    if not given.startswith("file_"):
        raise no_such("file upload", given, name, in_path=False)
    return given


_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_LONG, clearable(text_up_to(MAXIMUM_LONG))),
    **dict.fromkeys(_SHORT, clearable(text)),
    **dict.fromkeys(_FILES, clearable(_file)),
}
KIND: Kind = nested(_KINDS)


def blank() -> Body:
    return {**dict.fromkeys(FIELDS), "enhanced_evidence": {}}


def merged(before: Body, given: Body) -> Body:
    after = {**before, **given}
    if sum(len(after[name] or "") for name in FIELDS) > MAXIMUM_TOGETHER:
        raise refused(f"The combined character count of all evidence is limited to {MAXIMUM_TOGETHER:,}.", "evidence")
    return after


def is_given(evidence: Body) -> bool:
    return any(evidence[name] for name in FIELDS)


def verdict(evidence: Body) -> str | None:
    """Stripe's magic words, with which a test mode dispute is decided (D)."""
    return VERDICTS.get(evidence["uncategorized_text"] or "")
