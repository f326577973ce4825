"""Everything is stopped and started, while customers and staff are at it.

Nearly at the end of the suite: the emulator comes back with everything but the streams of its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from tests.e2e.contract import NoAnswer
from tests.e2e.insisting import insist
from tests.e2e.people import Answer, People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

LEASE = {"minutes": 2}


def test_everything_is_stopped_and_started_while_customers_and_staff_are_at_it(people: People) -> None:
    """The AWS emulator with all its workers, and Stripe: what they were doing is found again and finished once."""
    event_id = people.event(starts_in=timedelta(days=3))
    bookings = [people.held(event_id) for _ in range(6)]
    late = people.somebody()
    people.card(late)
    requests: list[Callable[[], Answer]] = [
        *(
            lambda who=who, each=each: people.ask(who, "POST", f"/bookings/{each}/cancel", key="c")
            for who, each in bookings[:3]
        ),
        *(lambda each=each: people.complete(each, 3000, key="k") for _, each in bookings[3:]),
        lambda: people.ask(late, "POST", "/holds", {"event_id": event_id}, key="h"),
    ]
    # Slow enough that some are on their way to Stripe when it goes, and some on their way back.
    fault = people.fault("slow", "/v1/payment_intents*", times=0, delay_seconds=1.0)
    with ThreadPoolExecutor(len(requests)) as pool:
        asking = [pool.submit(request) for request in requests]
        people.eventually(lambda: people.has_struck(fault), "nobody called Stripe")
        with people.without("aws", "stripe"):
            for each in asking:
                with suppress(httpx.TransportError, NoAnswer):
                    each.result(timeout=60)
    people.stripe_is_well_again()
    people.advance(**LEASE)
    people.sweep()

    answers = [insist(request) for request in requests]

    assert [answer.status for answer in answers[:6]] == [200] * 6
    assert answers[6].status in (201, 409), answers[6]  # placed, or given up because nobody can be waiting any more
    for _, cancelled in bookings[:3]:
        people.becomes(cancelled, payment_status="released", outcome="cancelled")
    for _, completed in bookings[3:]:
        people.becomes(completed, payment_status="captured", captured=3000)
    assert [people.charged(booked) for _, booked in bookings] == [0, 0, 0, 3000, 3000, 3000]
    assert all(people.story(booked)["capture started"] <= 1 for _, booked in bookings)
