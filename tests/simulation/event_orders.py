"""A flow's events of Stripe's, in any order and any of them twice, after it or in the middle of it; and what a booking
comes to in the end, so that two ends can be compared.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from holdfast.derivation import account
from holdfast.log import Line
from local.stripe_simulator.rendering import public
from tests.instances import UnderWay
from tests.simulation.deployment import Deployment
from tests.simulation.event_flows import Flow, Life
from tests.simulation.invariants import violations
from tests.simulation.keeping import restore, snapshot
from tests.simulation.log_words import took
from tests.simulation.sides import book_side, stripe_side
from tests.simulation.wiring import DEPLOYMENT

# Up to so many events, every order is tried.
ALL_ORDERS_OF: Final = 5
SETTLES: Final = 3600
"""So many seconds later nothing of what was put off is left, and no deadline has come."""

Event = dict[str, Any]


@dataclass
class Played:
    """A flow in a deployment: how it is before, how it is after with nothing delivered, and what Stripe has to say."""

    flow: Flow
    deployment: Deployment
    before: Any
    after: Any
    life: Life
    events: list[Event]
    begins: float
    ends: float
    amid: int = 0
    """How many events came in the middle of a request of ours, so far."""
    path: list[tuple[str, Any]] = field(default_factory=list)
    """The events of the last order, and how it was after each."""
    settled: dict[str, Any] = field(default_factory=dict)
    """By how it was when everything was told: what came of it."""


def play(flow: Flow, deployment: Deployment) -> Played:
    deployment.postbox.collect = lambda: None  # type: ignore[method-assign]
    life = Life(deployment)
    flow.before(life)
    before, begins, asked, booking_id = snapshot(deployment), deployment.stage.now, life.asked, life.booking_id
    flow.act(life)
    played = Played(
        flow, deployment, (before, asked, booking_id), snapshot(deployment), life, [], begins, deployment.stage.now
    )
    played.events = _events(played)
    return played


def _events(played: Played) -> list[Event]:
    """What Stripe has said of the booking's objects, oldest first; of anything else the worker takes no notice."""
    rows = played.deployment.simulator.store
    ours = [
        row["id"]
        for table in ("payment_intent", "setup_intent")
        for row in rows.rows(table).values()
        if "booking_id" in row["metadata"]
    ]
    shown = [json.dumps(public(event)) for event in rows.rows("event").values()]
    return [json.loads(event) for event in shown if any(each in event for each in ours)]


# --- orders -----------------------------------------------------------------------------------------------------------


def orders(events: Sequence[Event], rng: random.Random, sampled: int) -> Iterator[list[Event]]:
    """Every order of up to five events, of more so many, each as it is and with one of them twice. The second time is
    the same event again or, as Stripe may also do, another event about the same.
    """
    for order in _orders(events, rng, sampled):
        yield order
        again = rng.choice(order)
        if rng.random() < 0.5:
            again = again | {"id": f"{again['id']}_again"}
        place = rng.randint(0, len(order))
        yield [*order[:place], again, *order[place:]]


def _orders(events: Sequence[Event], rng: random.Random, sampled: int) -> Iterator[list[Event]]:
    if len(events) <= ALL_ORDERS_OF:
        yield from map(list, itertools.permutations(events))
        return
    yield list(reversed(events))
    for _ in range(sampled):
        yield rng.sample(list(events), len(events))


# --- delivering -------------------------------------------------------------------------------------------------------


def deliver(deployment: Deployment, event: Event) -> None:
    """Straight to the worker: the door only passes on what is signed."""
    record = {"messageId": "m", "body": json.dumps(event), "attributes": {"ApproximateReceiveCount": "1"}}
    answer = deployment.invoke("apply_stripe_event", {"Records": [record]})
    assert answer == {"batchItemFailures": []}, (event["type"], answer, deployment.unexpected)


