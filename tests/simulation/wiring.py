"""The composition root of Holdfast on a simulation's ports: boto3's clients, Stripe, time and chance.

`holdfast.bootstrap` itself runs as it is deployed; what it asks for is given by the simulation.
"""

from __future__ import annotations

import importlib
import logging
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import boto3
import pytest
import stripe

from holdfast import bootstrap, telemetry
from holdfast.budget import Budget
from holdfast.quote_keys import QuoteKeys
from holdfast.settings import Settings
from holdfast.stripe_door import StripeDoor, WebhookSecrets
from holdfast.stripe_gateway import client as stripe_client
from local.stripe_simulator.in_process import InProcessHTTPClient, _Headers
from local.stripe_simulator.simulator import Simulator
from local.stripe_simulator.wire import Answer, Request
from tests.simulation.stage import Stage
from tests.simulation.troubles import StripeCall
from tests.tables import variables

DEPLOYMENT: Final = "holdfast-simulation"
SECRET: Final[Mapping[str, Any]] = {
    "secret_key": "sk_test_simulation",
    "publishable_key": "pk_test_simulation",
    "webhook_secrets": ["whsec_simulation"],
}
SECRETS: Final = {"stripe": SECRET, "quote-key": {"quote_key": "made-by-secrets-manager"}}
_VARIABLES: Final = {
    "DEPLOYMENT": DEPLOYMENT,
    "STRIPE_SECRET_ID": "stripe",
    "QUOTE_KEY_ID": "quote-key",
    "STEPS_QUEUE_URL": "StepsQueue",
    "STRIPE_EVENTS_QUEUE_URL": "StripeEventsQueue",
    "RECONCILE_QUEUE_URL": "ReconcileQueue",
    "UNPUBLISHED_LINES_QUEUE_URL": "PublishEventsDeadLetters",
    "DOMAIN_EVENTS_BUS": "DomainEventsBus",
    "HOLD_LEAD_HOURS": "72",
    "HOLD_MEND_HOURS": "24",
    "DECLINE_RETRY_MINUTES": "60,360,1440",
    "EXTENDED_AUTHORIZATION": "never",
    "RATE_LIMIT_READS_PER_MINUTE": "100000",
    "RATE_LIMIT_CARDS_PER_MINUTE": "100000",
    "RATE_LIMIT_MONEY_PER_MINUTE": "100000",
}
_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "holdfast",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
# Where we give no key the SDK makes one up, which no seed decides.
_OF_THE_SDK: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Wire:
    """A client of AWS's whose every call crosses the stage; `told` hears of those that were carried out, and may answer
    otherwise.
    """

    def __init__(
        self, stage: Stage, service: str, client: Any, told: Callable[[str, Mapping[str, Any], Any], Any] | None = None
    ) -> None:
        self._stage, self._service, self._client, self._told = stage, service, client, told

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name == "exceptions":
            return method
        told = self._told

        def call(**given: Any) -> Any:
            def carried_out() -> Any:
                answer = method(**given)
                return answer if told is None else told(name, given, answer)

            return self._stage.cross(self._service, name, carried_out)

        self.__dict__[name] = call
        return call


class Transport(InProcessHTTPClient):
    """The SDK's transport: the simulator at the other end of a wire."""

    def __init__(self, stage: Stage, simulator: Simulator) -> None:
        super().__init__(simulator)
        self._stage = stage
        self._late: set[str] = set()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        path, _, query = url.removeprefix("https://api.stripe.com").partition("?")
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        names = {name.lower(): value for name, value in (headers or {}).items()}
        if _OF_THE_SDK.fullmatch(names.get("idempotency-key", "")):
            names["idempotency-key"] = f"sdk-{self._stage.sdks.getrandbits(64):x}"
        call = StripeCall(self._simulator, Request(method.upper(), path, query, names, body), self._late)
        answer: Answer = self._stage.cross("stripe", f"{method} {path}", call)
        if answer.cut:
            raise stripe.APIConnectionError("closed without an answer", should_retry=True)
        return answer.content.decode(), answer.status, _Headers(answer.headers)


@contextmanager
def wired(stage: Stage, simulator: Simulator, clients: Mapping[str, Any], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside the block, what the handlers reach for is the simulation's."""
    before = random.getstate()
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    for name, value in _ENVIRONMENT.items():
        patch.setenv(name, value)
    patch.setattr(telemetry, "count", lambda *_, **__: None)
    patch.setattr(boto3, "client", lambda service, **_: clients[service])
    patch.setattr(bootstrap, "new_id", lambda prefix: f"{prefix}_{stage.ids.getrandbits(128):032x}")
    _forget_what_is_kept()
    settings = Settings(_VARIABLES | variables())
    patch.setattr(bootstrap, "settings", lambda: settings)
    patch.setattr(bootstrap, "clock", lambda: stage.functions_time)
    patch.setattr(bootstrap, "stripe_secret", lambda: dict(SECRET))
    sdk = stripe_client(str(SECRET["secret_key"]), http_client=Transport(stage, simulator))
    patch.setattr(bootstrap, "_stripe_client", lambda _: sdk)
    patch.setattr(bootstrap, "Budget", lambda seconds: Budget(seconds, monotonic=stage.stripes_time, sleep=stage.sleep))
    publisher = bootstrap.publisher()
    publisher = replace(publisher, bus=replace(publisher.bus, sleep=stage.sleep))
    patch.setattr(bootstrap, "publisher", lambda: publisher)
    keys = QuoteKeys(clients["secretsmanager"], "quote-key", monotonic=stage.stripes_time)
    patch.setattr(bootstrap, "quote_keys", lambda: keys)
    secrets = WebhookSecrets(clients["secretsmanager"], "stripe", monotonic=stage.stripes_time)
    door = StripeDoor(secrets, clients["sqs"], "StripeEventsQueue", real_time=stage.stripes_time)
    patch.setattr(importlib.import_module("functions.receive_stripe_event.handler"), "door", lambda: door)
    try:
        yield
    finally:
        patch.undo()
        _forget_what_is_kept()
        random.setstate(before)
        logging.disable(disabled)


def _forget_what_is_kept() -> None:
    for name in dir(bootstrap):
        cached = getattr(bootstrap, name)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
