"""A whole deployment in one process, on any DynamoDB client: real handlers, the real Stripe SDK, one simulated clock.

Beside the tables everything is in memory (queues, bus, secrets, Stripe itself) and nothing waits, so that a month of
bookings passes in a second. Functions run through their own handlers. What happens by itself (the schedule, the
queues, Stripe's webhooks, the stream of the log) happens when `pass_time` comes to it, and goes wrong as often as
`climate` says.
"""

from __future__ import annotations

import importlib
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from holdfast import bootstrap
from holdfast.booking import Booking
from holdfast.log import Line
from local.stripe_simulator.simulator import Simulator
from tests.crash import Died
from tests.simulation.as_deployed import batch_of, timeout_of
from tests.simulation.climate import CALM, Climate
from tests.simulation.lagging import Lagging
from tests.simulation.postbox import Letter, Postbox
from tests.simulation.queues import DomainBus, Queues, Secrets
from tests.simulation.schedule import Nights, Schedule, Stuck
from tests.simulation.stage import Context, Invocation, Stage, Timeout
from tests.simulation.troubles import befall
from tests.simulation.wiring import SECRET, SECRETS, Wire, wired
from tests.world import Answer, multi, proxy_event

WORKERS: Final = {
    "StepsQueue": "take_next_step",
    "StripeEventsQueue": "apply_stripe_event",
    "ReconcileQueue": "reconcile_day",
}


@dataclass
class Counts:
    requests: int = 0
    steps: int = 0
    webhooks: int = 0
    sweeps: int = 0
    batches: int = 0
    deaths: int = 0
    troubles: int = 0

    @property
    def operations(self) -> int:
        """What reached the domain: requests, steps of the clock, and webhooks."""
        return self.requests + self.steps + self.webhooks


