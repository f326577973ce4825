"""A Stripe behind HTTP, seen as a stranger sees it: the stage of the contract tests, and the simulator behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import stripe

from tests.simulator import schema
from tests.simulator.stage import Fields, Stage
from tests.simulator.test_over_http import SECRET, Process

PUBLISHABLE = "pk_test_process"
# Where an event's object says whose it is.
OWNERS = ("id", "payment_intent", "charge", "customer", "setup_intent")
OURS = ("charge", "customer", "dispute", "payment_intent", "payment_method", "refund", "setup_intent")


class Inspected(stripe.RequestsClient):
    """The SDK's own transport; what comes back is compared with the schema before the SDK sees it.

    It remembers what this test began: the ids of its requests, and every object that answers to its POSTs show.
    """

    def __init__(self, tolerates: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__(timeout=30)
        self._tolerates = tolerates
        self.asked: set[str] = set()
        self.objects: dict[str, Fields] = {}
        self.began: int | None = None
        self._heard: set[str] = set()

    # The SDK's own transports differ from their base in the same way.
    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content, status, answered = super().request(method, url, headers, post_data)
        body = json.loads(content)
        self._remember(method, body, answered)
        found = schema.faults_of_answer(method.upper(), urlsplit(url).path, status, self._news(body))
        found = [fault for fault in found if not self._tolerates(fault)]
        assert not found, "\n".join(found)
        assert answered.get("Request-Id", "").startswith("req_")
        assert answered.get("Stripe-Version") == stripe.api_version
        return content, status, answered

    def _news(self, body: Any) -> Any:
        """An event never changes, and a patient reader sees the same ones again and again: each is checked once."""
        if body.get("object") != "list" or body.get("url") != "/v1/events":
            return body
        news = [event for event in body["data"] if event["id"] not in self._heard]
        self._heard.update(event["id"] for event in news)
        return {**body, "data": news}

    def _remember(self, method: str, body: Any, answered: Mapping[str, str]) -> None:
        if self.began is None and "Date" in answered:
            self.began = int(parsedate_to_datetime(answered["Date"]).timestamp())
        if method.upper() == "POST":
            self.asked.add(answered.get("Request-Id", ""))
            self._remember_objects(body)

    def _remember_objects(self, body: Any) -> None:
        if isinstance(body, dict):
            if body.get("object") in OURS or body.get("deleted"):
                self.objects[str(body.get("id"))] = body
            for value in body.values():
                self._remember_objects(value)
        elif isinstance(body, list):
            for value in body:
                self._remember_objects(value)


@dataclass(frozen=True)
class Mark:
    """A moment of a test, told by what had been asked and what had been heard by then."""

    requests: frozenset[str]
    events: frozenset[str]


class FarStage(Stage):
    """What every Stripe behind HTTP can do, the real one included. The rest, `control` and what builds on it, only the
    simulator can: a test that needs it says so, `@pytest.mark.simulated("why")`."""

    def __init__(self, address: str, key: str, transport: Inspected, *, retries: int = 0) -> None:
        self.address, self.transport, self._secret = address, transport, key
        self.run = uuid.uuid4().hex[:12]
        super().__init__(None, self.client_of(key, retries), tag={"holdfast_contract": self.run})  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.address}>"

    def client_of(self, key: str, retries: int = 0) -> stripe.StripeClient:
        return stripe.StripeClient(
            key, base_addresses={"api": self.address}, http_client=self.transport, max_network_retries=retries
        )

    def pay(self, method: str = "pm_card_visa", amount: int = 1200, **params: Any) -> stripe.PaymentIntent:
        # As the gateway pays: cards alone, so that nobody is sent to another page and no return address is needed.
        return super().pay(method, amount, **{"allowed_payment_method_types": ["card"], **params})

    def set_up(self, method: str, **params: Any) -> stripe.SetupIntent:
        given: Any = {
            "customer": self.customer,
            "payment_method": method,
            "confirm": True,
            "metadata": self.tag,
            "allowed_payment_method_types": ["card"],
            **params,
        }
        return self.client.v1.setup_intents.create(given)

    def new_customer(self, **params: Any) -> str:
        given: Any = {"metadata": self.tag, **params}
        return self.client.v1.customers.create(given).id

    def key(self, length: int = 0) -> str:
        """A new idempotency key, that no earlier run has used either."""
        return f"{self.run}-{uuid.uuid4().hex}".ljust(length, "k")

    def post(self, path: str, fields: Fields, key: str) -> tuple[int, bytes, Mapping[str, str]]:
        """A request as it stands on the wire."""
        form = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": key}
        body = urlencode({**fields, **{f"metadata[{name}]": value for name, value in self.tag.items()}})
        content, status, answered = self.transport.request("post", self.address + path, {**self._headers, **form}, body)
        return status, content, answered

    def told(self, after: Mark | None = None) -> list[Fields]:
        """The events about what this test made, oldest first; without those known at the mark."""
        return self._heard(after)

    def _heard(self, after: Mark | None) -> list[Fields]:
        events: list[Fields] = []
        more = True
        while more:
            cursor = {"starting_after": events[-1]["id"]} if events else {}
            query = urlencode({"limit": 100, **self._since(), **cursor})
            content, _, _ = self.transport.request("get", f"{self.address}/v1/events?{query}", self._headers)
            page = json.loads(content)
            events += page["data"]
            more = page["has_more"]
        return [event for event in reversed(events) if self._concerns(event) and not _known(event, after)]

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._secret}", "Stripe-Version": stripe.api_version}

    def _since(self) -> Fields:
        return {}

    def _concerns(self, event: Fields) -> bool:
        subject = event["data"]["object"]
        asked = (event.get("request") or {}).get("id")
        return asked in self.transport.asked or any(subject.get(name) in self.transport.objects for name in OWNERS)

    def events(self, after: Mark | None = None) -> list[str]:  # type: ignore[override]
        return [event["type"] for event in self.told(after)]

    def mark(self) -> Mark:  # type: ignore[override]
        return Mark(frozenset(self.transport.asked), frozenset(event["id"] for event in self.told()))

    def dispute_of(self, intent: str) -> Any:
        def found() -> Any:
            return self.client.v1.disputes.list({"payment_intent": intent}).data

        assert self.becomes(1, lambda: len(found())) == 1
        return found()[0]

    def becomes(self, wanted: Any, look: Callable[[], Any], within: float = 0) -> Any:
        """What `look` sees in the end: `wanted`, if `within` seconds of Stripe's time bring it about."""
        raise NotImplementedError

    def is_now(self, moment: int) -> bool:
        """Whether something that was just done is dated so."""
        raise NotImplementedError

    def control(self, method: str, path: str, body: Any = None) -> Any:
        raise NotImplementedError

    def phone(self) -> stripe.StripeClient:
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance_seconds": seconds})

    def switch(self, **wanted: Any) -> None:
        self.control("PATCH", "switches", wanted)

    def authenticate(self, intent: str, outcome: str = "succeeded") -> None:
        """The cardholder answers the bank's question."""
        kind = "setup_intents" if intent.startswith("seti_") else "payment_intents"
        self.control("POST", f"{kind}/{intent}/authenticate", {"outcome": outcome})

    def saved(self, method: str) -> str:
        """A card that was set up for later, with the cardholder's word where it is asked for."""
        setup = self.set_up(method)
        if setup.status == "requires_action":
            self.authenticate(setup.id)
        return str(self.client.v1.setup_intents.retrieve(setup.id).payment_method)


