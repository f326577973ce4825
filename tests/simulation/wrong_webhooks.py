"""Ways to apply Stripe's events that are wrong: what trying their orders has to notice, and in which flows it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from holdfast import booking as booking_facts
from holdfast import reconcile, stripe_translation
from holdfast.desk import outside, stripe_events
from holdfast.stripe_objects import Observation

Patch = pytest.MonkeyPatch


def _the_snapshot_is_believed(patch: Patch) -> None:
    """A refund's event counts for what it says, which may have been long ago, and not as a hint to look."""
    apply, look = stripe_events.apply, outside._look
    told: list[Any] = []

    def applying(desk: Any, event: Any) -> Any:
        told[:] = [event["data"]["object"]]
        return apply(desk, event)

    def believed(desk: Any, booking: Any, payment_intent_id: str | None) -> Observation:
        seen = look(desk, booking, payment_intent_id)
        if told and told[0]["object"] == "refund" and seen.refunds:
            return replace(seen, refunds=(stripe_translation.refund(told[0]),))
        return seen

    patch.setattr(stripe_events, "apply", applying)
    patch.setattr(outside, "_look", believed)


def _who_is_under_way_is_not_waited_for(patch: Patch) -> None:
    """What Stripe holds is written over an operation that has not settled yet."""
    take_in = outside.take_in
    patch.setattr(stripe_events, "_recovered", lambda _, booking: booking)
    patch.setattr(
        stripe_events, "take_in", lambda desk, booking, **of: take_in(desk, replace(booking, operation=None), **of)
    )


def _seen_before_it_is_applied(patch: Patch) -> None:
    """An event that has to be put off is remembered as done."""
    apply = stripe_events.apply

    def forgetting(desk: Any, event: Any) -> Any:
        try:
            return apply(desk, event)
        except stripe_events.Later:
            desk.store.records.see(event["id"], desk.clock())
            raise

    patch.setattr(stripe_events, "apply", forgetting)


def _a_refund_that_failed_is_news_only_if_it_was_known(patch: Patch) -> None:
    """As it was until the orders of its events were tried."""
    observe = reconcile.observe_refund

    def quiet(booking: Any, seen: Any, now: Any) -> Any:
        changed, entries = observe(booking, seen, now)
        if any(known.refund_id == seen.id for known in booking.refunds):
            return changed, entries
        return replace(changed, attention=booking.attention, attention_since=booking.attention_since), entries

    patch.setattr(reconcile, "observe_refund", quiet)


def _a_refund_counts_each_time_it_is_told(patch: Patch) -> None:
    """A refund is found again by its status and not by its id."""
    with_refund = booking_facts.with_refund

    def added(booking: Any, refund: Any) -> Any:
        if any(known.refund_id == refund.refund_id for known in booking.refunds):
            refund = replace(refund, refund_id=f"{refund.refund_id}x")
        return with_refund(booking, refund)

    patch.setattr(reconcile, "with_refund", added)


# Each with a flow in which it shows.
MISTAKES: Final[dict[str, tuple[Callable[[Patch], None], str]]] = {
    "the snapshot is believed": (_the_snapshot_is_believed, "refund that waits"),
    "who is under way is not waited for": (_who_is_under_way_is_not_waited_for, "capture"),
    "seen before it is applied": (_seen_before_it_is_applied, "dispute"),
    "a refund that failed is news only if it was known": (
        _a_refund_that_failed_is_news_only_if_it_was_known,
        "dashboard refund that fails",
    ),
    "a refund counts each time it is told": (_a_refund_counts_each_time_it_is_told, "refund that waits"),
}
