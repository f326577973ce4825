"""Who is let in, and who is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

STAFF_ROUTES = [
    ("PUT", "/events/{event}"),
    ("POST", "/events/{event}/cancel"),
    ("POST", "/events/{event}/no-shows"),
    ("POST", "/bookings/{booking}/check-in"),
    ("POST", "/bookings/{booking}/complete"),
    ("POST", "/bookings/{booking}/waive"),
]
CUSTOMER_ROUTES = [
    ("POST", "/payment-methods/setup"),
    ("POST", "/payment-methods"),
    ("GET", "/payment-methods"),
    ("PUT", "/payment-methods/pm_1/default"),
    ("DELETE", "/payment-methods/pm_1"),
    ("POST", "/holds"),
    ("POST", "/holds/{booking}/confirm"),
]
OWNERS_ROUTES: list[tuple[str, str, dict[str, str] | None]] = [
    ("GET", "/bookings/{booking}", None),
    ("GET", "/bookings/{booking}/transactions", None),
    ("POST", "/bookings/{booking}/cancel", {}),
    ("POST", "/holds/{booking}/confirm", {}),
    ("POST", "/refunds", {"booking_id": "{booking}", "reason": "x"}),
]


@pytest.mark.parametrize(
    "claims",
    [
        {"expires_in": -60},
        {"aud": "another-app"},
        {"iss": "evil.example"},
        {"kid": "unheard-of"},
        {"signing_key": "unknown"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"roles": ["staff"], "aud": "another-app"},
        {"roles": ["staff"], "signing_key": "unknown"},
    ],
    ids=str,
)
def test_a_wrong_token_is_401(people: People, claims: dict[str, Any]) -> None:
    answer = people.ask(None, "GET", "/bookings", token=people.token("did:privy:mallory", **claims))

    assert answer.status == 401


@pytest.mark.parametrize("bearer", ["", "Bearer", "Bearer not-a-token", "Bearer a.b.c", "Basic YTpi"])
def test_no_token_is_401(people: People, bearer: str) -> None:
    headers = {"Authorization": bearer} if bearer else {}

    assert people.ask(None, "GET", "/bookings", headers=headers).status == 401


def test_staff_tokens_without_the_role_are_403(people: People) -> None:
    answer = people.ask(None, "GET", "/bookings", token=people.token("cook", roles=["kitchen"]))

    assert answer.status == 403


def test_customers_and_staff_stay_on_their_own_side(people: People) -> None:
    event_id = people.event()
    who, booking_id = people.held(event_id)
    before = people.log(booking_id)

    for method, path in STAFF_ROUTES:
        answer = people.ask(who, method, path.format(event=event_id, booking=booking_id), {})
        assert (answer.status, answer.problem) == (403, "forbidden"), path
    for method, path in CUSTOMER_ROUTES:
        answer = people.ask("staff", method, path.format(booking=booking_id))
        assert (answer.status, answer.problem) == (403, "forbidden"), path
    for method, path, body in OWNERS_ROUTES:
        sent = {name: value.format(booking=booking_id) for name, value in body.items()} if body is not None else None
        answer = people.ask("mallory", method, path.format(booking=booking_id), sent)
        assert (answer.status, answer.problem) == (404, "not-found"), path
    assert people.log(booking_id) == before


def test_somebody_elses_card_cannot_be_used(people: People) -> None:
    owner, thief = people.somebody(), people.somebody()
    card = people.card(owner)
    people.card(thief)

    taken = people.ask(thief, "POST", "/payment-methods", {"payment_method_id": card})
    used = people.ask(thief, "POST", "/holds", {"event_id": people.event(), "payment_method_id": card})
    chosen = people.ask(thief, "PUT", f"/payment-methods/{card}/default")

    assert [answer.status for answer in (taken, used, chosen)] == [404, 404, 404]


def test_keys_that_the_issuer_rotates_are_learned_and_the_old_ones_stay_good(people: People) -> None:
    who = people.somebody()
    old_customer, old_staff = people.token(f"did:privy:{who}"), people.token("old", roles=["staff"])

    people.http.post(f"{people.stack.issuer_url}/rotate").raise_for_status()
    people.forget_tokens()
    people.kill("authorize_caller")  # a new instance; one that runs asks the issuer again only after minutes

    bearer = {"Authorization": f"Bearer {people.token(f'did:privy:{who}')}"}
    url = f"{people.stack.api_url}/bookings"
    # The emulator may still hand a request to the process that was just killed.
    people.eventually(lambda: people.http.get(url, headers=bearer).status_code == 200, "the new keys are not learned")
    assert people.ask("staff", "GET", "/bookings?limit=1").status == 200
    for token in (old_customer, old_staff):
        assert people.ask(None, "GET", "/bookings?limit=1", token=token).status == 200
