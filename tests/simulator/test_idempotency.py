"""Idempotency keys: replayed, refused, in flight, never stored, pruned."""

from __future__ import annotations

import threading

import pytest
import stripe

from local.stripe_simulator import Simulator
from local.stripe_simulator.in_process import InProcessHTTPClient
from tests.simulator.stage import Stage, refused

GIVEN = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


def post(raw, body: str, key: str, path: str = "/v1/payment_intents"):
    return raw("POST", path, body, headers={"authorization": "Bearer sk_test_x", "idempotency-key": key})


def test_the_same_request_is_answered_from_memory(stage: Stage, raw):
    body = "amount=1200&currency=usd&payment_method=pm_card_visa&confirm=true"
    status, first, headers = post(raw, body, "k1")
    again_status, again, again_headers = post(raw, body, "k1")

    assert (status, again_status, again) == (200, 200, first)
    assert "Idempotent-Replayed" not in headers
    assert again_headers["Idempotent-Replayed"] == "true"
    assert headers["Idempotency-Key"] == again_headers["Idempotency-Key"] == "k1"
    assert len(stage.client.v1.payment_intents.list().data) == 1


def test_a_replay_tells_the_first_moment_even_when_the_object_moved_on(stage: Stage):
    options: stripe.RequestOptions = {"idempotency_key": "k"}
    params = {**GIVEN, "capture_method": "manual"}
    intent = stage.client.v1.payment_intents.create(params, options)  # type: ignore[arg-type]
    stage.client.v1.payment_intents.capture(intent.id)

    replayed = stage.client.v1.payment_intents.create(params, options)  # type: ignore[arg-type]

    assert (replayed.id, replayed.status) == (intent.id, "requires_capture")


def test_a_replay_has_the_same_bytes_and_an_inferred_request_id(stage: Stage, raw, inspector):
    _, _, headers = post(raw, "email=a@b.c", "k", "/v1/customers")
    content = inspector.last.content
    _, _, again = post(raw, "email=a@b.c", "k", "/v1/customers")

    assert inspector.last.content == content
    assert again["Request-Id"] != headers["Request-Id"]
    assert again["Original-Request"] == headers["Request-Id"]
    stage.simulator.switches.change({"replay_has_new_request_id": False})
    assert post(raw, "email=a@b.c", "k", "/v1/customers")[2]["Request-Id"] == headers["Request-Id"]


def test_a_decline_is_replayed_too(stage: Stage):
    params = {**GIVEN, "payment_method": "pm_card_visa_chargeDeclined"}
    first = refused(stage.client.v1.payment_intents.create, params, {"idempotency_key": "k"})
    second = refused(stage.client.v1.payment_intents.create, params, {"idempotency_key": "k"})

    assert (first["status"], second["charge"]) == (402, first["charge"])
    assert len(stage.client.v1.charges.list().data) == 1


def test_a_stored_500_is_replayed_too(stage: Stage):
    stage.simulator.add_fault("fail_before", match={"method": "POST"})
    create = stage.client.v1.customers.create
    assert refused(create, {}, {"idempotency_key": "k"})["status"] == 500
    assert refused(create, {}, {"idempotency_key": "k"})["status"] == 500
    assert stage.client.v1.customers.list().data == []
    assert create({}, {"idempotency_key": "k:2"}).id


def test_a_refusal_by_state_is_replayed_after_execution_began(stage: Stage, raw):
    intent = stage.hold()
    path = f"/v1/payment_intents/{intent.id}/capture"
    assert post(raw, "amount_to_capture=5000", "k", path)[0] == 400
    _, _, headers = post(raw, "amount_to_capture=5000", "k", path)

    assert headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("body", ["amount=x&currency=usd", "currency=usd", "amount=100&currency=usd&nonsense=1"])
