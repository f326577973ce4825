"""Which parameters each request takes; whatever is not here is refused as unknown."""

from __future__ import annotations

from collections.abc import Mapping

from local.stripe_simulator import evidence
from local.stripe_simulator.metadata import metadata
from local.stripe_simulator.params import (
    EXPAND,
    LIST,
    Kind,
    amount_to_capture,
    anything,
    at_least,
    boolean,
    choice,
    clearable,
    created_range,
    integer,
    list_of,
    nested,
    text,
)

Kinds = Mapping[str, Kind]
optional_text = clearable(text)

ADDRESS = clearable(nested(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), optional_text)))
SHIPPING = clearable(
    nested(
        {"address": ADDRESS, "name": text, "phone": optional_text, "carrier": optional_text, "tracking_number": text},
        ("address", "name"),
    )
)
BILLING = nested({"address": ADDRESS, **dict.fromkeys(("email", "name", "phone", "tax_id"), optional_text)})
CARD_OPTIONS = nested(
    {
        "card": nested(
            {
                "request_extended_authorization": choice("if_available", "never"),
                "request_three_d_secure": choice("any", "automatic", "challenge"),
                "setup_future_usage": anything,
            }
        )
    }
)
AUTOMATIC = nested({"enabled": boolean, "allow_redirects": choice("always", "never")}, ("enabled",))
USAGE = choice("off_session", "on_session")
CAPTURE_METHOD = choice("automatic", "automatic_async", "manual")
# Taken because real callers send them; nothing follows from them here.
WITHOUT_EFFECT: Kinds = dict.fromkeys(("use_stripe_sdk", "mandate_data", "radar_options"), anything)
DESCRIPTORS: Kinds = {"statement_descriptor": text, "statement_descriptor_suffix": text}

CUSTOMER_UPDATE: Kinds = {
    **EXPAND,
    "address": ADDRESS,
    "description": optional_text,
    "email": optional_text,
    "invoice_settings": nested({"default_payment_method": optional_text}),
    "metadata": metadata,
    "name": optional_text,
    "phone": optional_text,
    "preferred_locales": list_of(text),
    "shipping": SHIPPING,
    "tax_exempt": choice("exempt", "none", "reverse"),
}
CUSTOMER_CREATE: Kinds = {**CUSTOMER_UPDATE, "payment_method": text}

METHOD_CREATE: Kinds = {
    **EXPAND,
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "billing_details": BILLING,
    "card": nested({"number": text, "exp_month": integer, "exp_year": integer, "cvc": text, "token": text}),
    "metadata": metadata,
    "type": choice("card"),
}
METHOD_UPDATE: Kinds = {
    **EXPAND,
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "billing_details": BILLING,
    "card": nested({"exp_month": integer, "exp_year": integer}),
    "metadata": metadata,
}
METHOD_LIST: Kinds = {**LIST, "allow_redisplay": text, "type": choice("card")}

