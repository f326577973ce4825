"""Which method and path does what, with which parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.stripe_simulator import parameters as p
from local.stripe_simulator.params import EXPAND, LIST, created_range, text
from local.stripe_simulator.resources import (
    account_events,
    balance_transactions,
    captures,
    charges,
    confirmation,
    customers,
    disputes,
    ephemeral_keys,
    payment_intents,
    payment_methods,
    refunds,
    search,
    setup_attempts,
    setup_intents,
    webhook_endpoints,
)
from local.stripe_simulator.wire import Body

Handler = Callable[..., Body]


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    handler: Handler
    kinds: p.Kinds
    required: tuple[str, ...] = ()


ROUTES = [
    Route("POST", "/v1/customers", customers.create, p.CUSTOMER_CREATE),
    Route("GET", "/v1/customers", customers.list_all, {**LIST, "created": created_range, "email": text}),
    Route("GET", "/v1/customers/{customer}", customers.retrieve, EXPAND),
    Route("POST", "/v1/customers/{customer}", customers.update, p.CUSTOMER_UPDATE),
    Route("DELETE", "/v1/customers/{customer}", customers.delete, {}),
    Route("GET", "/v1/customers/{customer}/payment_methods", payment_methods.list_of_customer, p.METHOD_LIST),
    Route(
        "GET",
        "/v1/customers/{customer}/payment_methods/{payment_method}",
        payment_methods.retrieve_of_customer,
        EXPAND,
    ),
    Route("POST", "/v1/payment_methods", payment_methods.create, p.METHOD_CREATE),
    Route("GET", "/v1/payment_methods", payment_methods.list_all, {**p.METHOD_LIST, "customer": text}),
    Route("GET", "/v1/payment_methods/{payment_method}", payment_methods.retrieve, EXPAND),
    Route("POST", "/v1/payment_methods/{payment_method}", payment_methods.update, p.METHOD_UPDATE),
    Route(
        "POST",
        "/v1/payment_methods/{payment_method}/attach",
        payment_methods.attach,
        {**EXPAND, "customer": text},
        ("customer",),
    ),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", payment_methods.detach, EXPAND),
    Route("POST", "/v1/setup_intents", setup_intents.create, p.SETUP_CREATE),
    Route("GET", "/v1/setup_intents", setup_intents.list_all, p.SETUP_LIST),
    Route("GET", "/v1/setup_intents/{intent}", setup_intents.retrieve, p.INTENT_RETRIEVE),
    Route("POST", "/v1/setup_intents/{intent}", setup_intents.update, p.SETUP_UPDATE),
    Route("POST", "/v1/setup_intents/{intent}/confirm", setup_intents.confirm, p.SETUP_CONFIRM),
    Route("POST", "/v1/setup_intents/{intent}/cancel", setup_intents.cancel, p.SETUP_CANCEL),
    Route("GET", "/v1/setup_attempts", setup_attempts.list_all, p.ATTEMPT_LIST, ("setup_intent",)),
    Route("POST", "/v1/ephemeral_keys", ephemeral_keys.create, p.EPHEMERAL_CREATE),
    Route("DELETE", "/v1/ephemeral_keys/{key}", ephemeral_keys.delete, EXPAND),
    Route("POST", "/v1/payment_intents", payment_intents.create, p.INTENT_CREATE, ("amount", "currency")),
    Route("GET", "/v1/payment_intents", payment_intents.list_all, p.INTENT_LIST),
    Route("GET", "/v1/payment_intents/search", search.payment_intents, p.SEARCH, ("query",)),
    Route("GET", "/v1/payment_intents/{intent}", payment_intents.retrieve, p.INTENT_RETRIEVE),
    Route("POST", "/v1/payment_intents/{intent}", payment_intents.update, p.INTENT_UPDATE),
    Route("POST", "/v1/payment_intents/{intent}/confirm", confirmation.confirm, p.INTENT_CONFIRM),
    Route("POST", "/v1/payment_intents/{intent}/capture", captures.capture, p.INTENT_CAPTURE),
    Route("POST", "/v1/payment_intents/{intent}/cancel", captures.cancel, p.INTENT_CANCEL),
    Route("GET", "/v1/charges", charges.list_all, p.CHARGE_LIST),
    Route("GET", "/v1/charges/{charge}", charges.retrieve, EXPAND),
    Route("POST", "/v1/charges/{charge}", charges.update, p.CHARGE_UPDATE),
    Route("POST", "/v1/refunds", refunds.create, p.REFUND_CREATE),
    Route("GET", "/v1/refunds", refunds.list_all, p.REFUND_LIST),
    Route("GET", "/v1/refunds/{refund}", refunds.retrieve, EXPAND),
    Route("POST", "/v1/refunds/{refund}", refunds.update, p.REFUND_UPDATE),
    Route("POST", "/v1/refunds/{refund}/cancel", refunds.cancel, EXPAND),
    Route("GET", "/v1/disputes", disputes.list_all, p.REFUND_LIST),
    Route("GET", "/v1/disputes/{dispute}", disputes.retrieve, EXPAND),
    Route("POST", "/v1/disputes/{dispute}", disputes.update, p.DISPUTE_UPDATE),
    Route("POST", "/v1/disputes/{dispute}/close", disputes.close, EXPAND),
    Route("GET", "/v1/balance_transactions", balance_transactions.list_all, p.BALANCE_LIST),
    Route("GET", "/v1/balance_transactions/{id}", balance_transactions.retrieve, EXPAND),
    Route("GET", "/v1/events", account_events.list_all, p.EVENT_LIST),
    Route("GET", "/v1/events/{id}", account_events.retrieve, EXPAND),
    Route("POST", "/v1/webhook_endpoints", webhook_endpoints.create, p.ENDPOINT_CREATE, ("enabled_events", "url")),
    Route("GET", "/v1/webhook_endpoints", webhook_endpoints.list_all, LIST),
    Route("GET", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.retrieve, EXPAND),
    Route("POST", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.update, p.ENDPOINT_UPDATE),
    Route("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.delete, {}),
]

_BY_SHAPE: dict[tuple[str, str, int], list[tuple[list[str], Route]]] = {}
for _route in ROUTES:
    _segments = _route.template.split("/")[2:]
    _BY_SHAPE.setdefault((_route.method, _segments[0], len(_segments)), []).append((_segments, _route))


def match(method: str, path: str) -> tuple[Route, list[str]] | None:
    """A literal segment wins over an id, because the routes name it first."""
    given = path.strip("/").split("/")
    if given[0] != "v1" or len(given) < 2:
        return None
    given = given[1:]
    for segments, route in _BY_SHAPE.get((method, given[0], len(given)), []):
        if all(want == have or (want.startswith("{") and have) for want, have in zip(segments, given, strict=True)):
            return route, [have for want, have in zip(segments, given, strict=True) if want.startswith("{")]
    return None
