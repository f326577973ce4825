"""Stripe's events: forged, doubled, late, shuffled, about others; and what people do in Stripe's dashboard."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def event_about(intent: dict[str, Any], kind: str = "payment_intent.canceled") -> bytes:
    """As Stripe would send it."""
    event = {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": intent},
    }
    return json.dumps(event).encode()


def test_forged_stale_and_altered_events_are_400_and_nothing_happens(people: People) -> None:
    people.control("POST", "webhooks", {"mode": "hold"})  # so that only what is forged could be in the queue
    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    _, booking_id = people.held(people.event())
    before = people.booking(booking_id)
    (intent,) = people.intents(booking_id)
    lie = event_about(intent | {"status": "canceled", "cancellation_reason": "automatic"})
    good = people.signed(lie)

    refused = [
        people.post_event(lie, people.signed(lie, "whsec_guess")),
        people.post_event(lie, people.signed(lie, at=time.time() - 400)),
        people.post_event(lie, people.signed(lie, at=time.time() + 400)),
        people.post_event(lie.replace(b"canceled", b"canceIed"), good),
        people.post_event(lie + b" ", good),
        people.post_event(lie),
        people.post_event(lie, {"Stripe-Signature": "t=,v1="}),
        people.post_event(b"", people.signed(lie)),
    ]

    assert refused == [400] * len(refused)
    assert people.messages_in("stripe_events") == 0
    assert people.booking(booking_id) == before


def test_a_signed_event_is_a_hint_and_never_believed(people: People) -> None:
    """Signed by Stripe, but the object says otherwise: an old event that comes late."""
    _, booking_id = people.held(people.event())
    before = people.booking(booking_id)
    (intent,) = people.intents(booking_id)
    lie = event_about(intent | {"status": "canceled", "cancellation_reason": "automatic"})
    strange = event_about(intent | {"metadata": {"deployment": "another", "booking_id": "bk_of_nobody"}})
    nameless = json.dumps({"id": "evt_x", "object": "event", "type": "x", "data": {"object": {}}}).encode()

    assert [people.post_event(each, people.signed(each)) for each in (lie, lie, strange, nameless)] == [200] * 4

    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    assert people.booking(booking_id) == before
    assert people.messages_in("stripe_events_dead_letters") == 0


def test_payments_that_are_not_ours_are_left_alone(people: People) -> None:
    stripe = people.dashboard.v1
    customer = stripe.customers.create({"email": "shop@example.com"})
    stripe.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    assert people.messages_in("stripe_events_dead_letters") == 0


def test_a_base64_encoded_body_is_verified_as_it_was_sent(people: People) -> None:
    payload = json.dumps({"id": "evt_é", "object": "event", "type": "x", "data": {"object": {}}}).encode()
    function = people.stack.functions["receive_stripe_event"]
    found = []
    for body in (payload, payload + b" "):
        event = {
            "version": "2.0",
            "headers": {name.lower(): value for name, value in people.signed(payload).items()},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
            "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "r"},
        }
        answer = people.aws("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        found.append(json.loads(answer["Payload"].read())["statusCode"])

    assert found == [200, 400]


def test_what_somebody_does_in_the_dashboard_is_adopted(people: People) -> None:
    event_id = people.event()
    (_, captured), (_, released) = people.held(event_id), people.held(event_id)
    refunded = people.captured(event_id)
    people.dashboard.v1.payment_intents.capture(people.intent_of(captured), {"amount_to_capture": 1234})
    people.dashboard.v1.payment_intents.cancel(people.intent_of(released))
    people.dashboard.v1.refunds.create({"payment_intent": people.intent_of(refunded)})
    people.becomes(captured, payment_status="captured", captured=1234)
    people.becomes(released, payment_status="released", outcome="cancelled")
    people.becomes(refunded, payment_status="refunded", refunded=5000)

    people.dashboard.v1.refunds.create({"payment_intent": people.intent_of(captured), "amount": 200})

    people.becomes(captured, payment_status="partially_refunded", refunded=200)
    assert {line["actor"] for line in people.log(captured) if line["kind"] == "external"} == {"stripe"}


def test_webhooks_doubled_late_and_shuffled_end_in_one_state(people: People) -> None:
    event_id = people.event()
    bookings = [people.held(event_id)[1] for _ in range(2)]
    people.control("POST", "webhooks", {"mode": "hold"})
    for booking_id in bookings:
        intent = people.intent_of(booking_id)
        people.dashboard.v1.payment_intents.capture(intent, {"amount_to_capture": 4000})
        people.dashboard.v1.refunds.create({"payment_intent": intent, "amount": 1000})
        people.dashboard.v1.refunds.create({"payment_intent": intent, "amount": 500})
    people.control("POST", "webhooks", {"mode": "auto", "duplicate": 2, "delay_seconds": 60, "shuffle_seed": 11})
    people.control("POST", "webhooks", {"deliver": "all"})
    people.advance(minutes=2)

    for booking_id in bookings:
        people.becomes(booking_id, payment_status="partially_refunded", captured=4000, refunded=1500)
    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    for booking_id in bookings:
        reasons = [line["reason"] for line in people.log(booking_id) if line["kind"] == "external"]
        assert sorted(reasons) == ["captured", "refunded", "refunded"]


def test_our_own_captures_come_back_as_events_and_change_nothing(people: People) -> None:
    people.control("POST", "webhooks", {"mode": "auto", "duplicate": 3, "shuffle_seed": 5})
    booking_id = people.captured(people.event())
    people.ask("staff", "POST", "/refunds", {"booking_id": booking_id, "amount": 700, "reason": "x"})
    before = people.booking(booking_id)

    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    assert people.booking(booking_id) == before


def test_refunds_that_are_pending_and_refunds_that_fail_show(people: People) -> None:
    event_id = people.event()
    pending = people.captured(event_id, card="pm_card_pendingRefund")
    failing = people.captured(event_id, card="pm_card_refundFail")
    for booking_id in (pending, failing):
        answer = people.ask("staff", "POST", "/refunds", {"booking_id": booking_id, "reason": "x"})
        assert answer.status == 201, answer.body
    assert people.booking(pending)["payment_status"] == "refunding"

    people.advance(minutes=5)

    people.becomes(pending, payment_status="refunded", refunded=5000)
    people.becomes(failing, payment_status="captured", refunded=0)


def test_a_dispute_shows_and_goes_when_it_is_won(people: People) -> None:
    booking_id = people.captured(people.event())
    dispute = people.control("POST", "disputes", {"payment_intent": people.intent_of(booking_id)})
    people.becomes(booking_id, payment_status="disputed")
    refund = people.ask("staff", "POST", "/refunds", {"booking_id": booking_id, "reason": "x"})
    assert (refund.status, refund.problem) == (409, "conflict")

    people.control("POST", f"disputes/{dispute['id']}", {"status": "won"})

    people.becomes(booking_id, payment_status="captured")
    assert people.story(booking_id)["dispute won"] == 1


def test_during_a_rotation_both_secrets_are_good(people: People) -> None:
    """Stripe signs with both; then the new one is stored, and it alone is enough."""
    old, new = people.stack.webhook_secret, f"whsec_{secrets.token_hex(16)}"
    payload = json.dumps({"id": "evt_r", "object": "event", "type": "x", "data": {"object": {}}}).encode()
    both = people.post_event(payload, people.signed(payload, new, old))
    too_early = people.post_event(payload, people.signed(payload, new))
    manager, secret_id = people.aws("secretsmanager"), people.stack.stripe_secret_arn
    kept = json.loads(manager.get_secret_value(SecretId=secret_id)["SecretString"])
    manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(kept | {"webhook_secrets": [new, old]}))

    people.eventually(
        lambda: people.post_event(payload, people.signed(payload, new)) == 200, "the new secret was not learned"
    )

    assert (both, too_early) == (200, 400)
    assert people.post_event(payload, people.signed(payload, old)) == 200


def test_an_event_that_cannot_be_applied_is_dead_lettered_and_comes_back_by_the_redrive(people: People) -> None:
    """With a key that Stripe refuses, the worker fails until the event is given up; afterwards a person gives it
    back.
    """
    booking_id = people.captured(people.event())
    # From before the first worker is killed, with an event in its hands, to when the last one was taken: otherwise one
    # of them waits a quarter of an hour.
    with _failed_events_come_back(people, after_seconds=3):
        people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
        with _a_key_that_stripe_refuses(people):
            people.dashboard.v1.refunds.create({"payment_intent": people.intent_of(booking_id), "amount": 900})
            people.eventually(lambda: people.messages_in("stripe_events_dead_letters") > 0, "nothing was given up")
        assert people.booking(booking_id)["refunded"] == 0

        said = _redrive(people, "stripe-events")

        assert "given back" in said
        people.becomes(booking_id, payment_status="partially_refunded", refunded=900)
        people.eventually(lambda: _all_given_back(people), "some are still given up, or never taken")


@contextmanager
def _failed_events_come_back(people: People, after_seconds: int) -> Iterator[None]:
    """Sooner than the template says; as it says afterwards. What is received keeps the time that it was given."""
    sqs, queue = people.aws("sqs"), people.stack.queues["stripe_events"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(after_seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "900"})


def _all_given_back(people: People) -> bool:
    if people.messages_in("stripe_events_dead_letters"):
        _redrive(people, "stripe-events")
    return people.messages_in("stripe_events_dead_letters") == people.messages_in("stripe_events") == 0


@contextmanager
def _a_key_that_stripe_refuses(people: People) -> Iterator[None]:
    """Workers keep the key for five minutes; new ones read it at once."""
    manager, secret_id = people.aws("secretsmanager"), people.stack.stripe_secret_arn
    kept = str(manager.get_secret_value(SecretId=secret_id)["SecretString"])
    wrong = json.loads(kept) | {"secret_key": "sk_test_of_somebody_else"}
    manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(wrong))
    people.kill("apply_stripe_event")
    try:
        yield
    finally:
        manager.put_secret_value(SecretId=secret_id, SecretString=kept)
        people.kill("apply_stripe_event")


def _redrive(people: People, queue: str) -> str:
    command = [sys.executable, "-m", "operate.redrive", "--stack-file", str(people.stack_file), queue]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
