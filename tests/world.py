"""A deployment in one process: the real handlers on moto's tables and queues, the real SDK on the simulator, one clock.

Nothing of Holdfast is replaced: the composition root gets the simulator's transport, the simulator's clock and a budget
whose waiting takes no time.
"""

from __future__ import annotations

import importlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import stripe
from botocore.client import BaseClient
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from holdfast import bootstrap
from holdfast.booking import Booking
from holdfast.budget import Budget
from holdfast.log import verify
from holdfast.settings import Settings
from holdfast.store import Commit
from holdfast.store.commit import actions
from holdfast.store.tables import Tables
from holdfast.stripe_gateway import client as stripe_client
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.simulator import Simulator
from tests.instances import INSTANCES
from tests.permissions import roles
from tests.tables import create_tables, template

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
DEPLOYMENT = "holdfast-test"
SECRET_KEY = "sk_test_world"
QUOTE_KEY = "made-by-secrets-manager"
TABLES = tuple(name for name, each in template()["Resources"].items() if each["Type"] == "AWS::DynamoDB::Table")
HOLD_TERMS = {
    "HOLD_LEAD_HOURS": "72",
    "HOLD_MEND_HOURS": "24",
    "DECLINE_RETRY_MINUTES": "60,360,1440",
    "EXTENDED_AUTHORIZATION": "never",
}
PASSING = ("bucket#", "request#")


@dataclass
class Context:
    """What Lambda passes beside the event."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:test"
    remaining_ms: int = 150_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def problem(self) -> str:
        return str(self.body["type"]).removeprefix("/problems/")


@dataclass
class Waiting:
    """Monotonic time that only passes when somebody sleeps."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        INSTANCES.outside(lambda: None)


