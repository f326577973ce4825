"""Those who use the deployed API: customers, staff, Stripe, somebody in Stripe's dashboard, and the clock."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import stripe

from local.cloud.stack import Stack

PATIENCE = 90.0


@dataclass
class Answer:
    status: int
    body: Any
    headers: httpx.Headers

    @property
    def problem(self) -> str:
        return str(self.body["type"]).removeprefix("/problems/")


class People:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = httpx.Client(timeout=60, trust_env=False)
        self._tokens: dict[str, str] = {}

    # --- who asks --------------------------------------------------------------------------------------------------

    def token(self, sub: str, **claims: Any) -> str:
        return str(self.http.post(f"{self.stack.issuer_url}/token", json={"sub": sub, **claims}).json()["token"])

    def _token_of(self, who: str) -> str:
        if who not in self._tokens:
            claims = {"roles": ["staff"]} if who == "staff" else {}
            self._tokens[who] = self.token("staff-e2e" if who == "staff" else f"did:privy:{who}", **claims)
        return self._tokens[who]

    def ask(
        self, who: str | None, method: str, path: str, body: Any = None, *, key: str | None = "", **more: Any
    ) -> Answer:
        """`key`: empty for a fresh one, None for none. `token`: instead of the caller's own."""
        headers = dict(more.get("headers", {}))
        token = more.get("token") or (self._token_of(who) if who else None)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None and method == "POST":
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        answer = self.http.request(method, self.stack.api_url + path, headers=headers, json=body)
        return Answer(answer.status_code, answer.json() if answer.content else None, answer.headers)

    # --- customs ---------------------------------------------------------------------------------------------------

    def event(self, *, starts_in: timedelta = timedelta(days=2), **changes: Any) -> str:
        event_id = f"event-{uuid.uuid4().hex[:12]}"
        starts = self.now() + starts_in
        body = {
            "title": "Yoga",
            "price": {"amount": 5000, "currency": "eur"},
            "starts_at": starts.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ends_at": (starts + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timezone": "Europe/Berlin",
        } | changes
        answer = self.ask("staff", "PUT", f"/events/{event_id}", body)
        assert answer.status == 201, answer.body
        return event_id

    def card(self, who: str, card: str = "pm_card_visa") -> str:
        answer = self.ask(who, "POST", "/payment-methods", {"payment_method_id": card})
        assert answer.status == 201, answer.body
        return str(answer.body["id"])

    def held(self, event_id: str, who: str | None = None, card: str = "pm_card_visa") -> tuple[str, str]:
        """A new customer with a card and a hold: who, and the booking's id."""
        who = who or f"customer-{uuid.uuid4().hex[:8]}"
        payment_method = self.card(who, card)
        answer = self.ask(who, "POST", "/holds", {"event_id": event_id, "payment_method_id": payment_method})
        assert answer.status == 201, answer.body
        return who, str(answer.body["booking_id"])

    def booking(self, booking_id: str) -> dict[str, Any]:
        answer = self.ask("staff", "GET", f"/bookings/{booking_id}")
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def log(self, booking_id: str) -> list[dict[str, Any]]:
        return list(self.ask("staff", "GET", f"/bookings/{booking_id}/transactions?limit=100").body["items"])

    def becomes(self, booking_id: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the booking shows this; what it shows instead, with its log, if it never does."""
        deadline = time.monotonic() + PATIENCE
        while True:
            booking = self.booking(booking_id)
            if all(booking[name] == value for name, value in wanted.items()):
                return booking
            if time.monotonic() > deadline:
                story = [f"{line['kind']} {line['status']} {line['reason']}" for line in self.log(booking_id)]
                raise AssertionError(f"{booking} is not {wanted}; its log: {story}")
            time.sleep(0.3)

    def eventually(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, what
            time.sleep(0.3)

    # --- the clock -------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromisoformat(self.http.get(self.stack.clock_url).json()["now"]).astimezone(UTC)

    def advance(self, **span: float) -> None:
        seconds = timedelta(**span).total_seconds()
        assert self.http.post(self.stack.clock_url, json={"advance_seconds": seconds}).status_code == 200

    def sweep(self) -> dict[str, Any]:
        """The schedule's own function with the schedule's own input."""
        answer = self.aws("lambda").invoke(FunctionName=self.stack.functions["sweep_due"], Payload=b"{}")
        return dict(json.loads(answer["Payload"].read()))

    def aws(self, service: Any) -> Any:
        session = boto3.Session("test", "test", region_name=self.stack.region)
        return session.client(service, endpoint_url=self.stack.aws_endpoint_url)

    # --- Stripe ----------------------------------------------------------------------------------------------------

    @property
    def dashboard(self) -> stripe.StripeClient:
        """Stripe as somebody with the key sees it."""
        return stripe.StripeClient(self.stack.stripe_secret_key, base_addresses={"api": self.stack.stripe_url})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The simulator's own controls."""
        answer = self.http.request(method, f"{self.stack.stripe_url}/_simulator/{path}", json=body)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def intent_of(self, booking_id: str) -> str:
        return str(self.booking(booking_id)["hold"]["payment_intent_id"])
