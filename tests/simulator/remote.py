"""The simulator as a process of its own, with the unmodified SDK on it over HTTP, every body checked on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.simulator import schema
from tests.simulator.stage import Fields, Stage
from tests.simulator.test_over_http import SECRET, Process

PUBLISHABLE = "pk_test_process"


class Inspected(stripe.RequestsClient):
    """The SDK's own transport; what comes back is compared with the schema before the SDK sees it."""

    def __init__(self) -> None:
        super().__init__(timeout=10)

    # The SDK's own transports differ from their base in the same way.
    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content, status, answered = super().request(method, url, headers, post_data)
        found = schema.faults_of_answer(method.upper(), urlsplit(url).path, status, json.loads(content))
        assert not found, "\n".join(found)
        assert answered["Request-Id"].startswith("req_")
        assert answered["Stripe-Version"]
        return content, status, answered


@dataclass
class Controls:
    """What the in-process simulator offers to a stage, through its control API."""

    process: Process

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.process.control(method, path.removeprefix("/_simulator/"), body)

    def advance(self, seconds: float) -> None:
        self.process.control("POST", "clock", {"advance_seconds": seconds})


class RemoteStage(Stage):
    """The same stage; events are read back through the API, as a stranger would."""

    def __init__(self, process: Process) -> None:
        self.process, self.transport = process, Inspected()
        super().__init__(Controls(process), self._client(SECRET))  # type: ignore[arg-type]

    def _client(self, key: str) -> stripe.StripeClient:
        return stripe.StripeClient(
            key, base_addresses={"api": self.process.url}, http_client=self.transport, max_network_retries=0
        )

    def phone(self) -> stripe.StripeClient:
        """What an app holds: the key that everybody may know."""
        return self._client(PUBLISHABLE)

    def told(self) -> list[Fields]:
        page = self.client.v1.events.list({"limit": 100})
        return [event.to_dict() for event in page.auto_paging_iter()][::-1]

    def events(self, after: int = 0) -> list[str]:
        return [event["type"] for event in self.told()][after:]

    def mark(self) -> int:
        return len(self.told())

    def now(self) -> int:
        return int(datetime.fromisoformat(self.process.control("GET", "clock")["now"]).timestamp())

    def switch(self, **wanted: Any) -> None:
        self.process.control("PATCH", "switches", wanted)
