"""Stripe's lists by time: what was made, moved or changed in a span, whoever did it.

A list by `created` shows each object once, on the day on which it was made, as it is now. What changes later shows by
the balance transaction that it makes, or, where no money moves, by its event (Stripe lists events for 30 days).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import stripe

from holdfast.budget import Budget
from holdfast.sightings import Seen, Span
from holdfast.stripe_calls import call
from holdfast.stripe_gateway import declined, raw
from holdfast.stripe_sightings import Collector

_PAGE: Final = 100
# Changes of older objects that move no money of ours; whatever does, makes a balance transaction.
CHANGES: Final = (
    "charge.dispute.closed",
    "charge.dispute.updated",
    "charge.expired",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "refund.failed",
    "refund.updated",
)

Listing = Callable[[Any], Any]


class TooMany(Exception):
    """One of the lists is longer than the limit: take a shorter span."""


class StripeLists:
    """Lists for one deployment. `budget` is made anew for each call, `turn(1)` is waited for before each page."""

    def __init__(
        self, client: stripe.StripeClient, deployment: str, *, budget: Callable[[], Budget], turn: Callable[[int], None]
    ) -> None:
        self._stripe = client.v1
        self._deployment = deployment
        self._budget = budget
        self._turn = turn

    def between(self, span: Span, most: int) -> Seen:
        """Everything of this span. Raises TooMany where a list is longer than `most`, unless the span is one second."""
        collector = Collector(self._deployment)
        v1 = self._stripe
        lists: tuple[tuple[Listing, dict[str, Any], Callable[[Mapping[str, Any]], None]], ...] = (
            (v1.payment_intents.list, {"expand": ["data.latest_charge"]}, collector.intent),
            (v1.refunds.list, {"expand": ["data.charge"]}, collector.refund),
            (v1.disputes.list, {"expand": ["data.charge"]}, collector.dispute),
            (v1.balance_transactions.list, {"expand": ["data.source"]}, collector.balance_transaction),
            (v1.events.list, {"types": list(CHANGES)}, collector.event),
        )
        for listing, params, take in lists:
            for number, item in enumerate(self._every(listing, params, span), start=1):
                if number > most and span.seconds > 1:
                    raise TooMany
                take(item)
        return collector.seen()

    def _every(self, listing: Listing, params: Mapping[str, Any], span: Span) -> Iterator[Mapping[str, Any]]:
        """Every object that was made in the span, page by page, newest first."""
        created = {"gte": int(span.since.timestamp()), "lt": int(span.until.timestamp())}
        page: dict[str, Any] = {"limit": _PAGE, "created": created, **params}
        while True:
            self._turn(1)
            answer = call(partial(listing, page), budget=self._budget(), declined=declined)
            data = [raw(item) for item in answer.data]
            yield from data
            if not answer.has_more or not data:
                return
            page = {**page, "starting_after": data[-1]["id"]}
