"""Whose card may pay for what: an attached card only for its own customer."""

from __future__ import annotations

from local.stripe_simulator.errors import missing_parameter, refused
from local.stripe_simulator.resources.payment_methods import USED_UP
from local.stripe_simulator.wire import Body


def check_owner(intent: Body, method: Body) -> None:
    if method["_used_up"]:
        raise refused(USED_UP, "payment_method")
    owner = method["customer"]
    if owner is None or owner == intent["customer"]:
        return
    if intent["customer"] is None:
        raise missing_parameter(
            "source",
            f"The payment method supplied ({method['id']}) belongs to the Customer {owner}. Please include the "
            "Customer "
            f"in the `customer` parameter on the {spoken(intent)}.",
        )
    raise refused(
        f"The PaymentMethod supplied ({method['id']}) does not belong to the Customer you supplied "
        f"({intent['customer']}). Please use this PaymentMethod with the Customer that it belongs to instead.",
        "payment_method",
    )


def spoken(intent: Body) -> str:
    return "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"
