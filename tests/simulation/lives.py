"""The life of one booking, as it is drawn: how its customer pays, whether they come, what goes wrong, what follows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from tests.simulation.plan import DAY, HOUR, MINUTE, Event, Plan

_PLAIN: Final = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_discover")
_ASKING: Final = ("pm_card_authenticationRequired", "pm_card_threeDSecure2Required", "pm_card_4000002760003184")
_CARDS: Final[Mapping[str, int]] = {
    "pm_card_visa": 40,
    "pm_card_mastercard": 10,
    "pm_card_amex": 4,
    "pm_card_discover": 2,
    "pm_card_authenticationRequired": 8,
    "pm_card_threeDSecure2Required": 8,
    "pm_card_4000002760003184": 3,
    "pm_card_4000008400001629": 2,
    "pm_card_4000003800000446": 2,
    "pm_card_chargeCustomerFail": 6,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 2,
    "pm_card_pendingRefund": 10,
    "pm_card_refundFail": 8,
    "pm_card_createDispute": 5,
    "pm_card_createDisputeProductNotReceived": 2,
    "pm_card_createDisputeInquiry": 4,
}
_CODES: Final = ("insufficient_funds", "authentication_required", "lost_card", "do_not_honor", "expired_card")
_PARTS: Final = (None, None, None, "1/2", "1", "6/5", "0", "7/10", "3/2")


def draw_life(plan: Plan, event: Event, events: list[Event], label: str) -> None:
    rng = plan.rng
    user = rng.choice(("alice", "bob", "carol", "dave", "erin", "frank"))
    card = rng.choices(list(_CARDS), list(_CARDS.values()))[0]
    booked_at = _when_to_book(rng, event)
    about = {"booking": label}
    plan.add(booked_at - 30, "saves a card", {"user": user, "card": card})
    which: dict[str, Any] = {"which": 0} if plan.happens(0.8) else {}
    plan.request(booked_at, "books", {**about, "user": user, "event": event.label, **which})
    if card in _ASKING or plan.happens(0.05):
        _draw_authentication(plan, booked_at, about)
    _draw_the_bank(plan, event, booked_at, about, user)
    _draw_changes(plan, event, events, booked_at, about, user)
    if plan.happens(0.35):
        _draw_cancellation(plan, event, booked_at, about)
    _draw_the_day(plan, event, about)
    _draw_afterwards(plan, event, about)


def _when_to_book(rng: random.Random, event: Event) -> float:
    """Any time, or just before it starts."""
    latest = event.starts - 5 * MINUTE
    near = latest - rng.random() ** 2 * min(latest - 2 * MINUTE, 30 * HOUR)
    return rng.choice((rng.uniform(2 * MINUTE, latest), rng.uniform(2 * MINUTE, min(latest, 6 * HOUR)), near))


def _draw_authentication(plan: Plan, moment: float, about: Mapping[str, Any]) -> None:
    rng = plan.rng
    at = moment + rng.uniform(5, 300) if plan.happens(0.9) else moment + rng.uniform(20 * MINUTE, 2 * HOUR)
    if plan.happens(0.85):
        outcome = rng.choices(("succeeded", "failed", "canceled"), (80, 15, 5))[0]
        plan.add(at, "authenticates", {**about, "outcome": outcome})
    if plan.happens(0.7):
        plan.request(at + rng.uniform(0, 20), "confirms", about)


def _draw_the_bank(plan: Plan, event: Event, booked_at: float, about: Mapping[str, Any], user: str) -> None:
    """What is wrong later, when nobody is there; and how it is mended."""
    rng = plan.rng
    between = rng.uniform(booked_at + MINUTE, event.starts)
    if plan.happens(0.2):
        what: dict[str, Any] = {"user": user, "code": rng.choice(_CODES), "when": rng.choice(("off_session", "any"))}
        if plan.happens(0.5):
            what["times"] = rng.randint(1, 3)
        plan.add(rng.uniform(booked_at + MINUTE, between), "the bank says no", what)
        mended = max(event.starts - rng.uniform(0.2 * DAY, 3 * DAY), booked_at + 5 * MINUTE)
        if plan.happens(0.6):
            _draw_new_card(plan, mended, about, user)
        else:
            _draw_authentication(plan, mended, about)
    if plan.happens(0.07):
        plan.add(between, "the hold lapses", about)
    if plan.happens(0.03):
        plan.add(rng.uniform(between, event.ends), "the dashboard captures", about)
    if plan.happens(0.03):
        plan.add(between, "the dashboard cancels", about)


def _draw_new_card(plan: Plan, moment: float, about: Mapping[str, Any], user: str) -> None:
    card = plan.rng.choice((*_PLAIN, *_ASKING, "pm_card_chargeCustomerFail"))
    plan.add(moment - 20, "saves a card", {"user": user, "card": card})
    plan.request(moment, "changes the card", {**about, "which": 0})
    if card in _ASKING:
        _draw_authentication(plan, moment, about)


def _draw_changes(
    plan: Plan, event: Event, events: list[Event], booked_at: float, about: Mapping[str, Any], user: str
) -> None:
    rng = plan.rng
    moment = rng.uniform(booked_at + MINUTE, event.starts)
    if plan.happens(0.1):
        _draw_new_card(plan, moment, about, rng.choice(("alice", "bob", "carol")))
    if plan.happens(0.15):
        other = rng.choice(events).label
        plan.add(moment, rng.choice(("moves the booking", "move a customer")), {**about, "event": other})
    if plan.happens(0.1):
        plan.add(moment, "reprice", {**about, "part": rng.choice(("1/2", "5/4", "2", "9/10"))})
    if plan.happens(0.05):
        plan.add(moment, "looks at the booking", about)
    if plan.happens(0.05):
        plan.add(moment, "forgets a card", {"user": user, "which": rng.randint(0, 1)})
    if plan.happens(0.2):
        plan.add(rng.uniform(moment, event.ends + 10 * DAY), "take off the list", about)


def _draw_cancellation(plan: Plan, event: Event, booked_at: float, about: Mapping[str, Any]) -> None:
    rng = plan.rng
    at = rng.choice(
        (
            rng.uniform(booked_at, event.starts),
            booked_at + rng.uniform(0, 70 * MINUTE),
            event.starts - 24 * HOUR + rng.choice((-1, 0, 1, 5)),
            event.starts - rng.uniform(0, 30 * HOUR),
            event.starts + rng.uniform(-10 * MINUTE, 31 * MINUTE),
        )
    )
    at = max(at, booked_at + 1)
    if plan.happens(0.35):
        plan.add(at - rng.uniform(5, 400), "asks what cancelling costs", about)
    plan.request(at, "cancels", {**about, "quoted": plan.happens(0.8)})
    if plan.happens(0.15):
        fee = rng.choice((None, True, False))
        plan.request(at + rng.choice((0.0, 2.0, HOUR)), "cancel for a customer", {**about, "charge_fee": fee})


def _draw_the_day(plan: Plan, event: Event, about: Mapping[str, Any]) -> None:
    rng = plan.rng
    grace = event.starts + 30 * MINUTE
    if plan.happens(0.55):
        at = rng.choice((event.starts + rng.uniform(-30, 29) * MINUTE, grace + rng.uniform(-3, 3), grace + 5 * HOUR))
        plan.add(at, "check in", about)
    if plan.happens(0.3):
        plan.add(grace + rng.choice((0, 30, 61, 90)), "the clock sweeps", about)
    if plan.happens(0.5):
        at = rng.choice((event.ends + rng.uniform(-1, 23) * HOUR, event.ends + 24 * HOUR + 1, grace + 2))
        plan.request(at, "complete", {**about, "part": rng.choice(_PARTS)})
    if plan.happens(0.07):
        plan.add(event.starts + rng.uniform(-1, 2) * HOUR, "waive", about)
    if plan.happens(0.25):
        plan.add(grace + rng.choice((rng.uniform(60, 600), rng.uniform(0, 3 * HOUR))), "contests", about)
        plan.add(grace + rng.uniform(0, DAY), "uphold a no-show", about)


def _draw_afterwards(plan: Plan, event: Event, about: Mapping[str, Any]) -> None:
    rng = plan.rng
    after = event.ends + 26 * HOUR
    if plan.happens(0.5):
        at = after + rng.uniform(0, 20 * DAY) * rng.choice((0, 1))
        for _ in range(rng.choice((1, 1, 2, 3))):
            plan.request(at, "refund", {**about, "part": rng.choice(("1/3", "1/2", "1", None, "2/3"))})
            at += rng.choice((0.0, 0.0, 30.0, 3 * DAY))
        if plan.happens(0.15):
            plan.add(
                at + rng.uniform(0, 5 * DAY), "the refund ends", {**about, "status": rng.choice(("failed", "canceled"))}
            )
    if plan.happens(0.1):
        plan.request(after - rng.uniform(0, DAY), "refunds themselves", about)
    if plan.happens(0.08):
        plan.add(after + rng.uniform(0, 10 * DAY), "the dashboard refunds", about)
    if plan.happens(0.15):
        opened = after + rng.uniform(0, 30 * DAY)
        plan.add(opened, "the customer disputes", {**about, "inquiry": plan.happens(0.3)})
        _draw_dispute(plan, opened, about)
    if plan.happens(0.1):
        _draw_dispute(plan, after, about)
    if plan.happens(0.2):
        plan.add(after + rng.uniform(0, DAY), "Stripe tells", about)


def _draw_dispute(plan: Plan, opened: float, about: Mapping[str, Any]) -> None:
    rng = plan.rng
    if plan.happens(0.5):
        text = rng.choice(("winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "The list says so."))
        plan.add(opened + rng.uniform(HOUR, 5 * DAY), "edit evidence", {**about, "text": text})
    if plan.happens(0.6):
        plan.request(opened + rng.uniform(HOUR, 8 * DAY), "submit evidence", about)
    if plan.happens(0.2):
        plan.request(opened + rng.uniform(HOUR, 9 * DAY), "accept a dispute", about)
    if plan.happens(0.4):
        verdict = rng.choice(("won", "lost", "needs_response", "warning_closed"))
        plan.add(opened + rng.uniform(DAY, 40 * DAY), "the bank decides the dispute", {**about, "verdict": verdict})