def after_it(played: Played, order: Sequence[Event]) -> Any:
    """The end, where everything is told when it is all over. Goes on from as far as the order before was the same."""
    path = played.path
    same = 0
    while same < min(len(path), len(order)) and path[same][0] == order[same]["id"]:
        same += 1
    del path[same:]
    restore(played.deployment, path[-1][1] if path else played.after)
    for event in order[same:]:
        deliver(played.deployment, event)
        path.append((event["id"], snapshot(played.deployment)))
    reached = json.dumps(state(played, but=_COUNTED), sort_keys=True)
    if reached not in played.settled:
        played.settled[reached] = _settled(played, {event["id"] for event in order})
    return played.settled[reached]


def amid_it(played: Played, rng: random.Random) -> Any:
    """The end, where Stripe's events come in the middle of the flow: between what people do, and between the calls of
    our own requests; each late by chance, some twice.
    """
    deployment, (before, asked, booking_id) = played.deployment, played.before
    restore(deployment, before)
    told: set[str] = set()

    def some() -> None:
        now, within = deployment.stage.now, deployment.stage.current is not None
        waiting = [event for event in _events(played) if event["id"] not in told]
        for event in rng.sample(waiting, rng.randint(0, len(waiting))):
            told.add(event["id"])
            played.amid += within
            for _ in range(rng.choice((1, 1, 2))):
                deliver(deployment, event)
        deployment.stage.now = now  # others' time: it does not hold the request up

    life = played.life = Life(deployment, booking_id, asked=asked, point=some)
    with _between_calls(deployment, some, rng):
        played.flow.act(life)
    left = [event for event in _events(played) if event["id"] not in told]
    rng.shuffle(left)
    for event in left:
        deliver(deployment, event)
    return _settled(played, told | {event["id"] for event in left})


@contextmanager
def _between_calls(deployment: Deployment, some: Any, rng: random.Random) -> Iterator[None]:
    """Every other call that a request makes, others run before it or after it: Stripe has done something by then, and
    nothing of it is written.
    """
    stage = deployment.stage
    cross = stage.cross

    def crossing(service: str, name: str, call: Any) -> Any:
        invocation = stage.current
        if invocation is None or invocation.function == "apply_stripe_event":
            return cross(service, name, call)

        def others() -> None:
            if rng.random() < 0.3:
                kept = UnderWay.take(invocation.app)
                some()
                kept.put_back()

        others()
        try:
            return cross(service, name, call)
        finally:
            others()

    stage.cross = crossing  # type: ignore[method-assign]
    try:
        yield
    finally:
        stage.cross = cross  # type: ignore[method-assign]


def _settled(played: Played, told: set[str]) -> Any:
    """Two hours later: what was put off has come again, the clock has run, Stripe has told what came of it; and the
    books agree.
    """
    deployment, told = played.deployment, set(told)
    for _ in range(2):
        deployment.pass_time(max(played.ends, deployment.stage.now) + SETTLES)
        for event in _events(played):
            if event["id"] not in told:
                told.add(event["id"])
                deliver(deployment, event)
    assert deployment.unexpected == [], deployment.unexpected
    tables = deployment.simulator.store.tables()
    books = stripe_side(tables, deployment=DEPLOYMENT), book_side(deployment.items)
    broken = violations(*books, deployment.now())
    assert broken == [], broken
    return state(played)


# --- ends -------------------------------------------------------------------------------------------------------------

