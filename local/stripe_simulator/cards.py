"""How each test card behaves, by Stripe's ids and by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Authentication = Literal["never", "until_set_up", "always", "already_set_up"]


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str
    message: str
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None

    @property
    def advice(self) -> dict[str, str]:
        """What the network said beyond the code, where it did."""
        said = {
            "advice_code": self.advice_code,
            "network_decline_code": self.network_decline_code,
            "network_advice_code": self.network_advice_code,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Card:
    number: str
    brand: str = "visa"
    decline: Decline | None = None
    refuses_attachment: bool = False
    authentication: Authentication = "never"
    dispute_reason: str | None = None
    inquiry: bool = False
    refund: Literal["succeeds", "settles_later", "fails_later"] = "succeeds"
    # With `failed_charge_on_off_session_authentication`: some cards leave a failed charge behind (I), 3220 never (R).
    may_leave_failed_charge: bool = False
    funding: str = "credit"

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


def _refused(number: str, decline: Decline) -> Card:
    return Card(number, decline=decline, refuses_attachment=True)


GENERIC = _declined("generic_decline")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
LIVE_CARD = _declined(
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid test "
    "cards, visit: https://stripe.com/docs/testing.",
)
_INSUFFICIENT = _declined("insufficient_funds", "Your card has insufficient funds.")
_VELOCITY = _declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
_PROCESSING = "An error occurred while processing your card. Try again in a little bit."

# Declines that are an error code of their own; every other one is a `card_declined` (D).
_OWN_CODE = frozenset(
    """expired_card incorrect_address incorrect_cvc incorrect_number incorrect_zip invalid_cvc invalid_expiry_month
    invalid_expiry_year invalid_number processing_error""".split()
)
_MESSAGES = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "insufficient_funds": _INSUFFICIENT.message,
    "card_velocity_exceeded": _VELOCITY.message,
    "processing_error": _PROCESSING,
}


def decline_of(decline_code: str, **advice: str | None) -> Decline:
    """Any reason that a bank may give, also one that Stripe has not listed yet."""
    if decline_code == AUTHENTICATION_REQUIRED.decline_code:
        return AUTHENTICATION_REQUIRED
    code = decline_code if decline_code in _OWN_CODE else "card_declined"
    return Decline(code, decline_code, _MESSAGES.get(decline_code, "Your card was declined."), **advice)


_ALL = [
    Card("4242424242424242"),
    Card("4000056655665556", funding="debit"),
    Card("5555555555554444", "mastercard"),
    Card("378282246310005", "amex"),
    Card("6011111111111117", "discover"),
    _refused("4000000000000002", GENERIC),
    _refused("4000000000009995", _INSUFFICIENT),
    _refused("4000000000009987", _declined("lost_card")),
    _refused("4000000000009979", _declined("stolen_card")),
    _refused("4000000000006975", _VELOCITY),
    _refused("4000000000000069", Decline("expired_card", "expired_card", "Your card has expired.")),
    _refused("4000000000000127", Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")),
    _refused("4000000000000119", Decline("processing_error", "processing_error", _PROCESSING)),
    Card("4000000000000341", decline=GENERIC),
    Card("4000002500003155", authentication="until_set_up", may_leave_failed_charge=True),
    Card("4000002760003184", authentication="always", may_leave_failed_charge=True),
    Card("4000000000003220", authentication="always"),
    Card("4000003800000446", authentication="already_set_up"),
    Card("4000008400001629", authentication="always", decline=GENERIC),
    Card("4000000000000259", dispute_reason="fraudulent"),
    Card("4000000000002685", dispute_reason="product_not_received"),
    Card("4000000000001976", dispute_reason="general", inquiry=True),
    Card("4000000000007726", refund="settles_later"),
    Card("4000000000005126", refund="fails_later"),
]
BY_NUMBER = {card.number: card for card in _ALL}

_DECLINES = {
    "": "4000000000000002",
    "InsufficientFunds": "4000000000009995",
    "LostCard": "4000000000009987",
    "StolenCard": "4000000000009979",
    "VelocityLimitExceeded": "4000000000006975",
}
NUMBERS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    **{f"visa_chargeDeclined{name}": number for name, number in _DECLINES.items()},
    **{f"chargeDeclined{name}": number for name, number in _DECLINES.items()},
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    # D: https://docs.stripe.com/testing#regulatory-cards; the name without an ending is the card that always asks.
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
}


def named(id: str, prefix: str = "pm_card_") -> Card | None:
    """`pm_card_visa` as at Stripe; `pm_card_4000000000000341` is ours, for numbers without a name of their own."""
    name = id.removeprefix(prefix)
    if name == id:
        return None
    return BY_NUMBER.get(NUMBERS.get(name, name))


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return len(digits) >= 12 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