@dataclass
class Deployment:
    seed: str
    stage: Stage
    simulator: Simulator
    tables: Any
    queues: Queues
    bus: DomainBus
    postbox: Postbox
    schedule: Schedule = field(default_factory=Schedule)
    nights: Nights = field(default_factory=Nights)
    lagging: Lagging = field(default_factory=Lagging)
    climate: Climate = CALM
    counts: Counts = field(default_factory=Counts)
    unexpected: list[str] = field(default_factory=list)
    """Failures that no trouble explains: each is a finding."""
    met: list[tuple[int, str]] = field(default_factory=list)
    """The troubles that requests met, with the number of the action behind them; 0 where nobody asked."""
    stream: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the log that the stream has not handed to their publisher yet."""
    streamed: int = 0
    invocations: int = 0

    @classmethod
    @contextmanager
    def started(cls, seed: str, tables: Any, begins: datetime) -> Iterator[Deployment]:
        """New and empty, with the tables of template.yaml behind the client `tables`."""
        stage = Stage(begins, befall, seed)
        simulator = Simulator(
            clock=stage.stripes_time, secret_key=str(SECRET["secret_key"]), seed=_number(seed), sleep=stage.sleep
        )
        queues = Queues(stage.stripes_time)
        deployment = cls(seed, stage, simulator, tables, queues, DomainBus(), Postbox(simulator, seed))
        clients = {
            "dynamodb": Wire(stage, "dynamodb", tables, deployment._carried_out),
            "sqs": Wire(stage, "sqs", queues),
            "events": Wire(stage, "events", deployment.bus),
            # Read every five minutes by whoever needs them: the one thing that an instance remembers, and no call here.
            "secretsmanager": Secrets(SECRETS),
        }
        with pytest.MonkeyPatch.context() as patch, wired(stage, simulator, clients, patch):
            yield deployment
        simulator.close()

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stage.now, UTC)

    def set_climate(self, climate: Climate) -> None:
        self.climate, self.postbox.manner = climate, climate.manner

    def pass_time(self, until: float, *, most: int = 1_000_000) -> None:
        """Everything that happens by itself up to this instant, each at its own."""
        for _ in range(most):
            moment = self.next_moment()
            if moment is None or moment > until:
                self.stage.move_to(until)
                self.simulator.run_due()
                return
            self.stage.move_to(moment)
            self._happen()
        raise Stuck(f"there was no end to what happens before {datetime.fromtimestamp(until, UTC)}")

    def next_moment(self) -> float | None:
        """When something happens next without anybody asking."""
        self.postbox.collect()
        timer = self.simulator.world.next_due()
        moments = [
            self.stage.next_alarm(),
            self.postbox.next_due(),
            timer["due"] if timer is not None else None,
            self._next_sweep(),
            self._next_night(),
            *(self.queues.queues[name].next_visible() for name in WORKERS),
            self.stage.now + 1 if self.stream else None,
        ]
        known = [moment for moment in moments if moment is not None and moment != math.inf]
        return max(self.stage.now, min(known)) if known else None

    def _happen(self) -> None:
        """All that is to happen now."""
        self.simulator.run_due()
        self.postbox.collect()
        for letter in self.postbox.take_due(self.stage.now):
            self.deliver(letter)
        for name in WORKERS:
            visible = self.queues.queues[name].next_visible()
            if visible is not None and visible <= self.stage.now:
                self.work(name)
        if self.stream:
            self.publish()
        sweep, night = self._next_sweep(), self._next_night()
        if sweep is not None and sweep <= self.stage.now:
            self.sweep()
        if night is not None and night <= self.stage.now + 1:
            self.compare()

    def _next_night(self) -> float | None:
        if not self.climate.nights:
            return None
        happened = len(self.simulator.store.rows("event")), self.streamed
        return self.nights.next_night(happened, self.stage.now)

    def is_due(self) -> bool:
        """Something waits for the clock now."""
        return self.schedule.is_due(self._what_may_be_due(), self.stage.now)

    def _next_sweep(self) -> float | None:
        return self.schedule.next_sweep(self._what_may_be_due())

    def _what_may_be_due(self) -> Iterator[Mapping[str, Any]]:
        for table in ("BookingsTable", "EventsTable"):
            yield from self.items(table)

    # --- what happens by itself ---------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """The schedule's own event."""
        self.counts.sweeps += 1
        self.schedule.sweeps(self._what_may_be_due(), self.stage.now)
        self._by_itself("sweep_due", dict)

    def compare(self) -> None:
        """The schedule's night: Stripe's side against the book."""
        self.nights.compared(self.stage.now)
        self._by_itself("reconcile_day", dict)

    def work(self, queue: str) -> None:
        """One batch of this queue to its worker; what fails or dies stays, hidden for the queue's timeout."""
        function = WORKERS[queue]
        self._by_itself(
            function, lambda: self._batch(queue), lambda records, answer: self._took(queue, records, answer)
        )

    def _batch(self, queue: str) -> dict[str, Any] | None:
        messages = self.queues.receive(queue, batch_of(WORKERS[queue], queue))
        if not messages:
            return None
        self.counts.batches += 1
        if queue == "StepsQueue":
            self.counts.steps += len(messages)
        elif queue == "StripeEventsQueue":
            self.counts.webhooks += len(messages)
        return {
            "Records": [
                {
                    "messageId": each.message_id,
                    "body": each.body,
                    "attributes": {"ApproximateReceiveCount": str(each.received)},
                }
                for each in messages
            ]
        }

    def _took(self, queue: str, event: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                self.queues.delete(queue, record["messageId"])

    def deliver(self, letter: Letter) -> None:
        """One attempt of Stripe's at the webhook's door."""

        def door(request: dict[str, Any]) -> int | None:
            statuses: list[int] = []
            self._by_itself(
                "receive_stripe_event", lambda: request, lambda _, answer: statuses.append(answer["statusCode"])
            )
            return statuses[-1] if statuses else None

        self.postbox.send(letter, door, self.stage.stripes_time)

    def publish(self) -> None:
        """The stream of the log to its publisher, in order; where it stops, the stream starts again."""
        records = self.stream[:100]

        def published(_: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
            failures = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
            numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
            done = numbers.index(failures[0]) if failures else len(records)
            del self.stream[:done]

        self._by_itself("publish_events", lambda: {"Records": records}, published)

    def _by_itself(
        self,
        function: str,
        event: Callable[[], dict[str, Any] | None],
        then: Callable[[Mapping[str, Any], Any], None] = lambda *_: None,
    ) -> None:
        """An invocation that nobody asked for, in this climate; sometimes two at once."""
        rng = self._chance()

        def once() -> None:
            given = event()
            if given is None:
                return
            answer = self.invoke(function, given, rng=rng, troubles=self.climate.troubles(rng))
            if answer is not None:
                then(given, answer)

        twice = (
            function in ("sweep_due", "take_next_step", "apply_stripe_event") and rng.random() < self.climate.parallel
        )
        self.stage.together([once, once] if twice else [once], [random.Random(rng.random()) for _ in range(1 + twice)])

    # --- doors --------------------------------------------------------------------------------------------------------

    def invoke(
        self,
        function: str,
        event: dict[str, Any],
        *,
        rng: random.Random | None = None,
        troubles: Mapping[int, str] | None = None,
        action: int = 0,
    ) -> Any:
        """The handler's answer; None where the process died or Lambda stopped it. A failure of the handler itself is
        unexpected unless it met a trouble.
        """
        rng = rng or self._chance()
        self.invocations += 1
        module = importlib.import_module(f"functions.{function}.handler")
        invocation = Invocation(
            function=function,
            rng=rng,
            deadline=self.stage.now + timeout_of(function),
            skew=self.climate.skewed(rng),
            app=getattr(module, "app", None),
            request_id=f"request-{self.invocations}",
            troubles=dict(troubles or {}),
        )
        context = Context(self.stage.stripes_time, invocation, function, invocation.request_id)
        try:
            with self.stage.running(invocation):
                answer = module.handler(event, context)
        except Died as died:
            self.counts.deaths += 1
            if isinstance(died, Timeout):
                invocation.troubled.append("stopped at its timeout")
            answer = None
        except Exception as failure:  # noqa: BLE001 - an invocation that fails; Lambda's log would have it
            answer = None
            self._note(invocation, f"{type(failure).__name__}: {failure}")
        else:
            self._note_bad_answer(invocation, answer)
        self.counts.troubles += len(invocation.troubled)
        self.met += [(action, what) for what in invocation.troubled]
        return answer

    def _note_bad_answer(self, invocation: Invocation, answer: Mapping[str, Any]) -> None:
        if answer.get("statusCode") == 500:
            self._note(invocation, str(answer.get("body")))
        if answer.get("batchItemFailures"):
            self._note(invocation, f"failed: {answer['batchItemFailures']}")

    def _note(self, invocation: Invocation, what: str) -> None:
        if not invocation.troubled:
            self.unexpected.append(f"{invocation.function}: {what}")

    def call(
        self,
        function: str,
        method: str,
        resource: str,
        *,
        user: str | None = None,
        staff: str | None = None,
        body: Any = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        rng: random.Random | None = None,
        troubles: Mapping[int, str] | None = None,
        action: int = 0,
        **path: str,
    ) -> Answer | None:
        """One request through the function's handler, as API Gateway hands it over; None where no answer came."""
        event = proxy_event(method, resource, path, user=user, staff=staff, body=body, key=key, query=query)
        self.counts.requests += 1
        event["requestContext"]["requestId"] = f"request-{self.invocations + 1}"
        raw = self.invoke(function, event, rng=rng, troubles=troubles, action=action)
        if raw is None:
            return None
        return Answer(
            raw["statusCode"], json.loads(raw["body"]) if raw["body"] else None, raw.get("headers") or multi(raw)
        )

    def _chance(self) -> random.Random:
        return random.Random(f"{self.seed}/invocation {self.invocations}/{self.stage.calls}")

    # --- looking ------------------------------------------------------------------------------------------------------

    def booking(self, booking_id: str) -> Booking:
        found = bootstrap.store().bookings.get(booking_id)
        assert found is not None
        return found

    def log(self, booking_id: str) -> list[Line]:
        return list(bootstrap.store().bookings.all_lines(booking_id))

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in this table, in DynamoDB's own words."""
        if hasattr(self.tables, "items"):
            return list(self.tables.items(table))
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            answer = self.tables.scan(TableName=table, ConsistentRead=True, **page)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def bookings(self) -> list[Booking]:
        """All of them, oldest first."""
        ids = [item["booking_id"]["S"] for item in self.items("BookingsTable")]
        found = bootstrap.store().bookings.several(ids)
        return sorted(found.values(), key=lambda booking: (booking.created_at, booking.booking_id))

    def _carried_out(self, name: str, given: Mapping[str, Any], answer: Any) -> Any:
        """A call to the tables: what is due may have changed, new lines go on the stream, an index may be behind."""
        if name == "query" and "IndexName" in given:
            return self.lagging.behind(given["TableName"], answer, self.stage.now, self.climate.lag)
        if name in ("transact_write_items", "put_item", "update_item", "delete_item"):
            self.schedule.changed()
            self.lagging.written(name, given, self.stage.now)
        for action in given.get("TransactItems", ()):
            put = action.get("Put")
            if put is not None and put["TableName"] == "TransactionsTable":
                self.streamed += 1
                change = {"NewImage": put["Item"], "SequenceNumber": str(self.streamed)}
                self.stream.append({"eventName": "INSERT", "dynamodb": change})
        return answer


def _number(seed: str) -> int:
    return random.Random(f"{seed}/stripe").getrandbits(32)