# Who is told in more steps counts more of them.
_COUNTED: Final = frozenset({"version", "sequence", "chain_head", "updated_at"})
_VOLATILE: Final = _COUNTED | {"attempts", "look_again_at", "retry_at"}
_ID: Final = re.compile(r"\b(?:pi|ch|re|pyr|du|dp|seti|pm|cus|op|bk|evt)_\w+")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def state(played: Played, but: Collection[str] = _VOLATILE) -> dict[str, Any]:
    """What the booking comes to: its facts but for what counts versions and tries, and the movements that the log says.

    Objects go by the order in which they were made. Instants within the flow are one: who tells us sooner is written
    down sooner.
    """
    deployment, booking_id = played.deployment, played.life.booking_id
    item = next(each for each in deployment.items("BookingsTable") if each["booking_id"]["S"] == booking_id)
    lines = deployment.log(booking_id)
    booking = deployment.booking(booking_id)
    facts = {name: value for name, value in _plain(item["facts"]).items() if name not in but}
    for several in ("refunds", "disputes"):  # in the order in which we heard of them
        facts[several].sort(key=lambda each: json.dumps(each, sort_keys=True))
    found = {
        "payment_status": str(booking.payment_status),
        "refunded": booking.refunded,
        "facts": facts,
        "movements": movements(lines),
    }
    return _named(played, found)


def movements(lines: Sequence[Line]) -> dict[str, Any]:
    """The money that the log says was blocked, let go, taken, sent back, or fought over: by object, in no order."""
    read = account(lines)
    disputes = [line for line in lines if line["kind"] == "dispute"]
    return {
        "faults": [str(fault) for fault in read.faults],
        "held": {line["stripe_id"]: 1 for line in lines if _is(line, ("authorize", "renew"), "succeeded")},
        "taken": [(line["stripe_id"], line["amount"]) for line in lines if took(line)],
        "let go": dict.fromkeys(_let_go(lines), 1),
        "sent back": read.refunds,
        "fee": read.fee,
        "disputed": sorted(
            {
                (line["stripe_id"], line["details"]["step"], line["amount"])
                for line in disputes
                if "funds" in line["details"]["step"]
            }
        ),
    }


def _moved_funds(line: Line) -> bool:
    return line["details"]["step"] in ("funds_withdrawn", "funds_reinstated")


def _is(line: Line, kinds: Sequence[str], status: str) -> bool:
    return line["kind"] in kinds and line["status"] == status


def _let_go(lines: Sequence[Line]) -> set[str]:
    outside = ("hold_released", "hold_expired")
    return {
        line["stripe_id"] or ""
        for line in lines
        if _is(line, ("release",), "succeeded") or (line["kind"] == "external" and line["reason"] in outside)
    }


def _plain(value: Mapping[str, Any]) -> Any:
    """Out of DynamoDB's wire format."""
    ((kind, inner),) = value.items()
    if kind == "M":
        return {name: _plain(each) for name, each in inner.items()}
    if kind == "L":
        return [_plain(each) for each in inner]
    return None if kind == "NULL" else inner


# Of the simulator's tables, those of objects whose ids we keep.
_OBJECTS: Final = ("payment_intent", "setup_intent", "charge", "refund", "dispute", "payment_method", "customer")


def _named(played: Played, found: Any) -> Any:
    """The same with each object by its kind and number, and instants without what chance adds to them."""
    names: dict[str, str] = {}
    for table in _OBJECTS:
        for number, object_id in enumerate(played.deployment.simulator.store.rows(table)):
            names[object_id] = f"{table} {number}"
    for line in played.deployment.log(played.life.booking_id):
        if line["operation_id"] is not None:
            names.setdefault(line["operation_id"], f"{line['kind']} operation")

    def instant(match: re.Match[str]) -> str:
        at = datetime.fromisoformat(match[0]).timestamp()
        if at < played.begins - 1:
            return match[0]
        later = round((at - played.begins) / 3600)
        return "meanwhile" if at <= played.deployment.stage.now else f"{later} h later"

    text = json.dumps(found, sort_keys=True)
    text = _ID.sub(lambda match: names.get(match[0]) or match[0].partition("_")[0], text)
    return json.loads(_INSTANT.sub(instant, text))


def difference(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where two ends are not one."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        both = sorted({*wanted, *found})
        return [line for each in both for line in difference(wanted.get(each), found.get(each), f"{path}/{each}")]
    return [] if wanted == found else [f"{path}: {wanted} or {found}"]
