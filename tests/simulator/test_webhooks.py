"""Webhooks: signed, delivered, tried again, held, doubled, shuffled, dropped."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from local.stripe_simulator import Simulator
from tests.simulator.stage import Stage, refused

URL = "http://localhost:4242/hook"


@dataclass
class Receiver:
    """Stands where the network would be; answers as told."""

    simulator: Simulator
    answers: list[int | type[OSError]] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url: str, headers: dict[str, str], payload: bytes) -> int:
        self.seen.append((url, headers, payload))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, int):
            return answer
        raise answer("no")

    def pump(self) -> int:
        return self.simulator.webhooks.pump(self)

    @property
    def types(self) -> list[str]:
        return [json.loads(payload)["type"] for _, _, payload in self.seen]

    @property
    def ids(self) -> list[str]:
        return [json.loads(payload)["id"] for _, _, payload in self.seen]


@pytest.fixture
def receiver(simulator: Simulator) -> Receiver:
    return Receiver(simulator)


def endpoint(stage: Stage, **params):
    given: Any = {"url": URL, "enabled_events": ["*"], **params}
    return stage.client.v1.webhook_endpoints.create(given)


def deliveries(stage: Stage):
    return stage.simulator.control("GET", "/_simulator/webhooks")["deliveries"]


def test_the_secret_is_shown_only_once(stage: Stage):
    made = endpoint(stage)

    assert str(made.secret).startswith("whsec_")
    assert "secret" not in stage.client.v1.webhook_endpoints.retrieve(made.id).to_dict()
    assert "secret" not in stage.client.v1.webhook_endpoints.list().data[0].to_dict()
    changed = stage.client.v1.webhook_endpoints.update(made.id, {"description": "d", "disabled": True})
    assert ("secret" in changed.to_dict(), changed.status) == (False, "disabled")
    assert stage.client.v1.webhook_endpoints.delete(made.id).deleted is True
    assert refused(stage.client.v1.webhook_endpoints.retrieve, made.id)["status"] == 404


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://example.com/hook", True),
        ("http://127.0.0.1:1/hook", True),
        ("http://abc.lambda-url.us-east-1.localhost:4566/", True),
        ("http://example.com/hook", False),
        ("ftp://localhost/", False),
        ("example.com", False),
    ],
)
def test_an_endpoint_is_https_or_on_this_machine(stage: Stage, url: str, fits: bool):
    if fits:
        assert endpoint(stage, url=url).url == url
    else:
        assert refused(endpoint, stage, url=url)["param"] == "url"


@pytest.mark.parametrize("events", [["Charge Failed"], ["charge"]])
def test_an_endpoint_wants_real_event_types(stage: Stage, events: list[str]):
    assert refused(endpoint, stage, enabled_events=events)["status"] == 400


def test_an_event_arrives_signed_with_the_whole_secret_in_real_time(stage: Stage, receiver: Receiver):
    made = endpoint(stage)
    stage.client.v1.customers.create()
    receiver.pump()

    ((url, headers, payload),) = receiver.seen
    event = stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], str(made.secret), tolerance=60)
    assert (url, event.type, event.pending_webhooks) == (URL, "customer.created", 1)
    moment = int(headers["Stripe-Signature"].split(",")[0].removeprefix("t="))
    assert abs(moment - time.time()) < 60
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload + b" ", headers["Stripe-Signature"], str(made.secret))


def test_events_arrive_in_order_and_are_no_longer_pending(stage: Stage, receiver: Receiver):
    _ = stage.customer
    endpoint(stage)
    stage.hold()
    assert stage.client.v1.events.list().data[0].pending_webhooks == 1
    assert receiver.pump() == 3

    assert receiver.types == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
    ]
    assert stage.client.v1.events.list().data[0].pending_webhooks == 0
    assert receiver.pump() == 0
    delivered = stage.client.v1.events.list({"delivery_success": True, "limit": 3}).data
    assert [each.id for each in delivered] == receiver.ids[::-1]


def test_only_wanted_types_arrive_and_only_after_the_endpoint_exists(stage: Stage, receiver: Receiver):
    stage.hold()
    endpoint(stage, enabled_events=["charge.captured", "charge.refunded"])
    stage.captured()
    receiver.pump()

    assert receiver.types == ["charge.captured"]


def test_an_event_is_a_snapshot_of_its_moment(stage: Stage, receiver: Receiver):
    endpoint(stage, enabled_events=["payment_intent.amount_capturable_updated"])
    stage.captured()
    receiver.pump()

    assert json.loads(receiver.seen[0][2])["data"]["object"]["status"] == "requires_capture"


def test_the_version_of_an_event_is_inferred_to_be_the_endpoints(stage: Stage, receiver: Receiver):
    endpoint(stage, api_version="2024-06-20")
    endpoint(stage)
    stage.client.v1.customers.create()
    receiver.pump()

    versions = [json.loads(payload)["api_version"] for _, _, payload in receiver.seen]
    assert versions == ["2024-06-20", "2026-10-28.endive"]
    assert len(set(receiver.ids)) == 1


@pytest.mark.parametrize("bad", [500, 404, 302, TimeoutError, ConnectionRefusedError])
def test_what_is_not_taken_is_tried_again_at_inferred_intervals(stage: Stage, receiver: Receiver, bad):
    made = endpoint(stage)
    stage.client.v1.customers.create()
    receiver.answers = [bad, bad]
    receiver.pump()
    assert receiver.pump() == 0
    stage.simulator.advance(10)
    assert receiver.pump() == 1
    stage.simulator.advance(39)
    assert receiver.pump() == 0
    stage.simulator.advance(1)
    assert receiver.pump() == 1

    assert len(set(receiver.ids)) == 1
    (row,) = deliveries(stage)
    assert (row["status"], len(row["attempts"])) == ("delivered", 3)
    for _, headers, payload in receiver.seen:
        assert stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], str(made.secret))


def test_after_the_last_interval_nobody_tries_any_more(stage: Stage, receiver: Receiver):
    stage.simulator.switches.change({"webhook_retry_seconds": [5, 5]})
    endpoint(stage)
    stage.client.v1.customers.create()
    receiver.answers = [500] * 9
    for _ in range(9):
        receiver.pump()
        stage.simulator.advance(5)

    assert len(receiver.seen) == 3
    assert deliveries(stage)[0]["status"] == "failed"
    assert len(stage.client.v1.events.list({"delivery_success": False}).data) == 1


def test_a_jump_of_the_clock_loses_no_event(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.client.v1.customers.create()
    receiver.answers = [500]
    receiver.pump()
    stage.simulator.advance(365 * 86_400)

    assert receiver.pump() == 1
    assert deliveries(stage)[0]["status"] == "delivered"


def test_held_events_wait_and_are_delivered_in_the_order_chosen(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.simulator.control("POST", "/_simulator/webhooks", {"mode": "hold"})
    for _ in range(3):
        stage.client.v1.customers.create()
    assert receiver.pump() == 0
    ids = [row["event"] for row in deliveries(stage)]
    stage.simulator.webhooks.deliver(ids[::-1], receiver)

    assert receiver.ids == ids[::-1]
    assert {row["status"] for row in deliveries(stage)} == {"delivered"}
    stage.simulator.webhooks.deliver([ids[0]], receiver)
    assert receiver.ids[-1] == ids[0]


def test_held_events_go_out_when_the_mode_is_auto_again(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.simulator.control("POST", "/_simulator/webhooks", {"mode": "hold"})
    stage.client.v1.customers.create()
    stage.simulator.control("POST", "/_simulator/webhooks", {"mode": "auto"})

    assert receiver.pump() == 1


def test_events_can_come_more_than_once(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.simulator.control("POST", "/_simulator/webhooks", {"duplicate": 2})
    stage.client.v1.customers.create()
    while receiver.pump():
        pass

    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1


def test_events_can_come_late(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.simulator.control("POST", "/_simulator/webhooks", {"delay_seconds": 30})
    stage.client.v1.customers.create()
    assert receiver.pump() == 0
    stage.simulator.advance(30)

    assert receiver.pump() == 1


def test_events_can_come_out_of_order_the_same_way_each_time(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.simulator.control("POST", "/_simulator/webhooks", {"shuffle_seed": 7})
    for _ in range(8):
        stage.client.v1.customers.create()
    order = [row["event"] for row in deliveries(stage)]
    receiver.pump()

    assert sorted(receiver.ids) == sorted(order)
    assert receiver.ids != order
    first = [order.index(each) for each in receiver.ids]
    for _ in range(8):
        stage.client.v1.customers.create()
    order = [row["event"] for row in deliveries(stage)][8:]
    receiver.pump()
    assert [order.index(each) for each in receiver.ids[8:]] == first


def test_events_can_be_lost(stage: Stage, receiver: Receiver):
    endpoint(stage)
    stage.client.v1.customers.create()
    stage.client.v1.customers.create()
    lost = deliveries(stage)[0]["event"]

    assert stage.simulator.control("POST", "/_simulator/webhooks", {"drop": [lost]})["dropped"] == 1
    receiver.pump()
    assert lost not in receiver.ids
    assert stage.client.v1.events.retrieve(lost).pending_webhooks == 1


def test_both_secrets_are_inferred_to_sign_while_one_replaces_the_other(stage: Stage, receiver: Receiver):
    made = endpoint(stage)
    path = f"/_simulator/webhook_endpoints/{made.id}/roll_secret"
    fresh = stage.simulator.control("POST", path, {"keep_old_seconds": 100})["secret"]
    stage.client.v1.customers.create()
    receiver.pump()
    stage.simulator.advance(100)
    stage.client.v1.customers.create()
    receiver.pump()

    (_, both, first), (_, one, second) = receiver.seen
    assert stripe.Webhook.construct_event(first, both["Stripe-Signature"], str(made.secret))
    assert stripe.Webhook.construct_event(first, both["Stripe-Signature"], fresh)
    assert stripe.Webhook.construct_event(second, one["Stripe-Signature"], fresh)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(second, one["Stripe-Signature"], str(made.secret))


def test_the_local_stack_chooses_the_secret(stage: Stage, receiver: Receiver):
    body = {"url": "http://stack.internal/hook", "secret": "whsec_mine", "enabled_events": ["customer.created"]}
    made = stage.simulator.control("POST", "/_simulator/webhook_endpoints", body)
    stage.client.v1.customers.create()
    receiver.pump()

    assert made["secret"] == "whsec_mine"
    ((url, headers, payload),) = receiver.seen
    assert url == "http://stack.internal/hook"
    assert stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], "whsec_mine")


def test_an_event_under_way_is_not_sent_a_second_time(stage: Stage):
    endpoint(stage)
    stage.client.v1.customers.create()
    nested: list[int] = []

    def send(url: str, headers: dict[str, str], payload: bytes) -> int:
        nested.append(stage.simulator.webhooks.pump(send))
        return 200

    assert stage.simulator.webhooks.pump(send) == 1
    assert nested == [0]


def test_an_endpoint_that_is_disabled_is_owed_nothing(stage: Stage):
    made = endpoint(stage)
    stage.client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    stage.client.v1.customers.create()

    assert deliveries(stage) == []


def test_a_deleted_or_disabled_endpoint_gets_nothing_more(stage: Stage, receiver: Receiver):
    one, two = endpoint(stage), endpoint(stage)
    stage.client.v1.customers.create()
    stage.client.v1.webhook_endpoints.delete(one.id)
    stage.client.v1.webhook_endpoints.update(two.id, {"disabled": True})

    assert receiver.pump() == 0
    assert {row["status"] for row in deliveries(stage)} == {"dropped"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "sometimes"},
        {"duplicate": -1},
        {"deliver": "some"},
        {"deliver": ["evt_x"]},
        {"drop": [1]},
        {"delay_seconds": "1"},
        {"speed": 1},
    ],
)
def test_a_setting_that_makes_no_sense_changes_nothing(stage: Stage, wrong: dict[str, object]):
    before = stage.simulator.control("GET", "/_simulator/webhooks")
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("POST", "/_simulator/webhooks", wrong)
    assert stage.simulator.control("GET", "/_simulator/webhooks") == before
