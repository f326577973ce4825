"""Lists page by page: bookings newest first, the log oldest first; every page joins the next, whoever looks."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.world import Answer, World


def bookings(world: World, *, staff: str | None = "sam", user: str | None = None, **query: str) -> Answer:
    return world.call("list_bookings", "GET", "/bookings", query=query, user=user, staff=None if user else staff)


def pages(world: World, limit: int, **asked: Any) -> list[list[str]]:
    """The ids on each page, to the end."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = bookings(world, limit=str(limit), **asked, **cursor)
        assert answer.status == 200, answer.body
        found.append([item["booking_id"] for item in answer.body["items"]])
        if answer.body["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.body["next_cursor"]}
        assert len(found) < 100


def newest_first(world: World, ids: list[str]) -> list[str]:
    return sorted(ids, key=lambda each: (world.booking(each).created_at, each), reverse=True)


@pytest.fixture
def crowd(world: World) -> dict[str, list[str]]:
    """Alice: 7 at yoga, 2 at chess, one of them captured and one released; bob: 3 at yoga. Newest first."""
    world.event("yoga")
    world.event("chess")
    world.card("alice")
    world.card("bob")
    made: dict[str, list[str]] = {"alice": [], "bob": [], "yoga": [], "chess": []}
    order = [
        ("alice", "yoga"),
        ("bob", "yoga"),
        ("alice", "chess"),
        ("alice", "yoga"),
        ("alice", "yoga"),
        ("bob", "yoga"),
    ]
    order += [
        ("alice", "yoga"),
        ("alice", "chess"),
        ("alice", "yoga"),
        ("bob", "yoga"),
        ("alice", "yoga"),
        ("alice", "yoga"),
    ]
    for number, (user, event) in enumerate(order):
        booking_id = world.hold(user, event, key=f"crowd-{number}").body["booking_id"]
        made[user].insert(0, booking_id)
        made[event].insert(0, booking_id)
        world.advance(seconds=0.25)
    world.on("complete", made["chess"][0], staff="sam", key="crowd-complete")
    world.on("cancel", made["chess"][1], user="alice", key="crowd-cancel")
    return made


def test_customers_see_their_own_newest_first_on_pages_that_join(crowd: Any, world: World) -> None:
    for limit in (1, 2, 3, 4, 100):
        found = pages(world, limit, user="alice")

        assert list(itertools.chain(*found)) == crowd["alice"]
        assert all(len(page) == limit for page in found[:-1])
        assert 0 < len(found[-1]) <= limit


def test_staff_see_all(crowd: Any, world: World) -> None:
    for limit in (1, 5, 12):
        found = pages(world, limit)

        assert list(itertools.chain(*found)) == newest_first(world, [*crowd["alice"], *crowd["bob"]])
        assert found[-1] != []


FILTERS: list[tuple[dict[str, str], int]] = [
    ({"event_id": "yoga"}, 10),
    ({"event_id": "chess"}, 2),
    ({"event_id": "absent"}, 0),
    ({"payment_status": "held"}, 10),
    ({"payment_status": "captured"}, 1),
    ({"payment_status": "released"}, 1),
    ({"payment_status": "disputed"}, 0),
    ({"event_id": "chess", "payment_status": "captured"}, 1),
    ({"event_id": "yoga", "payment_status": "captured"}, 0),
]


def test_staff_filter_by_event_by_status_and_by_both(crowd: Any, world: World) -> None:
    for limit, (query, count) in itertools.product((1, 4, 100), FILTERS):
        found = list(itertools.chain(*pages(world, limit, **query)))

        assert (query, len(found), found) == (query, count, newest_first(world, found))
        for each in map(world.booking, found):
            assert query.get("event_id", each.event_id) == each.event_id
            assert query.get("payment_status", each.payment_status) == each.payment_status


def test_customers_filter_their_own(crowd: Any, world: World) -> None:
    mine = list(itertools.chain(*pages(world, 2, user="alice", event_id="yoga")))
    paid = list(itertools.chain(*pages(world, 2, user="alice", payment_status="captured")))
    bobs = list(itertools.chain(*pages(world, 2, user="bob", event_id="chess")))

    assert mine == [each for each in crowd["alice"] if each in crowd["yoga"]]
    assert (paid, bobs) == ([crowd["chess"][0]], [])


def test_a_cursor_of_another_s_list_shows_nothing_of_theirs(crowd: Any, world: World) -> None:
    alices = bookings(world, user="alice", limit="1").body["next_cursor"]

    found = bookings(world, user="bob", cursor=alices)

    assert {item["user_id"] for item in found.body["items"]} == {"did:privy:bob"}


def test_twenty_is_the_default_and_the_end_is_told_at_the_end(crowd: Any, world: World) -> None:
    world.copies(crowd["alice"][0], 9)

    first = bookings(world)
    exactly = bookings(world, limit="21")

    assert (len(first.body["items"]), first.body["next_cursor"] is None) == (20, False)
    assert (len(exactly.body["items"]), exactly.body["next_cursor"]) == (21, None)


def test_a_page_goes_on_where_it_was_when_bookings_come_and_change_meanwhile(crowd: Any, world: World) -> None:
    first = bookings(world, user="alice", limit="3")
    world.hold("alice", "yoga", key="later")
    world.on("complete", crowd["alice"][4], staff="sam", key="complete-later")

    rest = bookings(world, user="alice", limit="100", cursor=first.body["next_cursor"])

    assert [item["booking_id"] for item in rest.body["items"]] == crowd["alice"][3:]


def test_bookings_of_one_instant_are_each_shown_once(world: World) -> None:
    world.event()
    world.card()
    made = {world.hold(key=f"h{n}").body["booking_id"] for n in range(5)}

    for asked in ({"user": "alice"}, {"event_id": "yoga"}, {"payment_status": "held"}, {}):
        found = list(itertools.chain(*pages(world, 2, **asked)))
        assert (len(found), set(found)) == (5, made)


def test_lists_go_on_across_months_also_empty_ones(world: World) -> None:
    world.event()
    booking_id = world.held()
    made = [booking_id]
    for days in (24, 50, 150, 151, 300):
        made += world.copies(booking_id, 1, suffix=f"-{days}", age=timedelta(days=days))

    for limit in (1, 2, 4, 6):
        assert list(itertools.chain(*pages(world, limit))) == made
        assert list(itertools.chain(*pages(world, limit, payment_status="held"))) == made
        assert list(itertools.chain(*pages(world, limit, user="alice"))) == made
    for asked in ({}, {"payment_status": "held"}):
        assert bookings(world, limit="6", **asked).body["next_cursor"] is None


def test_the_staff_s_list_has_what_needs_attention_and_why(world: World) -> None:
    world.event()
    shamed: list[str] = []
    for number in range(3):
        booking_id = world.held(key=f"h{number}")
        shamed.insert(0, booking_id)
    quiet = world.hold(key="quiet").body["booking_id"]
    world.event(policy={"no_show_capture": "always"})
    world.move_to(world.booking(quiet).starts_at)
    world.on("check-in", quiet, staff="sam")
    world.advance(minutes=31)
    world.sweep()
    for booking_id in reversed(shamed):
        world.advance(minutes=1)
        assert world.on("check-in", booking_id, staff="sam").status == 200

    for limit in (1, 2, 3, 100):
        assert list(itertools.chain(*pages(world, limit, attention="true"))) == shamed
    listed = bookings(world, attention="true").body["items"]
    assert {item["attention"]["reason"] for item in listed} == {"checked_in_after_no_show_capture"}
    assert listed == sorted(listed, key=lambda item: item["attention"]["since"], reverse=True)
    assert bookings(world, attention="true", event_id="absent").body["items"] == []
    assert len(bookings(world, attention="true", payment_status="captured").body["items"]) == 3
    assert all("attention" not in item for item in bookings(world, user="alice").body["items"])


# --- the log ----------------------------------------------------------------------------------------------------------


def lines(world: World, booking_id: str, *, user: str | None = "alice", **query: str) -> Answer:
    resource, staff = "/bookings/{booking_id}/transactions", None if user else "sam"
    return world.call("list_transactions", "GET", resource, user=user, staff=staff, query=query, booking_id=booking_id)


def whole_log(world: World, booking_id: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = lines(world, booking_id, limit=str(limit), **cursor)
        assert answer.status == 200, answer.body
        assert 0 < len(answer.body["items"]) <= limit
        found += answer.body["items"]
        if answer.body["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.body["next_cursor"]}


@pytest.fixture
def lived(world: World) -> str:
    world.event(title="Yoga \u00fcber \U0001f9d8", policy={"no_show_fee": {"percent": "12.5"}})
    booking_id = world.held()
    world.on("check-in", booking_id, staff="sam")
    world.on("waive", booking_id, staff="sam", body={"reason": '\u00dcbelkeit \U0001f912 "quoted" \\ back'})
    world.on("complete", booking_id, staff="sam")
    for number in range(3):
        world.refund(booking_id, amount=700, key=f"r{number}")
    return booking_id


def served_hash(line: dict[str, Any]) -> str:
    """As the contract words it."""
    rest = {name: value for name, value in line.items() if name != "entry_hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_the_log_is_served_oldest_first_and_its_chain_holds(world: World, lived: str) -> None:
    for limit in (1, 3, 12, 100):
        log = whole_log(world, lived, limit)

        assert [line["sequence"] for line in log] == list(range(1, 13))
        previous = "0" * 64
        for line in log:
            assert (line["previous_hash"], line["entry_hash"]) == (previous, served_hash(line))
            previous = line["entry_hash"]
        assert previous == world.booking(lived).chain_head


def test_a_line_has_what_the_contract_names(world: World, lived: str) -> None:
    names = "sequence operation_id kind status amount currency actor reason stripe_id details created_at previous_hash"

    for line in whole_log(world, lived, 100):
        assert set(line) == {*names.split(), "entry_hash"}


def test_staff_and_owner_read_the_same_log(world: World, lived: str) -> None:
    assert lines(world, lived, user=None).body == lines(world, lived).body


def test_the_first_line_says_what_the_customer_agreed_to(world: World, lived: str) -> None:
    event = world.call("get_event", "GET", "/events/{event_id}", user="alice", event_id="yoga").body

    first = lines(world, lived, limit="1").body["items"][0]

    assert (first["kind"], first["status"], first["amount"]) == ("authorize", "started", event["hold_amount"])
    assert first["details"]["policy_hash"] == event["policy_hash"]
    assert first["details"]["policy_text"] == event["policy"]["text"]


def test_a_log_that_grows_meanwhile_goes_on_where_it_was(world: World, lived: str) -> None:
    first = lines(world, lived, limit="5")
    world.refund(lived, amount=1, key="late")

    rest = lines(world, lived, limit="100", cursor=first.body["next_cursor"])

    assert [line["sequence"] for line in rest.body["items"]] == list(range(6, 15))


def test_a_cursor_of_another_booking_s_log_is_refused(world: World, lived: str) -> None:
    other = world.hold(key="other").body["booking_id"]
    cursor = lines(world, lived, limit="1").body["next_cursor"]

    assert lines(world, other, cursor=cursor).status == 400
