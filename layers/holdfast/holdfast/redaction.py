"""Removes what must never be logged from a line of text, whatever put it there."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

# By shape, so that it works inside exception messages and tracebacks as well as in fields.
_SECRETS: Final = re.compile(
    r"""
      \b[sr]k_(?:test|live)_[A-Za-z0-9_]+          # Stripe's secret and restricted keys
    | \bek_(?:test|live)_[A-Za-z0-9_]+             # ephemeral keys
    | \bwhsec_[A-Za-z0-9_+/=]+                     # webhook secrets
    | \b(?:pi|seti|cuss)_[A-Za-z0-9]+_secret_[A-Za-z0-9]+  # client secrets
    | \beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?  # JSON Web Tokens
    | (?i:\bbearer)\s+[A-Za-z0-9._~+/=-]+          # Authorization headers
    | (?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])    # card numbers; ids and times here are never digits alone
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    return _SECRETS.sub(REDACTED, text)
