"""The sample events, as `sam local invoke -e` takes them: each through its function, on the state it speaks of."""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import boto3
import pytest
from stripe import WebhookSignature

from holdfast import bootstrap
from local.token_issuer.application import Issuer
from tests.routes import ROUTES
from tests.world import Answer, Context, World, handler

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))


def sample(function: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text())
    return loaded


EVENT_ID = sample("place_hold")["requestContext"]["path"] and json.loads(sample("place_hold")["body"])["event_id"]
BOOKING = sample("get_booking")["pathParameters"]["booking_id"]
CARD = sample("detach_payment_method")["pathParameters"]["payment_method_id"]
USER = sample("get_booking")["requestContext"]["authorizer"]["subject"].removeprefix("did:privy:")
STRIPE_EVENT = json.loads(sample("receive_stripe_event")["body"])
INTENT = STRIPE_EVENT["data"]["object"]["id"]


@pytest.fixture
def today(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two days before the samples' event; the first card, booking and PaymentIntent get the samples' ids."""
    world.move_to(datetime(2026, 12, 9, 18, tzinfo=UTC))
    first = {"pm": CARD, "pi": INTENT}
    identifiers, new = world.simulator.world.identifiers, world.simulator.world.identifiers.new
    monkeypatch.setattr(identifiers, "new", lambda prefix: first.pop(prefix, None) or new(prefix))
    ours, new_id = {"bk": BOOKING}, bootstrap.new_id
    monkeypatch.setattr(bootstrap, "new_id", lambda prefix: ours.pop(prefix, None) or new_id(prefix))
    monkeypatch.setenv("DEPLOYMENT", STRIPE_EVENT["data"]["object"]["metadata"]["deployment"])
    return world


def nothing(world: World) -> None: ...


def an_event(world: World) -> None:
    assert world.send("put_event", sample("put_event")).status == 201


def a_card_at_stripe(world: World) -> None:
    card: Any = {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
    }
    assert world.stripe.v1.payment_methods.create(card).id == CARD


def a_card(world: World) -> None:
    an_event(world)
    a_card_at_stripe(world)
    assert world.send("attach_payment_method", sample("attach_payment_method")).status == 201


def a_booking(world: World) -> None:
    a_card(world)
    assert world.send("place_hold", sample("place_hold")).status == 201


def a_booking_and_another_event(world: World) -> None:
    a_booking(world)
    event = json.loads(json.dumps(sample("put_event")).replace("2026-12-11", "2026-12-12"))
    assert world.send("put_event", event).status == 201


def a_payment(world: World) -> None:
    a_booking(world)
    assert world.send("complete_booking", sample("complete_booking")).status == 200


def an_event_under_way(world: World) -> None:
    a_booking(world)
    world.advance(days=2, hours=1)


def a_noticed_no_show(world: World) -> None:
    described = sample("put_event")
    body = json.loads(described["body"])
    body["policy"] = body.get("policy", {}) | {"no_show_capture": "always", "no_show_contest_minutes": 60}
    assert world.send("put_event", described | {"body": json.dumps(body)}).status == 201
    a_card_at_stripe(world)
    assert world.send("attach_payment_method", sample("attach_payment_method")).status == 201
    booked = sample("place_hold")
    wanted = json.loads(booked["body"])
    wanted.pop("accepted_policy_hash", None)
    assert world.send("place_hold", booked | {"body": json.dumps(wanted)}).status == 201
    world.advance(days=2, minutes=20)
    world.sweep()


def a_dispute(world: World) -> None:
    a_payment(world)
    world.simulator.control("POST", "/_simulator/disputes", {"payment_intent": INTENT})
    for event in world.stripe_events():
        assert world.apply_event(event)


Prepare = Callable[[World], None]
Expected = Callable[[Answer], bool]
SERVED: dict[str, tuple[Prepare, int, Expected]] = {
    "put_event": (
        nothing,
        201,
        lambda answer: answer.body["event_id"] == EVENT_ID and answer.body["hold_amount"] == 6000,
    ),
    "get_event": (an_event, 200, lambda answer: answer.body["policy"]["no_show_grace_minutes"] == 15),
    "cancel_event": (a_booking, 202, lambda answer: answer.body["cancelled_at"] is not None),
    "charge_no_shows": (an_event_under_way, 202, lambda answer: answer.body["event_id"] == EVENT_ID),
    "set_up_payment_method": (nothing, 201, lambda answer: answer.body["setup_intent_id"].startswith("seti_")),
    "attach_payment_method": (
        a_card_at_stripe,
        201,
        lambda answer: answer.body["id"] == CARD and answer.body["is_default"],
    ),
    "list_payment_methods": (a_card, 200, lambda answer: [card["id"] for card in answer.body["items"]] == [CARD]),
    "set_default_payment_method": (a_card, 200, lambda answer: answer.body["is_default"] is True),
    "detach_payment_method": (a_card, 204, lambda answer: answer.body is None),
    "place_hold": (a_card, 201, lambda answer: answer.body["payment_status"] == "held"),
    "confirm_hold": (a_booking, 200, lambda answer: answer.body["payment_status"] == "held"),
    "list_bookings": (
        a_booking,
        200,
        lambda answer: [each["booking_id"] for each in answer.body["items"]] == [BOOKING],
    ),
    "get_booking": (a_booking, 200, lambda answer: answer.body["hold"]["amount"] == 6000),
    "list_transactions": (a_booking, 200, lambda answer: [line["sequence"] for line in answer.body["items"]] == [1, 2]),
    "quote_cancellation": (
        a_booking,
        200,
        lambda answer: (answer.body["amount"], answer.body["deadline"]) == (0, "2026-12-10T18:00:00Z"),
    ),
    "move_booking": (
        a_booking_and_another_event,
        200,
        lambda answer: answer.body["starts_at"] == "2026-12-12T18:00:00Z",
    ),
    "cancel_booking": (a_booking, 200, lambda answer: answer.body["payment_status"] == "released"),
    "check_in_booking": (a_booking, 200, lambda answer: answer.body["checked_in_at"] is not None),
    "complete_booking": (a_booking, 200, lambda answer: answer.body["captured"] == 4200),
    "change_payment_method": (a_booking, 200, lambda answer: answer.body["payment_status"] == "held"),
    "contest_no_show": (a_noticed_no_show, 200, lambda answer: answer.body["payment_status"] == "held"),
    "uphold_no_show": (an_event_under_way, 200, lambda answer: answer.body["outcome"] == "open"),
    "resolve_attention": (a_booking, 200, lambda answer: answer.body["attention"] is None),
    "reprice_booking": (a_booking, 200, lambda answer: answer.body["price"]["amount"] == 7500),
    "waive_no_show": (a_booking, 200, lambda answer: answer.body["outcome"] == "open"),
    "list_disputes": (
        a_dispute,
        200,
        lambda answer: [each["booking_id"] for each in answer.body["items"]] == [BOOKING],
    ),
    "get_dispute": (a_dispute, 200, lambda answer: answer.body["evidence"]["service_date"]),
    "edit_dispute_evidence": (a_dispute, 200, lambda answer: answer.body["edited"] == ["customer_name"]),
    "submit_dispute_evidence": (a_dispute, 200, lambda answer: answer.body["status"] == "under_review"),
    "accept_dispute": (a_dispute, 200, lambda answer: answer.body["status"] == "lost"),
    "create_refund": (a_payment, 201, lambda answer: answer.body["amount"] == 1500),
}


def test_every_function_has_a_sample_and_every_sample_a_function() -> None:
    assert sorted(path.stem for path in ROOT.glob("events/*.json")) == FUNCTIONS


def test_every_sample_is_sent_through_its_function_here() -> None:
    apart = {
        "authorize_caller",
        "receive_stripe_event",
        "apply_stripe_event",
        "sweep_due",
        "take_next_step",
        "reconcile_day",
        "measure_log",
        "publish_events",
    }

    assert sorted({*SERVED, *apart}) == FUNCTIONS
    assert set(SERVED) == {route.function for route in ROUTES}


@pytest.mark.parametrize("function", SERVED)
def test_the_sample_of_a_route_gets_its_answer(today: World, function: str) -> None:
    prepare, status, expected = SERVED[function]
    prepare(today)

    answer = today.send(function, sample(function))

    assert answer.status == status, answer.body
    assert expected(answer), answer.body


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_the_sample_of_a_route_is_what_api_gateway_sends(route: Any) -> None:
    event = sample(route.function)

    assert (event["httpMethod"], event["resource"]) == (route.method, route.resource)
    assert event["path"] == route.resource.format(**(event["pathParameters"] or {}))
    assert set(event["pathParameters"] or {}) == set(route.ids)
    assert event["requestContext"]["resourcePath"] == route.resource
    assert event["requestContext"]["authorizer"]["role"] in route.roles
    assert ("Idempotency-Key" in event["headers"]) == route.keyed
    assert event["multiValueHeaders"] == {name: [value] for name, value in event["headers"].items()}


def test_the_sample_of_the_sweep_queues_what_is_due(today: World) -> None:
    a_booking(today)
    today.advance(days=2, minutes=15)

    swept = handler("sweep_due")(sample("sweep_due"), Context())

    assert (swept["bookings"], swept["events"]) == (1, 0)
    assert today.drain("steps", "take_next_step") == 1


def test_the_sample_of_the_night_compares_the_days_that_are_over(today: World) -> None:
    a_booking(today)
    today.stripe.v1.payment_intents.capture(INTENT, {"amount_to_capture": 1234})
    today.advance(hours=9, minutes=10)

    handler("reconcile_day")(sample("reconcile_day"), Context(remaining_ms=300_000))

    assert today.booking(BOOKING).captured == 1234
    report = bootstrap.store().reconciliations.get(date(2026, 12, 9))
    assert report is not None
    assert report.by_drift == {"missed_capture": 1}


def test_the_samples_of_steps_are_taken(today: World) -> None:
    a_booking(today)
    today.send("cancel_event", sample("cancel_event"))

    assert handler("take_next_step")(sample("take_next_step"), Context()) == {"batchItemFailures": []}
    assert today.booking(BOOKING).payment_status == "released"


def test_the_sample_of_a_stripe_event_is_applied(today: World) -> None:
    a_booking(today)

    assert handler("apply_stripe_event")(sample("apply_stripe_event"), Context()) == {"batchItemFailures": []}
    assert bootstrap.store().records.seen(STRIPE_EVENT["id"])
    assert today.booking(BOOKING).payment_status == "held"


def test_the_sample_of_the_webhook_is_stale_as_it_lies_there_and_queued_when_signed_now(today: World) -> None:
    importlib.import_module("functions.receive_stripe_event.handler").door.cache_clear()
    event = sample("receive_stripe_event")
    stale = handler("receive_stripe_event")(event, Context())
    event["headers"]["stripe-signature"] = WebhookSignature.generate_signature_header(
        event["body"], "whsec_world", timestamp=int(time.time())
    )
    fresh = handler("receive_stripe_event")(event, Context())

    assert (stale["statusCode"], fresh["statusCode"]) == (400, 200)
    sqs = boto3.client("sqs")
    messages = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="stripe-events")["QueueUrl"])["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [STRIPE_EVENT]


def test_the_sample_of_the_stream_is_counted(today: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler("measure_log")(sample("measure_log"), Context()) == {"batchItemFailures": []}

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [metric["HoldsPlaced"] for metric in metrics if "HoldsPlaced" in metric] == [[1.0]]


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def issuer(today: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The local token issuer, as the authorizer's Privy and as its staff's issuer."""
    server = make_server("127.0.0.1", 0, Issuer("example-app", "desk"), handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "PRIVY_APP_ID": "example-app",
        "PRIVY_ISSUER": "privy.io",
        "PRIVY_JWKS_URL": f"{url}/.well-known/jwks.json",
        "STAFF_ISSUER": f"{url}/staff",
        "STAFF_AUDIENCE": "desk",
        "STAFF_JWKS_URL": f"{url}/staff/.well-known/jwks.json",
    }.items():
        monkeypatch.setenv(name, value)
    importlib.import_module("functions.authorize_caller.handler").verifier.cache_clear()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()
    importlib.import_module("functions.authorize_caller.handler").verifier.cache_clear()


def token(url: str, **asked: Any) -> str:
    import httpx

    return "Bearer " + str(httpx.post(f"{url}/token", json=asked).json()["token"])


def test_the_sample_of_the_authorizer_bears_nobody_s_token(issuer: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler("authorize_caller")(sample("authorize_caller"), Context())


@pytest.mark.parametrize(
    ("asked", "role", "subject"),
    [
        ({"sub": "did:privy:alice"}, "customer", "did:privy:alice"),
        ({"sub": "sam", "roles": ["staff"]}, "staff", "sam"),
    ],
)
def test_with_a_true_token_the_sample_allows_the_whole_stage(
    issuer: str, asked: dict[str, Any], role: str, subject: str
) -> None:
    event = sample("authorize_caller") | {"authorizationToken": token(issuer, **asked)}

    policy = handler("authorize_caller")(event, Context())

    assert (policy["context"]["role"], policy["context"]["subject"]) == (role, subject)
    (statement,) = policy["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", event["methodArn"].split("/v1/")[0] + "/v1/*")


@pytest.mark.parametrize(
    "wrong",
    [{"expires_in": -1}, {"signing_key": "unknown"}, {"alg": "none"}, {"aud": "another-app"}, {"iss": "nobody"}],
    ids=str,
)
def test_expired_and_forged_tokens_are_unauthorized(issuer: str, wrong: dict[str, Any]) -> None:
    event = sample("authorize_caller") | {"authorizationToken": token(issuer, sub="did:privy:alice", **wrong)}

    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler("authorize_caller")(event, Context())


def test_a_staff_issuer_s_token_without_the_role_is_denied(issuer: str) -> None:
    event = sample("authorize_caller") | {"authorizationToken": token(issuer, sub="sam", roles=["guest"])}

    policy = handler("authorize_caller")(event, Context())

    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Deny"
