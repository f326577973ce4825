"""From the log's stream to the bus and back by a replay, on moto: what a consumer with a rule and a queue receives."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from holdfast import bootstrap
from operate import replay_events, watch_events
from operate.replay_events import Replay, Span, replay_on, span_of
from operate.target import Target
from tests.integration.test_sample_events import BOOKING, a_booking, sample, today
from tests.unit.test_domain_events import VALIDATOR
from tests.world import NOW, Context, World, handler

__all__ = ["today"]


class Here(Target):
    """The stack of the test: the names are the template's own."""

    def resources(self) -> dict[str, str]:
        queue = boto3.client("sqs").get_queue_url(QueueName="publish-events-dead")["QueueUrl"]
        tables = {name: name for name in ("BookingsTable", "TransactionsTable")}
        return tables | {"DomainEventsBus": "DomainEventsBus", "PublishEventsDeadLetters": queue}


def here() -> Here:
    return Here(boto3.Session(), None, "holdfast-test")


class Consumer:
    """Somebody with a rule and a queue of their own."""

    def __init__(self) -> None:
        sqs, events = boto3.client("sqs"), boto3.client("events")
        self.queue = sqs.create_queue(QueueName="consumer")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": ["holdfast"]})
        events.put_rule(Name="all", EventBusName="DomainEventsBus", EventPattern=pattern)
        events.put_targets(Rule="all", EventBusName="DomainEventsBus", Targets=[{"Id": "1", "Arn": arn}])

    def received(self) -> list[dict[str, Any]]:
        """The details since the last time, each held against the schema, and its envelope against it."""
        sqs = boto3.client("sqs")
        found = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                VALIDATOR.validate(envelope["detail"])
                assert (envelope["source"], envelope["detail-type"]) == ("holdfast", envelope["detail"]["type"])
                found.append(envelope["detail"])
        return found


@pytest.fixture
def consumer(world: World) -> Consumer:
    return Consumer()


