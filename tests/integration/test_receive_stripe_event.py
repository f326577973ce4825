"""The door for Stripe's events, against a queue and a secret in moto."""

from __future__ import annotations

import base64
import importlib.util
import json
import time
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from stripe import WebhookSignature

from holdfast.errors import InvalidRequest
from holdfast.stripe_door import StripeDoor, WebhookSecrets

ROOT = Path(__file__).parents[2]
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.refunded",
    "data": {"object": {"id": "ch_1", "note": "\u00e9"}},
}


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3


@pytest.fixture
def queue(aws):
    return aws.resource("sqs").create_queue(QueueName="stripe-events")


def put_secrets(*secrets: str) -> None:
    client = boto3.client("secretsmanager")
    text = json.dumps({"secret_key": "x", "publishable_key": "y", "webhook_secrets": secrets})
    try:
        client.create_secret(Name="stripe", SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId="stripe", SecretString=text)


@pytest.fixture
def post(queue, monkeypatch):
    """Posts a body to the function, as its URL would hand it over."""
    put_secrets("whsec_1")
    monkeypatch.setenv("STRIPE_SECRET_ID", "stripe")
    monkeypatch.setenv("STRIPE_EVENTS_QUEUE_URL", queue.url)
    spec = importlib.util.spec_from_file_location("door", ROOT / "functions/receive_stripe_event/handler.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def send(body=EVENT, *, secret="whsec_1", header="stripe-signature", signature=None, encoded=False, at=None):
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        signature = signature or WebhookSignature.generate_signature_header(text, secret, timestamp=at)
        answer = module.handler(
            {
                "version": "2.0",
                "headers": {header: signature, "content-type": "application/json"},
                "body": base64.b64encode(text.encode()).decode() if encoded else text,
                "isBase64Encoded": encoded,
                "requestContext": {"requestId": "req-1", "http": {"method": "POST"}},
            },
            None,
        )
        return answer["statusCode"], json.loads(answer["body"])

    return send


def received(queue) -> list[str]:
    return [message.body for message in queue.receive_messages(MaxNumberOfMessages=10)]


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("header", ["stripe-signature", "Stripe-Signature"])
def test_a_signed_event_is_queued_and_answered_at_once(post, queue, encoded, header):
    assert post(encoded=encoded, header=header) == (200, {"received": True})

    (message,) = received(queue)
    assert json.loads(message) == EVENT


def test_an_event_in_ascii_is_queued_to_the_byte(post, queue):
    text = '{ "id":"evt_1",\n "type": "x.y" }'

    assert post(text)[0] == 200
    assert received(queue) == [text]


def test_a_forged_event_is_400_and_not_queued(post, queue):
    status, problem = post(secret="whsec_forged")

    assert (status, problem["type"], problem["instance"]) == (400, "/problems/invalid-request", "req-1")
    assert received(queue) == []


def test_a_stale_event_is_400(post, queue):
    assert post(at=int(time.time()) - 301)[0] == 400
    assert received(queue) == []


@pytest.mark.parametrize("signature", ["", "t=1", "nonsense"])
def test_a_malformed_signature_is_400(post, signature):
    assert post(signature=signature or " ")[0] == 400


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"id": 5, "type": "x"}', "{", "[" * 100_000])
def test_a_signed_body_that_is_no_event_is_400(post, queue, body):
    assert post(body)[0] == 400
    assert received(queue) == []


def test_an_event_too_large_for_the_queue_goes_as_a_hint(post, queue):
    snapshot = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "status": "succeeded",
        "metadata": {"booking": "bkg_1"},
        "padding": "x" * 300_000,
    }

    assert post(EVENT | {"data": {"object": snapshot}})[0] == 200
    (message,) = received(queue)
    assert json.loads(message)["id"] == "evt_1"
    assert json.loads(message)["data"]["object"] == {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "metadata": {"booking": "bkg_1"},
    }


def test_a_body_over_a_mebibyte_is_400(post):
    assert post(EVENT | {"padding": "x" * 1024 * 1024})[0] == 400


@pytest.mark.parametrize("request_", [{}, {"body": "%", "isBase64Encoded": True}, {"headers": None, "body": "{}"}])
def test_a_request_that_is_nothing_of_the_kind_is_malformed(aws, queue, request_):
    put_secrets("whsec_1")
    secrets = WebhookSecrets(boto3.client("secretsmanager"), "stripe")

    with pytest.raises(InvalidRequest):
        StripeDoor(secrets, boto3.client("sqs"), queue.url).receive(request_)


def test_without_a_queue_stripe_is_told_to_come_again(post, queue):
    queue.delete()

    status, problem = post()

    assert (status, problem["type"]) == (500, "/problems/internal")


def test_a_rotated_secret_works_at_once_and_forgers_cannot_flood_the_secret_store(aws, queue):
    put_secrets("whsec_1")
    clock = [1000.0]
    secrets = WebhookSecrets(boto3.client("secretsmanager"), "stripe", monotonic=lambda: clock[0])
    assert secrets.current() == ("whsec_1",)
    put_secrets("whsec_2", "whsec_1")
    assert secrets.newer() == ()  # read a moment ago
    clock[0] += 10
    assert secrets.newer() == ("whsec_2",)
    assert secrets.current() == ("whsec_2", "whsec_1")
    put_secrets("whsec_2")
    clock[0] += 299
    assert secrets.current() == ("whsec_2", "whsec_1")
    clock[0] += 1
    assert secrets.current() == ("whsec_2",)


def test_an_event_signed_with_a_newer_secret_is_let_in(aws, queue):
    put_secrets("whsec_1")
    clock = [1000.0]
    secrets = WebhookSecrets(boto3.client("secretsmanager"), "stripe", monotonic=lambda: clock[0])
    door = StripeDoor(secrets, boto3.client("sqs"), queue.url)
    secrets.current()
    put_secrets("whsec_2")
    clock[0] += 60
    text = json.dumps(EVENT)

    door.receive(
        {"headers": {"stripe-signature": WebhookSignature.generate_signature_header(text, "whsec_2")}, "body": text}
    )

    assert len(received(queue)) == 1
