"""What stands in for api.stripe.com where there is no network: the simulator without its controls, and less obliging.

As Stripe, it has no `/_simulator`, takes no card numbers from this account, knows none of the simulator's own names for
test cards, shows an event a moment after what it tells of, and somebody else uses the same account all the while.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import stripe

from local.stripe_simulator import Simulator
from local.stripe_simulator.errors import ApiError
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.server import Handler, Server
from local.stripe_simulator.wire import Answer, Request
from local.stripe_simulator.wsgi import Application

KEY = "sk_test_standin_for_stripe"
OTHERS = "somebody@example.com"
LAG_SECONDS = 0.05
OUR_NAMES = re.compile(r"pm_card_\d")


class StandIn:
    def __init__(self) -> None:
        self.simulator = Simulator(secret_key=KEY)
        self.simulator.switches.change({"dispute_resolution_seconds": 0.1, "refund_settlement_seconds": 0.2})
        # What the real one would answer, changed by whoever wants to see a difference noticed.
        self.amend: Callable[[Request, Any], Any] = lambda _, body: body
        self.requests: list[Request] = []
        self._shown: dict[str, float] = {}
        self._server = Server("127.0.0.1", 0, Application(self._answer), Handler)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._server.serve_forever, self._others)]
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StandIn:
        self.simulator.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self.simulator.close()

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        refusal = self._refusal(request)
        if refusal is not None:
            return Answer.of(refusal.status, refusal.body)
        answer = self.simulator.handle(request)
        body = json.loads(answer.content)
        seen = self.amend(request, body)
        if request.path == "/v1/events" and answer.status == 200:
            seen = {**seen, "data": [event for event in seen["data"] if self._is_shown(event["id"])]}
        content = answer.content if seen is body else json.dumps(seen).encode()
        return Answer(answer.status, content, answer.headers)

    def _refusal(self, request: Request) -> ApiError | None:
        body = request.body.decode()
        if request.path.startswith("/_simulator"):
            return ApiError(404, "Unrecognized request URL.")
        if "card[number]" in body or "card%5Bnumber%5D" in body:
            return ApiError(402, "Sending credit card numbers directly to the Stripe API is generally unsafe.")
        if OUR_NAMES.search(request.path + body):
            return ApiError(400, "No such PaymentMethod.", code="resource_missing", param="payment_method")
        return None

    def _is_shown(self, event: str) -> bool:
        now = time.monotonic()
        return now - self._shown.setdefault(event, now) >= LAG_SECONDS

    def _others(self) -> None:
        """Payments, customers and disputes of somebody else."""
        client = stripe.StripeClient(KEY, http_client=InProcessHTTPClient(self.simulator))
        given: Any = {"amount": 700, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True}
        while not self._stopped.wait(0.5):
            client.v1.customers.create({"email": OTHERS})
            client.v1.payment_intents.create(given)
