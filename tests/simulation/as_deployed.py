"""What template.yaml says of the functions and queues that a simulation runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.tables import template


@cache
def timeout_of(function: str) -> float:
    """Seconds after which Lambda stops it."""
    return float(_function(function).get("Timeout", template()["Globals"]["Function"]["Timeout"]))


@cache
def batch_of(function: str, queue: str) -> int:
    """How many messages of this queue it is given at once."""
    sources = [each["Properties"] for each in _function(function)["Events"].values()]
    return next(int(source["BatchSize"]) for source in sources if source.get("Queue") == f"{queue}.Arn")


def _function(function: str) -> Mapping[str, Any]:
    for resource in template()["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties: Mapping[str, Any] = resource["Properties"]
        if properties["CodeUri"].rstrip("/") == f"functions/{function}":
            return properties
    raise LookupError(function)
