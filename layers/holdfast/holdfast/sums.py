"""Control totals of a span: what the log says was captured and refunded, and what the balance at Stripe says.

Pure. Both sides count the same movement under the same key, so each is matched by itself; what one side wrote in this
span and the other in another (a capture at midnight, an answer that was lost and found later) is set apart and shown.
What then remains has to be zero. Amounts in minor units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from holdfast.log import Logged
from holdfast.sightings import Movement, Source

Line = Mapping[str, Any]


class Flow(StrEnum):
    """Which way money went, seen from the customer."""

    CAPTURED = "captured"
    REFUNDED = "refunded"
    RETURNED = "returned"  # a refund that failed: its money is with us again


@dataclass(frozen=True, slots=True)
class Money:
    """One movement: the object at Stripe that it is known by, on both sides the same."""

    flow: Flow
    object_id: str
    amount: int
    currency: str

    @property
    def key(self) -> tuple[Flow, str]:
        return self.flow, self.object_id


@dataclass(frozen=True, slots=True)
class Sum:
    """One flow of one currency. `…_elsewhere`: the part whose other side lies in another span."""

    log: int = 0
    stripe: int = 0
    log_elsewhere: int = 0
    stripe_elsewhere: int = 0

    @property
    def unexplained(self) -> int:
        return (self.log - self.log_elsewhere) - (self.stripe - self.stripe_elsewhere)

    def __add__(self, other: Sum) -> Sum:
        return Sum(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Sum)))


@dataclass(frozen=True, slots=True)
class Totals:
    """One currency. Refunds less those that came back. `disputed` and `fees` are known to Stripe's balance alone."""

    captured: Sum = Sum()
    refunded: Sum = Sum()
    disputed: int = 0
    fees: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.captured + other.captured,
            self.refunded + other.refunded,
            self.disputed + other.disputed,
            self.fees + other.fees,
        )


ByCurrency = Mapping[str, Totals]

_TAKEN_OUTSIDE: Final = frozenset({"captured", "unused_authorization_captured"})
_ON_ITS_WAY: Final = frozenset({"pending", "succeeded"})
_CAME_BACK: Final = frozenset({"failed", "canceled"})


def of_line(line: Line) -> Money | None:
    """The money that a line of the log says has moved; None where it says nothing of the kind."""
    flow = _flow(line)
    if flow is None or line["stripe_id"] is None or line["amount"] is None:
        return None
    return Money(flow, line["stripe_id"], line["amount"], line["currency"])


def _flow(line: Line) -> Flow | None:
    """A refund counts from its first line on, pending or not; a later word of Stripe's on it only if it came back."""
    kind, status = line["kind"], line["status"]
    if kind == "capture":
        return Flow.CAPTURED if status == "succeeded" else None
    if kind == "external":
        if line["reason"] in _TAKEN_OUTSIDE:
            return Flow.CAPTURED
        refund = str(line["stripe_id"]).startswith("re_")
        return Flow.REFUNDED if refund and status in _ON_ITS_WAY else None
    if kind != "refund":
        return None
    if line["actor"] == "stripe":
        return Flow.RETURNED if status in _CAME_BACK else None
    return Flow.REFUNDED if status in _ON_ITS_WAY else None


def of_movement(movement: Movement) -> Money | None:
    """The same of a balance transaction; None for a dispute's, of which the log keeps no movement."""
    if movement.source is Source.CHARGE:
        return Money(Flow.CAPTURED, movement.payment_intent_id, movement.amount, movement.currency)
    if movement.source is Source.REFUND:
        flow = Flow.REFUNDED if movement.amount < 0 else Flow.RETURNED
        return Money(flow, movement.source_id, abs(movement.amount), movement.currency)
    return None


def totals(lines: Iterable[Logged], movements: Iterable[Movement]) -> dict[str, Totals]:
    """By currency, of one span. A second line for the same movement has no other side, and stays unexplained."""
    movements = list(movements)
    log = [money for each in lines if (money := of_line(each.line)) is not None]
    stripe = [money for each in movements if (money := of_movement(each)) is not None]
    matched = {money.key for money in log} & {money.key for money in stripe}
    result: dict[str, Totals] = {}
    for side, of_side in (("log", log), ("stripe", stripe)):
        for money in of_side:
            _count(result, money, side, elsewhere=money.key not in matched)
    for movement in movements:
        if movement.source is Source.DISPUTE:
            _add(result, movement.currency, Totals(disputed=-movement.amount))
        _add(result, movement.fee_currency, Totals(fees=movement.fee))
    return result


def _count(result: dict[str, Totals], money: Money, side: str, *, elsewhere: bool) -> None:
    amount = -money.amount if money.flow is Flow.RETURNED else money.amount
    counted = replace(Sum(), **{side: amount}, **({f"{side}_elsewhere": amount} if elsewhere else {}))
    _add(result, money.currency, Totals(captured=counted) if money.flow is Flow.CAPTURED else Totals(refunded=counted))


def _add(result: dict[str, Totals], currency: str, more: Totals) -> None:
    if more != Totals():
        result[currency] = result.get(currency, Totals()) + more


def together(first: ByCurrency, second: ByCurrency) -> dict[str, Totals]:
    result = dict(first)
    for currency, more in second.items():
        _add(result, currency, more)
    return result
