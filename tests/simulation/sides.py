"""Both sides of the books as plain data: what Stripe holds, read from the simulator's rows, and what is kept here, read
from the tables' items. Nothing of Holdfast's own comparing is used to read either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from holdfast.booking import Booking
from holdfast.derivation import Account, account
from holdfast.event import Event
from holdfast.log import Line
from holdfast.store.items import booking_of, event_of, unmarshal
from local.stripe_simulator.simulator import Simulator

Row = Mapping[str, Any]
Wire = Mapping[str, Any]
"""An item as DynamoDB has it: {"version": {"N": "3"}, …}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A refund of captured money at Stripe. `operation_id` is ours, or None where somebody made it outside."""

    refund_id: str
    amount: int
    status: str
    operation_id: str | None

    @property
    def counts(self) -> bool:
        return self.status not in ("failed", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A PaymentIntent at Stripe: what was authorized, what was received of it, what went back.

    `operation_id` is the operation of ours that its metadata names last: the one that authorized it, or the one that
    captured it. `was_held`: the bank blocked the money at some time. `untold`: something happened to it of which Stripe
    has not told us yet.
    """

    intent_id: str
    booking_id: str | None
    status: str
    currency: str
    authorized: int
    received: int
    operation_id: str | None
    was_held: bool
    refunds: tuple[Returned, ...] = ()
    disputed: bool = False
    untold: bool = False

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.counts)

    @property
    def can_take_money(self) -> bool:
        """It is held, or its customer can still make a hold of it."""
        return self.status in ("requires_capture", "requires_action", "requires_confirmation", "processing")


@dataclass(frozen=True, kw_only=True)
class StripeSide:
    """Everything at Stripe that is this deployment's. `balance` is what the account's balance moved by charges and
    refunds, in minor units by currency: (charged, sent back).
    """

    intents: Mapping[str, Intent]
    balance: Mapping[str, tuple[int, int]]

    def of_booking(self, booking_id: str) -> list[Intent]:
        return self._by_booking.get(booking_id, [])

    @cached_property
    def _by_booking(self) -> dict[str | None, list[Intent]]:
        found: dict[str | None, list[Intent]] = {}
        for intent in self.intents.values():
            found.setdefault(intent.booking_id, []).append(intent)
        return found


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A booking as it is kept: its facts, its log, and the item with the attributes that indexes read."""

    booking: Booking
    lines: Sequence[Line]
    item: Mapping[str, Any]

    @cached_property
    def account(self) -> Account:
        """What the log amounts to, by itself."""
        return account(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    event: Event
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSide:
    """Everything that is kept here. `records` are the idempotency records of requests, by key."""

    bookings: Mapping[str, Kept]
    events: Mapping[str, KeptEvent] = field(default_factory=dict)
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stray_lines: tuple[str, ...] = ()


# --- Stripe -----------------------------------------------------------------------------------------------------------


def stripe_side(tables: Mapping[str, Mapping[str, Row]], *, deployment: str, untold: Iterable[Row] = ()) -> StripeSide:
    """From the simulator's tables (`simulator.store.tables()`). `untold`: events that have not been delivered yet."""
    charges = tables.get("charge", {})
    refunds: dict[str, list[Returned]] = {}
    for row in tables.get("refund", {}).values():
        if row["balance_transaction"] is not None:  # without one it is a hold that was let go
            refunds.setdefault(row["payment_intent"], []).append(_returned(row))
    disputed = {row["payment_intent"] for row in tables.get("dispute", {}).values()}
    waiting = set(_named_by(untold))
    intents = {
        intent_id: _intent(row, charges, tuple(refunds.get(intent_id, ())), intent_id in disputed, intent_id in waiting)
        for intent_id, row in tables.get("payment_intent", {}).items()
        if row["metadata"].get("deployment") in (None, deployment)
    }
    return StripeSide(intents=intents, balance=_balance(tables, intents))


def _returned(row: Row) -> Returned:
    return Returned(
        refund_id=row["id"],
        amount=row["amount"],
        status=row["status"],
        operation_id=row["metadata"].get("operation_id"),
    )