def test_a_refusal_by_validation_is_not_stored(raw, body: str):
    assert post(raw, body, "k")[0] == 400
    status, _, headers = post(raw, "amount=1200&currency=usd", "k")

    assert (status, "Idempotent-Replayed" in headers) == (200, False)


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/customers", "email=z@b.c"), ("/v1/customers", ""), ("/v1/customers", "email=a@b.c&name=n")]
)
def test_other_parameters_under_the_key_are_refused(raw, path: str, body: str):
    post(raw, "email=a@b.c", "k", "/v1/customers")
    status, answer, _ = post(raw, body, "k", path)

    assert (status, answer["error"]["type"]) == (400, "idempotency_error")
    assert "same parameters they were first used with. Try using a key other than 'k'" in answer["error"]["message"]


def test_the_sdk_calls_it_an_idempotency_error(stage: Stage):
    stage.client.v1.customers.create({"email": "a@b.c"}, {"idempotency_key": "k"})

    error = refused(stage.client.v1.customers.create, {"email": "b@b.c"}, {"idempotency_key": "k"})

    assert error["raised"] == "IdempotencyError"


def test_that_the_path_is_compared_is_inferred_and_a_switch(stage: Stage, raw):
    one, two = stage.client.v1.customers.create().id, stage.client.v1.customers.create().id
    post(raw, "name=n", "k", f"/v1/customers/{one}")
    assert post(raw, "name=n", "k", f"/v1/customers/{two}")[0] == 400

    stage.simulator.switches.change({"idempotency_compares_path": False})
    post(raw, "name=n", "k2", f"/v1/customers/{one}")
    assert post(raw, "name=n", "k2", f"/v1/customers/{two}")[1]["id"] == one


def test_the_order_of_parameters_does_not_matter(raw):
    _, first, _ = post(raw, "email=a@b.c&name=n", "k", "/v1/customers")
    _, second, _ = post(raw, "name=n&email=a@b.c", "k", "/v1/customers")

    assert second["id"] == first["id"]


def test_gets_ignore_the_key(stage: Stage, raw):
    headers = {"authorization": "Bearer sk_test_x", "idempotency-key": "k"}
    assert raw("GET", "/v1/customers", headers=headers)[1]["data"] == []
    made = stage.client.v1.customers.create().id

    assert [each["id"] for each in raw("GET", "/v1/customers", headers=headers)[1]["data"]] == [made]


def test_a_key_longer_than_255_is_refused(raw):
    assert post(raw, "", "k" * 255, "/v1/customers")[0] == 200
    assert post(raw, "", "k" * 256, "/v1/customers")[0] == 400


def test_keys_are_forgotten_after_a_day_unless_told_otherwise(stage: Stage, raw):
    _, first, _ = post(raw, "", "k", "/v1/customers")
    stage.simulator.advance(86_400)
    assert post(raw, "", "k", "/v1/customers")[1]["id"] == first["id"]
    stage.simulator.advance(1)
    stage.simulator.switches.change({"prune_idempotency_keys": False})
    assert post(raw, "", "k", "/v1/customers")[1]["id"] == first["id"]
    stage.simulator.switches.change({"prune_idempotency_keys": True})

    _, second, headers = post(raw, "", "k", "/v1/customers")

    assert second["id"] != first["id"]
    assert "Idempotent-Replayed" not in headers


def test_a_key_in_flight_is_refused_and_nothing_is_stored_for_the_second():
    inside, release = threading.Event(), threading.Event()

    def wait(_: float) -> None:
        inside.set()
        assert release.wait(10)

    simulator = Simulator(sleep=wait)
    client = stripe.StripeClient("sk_test_x", http_client=InProcessHTTPClient(simulator), max_network_retries=0)
    simulator.add_fault("slow", delay_seconds=1)
    made: list[str] = []
    first = threading.Thread(target=lambda: made.append(client.v1.customers.create({}, {"idempotency_key": "k"}).id))
    first.start()
    assert inside.wait(10)

    error = refused(client.v1.customers.create, {}, {"idempotency_key": "k"})
    other = client.v1.customers.create({}, {"idempotency_key": "another"}).id
    release.set()
    first.join(10)

    assert (error["status"], error["code"], error["raised"]) == (409, "idempotency_key_in_use", "APIError")
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id == made[0] != other
    simulator.close()
