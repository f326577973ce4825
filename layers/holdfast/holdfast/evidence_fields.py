"""The text fields of a dispute's evidence as Stripe takes them, their limits, and what staff changed of them.

Pure. Source: the parameters of POST /v1/disputes/{id} in the pinned SDK (`stripe.params._dispute_modify_params`): long
texts have at most 20,000 characters each, all fields together 150,000. The fields that take a file are left to Stripe's
dashboard: what is staged there goes to the bank with what is sent from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from holdfast.errors import FieldError, RuleRefused
from holdfast.log import Line, canonical

_LONG: Final = 20_000
# Stripe publishes no limit for the short ones (a name, an address, a date); whoever needs more has the wrong field.
_SHORT: Final = 5_000
TEXT_FIELDS: Final[Mapping[str, int]] = {
    "access_activity_log": _LONG,
    "billing_address": _SHORT,
    "cancellation_policy_disclosure": _LONG,
    "cancellation_rebuttal": _LONG,
    "customer_email_address": _SHORT,
    "customer_name": _SHORT,
    "customer_purchase_ip": _SHORT,
    "duplicate_charge_explanation": _LONG,
    "duplicate_charge_id": _SHORT,
    "product_description": _LONG,
    "refund_policy_disclosure": _LONG,
    "refund_refusal_explanation": _LONG,
    "service_date": _SHORT,
    "shipping_address": _SHORT,
    "shipping_carrier": _SHORT,
    "shipping_date": _SHORT,
    "shipping_tracking_number": _SHORT,
    "uncategorized_text": _LONG,
}
MOST_CHARACTERS: Final = 150_000
# What is sent is kept in one line of the log, and DynamoDB's items end at 400 KB.
MOST_BYTES: Final = 300_000

Evidence = dict[str, str]
Edits = Mapping[str, str | None]


def evidence_hash(evidence: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the canonical JSON (sorted keys, no spaces) of what is sent."""
    return hashlib.sha256(canonical(evidence).encode()).hexdigest()


def characters(evidence: Mapping[str, str]) -> int:
    return sum(map(len, evidence.values()))


def edited(assembled: Mapping[str, str], edits: Edits) -> Evidence:
    """What would be sent: staff's words in the place of ours, and nothing where staff emptied a field."""
    merged = {**assembled, **{name: text for name, text in edits.items() if text is not None}}
    return {name: merged[name] for name in TEXT_FIELDS if merged.get(name)}


def check(evidence: Mapping[str, str]) -> None:
    """Raises RuleRefused for what Stripe, or our log, would not take."""
    if not evidence:
        raise RuleRefused("There is no evidence to submit: every field is empty.")
    if characters(evidence) > MOST_CHARACTERS:
        raise RuleRefused(
            f"Evidence has at most {MOST_CHARACTERS} characters in all its fields; this has {characters(evidence)}."
        )
    size = sum(len(text.encode()) for text in evidence.values())
    if size > MOST_BYTES:
        raise RuleRefused(f"Evidence has at most {MOST_BYTES} bytes as UTF-8; this has {size}.")
    check_each(evidence)


def check_each(texts: Edits) -> None:
    """Raises RuleRefused for each text that is too long for its field."""
    faults = [
        FieldError(f"/evidence/{name}", f"At most {TEXT_FIELDS[name]} characters; this has {len(text)}.")
        for name, text in texts.items()
        if text is not None and len(text) > TEXT_FIELDS[name]
    ]
    if faults:
        raise RuleRefused(faults[0].detail, faults)


def shortened(paragraphs: Sequence[str], most: int) -> str:
    """The lines that fit: the first and the last are kept, and the gap between them is told. Where not even those two
    fit, the text is cut.
    """
    text = "\n".join(paragraphs)
    if len(text) <= most:
        return text
    head, tail = list(paragraphs[: len(paragraphs) // 2]), list(paragraphs[len(paragraphs) // 2 :])
    while len(head) + len(tail) > 2:
        (head if len(head) > len(tail) else tail).pop(-1 if len(head) > len(tail) else 0)
        gone = len(paragraphs) - len(head) - len(tail)
        kept = "\n".join([*head, f"({gone} more lines)", *tail])
        if len(kept) <= most:
            return kept
    return text[:most]


def edits_in(lines: Iterable[Line], dispute_id: str) -> dict[str, str]:
    """What staff's edits of this dispute's evidence amount to; an edit that was taken back is not among them."""
    edits: dict[str, str] = {}
    for line in lines:
        if line["kind"] == "evidence" and line["status"] == "edited" and line["stripe_id"] == dispute_id:
            for name, text in line["details"]["fields"].items():
                if text is None:
                    edits.pop(name, None)
                else:
                    edits[name] = text
    return edits


def sent_in(lines: Iterable[Line], dispute_id: str) -> Evidence | None:
    """What was sent to the bank last, word for word; None where nothing was."""
    begun: dict[str, Evidence] = {}
    sent: Evidence | None = None
    for line in lines:
        if line["kind"] != "evidence" or line["stripe_id"] != dispute_id:
            continue
        if line["status"] == "started":
            begun[line["operation_id"]] = dict(line["details"]["fields"])
        elif line["status"] == "succeeded":
            sent = begun.get(line["operation_id"])
    return sent
