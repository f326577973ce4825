"""The commands of the runbook: a log that was touched is named, and dead letters come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from holdfast import bootstrap
from holdfast.log import FIRST_HASH, entry_hash
from holdfast.pace import Pace
from holdfast.reconciliation import midnight
from holdfast.store.items import marshal
from holdfast.stripe_gateway import client as stripe_client
from local.stripe_simulator.in_process import InProcessHTTPClient
from operate import reconcile, redrive
from operate.target import Target
from operate.verify_log import check
from tests.nights import DAY, authorized, intent_of, the_night_after
from tests.world import DEPLOYMENT, World


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


def test_an_amount_that_does_not_follow_from_the_log_is_named_though_the_chain_holds(booked: str) -> None:
    """Whoever can write every line can chain them anew; the policy that was accepted still says otherwise."""
    lines, previous = list(bootstrap.store().bookings.all_lines(booked)), FIRST_HASH
    capture = next(line for line in lines if (line["kind"], line["status"]) == ("capture", "started"))
    capture["amount"] += 100
    for line in lines:
        line["previous_hash"] = previous
        line["entry_hash"] = previous = entry_hash(line)
        boto3.client("dynamodb").update_item(
            TableName="TransactionsTable",
            Key=line_key(booked, line["sequence"]),
            UpdateExpression="SET #line = :line",
            ExpressionAttributeNames={"#line": "line"},
            ExpressionAttributeValues=marshal({":line": line}),
        )
    boto3.client("dynamodb").update_item(
        TableName="BookingsTable",
        Key={"booking_id": {"S": booked}},
        UpdateExpression="SET facts.chain_head = :head",
        ExpressionAttributeValues={":head": {"S": previous}},
    )

    faults = check(bootstrap.store().bookings, booked)

    assert [fault.sequence for fault in faults] == [capture["sequence"], capture["sequence"] + 1]


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


# --- reconcile --------------------------------------------------------------------------------------------------------


@pytest.fixture
def drifted(world: World) -> dict[str, str]:
    """A day with one difference that may be adopted, and one that may not."""
    world.move_to(midnight(DAY) + timedelta(hours=9))
    world.event(starts_in=timedelta(days=4))
    missed, currency = world.held("alice"), world.held("bob")
    world.stripe.v1.payment_intents.capture(intent_of(world, missed), {"amount_to_capture": 1234})
    authorized(world, currency, currency="usd")
    the_night_after(world)
    return {"missed_capture": missed, "wrong_currency": currency}


@pytest.fixture
def compare(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The command, with the simulator at the other end of its wire: its exit code and what it says."""

    class There(Target):
        def resources(self) -> dict[str, str]:
            names = {name: name for name in ("BookingsTable", "TransactionsTable", "IdempotencyTable")}
            return names | {"StripeSecret": "stripe"}

    target = There(boto3.Session(), None, DEPLOYMENT)
    transport = InProcessHTTPClient(world.simulator)
    monkeypatch.setattr(reconcile, "chosen", lambda _: target)
    monkeypatch.setattr(reconcile, "client", lambda key, _: stripe_client(key, http_client=transport))
    monkeypatch.setattr(reconcile, "system_clock", world.time)
    monkeypatch.setattr(reconcile, "Pace", lambda: Pace(per_second=1e9))

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["operate.reconcile", *arguments])
        capsys.readouterr()
        return reconcile.main(), capsys.readouterr().out

    return run


def test_the_command_names_every_difference_of_a_range_and_touches_nothing(
    world: World, drifted: dict[str, str], compare: Callable[..., Any]
) -> None:
    before = world.everything()

    code, said = compare("--from", "2026-11-23", "--to", "2026-11-25")

    assert code == 1
    for drift, booking_id in drifted.items():
        assert f"{drift}, {booking_id}" in said
    assert "captured 0 in the log, 1234 at Stripe (0 and 1234 on other days)" in said
    assert world.everything() == before


def test_the_command_mends_what_the_rules_allow_and_says_what_is_left(
    world: World, drifted: dict[str, str], compare: Callable[..., Any]
) -> None:
    code, said = compare("--mend")
    world.stripe.v1.payment_intents.cancel(next(intent.id for intent in world.intents() if intent.currency == "usd"))
    again, then = compare("--from", DAY.isoformat())

    assert (code, again) == (1, 0)
    assert f"adopted: missed_capture, {drifted['missed_capture']}" in said
    assert f"left: wrong_currency, {drifted['wrong_currency']}" in said
    assert world.booking(drifted["missed_capture"]).captured == 1234
    assert world.booking(drifted["wrong_currency"]).attention == "wrong_currency"
    assert "_currency" not in then


def test_the_command_shows_what_the_night_has_kept(
    world: World, drifted: dict[str, str], compare: Callable[..., Any]
) -> None:
    code, said = compare("--report")
    assert (code, said) == (1, f"{DAY}: not compared\n")
    world.reconcile()

    code, said = compare("--report", "--json")

    told = json.loads(said)
    assert code == 1
    assert {each["kind"]: each["booking_id"] for each in told["findings"]} == drifted
    assert {each["kind"]: each["state"] for each in told["findings"]} == {
        "missed_capture": "adopted",
        "wrong_currency": "left",
    }


def test_on_a_clean_day_the_command_ends_well(world: World, compare: Callable[..., Any]) -> None:
    world.event()
    world.held()
    the_night_after(world)

    assert compare("--from", "2026-11-23")[0] == 0
