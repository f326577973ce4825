"""The composition root: builds each port once per function instance, and a desk per request.

Nothing is built at import and nothing that a function does not use: clients of AWS and of Stripe cost a cold start.
"""

from __future__ import annotations

import json
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from holdfast.budget import ANSWER_SECONDS, Budget
from holdfast.clock import Clock, remote_clock, system_clock
from holdfast.settings import Settings

if TYPE_CHECKING:
    import stripe
    from mypy_boto3_dynamodb import DynamoDBClient

    from holdfast.caller import Caller
    from holdfast.desk import Desk
    from holdfast.desk.messages import Steps, StripeEvents
    from holdfast.policy import Policy
    from holdfast.quote_keys import QuoteKeys
    from holdfast.rate_limit import RateLimiter
    from holdfast.store import Store
    from holdfast.stripe_cards import StripeCards
    from holdfast.stripe_gateway import StripeGateway


@cache
def settings() -> Settings:
    return Settings()


@cache
def clock() -> Clock:
    """Real time, unless the template set CLOCK_URL, which it does under its local condition only."""
    url = settings().get("CLOCK_URL")
    return remote_clock(url) if url else system_clock


@cache
def dynamodb() -> DynamoDBClient:
    import boto3
    from botocore.config import Config

    # A request has 25 s; a table that does not answer within a few of them will not.
    config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 4})
    return boto3.client("dynamodb", config=config)


@cache
def store() -> Store:
    from holdfast.store import Store

    return Store(dynamodb(), settings())


@cache
def rate_limiter() -> RateLimiter:
    from holdfast.rate_limit import RateLimiter

    return RateLimiter.of(dynamodb(), settings(), clock())


def stripe_secret() -> dict[str, Any]:
    """`secret_key`, `publishable_key` and `webhook_secrets`, from Secrets Manager; kept for five minutes."""
    from aws_lambda_powertools.utilities import parameters

    return json.loads(str(parameters.get_secret(settings()["STRIPE_SECRET_ID"], max_age=300)))  # type: ignore[no-any-return]


@cache
def _stripe_client(secret_key: str) -> stripe.StripeClient:
    from holdfast.stripe_gateway import client

    return client(secret_key, settings().get("STRIPE_API_BASE") or None)


def _gateway(budget: Budget) -> StripeGateway:
    from holdfast.stripe_gateway import StripeGateway

    return StripeGateway(_stripe_client(stripe_secret()["secret_key"]), settings()["DEPLOYMENT"], budget)


def stripe_cards(desk: Desk) -> StripeCards:
    """Stripe's customers and cards, within the budget of this request."""
    from holdfast.stripe_cards import StripeCards

    return StripeCards(_stripe_client(stripe_secret()["secret_key"]), settings()["DEPLOYMENT"], desk.budget)


@cache
def _steps() -> Steps:
    import boto3

    from holdfast.desk.messages import Steps

    return Steps(boto3.client("sqs"), settings()["STEPS_QUEUE_URL"])


@cache
def stripe_events() -> StripeEvents:
    """The queue of Stripe's events, for putting one off."""
    import boto3

    from holdfast.desk.messages import StripeEvents

    return StripeEvents(boto3.client("sqs"), settings()["STRIPE_EVENTS_QUEUE_URL"])


@cache
def quote_keys() -> QuoteKeys:
    """The keys that sign cancellation quotes; they keep themselves up to date."""
    import boto3
    from botocore.config import Config

    from holdfast.quote_keys import QuoteKeys

    config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
    return QuoteKeys(boto3.client("secretsmanager", config=config), settings()["QUOTE_KEY_ID"])


@cache
def _default_policy() -> Policy:
    from holdfast.default_policy import default_policy

    return default_policy(settings().get("DEFAULT_POLICY") or "{}")


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"


def desk(request_id: str | None = None, caller: Caller | None = None, *, seconds: float = ANSWER_SECONDS) -> Desk:
    """One request's desk; its budget of `seconds` starts now."""
    from holdfast import telemetry
    from holdfast.desk import Desk
    from holdfast.log import Origin

    return Desk(
        store=store(),
        clock=clock(),
        new_id=new_id,
        budget=Budget(seconds),
        make_gateway=_gateway,
        make_steps=_steps,
        default_policy=_default_policy,
        origin=Origin(request_id, caller.subject if caller is not None and caller.is_staff else None),
        notice=telemetry.annotate,
    )
