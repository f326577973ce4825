"""Who is let in, and who is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


@pytest.mark.parametrize(
    "claims",
    [
        {"expires_in": -60},
        {"aud": "another-app"},
        {"iss": "evil.example"},
        {"kid": "unheard-of"},
        {"signing_key": "unknown"},
    ],
    ids=str,
)
def test_a_wrong_token_is_401(people: People, claims: dict[str, Any]) -> None:
    answer = people.ask(None, "GET", "/bookings", token=people.token("did:privy:mallory", **claims))

    assert answer.status == 401


@pytest.mark.parametrize("token", ["", "not-a-token", "a.b.c"])
def test_no_token_is_401(people: People, token: str) -> None:
    assert people.ask(None, "GET", "/bookings", token=token).status == 401


def test_customers_and_staff_stay_on_their_own_side(people: People) -> None:
    event_id = people.event()
    _, booking_id = people.held(event_id)

    assert people.ask("mallory", "PUT", f"/events/{event_id}", {}).status == 403
    assert people.ask("mallory", "POST", f"/bookings/{booking_id}/complete").status == 403
    assert people.ask("staff", "POST", "/holds", {"event_id": event_id}).status == 403
    assert people.ask("mallory", "GET", f"/bookings/{booking_id}").status == 404
    assert people.ask("mallory", "POST", f"/bookings/{booking_id}/cancel").status == 404
    assert people.booking(booking_id)["payment_status"] == "held"


def signed(people: People, payload: bytes, *, at: float | None = None, secret: str | None = None) -> dict[str, str]:
    moment = int(at or time.time())
    mac = hmac.new((secret or people.stack.webhook_secret).encode(), f"{moment}.".encode() + payload, hashlib.sha256)
    return {"Stripe-Signature": f"t={moment},v1={mac.hexdigest()}", "Content-Type": "application/json"}


def test_forged_stale_and_altered_events_are_400(people: People) -> None:
    payload = json.dumps(
        {"id": "evt_forged", "object": "event", "type": "charge.refunded", "data": {"object": {}}}
    ).encode()
    url = people.stack.webhook_url

    forged = people.http.post(url, content=payload, headers=signed(people, payload, secret="whsec_guess"))
    stale = people.http.post(url, content=payload, headers=signed(people, payload, at=time.time() - 400))
    altered = people.http.post(url, content=payload + b" ", headers=signed(people, payload))
    unsigned = people.http.post(url, content=payload)
    good = people.http.post(url, content=payload, headers=signed(people, payload))

    assert [answer.status_code for answer in (forged, stale, altered, unsigned, good)] == [400, 400, 400, 400, 200]


def test_a_base64_encoded_body_is_verified_as_it_was_sent(people: People) -> None:
    payload = json.dumps({"id": "evt_encoded", "object": "event", "type": "x", "data": {"object": {}}}).encode()
    event = {
        "version": "2.0",
        "headers": {name.lower(): value for name, value in signed(people, payload).items()},
        "body": base64.b64encode(payload).decode(),
        "isBase64Encoded": True,
        "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "r"},
    }
    function = people.stack.functions["receive_stripe_event"]

    answer = people.aws("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())

    assert json.loads(answer["Payload"].read())["statusCode"] == 200


def test_bad_input_is_a_problem_and_never_a_500(people: People) -> None:
    bodies: list[Any] = [None, [], "x", {}, {"event_id": 7}, {"event_id": "a b"}, {"event_id": "x", "amount": 1}]
    for body in bodies:
        answer = people.ask("mallory", "POST", "/holds", body)
        assert (answer.status, answer.problem) in ((400, "invalid-request"), (415, "unsupported-media-type")), body
    for query in ("limit=0", "limit=101", "limit=x", "cursor=nonsense", "unknown=1"):
        assert people.ask("mallory", "GET", f"/bookings?{query}").problem == "invalid-request"