@dataclass
class World:
    simulator: Simulator
    now: list[float] = field(default_factory=lambda: [NOW.timestamp()])
    waiting: Waiting = field(default_factory=Waiting)
    requests: int = 0
    delivered: str | None = None
    send_error: Exception | None = None

    # --- time
    # ----------------------------------------------------------------------------------------------------------

    def time(self) -> datetime:
        return datetime.fromtimestamp(self.now[0], UTC)

    def advance(self, **span: float) -> None:
        self.now[0] += timedelta(**span).total_seconds()
        self.simulator.advance(0)

    def move_to(self, moment: datetime) -> None:
        self.advance(seconds=(moment - self.time()).total_seconds())

    # --- doors
    # ---------------------------------------------------------------------------------------------------------

    def call(
        self,
        function: str,
        method: str,
        resource: str,
        *,
        user: str | None = None,
        staff: str | None = None,
        body: Any = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        raw_body: str | None = None,
        headers: Mapping[str, str] | None = None,
        **path: str,
    ) -> Answer:
        """One request through the function's handler, as API Gateway hands it over."""
        event = proxy_event(
            method,
            resource,
            path,
            user=user,
            staff=staff,
            body=body,
            key=key,
            query=query,
            raw_body=raw_body,
            headers=headers,
        )
        return self.send(function, event)

    def send(self, function: str, event: dict[str, Any]) -> Answer:
        """An event as it is, but for the request's id."""
        self.requests += 1
        event["requestContext"]["requestId"] = f"request-{self.requests}"
        raw = handler(function)(event, Context())
        return Answer(
            raw["statusCode"], json.loads(raw["body"]) if raw["body"] else None, raw.get("headers") or multi(raw)
        )

    def sweep(self) -> dict[str, Any]:
        """The schedule's own event, then everything that it queued."""
        swept: dict[str, Any] = handler("sweep_due")({}, Context())
        self.drain("steps", "take_next_step")
        return swept

    def drain(self, queue: str, function: str, context: Context | None = None) -> int:
        """Deliver every message, as the event source mapping does; failed ones stay in the queue."""
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        delivered = 0
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
            "Messages"
        ):
            records = [
                {"messageId": each["MessageId"], "body": each["Body"], "attributes": {"ApproximateReceiveCount": "1"}}
                for each in messages
            ]
            failed = handler(function)({"Records": records}, context or Context())["batchItemFailures"]
            failed_ids = {failure["itemIdentifier"] for failure in failed}
            for each in messages:
                if each["MessageId"] not in failed_ids:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            delivered += len(messages)
        return delivered

    def apply_event(self, event: Mapping[str, Any]) -> bool:
        """Hand one of Stripe's events to the worker; whether it was taken."""
        record = {"messageId": "m1", "body": json.dumps(event), "attributes": {"ApproximateReceiveCount": "1"}}
        return handler("apply_stripe_event")({"Records": [record]}, Context())["batchItemFailures"] == []

    def stripe_events(self, *, after: str | None = None) -> list[dict[str, Any]]:
        """Everything that Stripe would have sent so far, or since this event; oldest first."""
        if after is not None:
            newer = self.stripe.v1.events.list({"limit": 100, "ending_before": after}).auto_paging_iter()
            return [json.loads(str(event)) for event in newer]
        pages = self.stripe.v1.events.list({"limit": 100}).auto_paging_iter()
        return [json.loads(str(event)) for event in reversed(list(pages))]

    def deliver(self) -> None:
        """The webhooks that Stripe has sent since the last delivery."""
        for event in self.stripe_events(after=self.delivered):
            self.apply_event(event)
            self.delivered = event["id"]

    def reconcile(self, context: Context | None = None) -> None:
        """The schedule's own event, and the messages of a long day."""
        handler("reconcile_day")({}, context or Context(remaining_ms=300_000))
        self.drain("reconcile", "reconcile_day", context or Context(remaining_ms=300_000))

    # --- looking
    # -------------------------------------------------------------------------------------------------------

    @property
    def stripe(self) -> stripe.StripeClient:
        """Stripe as somebody in the dashboard sees it."""
        return stripe.StripeClient(SECRET_KEY, http_client=InProcessHTTPClient(self.simulator), max_network_retries=0)

    def booking(self, booking_id: str) -> Booking:
        found = bootstrap.store().bookings.get(booking_id)
        assert found is not None
        return found

    def log(self, booking_id: str) -> list[dict[str, Any]]:
        """The log, verified."""
        lines = list(bootstrap.store().bookings.all_lines(booking_id))
        booking = self.booking(booking_id)
        assert verify(lines, expected_length=booking.sequence, expected_head=booking.chain_head) == []
        return lines

    def story(self, booking_id: str) -> list[str]:
        return [f"{line['kind']} {line['status']}" for line in self.log(booking_id)]

    def intents(self) -> list[Any]:
        return list(self.stripe.v1.payment_intents.list({"limit": 100}).data)

    def everything(self) -> dict[str, Any]:
        """All that is kept anywhere, but for rate limits and answers of requests: what bad input leaves alone.

        Read behind moto's API, which takes as long as hundreds of bad requests.
        """
        tables = {name: sorted(self._items(name)) for name in TABLES}
        queues = _moto("sqs").queues
        waiting = {name: [message.body for message in queue._messages] for name, queue in queues.items()}
        stripe_rows = {
            name: {key: repr(row) for key, row in rows.items()}
            for name, rows in self.simulator.store.tables().items()
            if name != "idempotency" and rows
        }
        return tables | waiting | {"stripe": stripe_rows}

    def _items(self, table: str) -> Iterator[str]:
        for item in _moto("dynamodb").tables[table].all_items():
            attributes = item.to_json()["Attributes"]
            if not attributes.get("key", {}).get("S", "").startswith(PASSING):
                yield json.dumps(attributes, sort_keys=True)

    def answers(self) -> set[str]:
        """The keys of the requests whose answer is kept."""
        items = boto3.client("dynamodb").scan(TableName="IdempotencyTable", ConsistentRead=True)["Items"]
        return {item["key"]["S"] for item in items if item["key"]["S"].startswith("request#")}

    # --- customs
    # -------------------------------------------------------------------------------------------------------

    def event(
        self, event_id: str = "yoga", *, starts_in: timedelta = timedelta(days=2), **changes: Any
    ) -> dict[str, Any]:
        starts = self.time() + starts_in
        body = {
            "title": "Yoga",
            "price": {"amount": 5000, "currency": "eur"},
            "starts_at": wire(starts),
            "ends_at": wire(starts + timedelta(hours=2)),
            "timezone": "Europe/Berlin",
        } | changes
        answer = self.call("put_event", "PUT", "/events/{event_id}", staff="sam", body=body, event_id=event_id)
        assert answer.status in (200, 201), answer.body
        return dict(answer.body)

    def card(self, user: str = "alice", card: str = "pm_card_visa") -> str:
        answer = self.call(
            "attach_payment_method", "POST", "/payment-methods", user=user, body={"payment_method_id": card}
        )
        assert answer.status == 201, answer.body
        return str(answer.body["id"])

    def hold(self, user: str = "alice", event_id: str = "yoga", key: str = "hold-1", **body: Any) -> Answer:
        return self.call("place_hold", "POST", "/holds", user=user, body={"event_id": event_id, **body}, key=key)

    def held(self, user: str = "alice", event_id: str = "yoga", key: str = "hold-1", card: str = "pm_card_visa") -> str:
        """A card saved and a place booked; the booking's id."""
        self.card(user, card)
        answer = self.hold(user, event_id, key)
        assert answer.status == 201, answer.body
        return str(answer.body["booking_id"])

    def copies(
        self, booking_id: str, count: int, *, suffix: str = "", age: timedelta = timedelta(0), log: bool = True
    ) -> list[str]:
        """More bookings like this one, here and at Stripe, each a second older than the one before: asked for one by
        one they would take minutes (and moto copies every table for every transaction).
        """
        original, lines = self.booking(booking_id), self.log(booking_id) if log else []
        tables, dynamodb = Tables(Settings(os.environ)), boto3.client("dynamodb")
        assert original.hold is not None
        stripe_store = self.simulator.store
        made = []
        for number in range(count):
            copy_id = f"{booking_id}-{number:06d}{suffix}"
            intent = f"pi_{booking_id[3:15]}copy{number:06d}{suffix}"
            charge = intent.replace("pi_", "ch_")
            with stripe_store.transaction():
                for table, old, new in (
                    ("payment_intent", original.hold.payment_intent_id, intent),
                    ("charge", str(original.hold.charge_id), charge),
                ):
                    text = json.dumps(stripe_store.get(table, old)).replace(original.hold.payment_intent_id, intent)
                    text = text.replace(booking_id, copy_id)
                    stripe_store.insert(table, new, json.loads(text.replace(str(original.hold.charge_id), charge)))
            copy = replace(
                original,
                booking_id=copy_id,
                hold=replace(original.hold, payment_intent_id=intent, charge_id=charge),
                created_at=original.created_at - age - timedelta(seconds=number + 1),
            )
            for action, _ in actions(tables, Commit(after=copy, lines=lines, before_version=None, now=self.time())):
                dynamodb.put_item(**action["Put"])
            made.append(copy.booking_id)
        return made

    def on(self, verb: str, booking_id: str, *, key: str = "k", body: Any = None, **who: str) -> Answer:
        """cancel, check-in, complete, waive or move."""
        function = {
            "cancel": "cancel_booking",
            "check-in": "check_in_booking",
            "complete": "complete_booking",
            "move": "move_booking",
            "waive": "waive_no_show",
            "contest": "contest_no_show",
            "no-show": "uphold_no_show",
            "reprice": "reprice_booking",
            "resolve": "resolve_attention",
        }
        resource = "/bookings/{booking_id}/" + verb
        return self.call(function[verb], "POST", resource, body=body, key=key, booking_id=booking_id, **who)  # type: ignore[arg-type]

    def quote(self, booking_id: str, *, query: Mapping[str, str] | None = None, **who: str) -> Answer:
        resource = "/bookings/{booking_id}/cancellation-quote"
        return self.call("quote_cancellation", "GET", resource, booking_id=booking_id, query=query, **who)  # type: ignore[arg-type]

    def refund(self, booking_id: str, *, key: str = "r", amount: int | None = None, **who: str) -> Answer:
        body: dict[str, Any] = {"booking_id": booking_id, "reason": "requested_by_customer"}
        if amount is not None:
            body["amount"] = amount
        return self.call("create_refund", "POST", "/refunds", body=body, key=key, **(who or {"staff": "sam"}))  # type: ignore[arg-type]


