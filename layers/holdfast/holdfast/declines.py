"""Which declines may be tried again with the same card. Pure.

Soft declines are about the moment (no money just now, the issuer is away), hard ones about the card. The table of soft
ones is closed: a code that is not in it is hard, because a card that should not be asked again costs money and
reputation (Visa and Mastercard charge for retries of "never approve" codes).
Source: docs.stripe.com/declines/codes, column "next steps": "try again", "try again later", or "contact the issuer".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from holdfast.stripe_objects import Decline


class Severity(StrEnum):
    """What a decline asks for: time, the customer's authentication, or another card."""

    SOFT = "soft"
    AUTHENTICATION = "authentication"
    HARD = "hard"


_SOFT: Final = frozenset(
    {
        "approve_with_id",
        "call_issuer",
        "card_velocity_exceeded",
        "do_not_honor",
        "generic_decline",
        "insufficient_funds",
        "issuer_not_available",
        "no_action_taken",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    }
)
_AUTHENTICATION: Final = frozenset({"authentication_required", "authentication_not_handled"})
# Source: docs.stripe.com/error-codes; the first is a PaymentIntent's, the second a SetupIntent's.
_FAILED_AUTHENTICATION: Final = frozenset(
    {"payment_intent_authentication_failure", "setup_intent_authentication_failure"}
)

# Visa allows 15 tries of one payment in 30 days, Mastercard 10 in 24 hours; fewer are enough, and no hour sees two.
# The networks' limits are at docs.stripe.com/declines/card, under excessive retries.
MOST_RETRIES: Final = 8
LEAST_MINUTES_BETWEEN: Final = 60


def severity(decline: Decline) -> Severity:
    """How the decline of an authorization without the customer is answered."""
    code = decline.decline_code or decline.code
    if code in _AUTHENTICATION or decline.code in _AUTHENTICATION:
        return Severity.AUTHENTICATION
    return Severity.SOFT if code in _SOFT else Severity.HARD


def is_about_the_card(decline: Decline) -> bool:
    """The bank said no to the card; neither did its owner fail to authenticate, nor was that still to come."""
    return not failed_authentication(decline) and severity(decline) is not Severity.AUTHENTICATION


def failed_authentication(decline: Decline) -> bool:
    """The customer came, and 3-D Secure was not passed."""
    return decline.code in _FAILED_AUTHENTICATION


def schedule(minutes: str) -> tuple[int, ...]:
    """The waits before each retry of a soft decline, from text such as `60,360,1440`; empty: none.

    Raises ValueError where it asks more often than the networks allow.
    """
    waits = tuple(int(each) for each in minutes.replace(" ", "").split(",") if each)
    if len(waits) > MOST_RETRIES:
        raise ValueError(f"at most {MOST_RETRIES} retries, not {len(waits)}")
    if any(wait < LEAST_MINUTES_BETWEEN for wait in waits):
        raise ValueError(f"retries are at least {LEAST_MINUTES_BETWEEN} minutes apart")
    return waits
