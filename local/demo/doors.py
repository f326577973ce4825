"""The doors that the demo goes through: the API, the phone and dashboard at Stripe, the clock, the schedule."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import httpx

SCHEDULED = Path(__file__).parents[2] / "events" / "sweep_due.json"


class Unexpected(Exception):
    """An answer that the demo did not expect: it ends here."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class Doors:
    """Everything about the running cloud, from .local/stack.json."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self._stack = stack
        self._http = httpx.Client(timeout=60, trust_env=False)

    @classmethod
    def open(cls, stack_file: Path) -> Doors:
        if not stack_file.exists():
            raise Unexpected(f"{stack_file} is missing: the local cloud is not running (make run)")
        return cls(json.loads(stack_file.read_text()))

    def ask(self, who: str, method: str, path: str, body: object = None) -> Answer:
        """One request of `who`: alice, bob, carol or staff. Every command gets an Idempotency-Key of its own."""
        token = self._stack["staff_token"] if who == "staff" else self._stack["customer_tokens"][who]
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        answer = self._http.request(method, self._stack["api_url"] + path, headers=headers, json=body)
        return Answer(answer.status_code, answer.json() if answer.content else {})

    def must(self, expected: int, who: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The same, where only one status will do."""
        answer = self.ask(who, method, path, body)
        if answer.status != expected:
            raise Unexpected(f"{who}: {method} {path} answered {answer.status}, not {expected}: {answer.body}")
        return answer.body

    def now(self) -> datetime:
        return datetime.fromisoformat(self._http.get(self._stack["clock_url"]).json()["now"])

    def move_clock_to(self, moment: datetime) -> None:
        """Moves the time that the functions and the simulator share."""
        answer = self._http.post(self._stack["clock_url"], json={"now": moment.isoformat()})
        if answer.status_code != 200:
            raise Unexpected(f"the clock refused: {answer.text}")

    def sweep(self) -> dict[str, Any]:
        """What the schedule does each minute: invokes the sweep, with what EventBridge sends."""
        client = boto3.client(
            "lambda",
            endpoint_url=self._stack["aws_endpoint_url"],
            region_name=self._stack["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        answer = client.invoke(FunctionName=self._stack["functions"]["sweep_due"], Payload=SCHEDULED.read_bytes())
        result = json.loads(answer["Payload"].read())
        if "bookings" not in result:
            raise Unexpected(f"the sweep failed: {result}")
        return dict(result)

    def authenticate(self, payment_intent_id: str) -> None:
        """The customer passes 3-D Secure on the phone."""
        url = f"{self._stack['stripe_url']}/_simulator/payment_intents/{payment_intent_id}/authenticate"
        answer = self._http.post(url, json={"outcome": "succeeded"})
        if answer.status_code != 200:
            raise Unexpected(f"the simulator refused: {answer.text}")
