"""Stripe silent, functions killed in the middle: the money ends where it should, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.contract import NoAnswer
from tests.e2e.people import Answer, People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

# How long an operation belongs to whoever began it.
LEASE = {"minutes": 2}


def test_an_answer_that_was_lost_once_is_asked_for_again_at_once(people: People) -> None:
    _, booking_id = people.held(people.event())
    people.fault("drop_after", f"*/{people.intent_of(booking_id)}/capture")

    answer = people.complete(booking_id, 3000)

    assert (answer.status, answer.body["captured"]) == (200, 3000)
    assert people.charged(booking_id) == 3000
    assert people.story(booking_id)["capture started"] == 1


def test_while_stripe_is_silent_the_answer_is_202_and_the_clock_finishes_everything_once(people: People) -> None:
    """Four movements at once, because each takes as long as a request may."""
    event_id = people.event()
    (_, to_capture), (who, to_release) = people.held(event_id), people.held(event_id)
    to_refund = people.captured(event_id, 4000)
    newcomer = people.somebody()
    people.card(newcomer)
    for path in (
        f"*/{people.intent_of(to_capture)}/capture",
        f"*/{people.intent_of(to_release)}/cancel",
        "/v1/refunds",
        "/v1/payment_intents",
    ):
        people.fault("timeout_after", path, times=0, delay_seconds=8)
    refund = {"booking_id": to_refund, "amount": 1500, "reason": "cold room"}
    requests: list[Callable[[], Answer]] = [
        lambda: people.complete(to_capture, 3000, key="c"),
        lambda: people.ask(who, "POST", f"/bookings/{to_release}/cancel", key="c"),
        lambda: people.ask("staff", "POST", "/refunds", refund, key=to_refund),
        lambda: people.ask(newcomer, "POST", "/holds", {"event_id": event_id}, key="h"),
    ]
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(request) for request in requests]
        people.becomes(to_capture, payment_status="capturing")
        busy = people.complete(to_capture, 3000, key="somebody-else")
        assert (busy.status, busy.problem) == (409, "operation-in-progress")
        assert int(busy.headers["Retry-After"]) >= 1
        answers = [each.result() for each in asking]
    people.stripe_is_well_again()
    to_hold = answers[3].body["booking_id"]
    bookings = [to_capture, to_release, to_refund, to_hold]

    assert [answer.status for answer in answers] == [202] * 4
    in_flight = [answer.body["payment_status"] for answer in answers]
    assert in_flight == ["capturing", "releasing", "refunding", "authorizing"]

    people.advance(**LEASE)
    people.sweep()

    people.becomes(to_capture, payment_status="captured", captured=3000)
    people.becomes(to_release, payment_status="released", outcome="cancelled")
    people.becomes(to_refund, payment_status="partially_refunded", refunded=1500)
    people.becomes(to_hold, payment_status="held")
    assert [people.charged(each) for each in bookings] == [3000, 0, 4000, 0]
    assert [len(people.intents(each)) for each in bookings] == [1, 1, 1, 1]
    again = [request() for request in requests]
    assert [answer.status for answer in again] == [200, 200, 201, 201]
    assert len(people.dashboard.v1.refunds.list({"payment_intent": people.intent_of(to_refund)}).data) == 1


def test_nothing_is_sent_while_stripe_turns_everybody_away(people: People) -> None:
    _, booking_id = people.held(people.event())
    people.fault("rate_limit", f"*/{people.intent_of(booking_id)}/capture", times=0)

    refused = people.complete(booking_id, 3000, key="k")
    people.stripe_is_well_again()
    same_key = people.complete(booking_id, 3000, key="k")

    assert (refused.status, refused.problem) == (503, "stripe-unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (same_key.status, same_key.body["captured"]) == (200, 3000)
    assert people.charged(booking_id) == 3000


def test_a_function_that_is_killed_in_the_middle_of_a_capture_charges_once(people: People) -> None:
    """One that Stripe carries out all the same and one that never reached it, found by the clock and by a retry."""
    event_id = people.event()
    bookings = [people.held(event_id)[1] for _ in range(4)]
    kinds = ["slow", "timeout_before", "slow", "timeout_before"]
    faults = [
        people.fault(kind, f"*/{people.intent_of(booking)}/capture", delay_seconds=4)
        for kind, booking in zip(kinds, bookings, strict=True)
    ]
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(people.complete, booking, 3000, key="k") for booking in bookings]
        people.eventually(lambda: all(people.has_struck(each) for each in faults), "nobody called Stripe")
        assert people.kill("complete_booking") >= 4
        _ended_without_an_answer(asking)
    assert {people.booking(each)["payment_status"] for each in bookings} == {"capturing"}
    time.sleep(4)  # Stripe's answer, to nobody
    people.advance(**LEASE)

    retried = [people.complete(each, 3000, key="k") for each in bookings[2:]]
    people.sweep()

    assert [(answer.status, answer.body["captured"]) for answer in retried] == [(200, 3000)] * 2
    for each in bookings:
        people.becomes(each, payment_status="captured", captured=3000, outcome="completed")
        assert people.charged(each) == 3000
        story = people.story(each)
        assert (story["capture started"], story["capture succeeded"]) == (1, 1)
        assert people.complete(each, 3000, key="k").status == 200


def test_a_function_that_is_killed_while_it_places_a_hold_leaves_one_hold(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    people.card(who)
    fault = people.fault("slow", "/v1/payment_intents", delay_seconds=3)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(people.ask, who, "POST", "/holds", {"event_id": event_id}, key="h")
        people.eventually(lambda: people.has_struck(fault), "nobody called Stripe")
        assert people.kill("place_hold") >= 1
        _ended_without_an_answer([asking])
    early = people.ask(who, "POST", "/holds", {"event_id": event_id}, key="h")
    time.sleep(3)
    people.advance(**LEASE)

    answer = people.ask(who, "POST", "/holds", {"event_id": event_id}, key="h")

    assert (early.status, early.problem) == (409, "operation-in-progress")
    assert (answer.status, answer.body["payment_status"]) == (201, "held")
    assert len(people.intents(answer.body["booking_id"])) == 1
    assert len(people.everything(who, "/bookings")) == 1


def test_the_clocks_own_worker_is_killed_in_the_middle_of_a_no_show_and_charges_once(people: People) -> None:
    event_id = people.event(policy={"no_show_capture": "always"})
    _, booking_id = people.held(event_id)
    fault = people.fault("slow", f"*/{people.intent_of(booking_id)}/capture", delay_seconds=4)
    people.advance(days=2, minutes=31)
    people.sweep()
    people.eventually(lambda: people.has_struck(fault), "the clock never captured")
    assert people.kill("take_next_step") >= 1
    time.sleep(4)
    people.advance(**LEASE)

    people.sweep()

    people.becomes(booking_id, payment_status="captured", captured=5000, outcome="no_show")
    assert people.charged(booking_id) == 5000
    assert people.story(booking_id)["capture started"] == 1


def test_a_day_without_the_clock_loses_nothing(people: People) -> None:
    """In doubt for longer than Stripe keeps a key."""
    _, booking_id = people.held(people.event(starts_in=timedelta(days=4)))
    fault = people.fault("slow", f"*/{people.intent_of(booking_id)}/capture", delay_seconds=2)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(people.complete, booking_id, 3000, key="k")
        people.eventually(lambda: people.has_struck(fault), "nobody called Stripe")
        assert people.kill("complete_booking") >= 1
        _ended_without_an_answer([asking])
    time.sleep(2)
    people.advance(hours=26)

    people.sweep()

    people.becomes(booking_id, payment_status="captured", captured=3000)
    assert people.charged(booking_id) == 3000


def _ended_without_an_answer(asking: list[Future[Any]]) -> None:
    """The gateway says 502, 500 or nothing at all; no answer of ours."""
    for each in asking:
        with suppress(httpx.TransportError, NoAnswer):
            assert each.result(timeout=60).status >= 500
