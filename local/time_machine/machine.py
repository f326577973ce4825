"""A deployment in this process, with a clock that jumps: the real handlers, the template's tables, the real SDK."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

import boto3
from moto import mock_aws
from samcli.yamlhelper import yaml_parse

from holdfast import bootstrap
from holdfast.budget import Budget
from holdfast.next_step import due_at
from holdfast.stripe_gateway import client
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.simulator import Simulator
from local.time_machine.faster_moto import shorten

ROOT: Final = Path(__file__).parents[2]
NOON: Final = datetime(2027, 1, 4, 12, tzinfo=UTC)
SECRET: Final[dict[str, Any]] = {
    "secret_key": "sk_test_time",
    "publishable_key": "pk_test_time",
    "webhook_secrets": ["whsec_time"],
}
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "holdfast",
    "POWERTOOLS_METRICS_NAMESPACE": "Holdfast",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
_SETTINGS: Final = {
    "DEPLOYMENT": "time-machine",
    "STRIPE_SECRET_ID": "stripe",
    "HOLD_LEAD_HOURS": "72",
    "HOLD_MEND_HOURS": "24",
    "DECLINE_RETRY_MINUTES": "60,360,1440",
    "EXTENDED_AUTHORIZATION": "never",
    "RATE_LIMIT_READS_PER_MINUTE": "100000",
    "RATE_LIMIT_CARDS_PER_MINUTE": "100000",
    "RATE_LIMIT_MONEY_PER_MINUTE": "100000",
}
_SCHEMA: Final = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
# Stripe does things by itself, too (a refund fails, an authorization lapses); so far at most the clock jumps.
_LONGEST_JUMP: Final = timedelta(days=2)


class Refused(Exception):
    """An answer that the story did not expect."""


@dataclass
class _Context:
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    function_name: str = "time-machine"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:time-machine"

    def get_remaining_time_in_millis(self) -> int:
        return 150_000


@dataclass
class Machine:
    simulator: Simulator
    instant: list[float]
    bookings: list[str] = field(default_factory=list)
    requests: int = 0
    told: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Machine]:
        """Tables, queues and Stripe, new and empty, at noon of a winter's day."""
        instant = [NOON.timestamp()]
        simulator = Simulator(clock=lambda: instant[0], secret_key=SECRET["secret_key"], seed=1, sleep=lambda _: None)
        shorten()
        with mock_aws():
            os.environ.update(_SETTINGS | _tables() | _queues())
            boto3.client("secretsmanager").create_secret(Name="stripe", SecretString=json.dumps(SECRET))
            machine = cls(simulator, instant)
            _wire(machine)
            yield machine

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.instant[0], UTC)

    def until(self, moment: datetime) -> Iterator[datetime]:
        """Everything that is due on the way, each at its own instant."""
        while True:
            self.settle()
            yield self.now()
            if self.now() >= moment:
                return
            self.jump(min(moment, self.now() + _LONGEST_JUMP, *(due for due in self._due() if due > self.now())))

    def jump(self, moment: datetime) -> None:
        self.instant[0] = max(self.instant[0], moment.timestamp())
        self.simulator.advance(0)

    def _due(self) -> list[datetime]:
        store = bootstrap.store()
        found = [due_at(booking) for each in self.bookings if (booking := store.bookings.get(each)) is not None]
        return [due for due in found if due is not None]

    def settle(self) -> None:
        """Stripe's events through the webhook's door; where something is due, the schedule's sweep and its worker."""
        self._deliver()
        if any(due <= self.now() for due in self._due()):
            self.invoke("sweep_due", {})
            self._drain("steps", "take_next_step")
            self._deliver()

    def _deliver(self) -> None:
        events = sorted(self.simulator.store.tables().get("event", {}).values(), key=lambda each: int(each["created"]))
        news = [event for event in events if event["id"] not in self.told]
        if not news:
            return
        for event in news:
            body = json.dumps({name: value for name, value in event.items() if not name.startswith("_")})
            moment = int(time.time())
            mac = hmac.new(SECRET["webhook_secrets"][0].encode(), f"{moment}.{body}".encode(), hashlib.sha256)
            answer = self.invoke(
                "receive_stripe_event",
                {
                    "headers": {"stripe-signature": f"t={moment},v1={mac.hexdigest()}"},
                    "body": body,
                    "isBase64Encoded": False,
                    "requestContext": {"requestId": event["id"], "http": {"method": "POST", "path": "/"}},
                },
            )
            if answer["statusCode"] != 200:
                raise Refused(f"the webhook's door answered {answer}")
        self.told.update(event["id"] for event in news)
        self._drain("stripe-events", "apply_stripe_event")

    # --- doors --------------------------------------------------------------------------------------------------------

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        with redirect_stdout(StringIO()):  # logs and metrics; what happened is in the log of each booking
            return importlib.import_module(f"functions.{function}.handler").handler(event, _Context())

    def _drain(self, queue: str, function: str) -> None:
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            records = [
                {"messageId": each["MessageId"], "body": each["Body"], "attributes": {"ApproximateReceiveCount": "1"}}
                for each in messages
            ]
            failed = self.invoke(function, {"Records": records})["batchItemFailures"]
            if failed:
                raise Refused(f"{function} failed on {failed}")
            for each in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def ask(self, who: str, method: str, resource: str, body: Any = None, *, status: int = 200, **path: str) -> Any:
        """One request through API Gateway's door; `who` is `staff` or a customer's name."""
        self.requests += 1
        answer = self.invoke(_function(method, resource), _proxied(who, method, resource, body, path, self.requests))
        found = json.loads(answer["body"]) if answer["body"] else None
        if answer["statusCode"] != status:
            raise Refused(f"{method} {resource} answered {answer['statusCode']}, not {status}: {found}")
        return found

    def control(self, path: str, body: Any) -> Any:
        """Somebody at a bank, in Stripe's dashboard, or with a phone in hand."""
        return self.simulator.control("POST", f"/_simulator/{path}", body)

    def log(self, booking_id: str) -> list[dict[str, Any]]:
        return list(bootstrap.store().bookings.all_lines(booking_id))