def stream(*, after: int = 0) -> list[dict[str, Any]]:
    """What the table's stream tells: each booking's lines in order."""
    items = boto3.client("dynamodb").scan(TableName="TransactionsTable")["Items"]
    items.sort(key=lambda item: (item["booking_id"]["S"], int(item["sequence"]["N"])))
    return [
        {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": str(1000 + number)}}
        for number, item in enumerate(items)
    ][after:]


def publish(records: list[dict[str, Any]]) -> Any:
    return handler("publish_events")({"Records": records}, Context(remaining_ms=60_000))


ALL_TAKEN: dict[str, list[Any]] = {"batchItemFailures": []}


# --- what a consumer receives --------------------------------------------------------------------------------------


def test_a_late_cancellation_is_told_step_by_step(world: World, consumer: Consumer) -> None:
    world.event()
    booking_id = world.held()
    world.advance(days=1, hours=1)
    assert world.on("cancel", booking_id, user="alice").status == 200

    assert publish(stream()) == ALL_TAKEN

    told = consumer.received()
    assert [(each["sequence"], each["type"], each["reason"]) for each in told] == [
        (2, "hold.placed", "booked"),
        (3, "booking.cancel_requested", None),
        (5, "payment.captured", "late_cancellation"),
    ]
    assert {each["user_id"] for each in told} == {"did:privy:alice"}
    assert {each["event_id"] for each in told} == {"yoga"}
    assert {each["deployment"] for each in told} == {"holdfast-test"}
    assert told[0]["amount"] == {"amount": 6000, "currency": "eur"}
    assert told[0]["data"]["expires_at"] is not None
    assert (told[2]["payment_status"], told[2]["outcome"]) == ("captured", "cancelled")
    assert told[2]["amount"] == {"amount": 5000, "currency": "eur"}


def test_a_declined_card_and_a_wanted_authentication_are_told(world: World, consumer: Consumer) -> None:
    world.event()
    world.card("bob", "pm_card_4000000000000341")
    assert world.hold("bob").status == 402
    world.card("carol", "pm_card_threeDSecure2Required")
    assert world.hold("carol").status == 202

    publish(stream())

    told = {each["user_id"]: each for each in consumer.received()}
    assert told["did:privy:bob"]["type"] == "hold.declined"
    assert told["did:privy:bob"]["data"]["decline_code"] == "generic_decline"
    assert told["did:privy:carol"]["type"] == "hold.action_required"
    assert told["did:privy:carol"]["data"]["next_action"] == "confirm_payment"
    assert "_secret_" not in json.dumps(told)


def test_staffs_words_stay_in_the_log(world: World, consumer: Consumer) -> None:
    world.event()
    booking_id = world.held()
    world.call(
        "waive_no_show",
        "POST",
        "/bookings/{booking_id}/waive",
        staff="sam",
        body={"reason": "her mother is in hospital"},
        booking_id=booking_id,
    )
    world.on("complete", booking_id, staff="sam")
    body = {"booking_id": booking_id, "amount": 1000, "reason": "the heating was off"}
    assert world.call("create_refund", "POST", "/refunds", staff="sam", body=body, key="r").status == 201

    publish(stream())

    told = consumer.received()
    assert [each["type"] for each in told] == [
        "hold.placed",
        "no_show.waived",
        "booking.checked_in",
        "payment.captured",
        "refund.succeeded",
    ]
    assert "hospital" not in json.dumps(told)
    assert "heating" not in json.dumps(told)
    assert "sam" not in json.dumps(told)


def test_every_line_of_a_busy_day_is_an_event_or_none_on_purpose(world: World, consumer: Consumer) -> None:
    world.event()
    ids = {user: world.held(user, key=f"hold-{user}") for user in ("alice", "bob", "carol")}
    world.on("check-in", ids["alice"], staff="sam")
    world.on("cancel", ids["bob"], user="bob")
    world.advance(days=2, hours=1)
    world.sweep()
    world.on("complete", ids["alice"], staff="sam")
    world.refund(ids["alice"], amount=500)
    world.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    world.sweep()
    world.drain("steps", "take_next_step")

    assert publish(stream()) == ALL_TAKEN

    told = consumer.received()
    assert len({each["id"] for each in told}) == len(told)
    assert (
        boto3.client("sqs").receive_message(QueueUrl=here().resources()["PublishEventsDeadLetters"]).get("Messages")
        is None
    )
    # All that was written but the beginnings.
    lines = [(booking_id, line) for booking_id in ids.values() for line in world.log(booking_id)]
    assert {each["id"] for each in told} == {
        f"{booking_id}:{line['sequence']}" for booking_id, line in lines if line["status"] != "started"
    }


def test_a_batch_that_comes_twice_is_told_twice_with_the_same_ids(world: World, consumer: Consumer) -> None:
    world.event()
    world.held()
    publish(stream())
    first = consumer.received()
    publish(stream())

    assert consumer.received() == first


def test_the_sample_of_the_stream_becomes_the_hold_it_tells_of(today: World) -> None:
    consumer = Consumer()
    a_booking(today)

    assert handler("publish_events")(sample("publish_events"), Context(remaining_ms=60_000)) == ALL_TAKEN
    (told,) = consumer.received()
    assert (told["id"], told["type"]) == (f"{BOOKING}:2", "hold.placed")
    assert told["user_id"] is not None


# --- what fails ----------------------------------------------------------------------------------------------------


def test_while_the_bus_is_away_the_stream_waits_and_then_goes_on(
    world: World, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.event()
    world.held("alice")
    world.held("bob", key="hold-2")
    records, asked = stream(), BaseClient._make_api_call  # type: ignore[attr-defined]

    def away(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "PutEvents":
            raise ClientError({"Error": {"Code": "InternalException", "Message": "away"}}, operation)
        return asked(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", away)
        failed = publish(records)

    assert consumer.received() == []
    assert failed == {"batchItemFailures": [{"itemIdentifier": "1001"}]}  # its first line begins, and is no event
    assert publish(stream(after=1)) == ALL_TAKEN
    assert len(consumer.received()) == 2


def letter(booking_id: str) -> str:
    """A dead letter about this booking's hold; the queue's URL."""
    queue = here().resources()["PublishEventsDeadLetters"]
    body = {"booking_id": booking_id, "sequence": 2, "why": "Unmapped: authorize succeeded"}
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    return queue


def test_a_line_that_nobody_understands_waits_in_the_dead_letters_until_somebody_does(
    world: World, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.event()
    booking_id = world.held()
    monkeypatch.setattr("holdfast.domain_event_types._ROWS", {("authorize", "started"): None})

    assert publish(stream()) == ALL_TAKEN
    replayed = replay_events.dead_letters(here(), replay_on(here()))

    assert replayed.events.total() == 0
    assert replayed.broken == [f"{booking_id} line 2: Unmapped: authorize succeeded"]
    assert messages_in(here().resources()["PublishEventsDeadLetters"]) == 1
    assert consumer.received() == []


def test_a_dead_letter_is_taken_out_once_its_line_is_on_the_bus(world: World, consumer: Consumer) -> None:
    world.event()
    booking_id = world.held()
    queue = letter(booking_id)

    assert replay_events.dead_letters(here(), replay_on(here())).events == {"hold.placed": 1}

    assert messages_in(queue) == 0
    (told,) = consumer.received()
    assert (told["id"], told["replayed"]) == (f"{booking_id}:2", True)


def test_looking_at_dead_letters_leaves_them(world: World, consumer: Consumer) -> None:
    world.event()
    queue = letter(world.held())

    assert replay_events.dead_letters(here(), replay_on(here(), look=True), look=True).events == {"hold.placed": 1}

    assert messages_in(queue) == 1
    assert consumer.received() == []


def messages_in(queue: str) -> int:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(map(int, attributes.values()))


def test_dead_letters_of_the_stream_are_replayed_by_their_time_once(world: World, consumer: Consumer) -> None:
    world.event()
    world.held("alice")
    world.advance(minutes=1)
    world.held("bob", key="hold-2")
    world.advance(hours=3)
    world.held("carol", key="hold-3")
    queue = here().resources()["PublishEventsDeadLetters"]
    for first, last in ((NOW, NOW + timedelta(seconds=5)), (NOW + timedelta(seconds=70), NOW + timedelta(seconds=80))):
        batch = {
            "approximateArrivalOfFirstRecord": first.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "approximateArrivalOfLastRecord": last.strftime("%Y-%m-%dT%H:%M:%S.123Z"),
            "batchSize": 2,
            "shardId": "shardId-1",
        }
        body = {"version": "1.0", "DDBStreamBatchInfo": batch}
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    replayed = replay_events.dead_letters(here(), replay_on(here()))

    assert replayed.events == {"hold.placed": 2}
    assert {each["user_id"] for each in consumer.received()} == {"did:privy:alice", "did:privy:bob"}
    assert messages_in(queue) == 0


# --- replays -------------------------------------------------------------------------------------------------------


@pytest.fixture
def days(world: World) -> dict[str, str]:
    """Bookings on three days, one a moment before midnight."""
    world.move_to(datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC))
    world.event(starts_in=timedelta(days=5))
    booked = {}
    for number, user in enumerate(("ann", "ben", "cem", "dua", "eli", "fay")):
        booked[user] = world.held(user, key=f"hold-{number}")
        world.advance(hours=9)
    return booked


def replayed(replay: Replay, span: Span, **how: Any) -> list[str]:
    return [f"{each.booking_id}:{each.sequence}" for lines, _ in replay.span(span, **how) for each in lines]


def test_a_span_holds_what_was_written_in_it_and_its_end_not(world: World, days: dict[str, str]) -> None:
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    replay = replay_on(here(), look=True)

    before = replayed(replay, Span(midnight - timedelta(seconds=1), midnight))
    after = replayed(replay, Span(midnight, midnight + timedelta(days=1)))
    exact = midnight - timedelta(seconds=1) + timedelta(hours=9)

    assert before == [f"{days['ann']}:1", f"{days['ann']}:2"]
    assert sorted(after) == sorted(f"{days[user]}:{number}" for user in ("ben", "cem") for number in (1, 2))
    assert replayed(replay, Span(exact - timedelta(hours=1), exact)) == []
    assert len(replayed(replay, Span(exact, exact + timedelta(seconds=1)))) == 2
    assert len(replayed(replay, Span(midnight - timedelta(days=2), midnight + timedelta(days=3)))) == 12


def test_pages_are_as_small_as_asked_for_and_miss_nothing_however_they_fall(days: dict[str, str]) -> None:
    log = bootstrap.store().log
    start, end = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)
    found, position = [], None
    while True:
        lines, position = log.between(start, end, position=position, limit=1)
        assert len(lines) <= 1
        found += [(each.booking_id, each.sequence) for each in lines]
        if position is None:
            break
        # The place is a text that somebody copies.
        assert span_of(Span(start, end).place(position)) == (Span(start, end), position)

    assert sorted(found) == sorted((booking_id, number) for booking_id in days.values() for number in (1, 2))
    for booking_id in days.values():
        assert [number for each, number in found if each == booking_id] == [1, 2]


@pytest.mark.parametrize(
    "arguments",
    [["--booking", "bk_1", "--to", "2026-11-24"], ["--from", "2026-11-24", "--last", "3"], ["--from", "2027", "--to"]],
    ids=" ".join,
)
def test_arguments_that_do_not_go_together_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, *arguments)


def test_a_place_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["replay_events", "--resume", "nowhere"])
    with pytest.raises(SystemExit, match="2"):
        replay_events.main()
    assert "--resume" in capsys.readouterr().err


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["replay_events", *arguments])
    monkeypatch.setattr(replay_events, "chosen", lambda _: here())
    return replay_events.main()