def handler(function: str) -> Callable[[Any, Any], Any]:
    """The function's handler, as if each thread that calls it were an instance of Lambda's of its own."""
    module = importlib.import_module(f"functions.{function}.handler")

    def run(event: Any, context: Any) -> Any:
        with INSTANCES.running(function, getattr(module, "app", None)):
            return module.handler(event, context)

    return run


class OwnVariables(dict[str, str]):
    """The environment as template.yaml gives it to the function that is running."""

    def get(self, name: str, default: Any = None) -> Any:
        function = INSTANCES.function
        if function and name not in roles()[function].variables:
            return default
        return os.environ.get(name, default)


def under_own_policy(monkeypatch: Any) -> None:
    """Whatever a handler asks of AWS is first held against the function's policy in template.yaml."""
    make_api_call = BaseClient._make_api_call  # type: ignore[attr-defined]
    aws = threading.RLock()  # moto does not make a write to one item atomic between threads; DynamoDB does

    def one_at_a_time(self: Any, operation: str, parameters: Any) -> Any:
        with aws:
            return make_api_call(self, operation, parameters)

    def checked(self: Any, operation: str, parameters: Any) -> Any:
        if function := INSTANCES.function:
            roles()[function].check(function, self.meta.service_model.service_name, operation, parameters)
        return INSTANCES.outside(lambda: one_at_a_time(self, operation, parameters))

    monkeypatch.setattr(BaseClient, "_make_api_call", checked)


