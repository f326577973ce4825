"""The simulated deployment itself: the same on moto's tables, repeatable, and with a way back."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.simulation.climate import Climate
from tests.simulation.deployment import Deployment
from tests.simulation.keeping import restore, snapshot
from tests.simulation.places import EVENING, book, in_memory, put_event, save_card
from tests.simulation.postbox import Manner
from tests.simulation.queues import Queues
from tests.tables import create_tables


def lives(deployment: Deployment) -> dict[str, Any]:
    """Two bookings from their cards to their ends; what is left of them."""
    put_event(deployment, "yoga", EVENING + timedelta(days=3))
    put_event(deployment, "gala", EVENING + timedelta(days=40))
    for user, event in (("alice", "yoga"), ("bob", "yoga"), ("carol", "gala")):
        save_card(deployment, user)
        book(deployment, user, event)
        deployment.pass_time(deployment.stage.now + 90)
    first = deployment.bookings()[0].booking_id
    deployment.call("cancel_booking", "POST", "/bookings/{booking_id}/cancel", user="alice", key="c", booking_id=first)
    deployment.pass_time((EVENING + timedelta(days=3, minutes=-5)).timestamp())
    second = deployment.bookings()[1].booking_id
    deployment.call("check_in_booking", "POST", "/bookings/{booking_id}/check-in", staff="sam", booking_id=second)
    deployment.pass_time((EVENING + timedelta(days=80)).timestamp())
    return {
        booking.booking_id: [f"{line['kind']} {line['status']}" for line in deployment.log(booking.booking_id)]
        for booking in deployment.bookings()
    }


def test_on_motos_tables_and_on_those_in_memory_the_same_happens_to_the_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with in_memory("same") as deployment:
        there = lives(deployment), [deployment.log(each.booking_id) for each in deployment.bookings()]
    with mock_aws():
        create_tables()
        with Deployment.started("same", boto3.client("dynamodb"), EVENING) as deployment:
            here = lives(deployment), [deployment.log(each.booking_id) for each in deployment.bookings()]

    assert here == there
    assert any("capture succeeded" in story for story in here[0].values())
    assert any("schedule started" in story for story in here[0].values())


def test_every_line_of_the_log_that_concerns_the_world_is_on_the_bus() -> None:
    with in_memory() as deployment:
        lives(deployment)

        assert deployment.stream == []
        assert {event["type"] for event in deployment.bus.events} > {"hold.placed", "hold.released", "hold.scheduled"}


def test_a_snapshot_can_be_gone_on_from_twice_and_the_same_happens() -> None:
    with in_memory() as deployment:
        put_event(deployment, "yoga", EVENING + timedelta(days=3))
        save_card(deployment, "alice")
        kept = snapshot(deployment)
        ends = []
        for _ in range(2):
            restore(deployment, kept)
            booking_id = book(deployment, "alice", "yoga")
            deployment.pass_time((EVENING + timedelta(days=6)).timestamp())
            ends.append((deployment.log(booking_id), deployment.simulator.store.tables()["event"].copy()))

        assert ends[0] == ends[1]
        restore(deployment, kept)
        assert deployment.bookings() == []
        assert deployment.now() < EVENING + timedelta(minutes=1)


def test_requests_at_once_interleave_as_the_seed_says() -> None:
    def story(seed: str) -> list[Any]:
        with in_memory(seed) as deployment:
            put_event(deployment, "yoga", EVENING + timedelta(days=3))
            save_card(deployment, "alice")
            answers: list[Any] = []

            def request() -> None:
                body = {"event_id": "yoga"}
                answer = deployment.call("place_hold", "POST", "/holds", user="alice", key="k", body=body)
                answers.append((answer and answer.status, deployment.stage.now))

            deployment.stage.together([request] * 4, [random.Random(f"{seed} {number}") for number in range(4)])
            assert len(deployment.bookings()) == 1
            return answers

    assert story("a") == story("a")
    told = [story(seed) for seed in "abcdef"]
    assert len({str(each) for each in told}) == 6
    assert all({status for status, _ in each} <= {201, 409} for each in told)
    assert any({status for status, _ in each} == {201, 409} for each in told)


def test_stripes_events_come_although_the_door_was_closed_and_twice_without_harm() -> None:
    with in_memory() as deployment:
        deployment.set_climate(Climate(manner=Manner(late=1, longest=7200, doubled=1, dropped=1)))
        story = lives(deployment)

    with in_memory() as deployment:
        assert sorted(map(sorted, story.values())) == sorted(map(sorted, lives(deployment).values()))


def test_a_message_comes_again_and_is_a_dead_letter_in_the_end() -> None:
    time = [0.0]
    queues = Queues(lambda: time[0])
    queues.send_message(QueueUrl="StepsQueue", MessageBody="{}")
    for receive in range(1, 6):
        assert [each.received for each in queues.receive("StepsQueue", 5)] == [receive]
        assert queues.receive("StepsQueue", 5) == []
        time[0] += 901

    assert queues.receive("StepsQueue", 5) == []
    assert len(queues.queues["StepsDeadLetters"].messages) == 1
    assert queues.redrive() == 1
    assert len(queues.receive("StepsQueue", 5)) == 1


def test_a_message_that_nobody_took_for_as_long_as_the_queue_keeps_it_is_gone() -> None:
    time = [0.0]
    queues = Queues(lambda: time[0])
    queues.send_message(QueueUrl="StepsQueue", MessageBody="{}", DelaySeconds=10)
    assert queues.receive("StepsQueue", 5) == []
    time[0] = 86_411

    assert queues.receive("StepsQueue", 5) == []
    assert queues.queues["StepsQueue"].messages == []