def test_a_booking_is_replayed_line_by_line_as_it_was_published(
    world: World, consumer: Consumer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.event()
    booking_id = world.held()
    world.on("complete", booking_id, staff="sam")
    publish(stream())
    published = consumer.received()

    assert run(monkeypatch, "--booking", booking_id) == 0

    again = consumer.received()
    assert again == [each | {"replayed": True} for each in published]
    assert "3 events published" in capsys.readouterr().out
    assert run(monkeypatch, "--booking", booking_id, "--first", "3", "--last", "4", "--look") == 0
    assert consumer.received() == []
    assert "1 events would be published" in capsys.readouterr().out
    assert run(monkeypatch, "--booking", booking_id, "--first", "3", "--last", "3") == 0
    assert [each["sequence"] for each in consumer.received()] == [3]


def test_a_replay_that_the_bus_stops_goes_on_from_its_last_place(
    world: World,
    days: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    consumer = Consumer()
    asked, calls = BaseClient._make_api_call, []  # type: ignore[attr-defined]

    def failing_once(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "PutEvents":
            calls.append(parameters)
            if len(calls) == 4:
                raise ClientError({"Error": {"Code": "InternalException", "Message": "away"}}, operation)
        return asked(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", failing_once)

    assert run(monkeypatch, "--from", "2026-11-24", "--to", "2026-11-28T00:00:00+00:00") == 1

    said = capsys.readouterr().err
    assert "stopped" in said
    place = [line.rpartition(" ")[2] for line in said.splitlines() if "--resume" in line][-1]
    before = [each["id"] for each in consumer.received()]
    assert run(monkeypatch, "--resume", place) == 0
    after = [each["id"] for each in consumer.received()]
    assert sorted({*before, *after}) == sorted(f"{each}:2" for each in days.values())
    assert 0 < len(before) < 6


# --- watching ------------------------------------------------------------------------------------------------------


def test_whoever_watches_sees_events_as_they_come_and_leaves_nothing_behind(world: World) -> None:
    world.event()
    with watch_events.listening(here()) as queue:
        booking_id = world.held()
        publish(stream())
        (told,) = watch_events.received(here(), queue, seconds=0)

    assert told["id"] == f"{booking_id}:2"
    line = watch_events.told(told)
    assert "hold.placed" in line
    assert "6000 eur" in line
    assert booking_id in line
    assert boto3.client("events").list_rules(EventBusName="DomainEventsBus")["Rules"] == []
    assert not [url for url in boto3.client("sqs").list_queues().get("QueueUrls", []) if "watch" in url]
