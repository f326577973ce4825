"""What no caller should send: the contract's problem, no 500, and a log that does not grow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

JSON = {"Content-Type": "application/json"}


def test_bodies_that_are_no_hold(people: People) -> None:
    who = people.somebody()
    bodies: list[Any] = [[], "x", 1, {}, {"event_id": 7}, {"event_id": "a b"}, {"event_id": "x", "amount": 1}]
    for body in bodies:
        answer = people.ask(who, "POST", "/holds", body)
        assert (answer.status, answer.problem) == (400, "invalid-request"), body
        assert all(set(error) == {"pointer", "detail"} for error in answer.body.get("errors") or [])
    for content in (b"", b"{", b"\xff\xfe", b'{"event_id": "x", "event_id": "y"}', b"NaN", b"[" * 5000):
        answer = people.ask(who, "POST", "/holds", content=content, headers=JSON)
        assert (answer.status, answer.problem) == (400, "invalid-request"), content[:20]
    text = people.ask(who, "POST", "/holds", content=b'{"event_id": "x"}', headers={"Content-Type": "text/plain"})
    large = people.ask(who, "POST", "/holds", {"event_id": "x" * 70_000})
    unknown = people.ask(who, "POST", "/holds", {"event_id": "no-such-event"})

    assert (text.status, text.problem) == (415, "unsupported-media-type")
    assert (large.status, large.problem) == (413, "too-large")
    assert (unknown.status, unknown.problem) == (404, "not-found")
    assert people.everything(who, "/bookings") == []


def test_amounts_that_cannot_be_captured_or_refunded(people: People) -> None:
    event_id = people.event()
    _, held = people.held(event_id)
    captured = people.captured(event_id, 3000)
    before = len(people.log(held)), len(people.log(captured))
    for amount, status in (
        (-1, 400), ("3000", 400), (1.5, 400), (True, 400), (10**30, 422), (6001, 422), (1, 422)
    ):  # fmt: skip
        assert people.ask("staff", "POST", f"/bookings/{held}/complete", {"amount": amount}).status == status, amount
    for amount, status in ((-1, 400), (0, 400), ("1", 400), (3001, 422)):
        wish = {"booking_id": captured, "amount": amount, "reason": "x"}
        assert people.ask("staff", "POST", "/refunds", wish).status == status, amount
    nothing = people.ask("staff", "POST", "/refunds", {"booking_id": held, "reason": "x"})

    assert (nothing.status, nothing.problem) == (409, "conflict")
    assert (len(people.log(held)), len(people.log(captured))) == before
    assert (people.charged(held), people.booking(captured)["refunded"]) == (0, 0)


def test_events_that_cannot_be(people: People) -> None:
    good = people.described()
    bad: list[tuple[dict[str, Any], int]] = [
        ({"price": {"amount": 0, "currency": "eur"}}, 400),
        ({"price": {"amount": -5, "currency": "eur"}}, 400),
        ({"price": {"amount": 5000, "currency": "xxx"}}, 422),
        ({"price": {"amount": 5000, "currency": "EUR"}}, 422),
        ({"price": {"amount": 1255, "currency": "kwd"}}, 422),
        ({"ends_at": good["starts_at"]}, 422),
        ({"starts_at": "tomorrow"}, 400),
        ({"starts_at": "2026-13-01T00:00:00Z"}, 400),
        ({"timezone": "Mars/Olympus"}, 400),
        ({"policy": {"hold_ration": "1.2"}}, 400),
        ({"policy": {"hold_ratio": "0.5"}}, 422),
        ({"surprise": 1}, 400),
    ]
    for change, status in bad:
        answer = people.ask("staff", "PUT", "/events/never", good | change)
        assert answer.status == status, (change, answer.body)
    assert people.ask("staff", "GET", "/events/never").status == 404
    assert people.ask("staff", "PUT", "/events/a.b", good).status == 400
    assert people.ask("staff", "PUT", f"/events/{'x' * 65}", good).status == 400


def test_queries_paths_and_verbs_that_do_not_exist(people: People) -> None:
    who = people.somebody()
    for query in ("limit=0", "limit=101", "limit=x", "cursor=nonsense", "unknown=1", "payment_status=rich"):
        assert people.ask(who, "GET", f"/bookings?{query}").problem == "invalid-request", query
    for path in ("/bookings/bk_of_nobody", "/bookings/bk_of_nobody/transactions"):
        assert people.ask(who, "GET", path).status == 404
    assert people.ask(who, "GET", "/no-such-route").status in (403, 404)  # the gateway's own answer
    assert people.ask("staff", "POST", "/refunds", {"booking_id": "bk_of_nobody", "reason": "x"}).status == 404