def _known(event: Fields, mark: Mark | None) -> bool:
    if mark is None:
        return False
    return event["id"] in mark.events or (event.get("request") or {}).get("id") in mark.requests


class RemoteStage(FarStage):
    """The simulator, in a process of its own; it can do everything, and notes when it did what Stripe could not."""

    def __init__(self, process: Process) -> None:
        self.process, self.used_controls = process, False
        super().__init__(process.url, SECRET, Inspected())

    def control(self, method: str, path: str, body: Any = None) -> Any:
        self.used_controls = True
        return self.process.control(method, path, body)

    def numbered(self, number: str) -> str:
        self.used_controls = True
        return super().numbered(number)

    def phone(self) -> stripe.StripeClient:
        """What an app holds: the key that everybody may know."""
        self.used_controls = True
        return self.client_of(PUBLISHABLE)

    def becomes(self, wanted: Any, look: Callable[[], Any], within: float = 0) -> Any:
        if within:
            self.process.control("POST", "clock", {"advance_seconds": within})
        return look()

    def now(self) -> int:
        return int(datetime.fromisoformat(self.process.control("GET", "clock")["now"]).timestamp())

    def is_now(self, moment: int) -> bool:
        return moment == self.now()


@contextmanager
def on_simulator(process: Process, *, marked: bool) -> Iterator[RemoteStage]:
    """An empty simulator, whose clock stands still; in the end the test's mark has to fit what it did."""
    process.control("POST", "reset")
    process.control("POST", "clock", {"freeze": True})
    stage = RemoteStage(process)
    yield stage
    process.control("DELETE", "faults")
    # Reading them back checks every event against the schema.
    stage.told()
    stage.transport.close()
    assert stage.used_controls == marked, "the mark `simulated` is for tests that need the simulator, and for no other"
