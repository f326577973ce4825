"""What happens through HTTP and by the clock is heard on the bus, as it is documented, and can be replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.people import People

pytestmark = pytest.mark.xdist_group("e2e")

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "domain-events.v1.schema.json").read_text()))


class Consumer:
    """Somebody with a rule on the bus and a queue of their own, who drops doubles and orders by sequence."""

    def __init__(self, people: People, queue: str) -> None:
        self.people = people
        self.queue = queue
        self.seen: dict[str, dict[str, Any]] = {}
        self.replayed: dict[str, dict[str, Any]] = {}

    def take(self) -> None:
        sqs = self.people.aws("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                detail = envelope["detail"]
                SCHEMA.validate(detail)
                assert (envelope["source"], envelope["detail-type"]) == ("holdfast", detail["type"])
                (self.replayed if detail["replayed"] else self.seen)[detail["id"]] = detail

    def of(self, booking_id: str) -> list[dict[str, Any]]:
        return sorted((e for e in self.seen.values() if e["booking_id"] == booking_id), key=lambda e: e["sequence"])

    def story(self, booking_id: str) -> list[tuple[str, str | None]]:
        return [(event["type"], event["reason"]) for event in self.of(booking_id)]

    def hears(self, booking_id: str, kind: str) -> dict[str, Any]:
        """The first event of this type about the booking, once it has come."""

        def heard() -> bool:
            self.take()
            return any(event["type"] == kind for event in self.of(booking_id))

        self.people.eventually(heard, f"{kind} of {booking_id} was not heard")
        return next(event for event in self.of(booking_id) if event["type"] == kind)


@contextmanager
def listening(people: People) -> Iterator[Consumer]:
    sqs, events, bus = people.aws("sqs"), people.aws("events"), people.stack.domain_events_bus
    queue = sqs.create_queue(QueueName="e2e-consumer")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["holdfast"], "detail": {"schema_version": [1]}})
    events.put_rule(Name="e2e-consumer", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="e2e-consumer", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield Consumer(people, queue)
    finally:
        events.remove_targets(Rule="e2e-consumer", EventBusName=bus, Ids=["queue"])
        events.delete_rule(Name="e2e-consumer", EventBusName=bus)
        sqs.delete_queue(QueueUrl=queue)


@pytest.fixture(scope="module")
def consumer(everybody: People) -> Iterator[Consumer]:
    with listening(everybody) as consumer:
        yield consumer


def replay(people: People, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "operate.replay_events", "--stack-file", str(people.stack_file), *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "layers" / "holdfast"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_booking_is_heard_from_the_hold_to_the_refund_and_once_more_in_a_replay(
    people: People, consumer: Consumer
) -> None:
    began = people.now()
    event_id = people.event()
    who, booking_id = people.held(event_id)
    placed = consumer.hears(booking_id, "hold.placed")
    assert placed["user_id"] == f"did:privy:{who}"
    assert placed["event_id"] == event_id
    assert placed["amount"] == {"amount": 6000, "currency": "eur"}

    assert people.complete(booking_id, 5000).status == 200
    refund = {"booking_id": booking_id, "amount": 2000, "reason": "the sauna was cold"}
    assert people.ask("staff", "POST", "/refunds", refund).status == 201
    told = consumer.hears(booking_id, "refund.succeeded")
    assert (told["amount"], told["reason"]) == ({"amount": 2000, "currency": "eur"}, None)
    assert "sauna" not in json.dumps(consumer.of(booking_id))
    assert consumer.story(booking_id) == [
        ("hold.placed", "booked"),
        ("booking.checked_in", None),
        ("payment.captured", "completed"),
        ("refund.succeeded", None),
    ]
    # Every line but the beginnings, and nothing else.
    lines = people.log(booking_id)
    expected = {f"{booking_id}:{line['sequence']}" for line in lines if line["status"] != "started"}
    assert {event["id"] for event in consumer.of(booking_id)} == expected

    done = replay(people, "--booking", booking_id)
    assert done.returncode == 0, done.stdout + done.stderr
    consumer.take()
    mine = {name: event for name, event in consumer.replayed.items() if event["booking_id"] == booking_id}
    assert mine == {event["id"]: event | {"replayed": True} for event in consumer.of(booking_id)}

    consumer.replayed.clear()
    done = replay(people, "--from", began.isoformat(), "--to", (people.now() + timedelta(seconds=1)).isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    consumer.take()
    assert expected <= set(consumer.replayed)


def test_what_the_clock_and_the_bank_do_is_heard_too(people: People, consumer: Consumer) -> None:
    event_id = people.event(policy={"no_show_capture": "always"})
    _, absent = people.held(event_id)
    customer = people.somebody()
    card = people.card(customer, "pm_card_4000000000000341")
    declined = people.ask(customer, "POST", "/holds", {"event_id": event_id, "payment_method_id": card})
    assert declined.status == 402

    told = consumer.hears(declined.body["booking_id"], "hold.declined")
    assert (told["payment_status"], told["outcome"]) == ("declined", "declined")
    assert told["data"]["decline_code"] is not None

    people.advance(days=2, hours=1)
    people.sweep()
    told = consumer.hears(absent, "payment.captured")
    assert (told["actor"], told["reason"], told["outcome"]) == ("clock", "no_show", "no_show")

    people.dashboard.v1.refunds.create({"payment_intent": people.intent_of(absent), "amount": 700})
    told = consumer.hears(absent, "refund.succeeded")
    assert (told["actor"], told["amount"]) == ("stripe", {"amount": 700, "currency": "eur"})


def test_nothing_was_left_unpublished(people: People, consumer: Consumer) -> None:
    assert people.messages_in("publish_events_dead_letters") == 0