def _intent(
    row: Row, charges: Mapping[str, Row], refunds: tuple[Returned, ...], disputed: bool, untold: bool
) -> Intent:
    charge = charges.get(row["latest_charge"] or "")
    return Intent(
        intent_id=row["id"],
        booking_id=row["metadata"].get("booking_id"),
        status=row["status"],
        currency=row["currency"],
        authorized=row["amount"],
        received=row["amount_received"],
        operation_id=row["metadata"].get("operation_id"),
        was_held=charge is not None and charge["status"] == "succeeded",
        refunds=refunds,
        disputed=disputed,
        untold=untold,
    )


def _named_by(events: Iterable[Row]) -> Iterator[str]:
    """The PaymentIntents that these events are about."""
    for event in events:
        about = event["data"]["object"]
        found = about["id"] if about["object"] == "payment_intent" else about.get("payment_intent")
        if isinstance(found, str):
            yield found


def _balance(tables: Mapping[str, Mapping[str, Row]], intents: Mapping[str, Intent]) -> dict[str, tuple[int, int]]:
    charges, refunds = tables.get("charge", {}), tables.get("refund", {})
    moved: dict[str, tuple[int, int]] = {}
    for row in tables.get("balance_transaction", {}).values():
        source = charges.get(row["source"]) or refunds.get(row["source"])
        if source is None or source["payment_intent"] not in intents:
            continue
        charged, returned = moved.get(row["currency"], (0, 0))
        if row["source"] in charges:
            charged += row["amount"]
        else:
            returned -= row["amount"]
        moved[row["currency"]] = charged, returned
    return moved


# --- ours -------------------------------------------------------------------------------------------------------------


def book_side(items: Callable[[str], Iterable[Wire]]) -> BookSide:
    """From the items of a table, asked for by its logical name (`BookingsTable`, `TransactionsTable`, …)."""
    lines: dict[str, list[Line]] = {}
    for raw in items("TransactionsTable"):
        item = unmarshal(dict(raw))
        lines.setdefault(item["booking_id"], []).append(item["line"])
    bookings = {}
    for raw in items("BookingsTable"):
        item = unmarshal(dict(raw))
        own = sorted(lines.pop(item["booking_id"], []), key=lambda line: int(line["sequence"]))
        bookings[item["booking_id"]] = Kept(booking=booking_of(item), lines=own, item=item)
    events = {}
    for raw in items("EventsTable"):
        item = unmarshal(dict(raw))
        events[item["event_id"]] = KeptEvent(event=event_of(item), item=item)
    records = {}
    for raw in items("IdempotencyTable"):
        item = unmarshal(dict(raw))
        if item["key"].startswith("request#"):
            records[item["key"]] = item
    return BookSide(bookings=bookings, events=events, records=records, stray_lines=tuple(sorted(lines)))


def of_moto(table: str) -> Iterator[Wire]:
    """A table's items, read behind moto's API."""
    from moto.backends import get_backend
    from moto.core.models import DEFAULT_ACCOUNT_ID

    backend: Any = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"]
    for item in backend.tables[table].all_items():
        yield item.to_json()["Attributes"]


def sides_of(
    world: Any, *, deployment: str, items: Callable[[str], Iterable[Wire]] = of_moto
) -> tuple[StripeSide, BookSide]:
    """Both sides of a `tests.world.World`; its `delivered` is the last event that was handed over."""
    events = list(world.simulator.store.tables().get("event", {}))
    told = events.index(world.delivered) + 1 if world.delivered else 0
    return both_sides(world.simulator, items, deployment=deployment, untold=events[told:])


def both_sides(
    simulator: Simulator, items: Callable[[str], Iterable[Wire]], *, deployment: str, untold: Iterable[str] = ()
) -> tuple[StripeSide, BookSide]:
    """`items` gives a table's items by its logical name; `untold` are the ids of events that were not delivered yet."""
    tables = simulator.store.tables()
    waiting = [tables["event"][event_id] for event_id in untold]
    return stripe_side(tables, deployment=deployment, untold=waiting), book_side(items)
