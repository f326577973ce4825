"""The eleventh call in a minute that moves money: refused at the door, and nothing moved."""

from __future__ import annotations

import pytest

from holdfast import bootstrap
from tests.routes import ROUTES, STAFF, Route
from tests.world import Answer, World


@pytest.fixture
def limited(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """With the sizes that the template gives by default, after the place is booked."""
    world.event()
    for user in ("alice", "bob"):
        world.card(user)
    for name, size in {"READS": "120", "CARDS": "10", "MONEY": "10"}.items():
        monkeypatch.setenv(f"RATE_LIMIT_{name}_PER_MINUTE", size)
    bootstrap.rate_limiter.cache_clear()
    world.advance(minutes=2)
    return world


def of(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer.problem, int(answer.headers["Retry-After"])


def test_the_eleventh_hold_in_a_minute_is_429_and_moves_nothing(limited: World) -> None:
    first = [limited.hold(key=f"h{n}").status for n in range(10)]
    before, answers = limited.everything(), limited.answers()

    eleventh = limited.hold(key="h10")

    assert first == [201] * 10
    assert of(eleventh) == (429, "rate-limited", 6)
    assert (limited.everything(), limited.answers()) == (before, answers)


def test_after_retry_after_the_same_key_goes_through(limited: World) -> None:
    for n in range(10):
        limited.hold(key=f"h{n}")
    refused = limited.hold(key="again")
    limited.advance(seconds=int(refused.headers["Retry-After"]))

    answer = limited.hold(key="again")

    assert (refused.status, answer.status) == (429, 201)
    assert limited.hold(key="more").status == 429


def test_the_limit_is_each_user_s_own_and_each_role_s(limited: World) -> None:
    booking_id = limited.hold().body["booking_id"]
    for n in range(9):
        limited.hold(key=f"h{n}")

    assert limited.hold(key="one too many").status == 429
    assert limited.hold("bob").status == 201
    assert limited.on("complete", booking_id, staff="did:privy:alice").status == 200


def test_classes_have_buckets_of_their_own(limited: World) -> None:
    for n in range(10):
        limited.hold(key=f"h{n}")
    listed = limited.call("list_bookings", "GET", "/bookings", user="alice")
    cards = [limited.call("set_up_payment_method", "POST", "/payment-methods/setup", user="alice") for _ in range(11)]

    assert (limited.hold(key="one too many").status, listed.status) == (429, 200)
    assert [answer.status for answer in cards] == [201] * 10 + [429]
    assert limited.call("list_payment_methods", "GET", "/payment-methods", user="alice").status == 200


def test_bad_requests_and_replays_count_too(limited: World) -> None:
    limited.hold(key="same")
    for _ in range(8):
        limited.hold(key="same")
    limited.call("place_hold", "POST", "/holds", user="alice", body={"nonsense": 1}, key="bad")

    assert limited.hold(key="same").status == 429


def test_who_may_not_call_takes_nothing_from_a_bucket(limited: World) -> None:
    for _ in range(15):
        refused = limited.call("place_hold", "POST", "/holds", staff="sam", body={"event_id": "yoga"}, key="k")
        assert refused.status == 403

    booking_id = limited.hold().body["booking_id"]
    assert limited.on("complete", booking_id, staff="sam").status == 200


@pytest.mark.parametrize("route", [route for route in ROUTES if route.keyed], ids=str)
def test_every_route_that_moves_money_shares_the_bucket(limited: World, route: Route) -> None:
    who = {"staff": "sam"} if STAFF in route.roles else {"user": "alice"}
    path = dict.fromkeys(route.ids, "absent")
    answers = [
        limited.call(route.function, route.method, route.resource, body=route.body, key=f"k{n}", **who, **path)  # type: ignore[arg-type]
        for n in range(11)
    ]

    assert [answer.status == 429 for answer in answers] == [False] * 10 + [True]
