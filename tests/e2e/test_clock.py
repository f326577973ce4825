"""What time does to bookings, by the schedule's own path: sweep, queue, worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.e2e.people import People, wire

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def test_those_who_did_not_come_are_charged_and_those_who_did_pay_later(people: People) -> None:
    event_id = people.event()
    (_, absent), (_, present), (_, spared) = (people.held(event_id) for _ in range(3))
    people.advance(days=1, hours=23)
    assert people.ask("staff", "POST", f"/bookings/{present}/check-in", key=None).status == 200
    waived = people.ask("staff", "POST", f"/bookings/{spared}/waive", {"reason": "Zug verspätet"}, key=None)
    assert (waived.status, waived.body["payment_status"]) == (200, "held")
    people.advance(hours=1, minutes=20)
    people.sweep()
    people.eventually(lambda: people.messages_in("steps") == 0, "the steps were not taken")
    assert people.booking(absent)["payment_status"] == "held"  # the grace of half an hour

    people.advance(minutes=15)
    people.sweep()

    people.becomes(absent, payment_status="captured", outcome="no_show", captured=5000, fee=5000)
    people.becomes(spared, payment_status="released", outcome="waived", fee=0)
    assert people.booking(present)["payment_status"] == "held"
    people.advance(hours=26)
    people.sweep()
    people.becomes(present, payment_status="captured", outcome="completed", captured=5000, fee=0)
    assert people.story(absent)["capture started"] == people.story(present)["capture started"] == 1


def test_a_venue_that_says_nothing_charges_nobody_unless_it_orders_to(people: People) -> None:
    silent, ordered = people.event(), people.event()
    (_, unspoken), (_, charged) = people.held(silent), people.held(ordered)
    early = people.ask("staff", "POST", f"/events/{ordered}/no-shows", key=None)
    assert (early.status, early.problem) == (422, "rule-refused")
    people.advance(days=2, minutes=45)
    people.sweep()

    answer = people.ask("staff", "POST", f"/events/{ordered}/no-shows", key=None)

    assert answer.status == 202
    people.becomes(charged, payment_status="captured", outcome="no_show", fee=5000)
    assert people.booking(unspoken)["payment_status"] == "held"
    people.advance(hours=26)
    people.sweep()
    people.becomes(unspoken, payment_status="released", outcome="no_show", fee=0)
    assert people.charged(unspoken) == 0


def test_a_customer_who_never_authenticates_is_declined_by_the_clock(people: People) -> None:
    who = people.somebody()
    card = people.card(who, "pm_card_threeDSecure2Required")
    placed = people.ask(who, "POST", "/holds", {"event_id": people.event(), "payment_method_id": card})
    assert (placed.status, placed.body["payment_status"]) == (202, "action_required")
    people.advance(minutes=31)

    people.sweep()

    people.becomes(placed.body["booking_id"], payment_status="declined", outcome="declined")
    (intent,) = people.intents(placed.body["booking_id"])
    assert intent["status"] == "canceled"
    late = people.ask(who, "POST", f"/holds/{placed.body['booking_id']}/confirm")
    assert (late.status, late.problem) == (409, "conflict")


def test_a_cancelled_event_gives_thirty_bookings_everything_back(people: People) -> None:
    who, event_id = people.somebody(), people.event()
    people.card(who)
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(lambda _: people.ask(who, "POST", "/holds", {"event_id": event_id}), range(30)))
        bookings = [answer.body["booking_id"] for answer in placed]
        captured = bookings[:5]
        completed = list(pool.map(lambda each: people.complete(each, 5000), captured))
    assert {answer.status for answer in placed} == {201}
    assert {answer.status for answer in completed} == {200}

    cancelled = people.ask("staff", "POST", f"/events/{event_id}/cancel", key=None)

    assert (cancelled.status, cancelled.body["cancelled_at"] is not None) == (202, True)
    for booking_id in captured:
        people.becomes(booking_id, payment_status="refunded", outcome="event_cancelled", refunded=5000, fee=0)
    for booking_id in bookings[5:]:
        people.becomes(booking_id, payment_status="released", outcome="event_cancelled", fee=0)
    refused = people.ask(who, "POST", "/holds", {"event_id": event_id})
    assert (refused.status, refused.problem) == (409, "conflict")
    again = people.ask("staff", "POST", f"/events/{event_id}/cancel", key=None)
    assert (again.status, again.body["cancelled_at"]) == (202, cancelled.body["cancelled_at"])


def test_a_moved_event_gives_a_fresh_free_window_and_charges_at_its_new_time(people: People) -> None:
    """Moved from tomorrow by a day; the customer may cancel free again, and nobody is a no-show at the old time."""
    described = people.described(starts_in=timedelta(hours=20), policy={"no_show_capture": "always"})
    event_id = people.somebody()
    assert people.ask("staff", "PUT", f"/events/{event_id}", described).status == 201
    (who, leaver), (_, stayer) = people.held(event_id), people.held(event_id)
    people.advance(hours=2)
    later = {
        name: wire(datetime.fromisoformat(described[name]) + timedelta(days=1)) for name in ("starts_at", "ends_at")
    }

    moved = people.ask("staff", "PUT", f"/events/{event_id}", described | later)
    people.sweep()

    assert moved.status == 200
    for each in (leaver, stayer):
        people.becomes(each, starts_at=later["starts_at"])
    people.advance(hours=1)
    cancelled = people.ask(who, "POST", f"/bookings/{leaver}/cancel")
    assert (cancelled.status, cancelled.body["payment_status"], cancelled.body["fee"]) == (200, "released", 0)
    people.advance(hours=18)
    people.sweep()
    people.eventually(lambda: people.messages_in("steps") == 0, "the steps were not taken")
    assert people.booking(stayer)["payment_status"] == "held"
    people.advance(hours=24)
    people.sweep()
    people.becomes(stayer, payment_status="captured", outcome="no_show", captured=5000)
    assert people.story(stayer)["event_moved succeeded"] == 1


def test_many_sweeps_at_once_after_days_without_any_charge_once(people: People) -> None:
    event_id = people.event()
    bookings = [people.held(event_id)[1] for _ in range(3)]
    for each in bookings:
        assert people.ask("staff", "POST", f"/bookings/{each}/check-in", key=None).status == 200
    people.advance(days=3, hours=3)
    with ThreadPoolExecutor(3) as pool:
        for swept in [pool.submit(people.sweep) for _ in range(3)]:
            swept.result()

    for each in bookings:
        people.becomes(each, payment_status="captured", captured=5000)
    people.eventually(lambda: people.messages_in("steps") == 0, "the steps were not taken")
    for each in bookings:
        assert people.charged(each) == 5000
        assert people.story(each)["capture started"] == 1


def test_the_schedule_runs_by_itself_each_minute(people: People) -> None:
    """Nobody in this suite invokes the function more often than the log says it ran."""
    logs, group = people.aws("logs"), f"/aws/lambda/{people.stack.functions['sweep_due']}"

    def runs() -> int:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return sum("REPORT RequestId" in event["message"] for page in pages for event in page["events"])

    people.eventually(lambda: runs() > people.sweeps, "the schedule never fired")
