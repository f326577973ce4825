"""Where simulations happen: a deployment on tables in memory, and the few customs that its tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.simulation.deployment import Deployment
from tests.simulation.memory_tables import MemoryTables
from tests.tables import schemas
from tests.world import Answer, wire

EVENING: Final = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@contextmanager
def in_memory(seed: str = "1", begins: datetime = EVENING) -> Iterator[Deployment]:
    with Deployment.started(seed, MemoryTables(schemas()), begins) as deployment:
        yield deployment


def put_event(deployment: Deployment, event_id: str, starts_at: datetime, **changes: Any) -> Answer | None:
    """An event of two hours, unless the changes say otherwise."""
    body = {
        "title": "Yoga",
        "price": {"amount": 5000, "currency": "eur"},
        "starts_at": wire(starts_at),
        "ends_at": wire(starts_at + timedelta(hours=2)),
        "timezone": "Europe/Berlin",
    }
    return deployment.call(
        "put_event", "PUT", "/events/{event_id}", staff="sam", body=body | changes, event_id=event_id
    )


def save_card(deployment: Deployment, user: str, card: str = "pm_card_visa") -> Answer | None:
    body = {"payment_method_id": card}
    return deployment.call("attach_payment_method", "POST", "/payment-methods", user=user, body=body)


def book(deployment: Deployment, user: str, event_id: str, key: str = "book") -> str:
    """The booking's id."""
    answer = deployment.call("place_hold", "POST", "/holds", user=user, key=key, body={"event_id": event_id})
    assert answer is not None
    assert answer.status in (201, 202), answer.body
    return str(answer.body["booking_id"])
