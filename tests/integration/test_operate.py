"""The commands of the runbook: a log that was touched is named, and dead letters come back."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from holdfast import bootstrap
from operate import redrive
from operate.target import Target
from operate.verify_log import check
from tests.world import World


@pytest.fixture
def booked(world: World) -> str:
    world.event()
    booking_id = world.held()
    world.on("complete", booking_id, staff="sam")
    return booking_id


def line_key(booking_id: str, sequence: int) -> Any:
    return {"booking_id": {"S": booking_id}, "sequence": {"N": str(sequence)}}


def test_an_untouched_log_has_no_faults(booked: str) -> None:
    assert check(bootstrap.store().bookings, booked) == []


def test_an_altered_line_is_named(booked: str) -> None:
    boto3.client("dynamodb").update_item(
        TableName="TransactionsTable",
        Key=line_key(booked, 2),
        UpdateExpression="SET #line.amount = :less",
        ExpressionAttributeNames={"#line": "line"},
        ExpressionAttributeValues={":less": {"N": "1"}},
    )

    assert [fault.sequence for fault in check(bootstrap.store().bookings, booked)] == [2]


@pytest.mark.parametrize("sequence", [1, 2, 3, 4, 5])
def test_a_missing_line_is_named_wherever_it_stood(booked: str, sequence: int) -> None:
    boto3.client("dynamodb").delete_item(TableName="TransactionsTable", Key=line_key(booked, sequence))

    assert check(bootstrap.store().bookings, booked) != []


class Here(Target):
    """The stack of the test: the names are the template's own."""

    def resources(self) -> dict[str, str]:
        sqs = boto3.client("sqs")
        return {name: sqs.create_queue(QueueName=queue)["QueueUrl"] for name, queue in NAMES.items()}


NAMES = {
    "StepsQueue": "steps",
    "StepsDeadLetters": "steps-dead",
    "StripeEventsQueue": "stripe-events",
    "StripeEventsDeadLetters": "stripe-events-dead",
}


def test_dead_letters_are_given_back_and_none_is_lost(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    here = Here(boto3.Session(), None, "test")
    sqs = boto3.client("sqs")
    urls = here.resources()
    for number in range(23):
        sqs.send_message(QueueUrl=urls["StepsDeadLetters"], MessageBody=json.dumps({"booking_id": f"bk_{number}"}))

    assert redrive.redrive(here, "steps") == 23

    back = set()
    while messages := sqs.receive_message(QueueUrl=urls["StepsQueue"], MaxNumberOfMessages=10).get("Messages"):
        back |= {json.loads(message["Body"])["booking_id"] for message in messages}
    assert back == {f"bk_{number}" for number in range(23)}
    assert "bk_7" in capsys.readouterr().out


def test_looking_moves_nothing(world: World) -> None:
    here = Here(boto3.Session(), None, "test")
    urls = here.resources()
    boto3.client("sqs").send_message(QueueUrl=urls["StripeEventsDeadLetters"], MessageBody="{")

    assert redrive.redrive(here, "stripe-events", look=True) == 1
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=urls["StripeEventsDeadLetters"], AttributeNames=["All"]
    )["Attributes"]
    assert (
        int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"]) == 1
    )
