"""A simulator for each test, the unmodified SDK on it, and a check of every body that passes between them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from local.stripe_simulator import Simulator
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.rendering import public
from local.stripe_simulator.wire import Answer, Request
from tests.simulator import schema
from tests.simulator.account import ACCOUNT
from tests.simulator.remote import PUBLISHABLE, FarStage, on_simulator
from tests.simulator.stage import Stage
from tests.simulator.test_over_http import Hooks, Process

START = 1_795_464_000  # 2026-11-23T20:00:00Z


class Inspector:
    """Sees every answer; what it finds is raised in the middle of the test that caused it."""

    def __init__(self) -> None:
        self.last: Answer | None = None

    def __call__(self, request: Request, answer: Answer) -> None:
        self.last = answer
        found = schema.faults_of_answer(request.method, request.path, answer.status, json.loads(answer.content))
        assert not found, "\n".join(found)
        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Stripe-Version"]


@pytest.fixture
def inspector() -> Inspector:
    return Inspector()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(clock=lambda: START, seed=1, sleep=lambda _: None)
    yield simulator
    found = [
        fault
        for event in simulator.store.rows("event").values()
        for fault in schema.faults_of_component(public(event), "event", f"event {event['type']}")
    ]
    assert not found, "\n".join(found)
    simulator.close()


@pytest.fixture
def client(simulator: Simulator, inspector: Inspector) -> stripe.StripeClient:
    transport = InProcessHTTPClient(simulator, inspector)
    return stripe.StripeClient("sk_test_simulator", http_client=transport, max_network_retries=0)


@pytest.fixture
def stage(simulator: Simulator, client: stripe.StripeClient) -> Stage:
    return Stage(simulator, client)


@pytest.fixture
def raw(simulator: Simulator, inspector: Inspector) -> Any:
    """A request as it stands on the wire, for what the SDK would never send."""

    def send(
        method: str, path: str, body: str = "", query: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        given = {"authorization": "Bearer sk_test_simulator"} if headers is None else headers
        request = Request(method, path, query, given, body.encode())
        answer = simulator.handle(request)
        inspector(request, answer)
        return answer.status, json.loads(answer.content), dict(answer.headers)

    return send


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    server = Process(tmp_path_factory.mktemp("simulator"), "--publishable-key", PUBLISHABLE)
    yield server
    assert server.end() == 0


@pytest.fixture
def far(request: pytest.FixtureRequest) -> Iterator[FarStage]:
    """A Stripe behind HTTP: the simulator's own process, or Stripe's test mode if that was asked for."""
    account = request.config.stash.get(ACCOUNT, None)
    if account is not None:
        with account.stage() as stage:
            yield stage
    else:
        server, marked = request.getfixturevalue("server"), request.node.get_closest_marker("simulated") is not None
        with on_simulator(server, marked=marked) as stage:
            yield stage


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    hooks = Hooks()
    thread = threading.Thread(target=hooks.serve_forever)
    thread.start()
    yield hooks
    hooks.shutdown()
    thread.join()
    hooks.server_close()