_INTENT: Kinds = {
    **EXPAND,
    **DESCRIPTORS,
    "capture_method": CAPTURE_METHOD,
    "customer": text,
    "description": optional_text,
    "metadata": metadata,
    "payment_method_options": CARD_OPTIONS,
    "receipt_email": optional_text,
    "setup_future_usage": clearable(USAGE),
    "shipping": SHIPPING,
    "transfer_group": text,
}
_CONFIRMING: Kinds = {
    **WITHOUT_EFFECT,
    "error_on_requires_action": boolean,
    "off_session": lambda name, value: value in {"one_off", "recurring"} or boolean(name, value),
    "payment_method": text,
    "return_url": text,
}
INTENT_CREATE: Kinds = {
    **_INTENT,
    **_CONFIRMING,
    "allowed_payment_method_types": list_of(choice("card")),
    "amount": at_least(1),
    "automatic_payment_methods": AUTOMATIC,
    "confirm": boolean,
    "confirmation_method": choice("automatic", "manual"),
    "currency": text,
}
INTENT_UPDATE: Kinds = {**_INTENT, "amount": at_least(1), "currency": text, "payment_method": optional_text}
INTENT_CONFIRM: Kinds = {
    **EXPAND,
    **_CONFIRMING,
    "allowed_payment_method_types": list_of(choice("card")),
    "capture_method": CAPTURE_METHOD,
    "payment_method_options": CARD_OPTIONS,
    "receipt_email": optional_text,
    "setup_future_usage": clearable(USAGE),
    "shipping": SHIPPING,
}
INTENT_CAPTURE: Kinds = {
    **EXPAND,
    **DESCRIPTORS,
    "amount_to_capture": amount_to_capture,
    "final_capture": boolean,
    "metadata": metadata,
}
INTENT_CANCEL: Kinds = {
    **EXPAND,
    "cancellation_reason": choice("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
}
INTENT_RETRIEVE: Kinds = {**EXPAND, "client_secret": text}
INTENT_LIST: Kinds = {**LIST, "created": created_range, "customer": text}
SEARCH: Kinds = {**EXPAND, "query": text, "limit": integer, "page": text}

SETUP_UPDATE: Kinds = {
    **EXPAND,
    "customer": text,
    "description": optional_text,
    "metadata": metadata,
    "payment_method": text,
    "payment_method_options": nested(
        {"card": nested({"request_three_d_secure": choice("any", "automatic", "challenge")})}
    ),
}
_SETUP_CONFIRMING: Kinds = {
    "allowed_payment_method_types": list_of(choice("card")),
    "mandate_data": anything,
    "return_url": text,
    "use_stripe_sdk": anything,
}
SETUP_CREATE: Kinds = {
    **SETUP_UPDATE,
    **_SETUP_CONFIRMING,
    "automatic_payment_methods": AUTOMATIC,
    "confirm": boolean,
    "usage": USAGE,
}
SETUP_CONFIRM: Kinds = {
    **EXPAND,
    **_SETUP_CONFIRMING,
    "payment_method": text,
    "payment_method_options": SETUP_UPDATE["payment_method_options"],
}
SETUP_CANCEL: Kinds = {
    **EXPAND,
    "cancellation_reason": choice("abandoned", "requested_by_customer", "duplicate"),
}
SETUP_LIST: Kinds = {**LIST, "created": created_range, "customer": text, "payment_method": text}
ATTEMPT_LIST: Kinds = {**LIST, "created": created_range, "setup_intent": text}

CHARGE_LIST: Kinds = {**LIST, "created": created_range, "customer": text, "payment_intent": text}
CHARGE_UPDATE: Kinds = {
    **EXPAND,
    "description": optional_text,
    "metadata": metadata,
    "receipt_email": optional_text,
    "shipping": SHIPPING,
}
REFUND_CREATE: Kinds = {
    **EXPAND,
    "amount": at_least(1),
    "charge": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
}
REFUND_UPDATE: Kinds = {**EXPAND, "metadata": metadata}
REFUND_LIST: Kinds = {**LIST, "created": created_range, "charge": text, "payment_intent": text}
DISPUTE_UPDATE: Kinds = {
    **EXPAND,
    "evidence": evidence.KIND,
    "metadata": metadata,
    "submit": boolean,
}
BALANCE_LIST: Kinds = {**LIST, "created": created_range, "currency": text, "source": text, "type": text}
EVENT_LIST: Kinds = {
    **LIST,
    "created": created_range,
    "delivery_success": boolean,
    "type": text,
    "types": list_of(text),
}
EPHEMERAL_CREATE: Kinds = {**EXPAND, "customer": text}
ENDPOINT_CREATE: Kinds = {
    **EXPAND,
    "api_version": text,
    "description": optional_text,
    "enabled_events": list_of(text),
    "metadata": metadata,
    "url": text,
}
ENDPOINT_UPDATE: Kinds = {
    **EXPAND,
    "description": optional_text,
    "disabled": boolean,
    "enabled_events": list_of(text),
    "metadata": metadata,
    "url": text,
}
