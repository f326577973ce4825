"""The composition root: builds each port once per function instance, and a desk per request.

Nothing is built at import and nothing that a function does not use: clients of AWS and of Stripe cost a cold start.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from holdfast.budget import ANSWER_SECONDS, Budget
from holdfast.clock import Clock, remote_clock, system_clock
from holdfast.settings import Settings

if TYPE_CHECKING:
    import stripe
    from mypy_boto3_dynamodb import DynamoDBClient

    from holdfast.booking import HoldTerms
    from holdfast.caller import Caller
    from holdfast.desk import Desk
    from holdfast.desk.messages import LongDays, Steps, StripeEvents
    from holdfast.desk.reconciling import Reconciler
    from holdfast.differences import Difference
    from holdfast.policy import Policy
    from holdfast.publishing import DeadLetters, Publisher
    from holdfast.quote_keys import QuoteKeys
    from holdfast.rate_limit import RateLimiter
    from holdfast.reconciliation import Run
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
def publisher() -> Publisher:
    """The deployment's bus."""
    import boto3
    from botocore.config import Config

    from holdfast.bus import Bus
    from holdfast.publishing import Publisher
    from holdfast.store.log import owners
    from holdfast.store.tables import Tables

    config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
    return Publisher(
        bus=Bus(boto3.client("events", config=config), settings()["DOMAIN_EVENTS_BUS"]),
        owners=lambda booking_ids: owners(dynamodb(), Tables(settings()), booking_ids),
        deployment=settings()["DEPLOYMENT"],
    )


@cache
def unpublished_lines() -> DeadLetters:
    """Where lines go that cannot become events."""
    import boto3

    from holdfast.publishing import DeadLetters

    return DeadLetters(boto3.client("sqs"), settings()["UNPUBLISHED_LINES_QUEUE_URL"])


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


@cache
def _hold_terms() -> HoldTerms:
    """How holds of bookings that are made now are looked after. Raises ValueError for what the networks forbid."""
    from holdfast.booking import HoldTerms
    from holdfast.declines import schedule

    set_up = settings()
    return HoldTerms(
        lead_hours=set_up.integer("HOLD_LEAD_HOURS"),
        mend_hours=set_up.integer("HOLD_MEND_HOURS"),
        retry_minutes=schedule(set_up.get("DECLINE_RETRY_MINUTES")),
        extended=set_up.get("EXTENDED_AUTHORIZATION") == "if_available",
    )


@cache
def _long_days() -> LongDays:
    import boto3

    from holdfast.desk.messages import LongDays

    return LongDays(boto3.client("sqs"), settings()["RECONCILE_QUEUE_URL"])


def reconciler(
    request_id: str | None,
    *,
    seconds_left: Callable[[], float],
    tell: Callable[[date, Difference], None],
    report: Callable[[Run], None],
) -> Reconciler:
    """Compares the book with Stripe for as long as the invocation lasts."""
    from holdfast.desk.comparing import Comparer
    from holdfast.desk.reconciling import Reconciler, in_turn
    from holdfast.pace import Pace
    from holdfast.stripe_lists import StripeLists

    budget = Budget(ANSWER_SECONDS)
    turn = in_turn(Pace(monotonic=budget.monotonic, sleep=budget.sleep), seconds_left)
    client = _stripe_client(stripe_secret()["secret_key"])
    return Reconciler(
        comparer=Comparer(
            desk=lambda: desk(request_id),
            lists=StripeLists(client, settings()["DEPLOYMENT"], budget=lambda: Budget(ANSWER_SECONDS), turn=turn),
            turn=turn,
        ),
        progress=store().reconciliations,
        clock=clock(),
        seconds_left=seconds_left,
        go_on=lambda day: _long_days().go_on(day),
        tell=tell,
        report=report,
    )


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
        hold_terms=_hold_terms,
        origin=Origin(request_id, caller.subject if caller is not None and caller.is_staff else None),
        notice=telemetry.annotate,
    )
