"""Those who use the deployed API: customers, staff, Stripe, somebody in Stripe's dashboard, and the clock."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import httpx
import stripe
from botocore.config import Config

from local.cloud.processes import Processes
from local.cloud.stack import Stack
from tests.e2e import contract

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
    def __init__(self, stack: Stack, stack_file: Path, processes: Processes) -> None:
        self.stack = stack
        self.stack_file = stack_file
        self.processes = processes
        self.http = httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=None))
        self._stripe_transport = stripe.RequestsClient()
        self._aws: dict[str, Any] = {}
        self._tokens: dict[str, str] = {}
        self.sweeps = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self._stripe_transport.close()
        for client in self._aws.values():
            client.close()

    # --- who asks --------------------------------------------------------------------------------------------------

    def token(self, sub: str, **claims: Any) -> str:
        return str(self.http.post(f"{self.stack.issuer_url}/token", json={"sub": sub, **claims}).json()["token"])

    def _token_of(self, who: str) -> str:
        if who not in self._tokens:
            claims = {"roles": ["staff"]} if who == "staff" else {}
            self._tokens[who] = self.token("staff-e2e" if who == "staff" else f"did:privy:{who}", **claims)
        return self._tokens[who]

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def ask(
        self, who: str | None, method: str, path: str, body: Any = None, *, key: str | None = "", **more: Any
    ) -> Answer:
        """`key`: empty for a fresh one, None for none. `token`: instead of the caller's own. `content`: a raw body.

        Whatever comes back is first held against docs/openapi.json.
        """
        headers = dict(more.get("headers", {}))
        token = more.get("token") or (self._token_of(who) if who else None)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None and method == "POST":
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        sent = {"content": more["content"]} if "content" in more else {"json": body} if body is not None else {}
        answer = self.http.request(method, self.stack.api_url + path, headers=headers, **sent)
        found = answer.json() if answer.content else None
        contract.check(method, path, answer.status_code, answer.headers.get("Content-Type", ""), found)
        return Answer(answer.status_code, found, answer.headers)

    # --- customs ---------------------------------------------------------------------------------------------------

    def somebody(self) -> str:
        return f"customer-{uuid.uuid4().hex[:8]}"

    def described(self, *, starts_in: timedelta = timedelta(days=2), **changes: Any) -> dict[str, Any]:
        starts = self.now() + starts_in
        return {
            "title": "Yoga",
            "price": {"amount": 5000, "currency": "eur"},
            "starts_at": wire(starts),
            "ends_at": wire(starts + timedelta(hours=2)),
            "timezone": "Europe/Berlin",
        } | changes

    def event(self, **changes: Any) -> str:
        event_id = f"event-{uuid.uuid4().hex[:12]}"
        answer = self.ask("staff", "PUT", f"/events/{event_id}", self.described(**changes))
        assert answer.status == 201, answer.body
        return event_id

    def card(self, who: str, card: str = "pm_card_visa") -> str:
        answer = self.ask(who, "POST", "/payment-methods", {"payment_method_id": card})
        assert answer.status == 201, answer.body
        return str(answer.body["id"])

    def held(self, event_id: str, who: str | None = None, card: str = "pm_card_visa") -> tuple[str, str]:
        """A customer (a new one, if nobody is named) with a card and a hold: who, and the booking's id."""
        who = who or self.somebody()
        payment_method = self.card(who, card)
        answer = self.ask(who, "POST", "/holds", {"event_id": event_id, "payment_method_id": payment_method})
        assert answer.status == 201, answer.body
        return who, str(answer.body["booking_id"])

    def captured(self, event_id: str, amount: int = 5000, card: str = "pm_card_visa") -> str:
        _, booking_id = self.held(event_id, card=card)
        answer = self.complete(booking_id, amount)
        assert answer.status == 200, answer.body
        return booking_id

    def complete(self, booking_id: str, amount: int, key: str = "") -> Answer:
        return self.ask("staff", "POST", f"/bookings/{booking_id}/complete", {"amount": amount}, key=key)

    def booking(self, booking_id: str) -> dict[str, Any]:
        answer = self.ask("staff", "GET", f"/bookings/{booking_id}")
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def log(self, booking_id: str, limit: int = 100) -> list[dict[str, Any]]:
        """All of the log, page by page."""
        return self.everything("staff", f"/bookings/{booking_id}/transactions", limit=limit)

    def everything(self, who: str, path: str, limit: int = 100) -> list[dict[str, Any]]:
        """A list to its end."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self.ask(who, "GET", f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
            assert answer.status == 200, answer.body
            assert len(answer.body["items"]) <= limit
            items += answer.body["items"]
            if answer.body["next_cursor"] is None:
                return items
            cursor = f"&cursor={answer.body['next_cursor']}"

    def story(self, booking_id: str) -> Counter[str]:
        """How often each thing stands in the log."""
        return Counter(f"{line['kind']} {line['status']}" for line in self.log(booking_id))

    def becomes(self, booking_id: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the booking shows this; what it shows instead, with its log, if it never does."""
        deadline = time.monotonic() + PATIENCE
        while True:
            booking = self.booking(booking_id)
            if all(booking[name] == value for name, value in wanted.items()):
                return booking
            assert time.monotonic() < deadline, f"{booking} is not {wanted}; {self._told(booking_id)}"
            time.sleep(0.3)

    def _told(self, booking_id: str) -> str:
        lines = [
            f"{line['sequence']:3} {line['created_at']} {line['actor']:8} {line['kind']} {line['status']} "
            f"{line['amount']} {line['reason'] or ''}"
            for line in self.log(booking_id)
        ]
        return "\n".join(["its log:", *lines, f"logs of every process: {self.stack.logs}"])

    def eventually(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"{what}; logs of every process: {self.stack.logs}"
            time.sleep(0.3)

    # --- the clock -------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromisoformat(self.http.get(self.stack.clock_url).json()["now"]).astimezone(UTC)

    def advance(self, **span: float) -> None:
        seconds = timedelta(**span).total_seconds()
        assert self.http.post(self.stack.clock_url, json={"advance_seconds": seconds}).status_code == 200

    def sweep(self) -> dict[str, Any]:
        """The schedule's own function with the schedule's own input."""
        self.sweeps += 1
        answer = self.aws("lambda").invoke(FunctionName=self.stack.functions["sweep_due"], Payload=b"{}")
        swept = dict(json.loads(answer["Payload"].read()))
        assert "bookings" in swept, swept
        return swept

    # --- AWS, as whoever runs the deployment sees it ------------------------------------------------------------------

    def aws(self, service: Any) -> Any:
        if service not in self._aws:
            session = boto3.Session("test", "test", region_name=self.stack.region)
            config = Config(proxies={}, read_timeout=90, retries={"total_max_attempts": 1}, max_pool_connections=30)
            self._aws[service] = session.client(service, endpoint_url=self.stack.aws_endpoint_url, config=config)
        return self._aws[service]

    def messages_in(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.stack.queues[queue]
        found = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything that this table holds, as DynamoDB writes it."""
        pages = self.aws("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def kill(self, function: str) -> int:
        """SIGKILL for every process in which the emulator runs this function; how many there were."""
        killed = 0
        for pid in self._workers(self.stack.functions[function]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    @contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """While `aws` or `stripe` is not there; after it they are back, with what they knew."""
        with ExitStack() as gone:
            for name in names:
                gone.enter_context(self.processes.stopped(name))
            yield
        self.eventually(self._is_back, "nobody answers again")

    def _is_back(self) -> bool:
        try:
            self.now()
            return self.http.get(f"{self.stack.aws_endpoint_url}/_ministack/health").is_success
        except httpx.TransportError:
            return False

    def _workers(self, function: str) -> list[int]:
        """Only of this very cloud: others may run on this machine."""
        wanted = {f"AWS_LAMBDA_FUNCTION_NAME={function}", f"AWS_ENDPOINT_URL={self.stack.aws_endpoint_url}"}
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if wanted <= set(environment.read_text(errors="replace").split("\0")):
                    found.append(int(environment.parent.name))
        return found

    # --- Stripe ----------------------------------------------------------------------------------------------------

    @property
    def dashboard(self) -> stripe.StripeClient:
        """Stripe as somebody with the key sees it."""
        return stripe.StripeClient(
            self.stack.stripe_secret_key,
            base_addresses={"api": self.stack.stripe_url},
            http_client=self._stripe_transport,
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The simulator's own controls."""
        answer = self.http.request(method, f"{self.stack.stripe_url}/_simulator/{path}", json=body)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def fault(self, kind: str, path: str, **more: Any) -> str:
        """Goes wrong at this path of Stripe's, once unless `times` says otherwise; 0 is until it is over."""
        wanted = {"kind": kind, "match": {"method": more.pop("method", "POST"), "path": path}, **more}
        return str(self.control("POST", "faults", wanted)["id"])

    def has_struck(self, fault: str) -> bool:
        return any(each["id"] == fault and each["hits"] > 0 for each in self.control("GET", "faults")["faults"])

    def stripe_is_well_again(self) -> None:
        self.control("DELETE", "faults")
        self.control("POST", "webhooks", {"mode": "auto", "duplicate": 0, "delay_seconds": 0, "shuffle_seed": None})
        self.control("POST", "webhooks", {"deliver": "all"})

    def intent_of(self, booking_id: str) -> str:
        return str(self.booking(booking_id)["hold"]["payment_intent_id"])

    def intents(self, booking_id: str) -> list[dict[str, Any]]:
        """Every PaymentIntent that Stripe has for this booking, whatever we think."""
        state = self.control("GET", "state")["objects"]["payment_intent"]
        return [intent for intent in state if intent["metadata"].get("booking_id") == booking_id]

    def charged(self, booking_id: str) -> int:
        """What Stripe took for this booking, over all of its PaymentIntents."""
        return sum(intent["amount_received"] for intent in self.intents(booking_id))

    def signed(self, payload: bytes, *secrets: str, at: float | None = None) -> Mapping[str, str]:
        """Stripe's headers for this payload: a v1 for each secret, the webhook's own if none is named."""
        moment = int(time.time() if at is None else at)
        text = f"{moment}.".encode() + payload
        names = secrets or (self.stack.webhook_secret,)
        macs = [hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() for secret in names]
        signature = ",".join([f"t={moment}", *(f"v1={mac}" for mac in macs)])
        return {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}

    def post_event(self, payload: bytes, headers: Mapping[str, str] | None = None) -> int:
        return self.http.post(self.stack.webhook_url, content=payload, headers=headers).status_code


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
