"""Creates the tables of template.yaml in moto, so that tests run on the keys and indexes that are deployed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml

TEMPLATE = Path(__file__).parent.parent / "template.yaml"
_COPIED = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


class _Loader(yaml.SafeLoader):
    """CloudFormation's short functions are tags to YAML; their arguments are enough here."""


def _tagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _tagged)


@cache
def template() -> dict[str, Any]:
    """Not to be changed: everybody shares it."""
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def schemas() -> dict[str, dict[str, Any]]:
    """Each table's keys and indexes, by its name here, which is its logical id."""
    return {
        logical_id: {name: resource["Properties"][name] for name in _COPIED if name in resource["Properties"]}
        for logical_id, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }


def variables() -> dict[str, str]:
    """Environment variable to table name."""
    names: dict[str, str] = {}
    for logical_id in schemas():
        words = logical_id.removesuffix("Table")
        variable = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in words).strip("_").upper()
        names[f"{variable}_TABLE"] = logical_id
    return names


def create_tables() -> dict[str, str]:
    """Environment variable to table name."""
    dynamodb = boto3.client("dynamodb")
    for name, schema in schemas().items():
        dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **schema)
    return variables()
