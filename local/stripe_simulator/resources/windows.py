"""How long the bank keeps a hold: by brand, by who began it, and longer for accounts that may ask for it."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.resources import payment_methods
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

CUSTOMER_INITIATED_SECONDS = 7 * 86_400  # R, exactly
MERCHANT_INITIATED_VISA_SECONDS = 4 * 86_400 + 18 * 3_600  # D: five days, of which Stripe gives 4 d 18 h
EXTENDED_SECONDS = 30 * 86_400  # D
EXTENDED_VISA_SECONDS = 29 * 86_400 + 18 * 3_600  # D
_REQUEST = "request_extended_authorization"


def check_eligible(world: World, params: dict[str, Any]) -> None:
    """An account without the feature is refused as soon as it asks (H: activemerchant pull request 5417)."""
    card = (params.get("payment_method_options") or {}).get("card") or {}
    if card.get(_REQUEST) == "if_available" and world.switches.extended_authorization == "refused":
        raise refused(
            "This account is not eligible for the requested card features. See "
            "https://stripe.com/docs/payments/flexible-payments for more details.",
            f"payment_method_options[card][{_REQUEST}]",
        )


def is_extended(world: World, intent: Body, method: Body) -> bool:
    asked = intent["payment_method_options"]["card"].get(_REQUEST) == "if_available"
    brand = payment_methods.behaviour(method).brand
    granted = world.switches.extended_authorization == "granted"
    return asked and granted and brand in world.switches.extended_authorization_brands


def seconds(world: World, intent: Body, method: Body) -> int:
    """Only Visa gives merchant-initiated holds less time than the customer's own."""
    visa = payment_methods.behaviour(method).brand == "visa"
    if is_extended(world, intent, method):
        return EXTENDED_VISA_SECONDS if visa else EXTENDED_SECONDS
    return MERCHANT_INITIATED_VISA_SECONDS if visa and intent["_off_session"] else CUSTOMER_INITIATED_SECONDS


def is_over(world: World, charge: Body) -> bool:
    deadline = charge["payment_method_details"]["card"]["capture_before"]
    return world.clock.now() > float(deadline)
