"""Every table: its keys and indexes as documented, and that nothing in it is lost or read by others."""

from __future__ import annotations

import pytest

from tests.template.deployed import of_type
from tests.template.documented import tables

DOCUMENTED = list(tables().values())


def table(stage: str, name: str) -> dict:
    return of_type(stage, "AWS::DynamoDB::Table")[name]


def keys(schema: list[dict]) -> tuple[str, ...]:
    assert [each["KeyType"] for each in schema] == ["HASH", "RANGE"][: len(schema)]
    return tuple(each["AttributeName"] for each in schema)


def test_documented_and_deployed_tables_are_the_same():
    assert set(of_type("production", "AWS::DynamoDB::Table")) == {each.name for each in DOCUMENTED}


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda each: each.name)
def test_keys_and_indexes_are_the_documented_ones(documented):
    properties = table("production", documented.name)["Properties"]
    indexes = {each["IndexName"]: keys(each["KeySchema"]) for each in properties.get("GlobalSecondaryIndexes", [])}

    assert keys(properties["KeySchema"]) == documented.key
    assert indexes == documented.indexes


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda each: each.name)
def test_a_table_costs_by_use_can_be_restored_and_is_encrypted(documented):
    properties = table("production", documented.name)["Properties"]

    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize(
    ("stage", "protected", "on_removal"),
    [("local", False, "Delete"), ("staging", False, "Delete"), ("production", True, "Retain")],
)
@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda each: each.name)
def test_only_production_keeps_its_tables_against_everybody(documented, stage, protected, on_removal):
    resource = table(stage, documented.name)

    assert resource["Properties"]["DeletionProtectionEnabled"] is protected
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == on_removal


def test_what_is_only_remembered_for_a_while_expires_and_nothing_else_does():
    expiring = {
        name: each["Properties"]["TimeToLiveSpecification"]
        for name, each in of_type("production", "AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in each["Properties"]
    }

    assert expiring == {"IdempotencyTable": {"AttributeName": "expires_at", "Enabled": True}}


def test_the_log_has_a_stream_of_new_lines_and_no_other_table_has_one():
    streams = {
        name: each["Properties"]["StreamSpecification"]
        for name, each in of_type("production", "AWS::DynamoDB::Table").items()
        if "StreamSpecification" in each["Properties"]
    }

    assert streams == {"TransactionsTable": {"StreamViewType": "NEW_IMAGE"}}


@pytest.mark.parametrize(
    ("name", "keys_only"),
    [
        ("BookingsTable", {"by_month", "by_due", "by_payment_intent", "by_attention"}),
        ("EventsTable", {"by_due"}),
        ("TransactionsTable", {"by_day"}),
    ],
)
def test_indexes_that_only_lead_to_items_hold_only_keys(name, keys_only):
    indexes = table("production", name)["Properties"]["GlobalSecondaryIndexes"]

    assert {each["IndexName"] for each in indexes if each["Projection"]["ProjectionType"] == "KEYS_ONLY"} == keys_only
    assert {each["Projection"]["ProjectionType"] for each in indexes} <= {"KEYS_ONLY", "ALL"}


def test_stripes_keys_are_made_empty_and_kept_in_production():
    secret = of_type("production", "AWS::SecretsManager::Secret")["StripeSecret"]

    assert secret["DeletionPolicy"] == "Retain"
    assert "sk_" not in secret["Properties"]["SecretString"]
    assert "whsec_" not in secret["Properties"]["SecretString"]