@cache
def _template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return loaded


def _tables() -> dict[str, str]:
    """The template's tables with their keys and indexes; the variables that name them."""
    dynamodb = boto3.client("dynamodb")
    names = {}
    for logical_id, resource in _template()["Resources"].items():
        if resource["Type"] != "AWS::DynamoDB::Table":
            continue
        schema = {name: resource["Properties"][name] for name in _SCHEMA if name in resource["Properties"]}
        dynamodb.create_table(TableName=logical_id, BillingMode="PAY_PER_REQUEST", **schema)
        words = logical_id.removesuffix("Table")
        name = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in words).strip("_").upper()
        names[f"{name}_TABLE"] = logical_id
    return names


def _queues() -> dict[str, str]:
    sqs = boto3.client("sqs")
    return {
        "STEPS_QUEUE_URL": sqs.create_queue(QueueName="steps")["QueueUrl"],
        "STRIPE_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="stripe-events")["QueueUrl"],
    }


def _wire(machine: Machine) -> None:
    """The composition root gets the virtual clock and the simulator; everything else is as it is deployed."""
    stripe_client = client(SECRET["secret_key"], http_client=InProcessHTTPClient(machine.simulator))
    setattr(bootstrap, "clock", lambda: machine.now)  # noqa: B010 - the one place where ports are replaced
    setattr(bootstrap, "stripe_secret", lambda: SECRET)  # noqa: B010
    setattr(bootstrap, "_stripe_client", lambda _: stripe_client)  # noqa: B010
    setattr(bootstrap, "Budget", lambda seconds: Budget(seconds, sleep=lambda _: None))  # noqa: B010


def _function(method: str, resource: str) -> str:
    """The folder of the function that serves this route, as the template has it."""
    for each in _template()["Resources"].values():
        if each["Type"] != "AWS::Serverless::Function":
            continue
        for event in each["Properties"].get("Events", {}).values():
            route = event["Properties"] if event["Type"] == "Api" else {}
            if (route.get("Method"), route.get("Path")) == (method, resource):
                return str(each["Properties"]["CodeUri"]).removeprefix("functions/").rstrip("/")
    raise Refused(f"there is no {method} {resource}")


def _proxied(who: str, method: str, resource: str, body: Any, path: dict[str, str], number: int) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"key-{number}"}
    return {
        "resource": resource,
        "path": resource.format(**path),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": path or None,
        "requestContext": {
            "requestId": f"request-{number}",
            "resourcePath": resource,
            "httpMethod": method,
            "stage": "v1",
            "path": resource,
            "authorizer": {
                "subject": "staff" if who == "staff" else f"did:privy:{who}",
                "role": "staff" if who == "staff" else "customer",
                "expires_at": str(4_000_000_000),
            },
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
