"""What .local/stack.json says about the local cloud while it runs: the contract with tests, demo and people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import httpx
from samtranslator.yaml_helper import yaml_parse

from local.cloud.deploy import STACK, Deployment
from local.cloud.places import REGION, TEMPLATE
from local.cloud.services import Services

_A_DAY = 24 * 3600
_CUSTOMERS = ("alice", "bob", "carol")
TABLES: Final = {
    "users": "UsersTable",
    "events": "EventsTable",
    "bookings": "BookingsTable",
    "payment_methods": "PaymentMethodsTable",
    "transactions": "TransactionsTable",
    "idempotency": "IdempotencyTable",
}
_QUEUES = {
    "stripe_events": "StripeEventsQueue",
    "stripe_events_dead_letters": "StripeEventsDeadLetters",
    "steps": "StepsQueue",
    "steps_dead_letters": "StepsDeadLetters",
    "sweep_dead_letters": "SweepDeadLetters",
    "reconcile": "ReconcileQueue",
    "reconcile_dead_letters": "ReconcileDeadLetters",
    "measure_log_dead_letters": "MeasureLogDeadLetters",
    "publish_events_dead_letters": "PublishEventsDeadLetters",
}


@dataclass(frozen=True)
class Stack:
    api_url: str
    webhook_url: str
    stripe_url: str
    issuer_url: str
    clock_url: str
    aws_endpoint_url: str
    stack_name: str
    region: str
    webhook_secret: str
    stripe_secret_key: str
    stripe_publishable_key: str
    stripe_secret_arn: str
    staff_token: str
    customer_tokens: dict[str, str]
    tables: dict[str, str]
    queues: dict[str, str]
    domain_events_bus: str
    functions: dict[str, str]
    logs: str

    def write(self, file: Path) -> None:
        """In one piece: whoever reads it at the same moment finds all of it or nothing."""
        unfinished = file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n")
        unfinished.chmod(0o600)
        unfinished.replace(file)


def describe(services: Services, deployment: Deployment, webhook_secret: str, logs: Path) -> Stack:
    api_id = deployment.resources["Api"]
    # The address in the template's output is AWS's; the emulator serves the same API under a path.
    api_url = f"{services.aws_url}/_aws/execute-api/{api_id}/v1"
    return Stack(
        api_url=api_url,
        webhook_url=f"{services.aws_url}/_aws/lambda-url/{_url_id(deployment.outputs['WebhookUrl'])}/",
        stripe_url=services.stripe_url,
        issuer_url=services.issuer_url,
        clock_url=services.clock_url,
        aws_endpoint_url=services.aws_url,
        stack_name=STACK,
        region=REGION,
        webhook_secret=webhook_secret,
        stripe_secret_key=services.stripe_secret_key,
        stripe_publishable_key=services.stripe_publishable_key,
        stripe_secret_arn=deployment.outputs["StripeSecretArn"],
        staff_token=token(services.issuer_url, "staff-1", roles=["staff"]),
        customer_tokens={name: token(services.issuer_url, f"did:privy:{name}") for name in _CUSTOMERS},
        tables={name: deployment.resources[resource] for name, resource in TABLES.items()},
        queues={name: deployment.resources[resource] for name, resource in _QUEUES.items()},
        domain_events_bus=deployment.resources["DomainEventsBus"],
        functions=_functions(deployment),
        logs=str(logs),
    )


def token(issuer_url: str, subject: str, *, roles: list[str] | None = None) -> str:
    wanted = {"sub": subject, "expires_in": _A_DAY} | ({"roles": roles} if roles else {})
    answer = httpx.post(f"{issuer_url}/token", json=wanted, trust_env=False)
    answer.raise_for_status()
    return str(answer.json()["token"])


def _url_id(function_url: str) -> str:
    return function_url.split("//", 1)[1].split(".", 1)[0]


def _functions(deployment: Deployment) -> dict[str, str]:
    return {
        resource["Properties"]["CodeUri"].removeprefix("functions/"): deployment.resources[name]
        for name, resource in yaml_parse(TEMPLATE.read_text())["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
