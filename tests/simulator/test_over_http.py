"""A process of its own: sockets, concurrency, silence, signed deliveries, sudden death."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.simulator.stage import refused

ROOT = Path(__file__).parents[2]
SECRET = "sk_test_process"


class Process:
    def __init__(self, folder: Path, *arguments: str) -> None:
        port_file = folder / f"port-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "local.stripe_simulator", "--port", "0", "--port-file", str(port_file)]
        self._process = subprocess.Popen(
            [*command, "--secret-key", SECRET, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while not port_file.exists():
            assert time.monotonic() < deadline
            assert self._process.poll() is None
            time.sleep(0.02)
        self.port = int(port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}"

    def client(self, timeout: float = 10, retries: int = 0) -> stripe.StripeClient:
        transport = stripe.RequestsClient(timeout=timeout)
        return stripe.StripeClient(
            SECRET, base_addresses={"api": self.url}, http_client=transport, max_network_retries=retries
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, f"/_simulator/{path}", data)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        assert response.status == 200, content
        return json.loads(content)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self._process.send_signal(how)
        return self._process.wait(10)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("simulator"))
    yield process
    assert process.end() == 0


@pytest.fixture(autouse=True)
def _fresh(process: Process) -> None:
    process.control("POST", "reset")


def hold(client: stripe.StripeClient, **options: Any) -> stripe.PaymentIntent:
    params: Any = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    params["capture_method"] = "manual"
    return client.v1.payment_intents.create(params, options)  # type: ignore[arg-type]


def test_the_unmodified_sdk_holds_and_captures_over_http(process: Process):
    client = process.client()
    intent = hold(client)

    assert client.v1.payment_intents.capture(intent.id).status == "succeeded"
    wrong = stripe.StripeClient("sk_test_wrong", base_addresses={"api": process.url})
    assert refused(wrong.v1.customers.list)["raised"] == "AuthenticationError"


def test_a_connection_serves_many_requests(process: Process):
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    began = time.monotonic()
    for _ in range(50):
        connection.request("GET", "/v1/customers", headers={"Authorization": f"Bearer {SECRET}"})
        response = connection.getresponse()
        response.read()
        assert (response.status, response.getheader("Connection")) == (200, None)
    connection.close()

    assert time.monotonic() - began < 2, "Nagle and delayed acknowledgements would cost 40 ms each"


def test_many_captures_at_once_capture_once(process: Process):
    client = process.client()
    intent = hold(client)

    def capture(_: int) -> int:
        try:
            client.v1.payment_intents.capture(intent.id)
        except stripe.StripeError as error:
            return error.http_status or 0
        return 200

    with ThreadPoolExecutor(16) as pool:
        seen = sorted(pool.map(capture, range(16)))

    assert seen == [200] + [400] * 15


def test_many_refunds_at_once_never_exceed_the_capture(process: Process):
    client = process.client()
    intent = hold(client)
    client.v1.payment_intents.capture(intent.id)

    def refund(_: int) -> int:
        try:
            return client.v1.refunds.create({"payment_intent": intent.id, "amount": 500}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(8))) == 1000


def test_one_key_used_by_many_at_once_executes_once(process: Process):
    client = process.client()

    def create(_: int) -> str:
        try:
            return hold(client, idempotency_key="same").id
        except stripe.APIError as error:
            return f"{error.http_status} {error.code}"

    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(create, range(16)))

    assert len(ids - {"409 idempotency_key_in_use"}) == 1
    assert len(client.v1.payment_intents.list().data) == 1


def test_a_timeout_hides_an_effect_that_happened(process: Process):
    patient, hasty = process.client(), process.client(timeout=0.3)
    intent = hold(patient)
    fault = {"kind": "timeout_after", "delay_seconds": 2, "match": {"path": "*/capture"}}
    process.control("POST", "faults", fault)

    error = refused(hasty.v1.payment_intents.capture, intent.id, {}, {"idempotency_key": "op"})

    assert error["raised"] == "APIConnectionError"
    assert patient.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert patient.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "op"}).status == "succeeded"


@pytest.mark.parametrize(("kind", "status"), [("timeout_before", "requires_capture"), ("drop_after", "succeeded")])
def test_a_closed_connection_tells_nothing_about_the_effect(process: Process, kind: str, status: str):
    client = process.client()
    intent = hold(client)
    process.control("POST", "faults", {"kind": kind, "match": {"path": "*/capture"}})
    began = time.monotonic()

    assert refused(client.v1.payment_intents.capture, intent.id)["raised"] == "APIConnectionError"
    assert time.monotonic() - began < 2
    assert client.v1.payment_intents.retrieve(intent.id).status == status


def test_the_sdks_own_retry_finds_the_effect_of_a_lost_answer(process: Process):
    process.control("POST", "faults", {"kind": "drop_after", "match": {"path": "/v1/payment_intents"}})
    intent = hold(process.client(retries=1))

    assert len(process.client().v1.payment_intents.list().data) == 1
    assert intent.status == "requires_capture"


def test_a_slow_request_keeps_its_key_in_flight_and_nobody_else_waiting(process: Process):
    client = process.client()
    process.control("POST", "faults", {"kind": "slow", "delay_seconds": 1, "match": {"idempotency_key": "slow"}})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(hold, client, idempotency_key="slow")
        time.sleep(0.3)
        began = time.monotonic()
        in_flight = refused(hold, client, idempotency_key="slow")
        hold(client)
        took = time.monotonic() - began

        assert (in_flight["status"], took < 0.6) == (409, True)
        assert slow.result().status == "requires_capture"


def test_an_expired_hold_is_gone_when_the_clock_is_moved(process: Process):
    client = process.client()
    intent = hold(client)
    process.control("POST", "clock", {"advance_seconds": 604_801})

    assert client.v1.payment_intents.retrieve(intent.id).status == "canceled"


class Hooks(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.headers["Stripe-Signature"], payload))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.seen) < count:
            assert time.monotonic() < deadline, f"only {len(self.seen)} of {count} deliveries"
            time.sleep(0.02)


def test_events_arrive_over_http_signed(process: Process, hooks: Hooks):
    client = process.client()
    url = f"http://127.0.0.1:{hooks.server_port}/stripe"
    endpoint = client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    hold(client)
    hooks.wait_for(3)

    types = {
        stripe.Webhook.construct_event(payload, header, str(endpoint.secret)).type for header, payload in hooks.seen
    }
    assert types == {"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"}


def test_a_refused_delivery_comes_back_when_its_time_comes(process: Process, hooks: Hooks):
    client = process.client()
    url = f"http://127.0.0.1:{hooks.server_port}/stripe"
    client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    hooks.answers = [503]
    client.v1.customers.create()
    hooks.wait_for(1)
    time.sleep(0.3)
    assert len(hooks.seen) == 1
    process.control("POST", "clock", {"advance_seconds": 10})
    hooks.wait_for(2)

    assert json.loads(hooks.seen[0][1])["id"] == json.loads(hooks.seen[1][1])["id"]


def test_chosen_events_are_delivered_on_demand(process: Process, hooks: Hooks):
    client = process.client()
    process.control("POST", "webhooks", {"mode": "hold"})
    url = f"http://127.0.0.1:{hooks.server_port}/stripe"
    client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    hold(client)
    ids = [row["event"] for row in process.control("GET", "webhooks")["deliveries"]]
    assert hooks.seen == []
    answer = process.control("POST", "webhooks", {"deliver": ids[::-1]})

    assert [each["status_code"] for each in answer["delivered"]] == [200, 200, 200]
    assert [json.loads(payload)["id"] for _, payload in hooks.seen] == ids[::-1]


def test_what_was_answered_survives_sigkill_and_nothing_is_half_done(tmp_path: Path):
    database = str(tmp_path / "stripe.db")
    first = Process(tmp_path, "--database", database)
    client = first.client()
    first.control("POST", "clock", {"advance_seconds": 1000})
    first.control("PATCH", "switches", {"enforce_minimum_amount": False})
    answered: list[str] = []

    def create() -> None:
        while True:
            try:
                answered.append(hold(client).id)
            except stripe.StripeError:
                return

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(answered) < 40:
        time.sleep(0.01)
    kept = hold(client, idempotency_key="kept")
    first.end(signal.SIGKILL)
    for thread in threads:
        thread.join(20)

    second = Process(tmp_path, "--database", database)
    try:
        state = second.control("GET", "state")
        objects = state["objects"]
        intents = {each["id"]: each for each in objects["payment_intent"]}
        assert set(answered) <= set(intents)
        charges = {each["id"]: each for each in objects["charge"]}
        for intent in intents.values():
            assert intent["status"] == "requires_capture"
            assert charges[intent["latest_charge"]]["payment_intent"] == intent["id"]
        told = [each["type"] for each in objects["event"]]
        assert {told.count(each) for each in set(told)} == {len(intents)}
        assert len(objects["timer"]) == len(intents) == len(charges)
        assert state["switches"]["enforce_minimum_amount"] is False
        assert state["clock"]["offset_seconds"] == 1000
        assert hold(second.client(), idempotency_key="kept").id == kept.id
        newest = second.client().v1.payment_intents.list({"limit": 1}).data[0]
        assert newest.id == list(intents)[-1]
        second.control("POST", "clock", {"advance_seconds": 604_801})
        assert second.client().v1.payment_intents.retrieve(kept.id).status == "canceled"
    finally:
        assert second.end() == 0
