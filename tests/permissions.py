"""What template.yaml lets each function do: tests run every handler under its own policy and its own environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.tables import template

_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_QUEUES = {
    "steps": "StepsQueue",
    "stripe-events": "StripeEventsQueue",
    "publish-events-dead": "PublishEventsDeadLetters",
    "reconcile": "ReconcileQueue",
}
# By the name that the tests give them, as it stands in their ARN.
_SECRETS = {"stripe": "StripeSecret", "quote-key": "QuoteKey"}


class NotAllowed(AssertionError):
    """The function's policy in template.yaml lacks an action that its code needs."""


@dataclass(frozen=True)
class Role:
    """One function's variables, and its (action, resource) pairs as the template words them."""

    variables: frozenset[str]
    allowed: frozenset[tuple[str, str]]

    def check(self, function: str, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        for action, resource in _needed(service, operation, parameters):
            if (action, resource) not in self.allowed:
                raise NotAllowed(f"{function} may not {action} on {resource}")


def _needed(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if service == "dynamodb" and operation == "TransactWriteItems":
        for item in parameters["TransactItems"]:
            for kind, action in item.items():
                yield f"dynamodb:{_TRANSACTION[kind]}", f"{action['TableName']}.Arn"
    elif service == "dynamodb" and operation == "BatchGetItem":
        for table in parameters["RequestItems"]:
            yield "dynamodb:BatchGetItem", f"{table}.Arn"
    elif service == "dynamodb":
        index = parameters.get("IndexName")
        table = f"{parameters['TableName']}.Arn"
        yield f"dynamodb:{operation}", f"${{{table}}}/index/{index}" if index else table
    else:
        yield from _needed_beside_the_tables(service, operation, parameters)


def _needed_beside_the_tables(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if service == "events":
        for bus in {entry["EventBusName"] for entry in parameters["Entries"]}:
            yield f"events:{operation}", f"{bus}.Arn"
    elif service == "secretsmanager":
        [secret] = (logical for name, logical in _SECRETS.items() if f":{name}-" in parameters["SecretId"])
        yield f"secretsmanager:{operation}", f"{secret}.Id"
    elif service == "sqs":
        yield "sqs:SendMessage", f"{_QUEUES[parameters['QueueUrl'].rsplit('/', 1)[1]]}.Arn"


@cache
def roles() -> dict[str, Role]:
    """By the function's folder."""
    shared = template()["Globals"]["Function"].get("Environment", {}).get("Variables", {})
    found: dict[str, Role] = {}
    for resource in template()["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        own = properties.get("Environment", {}).get("Variables", {})
        pairs = {
            (action, target)
            for policy in _policies(properties)
            for statement in policy["Statement"]
            for action in _many(statement["Action"])
            for target in _many(statement["Resource"])
        }
        folder = properties["CodeUri"].removeprefix("functions/").rstrip("/")
        found[folder] = Role(frozenset(shared) | frozenset(own), frozenset(pairs))
    return found


def _policies(properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Inline with the function, or of the role that it names (workers have one, so that their event source waits for
    it).
    """
    if "Role" in properties:
        role = template()["Resources"][properties["Role"].removesuffix(".Arn")]
        return [policy["PolicyDocument"] for policy in role["Properties"]["Policies"]]
    return [policy for policy in properties.get("Policies", []) if isinstance(policy, Mapping)]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