class Transport(InProcessHTTPClient):
    """The simulator, at the other end of a wire: while one instance waits for it, others run."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        return INSTANCES.outside(lambda: super(Transport, self).request(*args, **kwargs))


def _moto(service: str) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID]["us-east-1"]  # type: ignore[call-overload]


def multi(raw: Mapping[str, Any]) -> dict[str, str]:
    return {name: values[0] for name, values in (raw.get("multiValueHeaders") or {}).items()}


def wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def proxy_event(
    method: str,
    resource: str,
    path: Mapping[str, str],
    *,
    user: str | None,
    staff: str | None,
    body: Any,
    key: str | None,
    query: Mapping[str, str] | None = None,
    raw_body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    url = resource.format(**path)
    sent = {"Content-Type": "application/json"} if body is not None or raw_body is not None else {}
    sent |= {"Idempotency-Key": key} if key is not None else {}
    sent |= dict(headers or {})
    context: dict[str, Any] = {
        "requestId": "request",
        "resourcePath": resource,
        "httpMethod": method,
        "stage": "v1",
        "path": url,
    }
    if user or staff:
        context["authorizer"] = {
            "subject": f"did:privy:{user}" if user else staff,
            "role": "customer" if user else "staff",
            "expires_at": str(4_000_000_000),
        }
    return {
        "resource": resource,
        "path": url,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(path) or None,
        "requestContext": context,
        "body": raw_body if raw_body is not None else (json.dumps(body) if body is not None else None),
        "isBase64Encoded": False,
        "_query": urlencode(query or {}),
    }


def build(monkeypatch: Any) -> World:
    """Tables, queues, secret and simulator, wired into the composition root. Inside moto's mock_aws."""
    world = World(Simulator(clock=lambda: world.now[0], secret_key=SECRET_KEY, seed=7, sleep=lambda _: None))
    for name, value in create_tables().items():
        monkeypatch.setenv(name, value)
    sqs = boto3.client("sqs")
    monkeypatch.setenv("STEPS_QUEUE_URL", sqs.create_queue(QueueName="steps")["QueueUrl"])
    monkeypatch.setenv("STRIPE_EVENTS_QUEUE_URL", sqs.create_queue(QueueName="stripe-events")["QueueUrl"])
    dead = sqs.create_queue(QueueName="publish-events-dead")["QueueUrl"]
    monkeypatch.setenv("UNPUBLISHED_LINES_QUEUE_URL", dead)
    monkeypatch.setenv("DOMAIN_EVENTS_BUS", "DomainEventsBus")
    boto3.client("events").create_event_bus(Name="DomainEventsBus")
    monkeypatch.setenv("RECONCILE_QUEUE_URL", sqs.create_queue(QueueName="reconcile")["QueueUrl"])
    secret = {"secret_key": SECRET_KEY, "publishable_key": "pk_test_world", "webhook_secrets": ["whsec_world"]}
    created = boto3.client("secretsmanager").create_secret(Name="stripe", SecretString=json.dumps(secret))
    monkeypatch.setenv("STRIPE_SECRET_ID", created["ARN"])
    quote_key = boto3.client("secretsmanager").create_secret(
        Name="quote-key", SecretString=json.dumps({"quote_key": QUOTE_KEY})
    )
    monkeypatch.setenv("QUOTE_KEY_ID", quote_key["ARN"])
    monkeypatch.setenv("DEPLOYMENT", DEPLOYMENT)
    for name, value in HOLD_TERMS.items():
        monkeypatch.setenv(name, value)
    for each in ("READS", "CARDS", "MONEY"):
        monkeypatch.setenv(f"RATE_LIMIT_{each}_PER_MINUTE", "100000")
    for name in dir(bootstrap):
        cached = getattr(bootstrap, name)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    under_own_policy(monkeypatch)
    monkeypatch.setattr(bootstrap, "settings", lambda: Settings(OwnVariables()))
    monkeypatch.setattr(bootstrap, "clock", lambda: world.time)
    monkeypatch.setattr(bootstrap, "stripe_secret", lambda: secret)
    transport = Transport(world.simulator)
    monkeypatch.setattr(bootstrap, "_stripe_client", lambda key: stripe_client(key, http_client=transport))
    monkeypatch.setattr(
        bootstrap,
        "Budget",
        lambda seconds: Budget(seconds, monotonic=lambda: world.waiting.now, sleep=world.waiting.sleep),
    )
    return world
