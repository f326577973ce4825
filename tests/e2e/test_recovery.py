"""Stripe silent, processes killed, webhooks doubled and shuffled: the money ends where it should, once."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from operate import redrive
from operate.target import Target
from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def test_a_capture_without_an_answer_is_202_and_the_clock_finishes_it_once(people: People) -> None:
    _, booking_id = people.held(people.event())
    people.control(
        "POST", "faults", {"kind": "drop_after", "match": {"path": "/v1/payment_intents/*/capture"}, "times": 9}
    )

    answer = people.ask("staff", "POST", f"/bookings/{booking_id}/complete", {"amount": 3000}, key=f"c-{booking_id}")
    people.control("DELETE", "faults")
    assert (answer.status, answer.body["payment_status"]) == (202, "capturing")
    people.advance(minutes=2)
    people.sweep()

    people.becomes(booking_id, payment_status="captured", captured=3000)
    again = people.ask("staff", "POST", f"/bookings/{booking_id}/complete", {"amount": 3000}, key=f"c-{booking_id}")
    assert (again.status, again.body["captured"]) == (200, 3000)


def workers(people: People, function: str) -> list[int]:
    """The processes in which the emulator runs this function; only of this very cloud."""
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={function}", f"AWS_ENDPOINT_URL={people.stack.aws_endpoint_url}"}
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted <= set(environment.read_text(errors="replace").split("\0")):
                found.append(int(environment.parent.name))
    return found


def test_a_function_that_is_killed_in_the_middle_of_a_capture_charges_once(people: People) -> None:
    _, booking_id = people.held(people.event())
    function = people.stack.functions["complete_booking"]
    people.control(
        "POST", "faults", {"kind": "slow", "delay_seconds": 4, "match": {"path": "/v1/payment_intents/*/capture"}}
    )
    asking = threading.Thread(
        target=lambda: people.ask(
            "staff", "POST", f"/bookings/{booking_id}/complete", {"amount": 3000}, key=f"k-{booking_id}"
        )
    )
    asking.start()
    people.eventually(lambda: people.booking(booking_id)["payment_status"] == "capturing", "it never began")
    time.sleep(0.5)
    killed = workers(people, function)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    asking.join()
    assert killed
    time.sleep(4)
    people.advance(minutes=2)

    answer = people.ask("staff", "POST", f"/bookings/{booking_id}/complete", {"amount": 3000}, key=f"k-{booking_id}")

    assert (answer.status, answer.body["captured"]) == (200, 3000)
    intent = people.dashboard.v1.payment_intents.retrieve(people.intent_of(booking_id))
    assert intent.amount_received == 3000
    story = [f"{line['kind']} {line['status']}" for line in people.log(booking_id)]
    assert story.count("capture started") == story.count("capture succeeded") == 1


def test_what_somebody_does_in_the_dashboard_is_adopted(people: People) -> None:
    event_id = people.event()
    (_, captured), (_, released) = people.held(event_id), people.held(event_id)
    people.dashboard.v1.payment_intents.capture(people.intent_of(captured), {"amount_to_capture": 1234})
    people.dashboard.v1.payment_intents.cancel(people.intent_of(released))
    people.becomes(captured, payment_status="captured", captured=1234)
    people.becomes(released, payment_status="released", outcome="cancelled")

    people.dashboard.v1.refunds.create({"payment_intent": people.intent_of(captured), "amount": 200})

    people.becomes(captured, payment_status="partially_refunded", refunded=200)


def test_webhooks_doubled_and_shuffled_end_in_one_state(people: People) -> None:
    _, booking_id = people.held(people.event())
    intent = people.intent_of(booking_id)
    people.control("POST", "webhooks", {"mode": "hold"})
    people.dashboard.v1.payment_intents.capture(intent, {"amount_to_capture": 4000})
    people.dashboard.v1.refunds.create({"payment_intent": intent, "amount": 1000})
    people.dashboard.v1.refunds.create({"payment_intent": intent, "amount": 500})
    people.control("POST", "webhooks", {"mode": "auto", "duplicate": 2, "shuffle_seed": 11})
    people.control("POST", "webhooks", {"deliver": "all"})

    people.becomes(booking_id, payment_status="partially_refunded", captured=4000, refunded=1500)
    people.control("POST", "webhooks", {"duplicate": 0, "shuffle_seed": None})
    kinds = [line["reason"] for line in people.log(booking_id) if line["kind"] == "external"]
    assert sorted(kinds) == ["captured", "refunded", "refunded"]


def test_a_dispute_shows(people: People) -> None:
    _, booking_id = people.held(people.event(), card="pm_card_createDispute")
    people.ask("staff", "POST", f"/bookings/{booking_id}/complete")

    people.becomes(booking_id, payment_status="disputed")


def test_a_poison_message_is_dead_lettered_and_can_be_redriven(people: People) -> None:
    sqs = people.aws("sqs")
    dead, queue = people.stack.queues["steps_dead_letters"], people.stack.queues["steps"]
    sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"booking_id": "bk_of_nobody"}))
    session = people.aws("sqs")

    class Here(Target):
        def resources(self) -> dict[str, str]:
            return {"StepsDeadLetters": dead, "StepsQueue": queue}

        def client(self, service: str) -> object:
            return session

    moved = redrive.redrive(Here(None, None, ""), "steps")  # type: ignore[arg-type]

    assert moved == 1
    people.eventually(lambda: _empty(sqs, queue), "nobody took the message that came back")


def _empty(sqs: object, url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]  # type: ignore[attr-defined]
    return all(int(found[name]) == 0 for name in names)


def test_two_sweeps_at_once_charge_once(people: People) -> None:
    event_id = people.event()
    _, booking_id = people.held(event_id)
    people.ask("staff", "POST", f"/bookings/{booking_id}/check-in")
    people.advance(days=3, hours=3)
    sweeping = [threading.Thread(target=people.sweep) for _ in range(3)]
    for each in sweeping:
        each.start()
    for each in sweeping:
        each.join()

    people.becomes(booking_id, payment_status="captured", captured=5000)
    story = [f"{line['kind']} {line['status']}" for line in people.log(booking_id)]
    assert story.count("capture started") == 1
