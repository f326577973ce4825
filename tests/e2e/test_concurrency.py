"""Many clients at one booking, and the same request fifty times at once.

With processes: every function runs as workers of its own, and nothing here is simulated but Stripe and AWS themselves.
What each test leaves behind is held against the invariants when the suite ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.insisting import ask, insist
from tests.e2e.people import Answer, People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

LEASE = {"minutes": 2}
# 503 is what a worker says whose turn comes so late that a call to Stripe would not end in time: it sends nothing.
# Fifty of them start at once here, on few cores.
NOT_YET = {409, 503}


def test_the_same_hold_fifty_times_at_once_is_one_hold(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    people.card(who)

    def book() -> Answer:
        return people.ask(who, "POST", "/holds", {"event_id": event_id}, key="the-same")

    with ThreadPoolExecutor(50) as pool:
        first = [answer for answer in pool.map(lambda _: ask(book), range(50)) if answer]
    told = [insist(book) for _ in range(3)]

    assert {answer.status for answer in first} <= {201, 202, *NOT_YET}
    assert [answer.status for answer in told] == [201] * 3
    booking_id = told[0].body["booking_id"]
    assert {answer.body["booking_id"] for answer in [*first, *told] if answer.status not in NOT_YET} == {booking_id}
    assert len(people.everything(who, "/bookings")) == 1
    assert len(people.intents(booking_id)) == 1
    assert people.story(booking_id)["authorize started"] == 1


def test_the_same_capture_and_the_same_refund_many_times_at_once_move_the_money_once(people: People) -> None:
    _, booking_id = people.held(people.event())
    refund = {"booking_id": booking_id, "amount": 700, "reason": "cold room"}
    requests: list[Callable[[], Answer]] = [
        lambda: people.complete(booking_id, 3000, key="the-same"),
        lambda: people.ask("staff", "POST", "/refunds", refund, key=f"r-{booking_id}"),
    ]
    for request in requests:
        with ThreadPoolExecutor(12) as pool:
            answers = [answer for answer in pool.map(ask, [request] * 12) if answer]
        answers.append(insist(request))
        assert {answer.status for answer in answers} <= {200, 201, 202, *NOT_YET}
        assert answers[-1].status in (200, 201)

    assert people.charged(booking_id) == 3000
    refunds = people.dashboard.v1.refunds.list({"payment_intent": people.intent_of(booking_id)}).data
    assert [each.amount for each in refunds] == [700]
    story = people.story(booking_id)
    assert (story["capture started"], story["refund started"]) == (1, 1)


def test_cancel_against_no_show_against_complete_against_refund_ends_in_one_way(people: People) -> None:
    """Whoever is first decides; everybody else is told so, and the money says the same as the log."""
    event_id = people.event(policy={"no_show_capture": "always"})
    customers = [people.held(event_id) for _ in range(4)]
    people.advance(days=2, minutes=31)

    def all_at_once(who: str, booking_id: str) -> list[Answer]:
        refund = {"booking_id": booking_id, "amount": 500, "reason": "x"}
        requests: list[Callable[[], Answer]] = [
            lambda: people.ask(who, "POST", f"/bookings/{booking_id}/cancel", key="cancel"),
            lambda: people.complete(booking_id, 3000, key="complete"),
            lambda: people.ask("staff", "POST", f"/bookings/{booking_id}/cancel", {"charge_fee": False}, key="spare"),
            lambda: people.ask("staff", "POST", "/refunds", refund, key=f"r-{booking_id}"),
            lambda: people.ask("staff", "POST", f"/bookings/{booking_id}/waive", {"reason": "x"}, key=None),
            lambda: people.ask("staff", "POST", f"/bookings/{booking_id}/check-in", key=None),
        ]
        random.shuffle(requests)
        with ThreadPoolExecutor(len(requests) + 1) as pool:
            asking = [pool.submit(insist, request) for request in requests]
            people.sweep()
            return [each.result() for each in asking]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: all_at_once(*each), customers))
    people.advance(**LEASE)
    people.sweep()

    for (_, booking_id), told in zip(customers, answers, strict=True):
        booking = ended(people, booking_id)
        assert {answer.status for answer in told} <= {200, 201, 202, 402, 409, 422}, told
        assert people.charged(booking_id) == booking["captured"] <= 5000
        story = people.story(booking_id)
        assert story["capture succeeded"] + story["release succeeded"] == 1, people.log(booking_id)


def ended(people: People, booking_id: str) -> dict[str, Any]:
    people.eventually(lambda: people.booking(booking_id)["outcome"] != "open", f"{booking_id} is open still")
    return people.booking(booking_id)
