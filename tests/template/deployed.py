"""template.yaml as CloudFormation sees it: SAM's own transform, then parameters, mappings and conditions resolved."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {
    "PrivyAppId": "app-1",
    "StaffIssuer": "https://issuer.example.com",
    "StaffAudience": "holdfast",
    "StaffJwksUrl": "https://issuer.example.com/jwks.json",
}
# Given in every stage, to see in which ones they have an effect.
LOCAL_ONLY = {
    "LocalStripeUrl": "http://127.0.0.1:12111",
    "LocalClockUrl": "http://127.0.0.1:12111/_simulator/clock",
}
_MANAGED = {
    name: f"arn:aws:iam::aws:policy/service-role/{name}"
    for name in ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", "AWSLambdaDynamoDBExecutionRole")
}
_NO_VALUE = object()


def source() -> dict[str, Any]:
    return copy.deepcopy(_source())


@cache
def _source() -> dict[str, Any]:
    return yaml_parse((ROOT / "template.yaml").read_text())


@cache
def deployed(stage: str) -> dict[str, dict[str, Any]]:
    """The resources that exist in this stage, by logical name. Not to be changed: everybody shares them."""
    template = source()
    given = REQUIRED | LOCAL_ONLY | {"Stage": stage}
    parameters = {name: given.get(name, str(each.get("Default"))) for name, each in template["Parameters"].items()}
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = {"Bucket": "built", "Key": resource["Properties"][place]}
    session = boto3.Session(region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    plain = Translator(_MANAGED, Parser(), boto_session=session).translate(template, dict(parameters))
    resolver = _Resolver(parameters, plain.get("Mappings", {}), plain.get("Conditions", {}))
    return {
        name: resolver.resolve(resource)
        for name, resource in plain["Resources"].items()
        if "Condition" not in resource or resolver.holds(resource["Condition"])
    }


def of_type(stage: str, kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in deployed(stage).items() if each["Type"] == kind}


def variables(stage: str, function: str) -> dict[str, Any]:
    found: dict[str, Any] = deployed(stage)[function]["Properties"]["Environment"]["Variables"]
    return found


class _Resolver:
    """Evaluates what is known before a deployment; references to resources stay as they are."""

    def __init__(self, parameters: dict[str, str], mappings: dict[str, Any], conditions: dict[str, Any]) -> None:
        self._parameters = parameters
        self._mappings = mappings
        self._conditions = conditions

    def holds(self, name: str) -> bool:
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            return [each for each in map(self.resolve, node) if each is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(function, argument)] = node.items()
            evaluate = getattr(self, "_" + function.replace("::", "_").lower(), None)
            if evaluate is not None:
                return evaluate(argument)
        resolved = {name: self.resolve(each) for name, each in node.items()}
        return {name: each for name, each in resolved.items() if each is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        return self._parameters.get(name, {"Ref": name})

    def _condition(self, name: Any) -> bool:
        return self.holds(name)

    def _fn_if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition) else otherwise)

    def _fn_equals(self, argument: list[Any]) -> bool:
        left, right = map(self.resolve, argument)
        return bool(left == right)

    def _fn_not(self, argument: list[Any]) -> bool:
        return not self.resolve(argument[0])

    def _fn_and(self, argument: list[Any]) -> bool:
        return all(map(self.resolve, argument))

    def _fn_or(self, argument: list[Any]) -> bool:
        return any(map(self.resolve, argument))

    def _fn_findinmap(self, argument: list[Any]) -> Any:
        table, first, second = map(self.resolve, argument)
        return self._mappings[table][first][second]
