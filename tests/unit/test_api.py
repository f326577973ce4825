"""The edge as API Gateway sees it: every check in order, and no input that becomes a 500."""

from __future__ import annotations

import base64
import io
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import api, telemetry
from holdfast.errors import CardDeclined, OperationInProgress, RateLimited

NOW = 1_800_000_000


class _Open:
    def take(self, operations, caller) -> None:
        pass


class _Empty:
    def take(self, operations, caller) -> None:
        raise RateLimited(7)


class _HoldRequest(api.Body):
    event_id: api.EventId
    price: api.Price
    starts_at: api.Time | None = None
    zone: api.TimeZone | None = None
    policy: dict[str, Any] | None = None
    on: bool = True


class _Words(api.Body):
    title: api.Title
    reason: api.Reason = "because"


class _Cancel(api.Body):
    charge_fee: bool = False


def _app() -> api.Api:
    app = api.resolver(api.MONEY, roles={api.CUSTOMER})
    done = api.documented("A thing", {201: api.MoneyView, 204: None}, problems=(402,))

    @app.post("/things", **done)
    def create(body: _HoldRequest, key: api.IdempotencyKey) -> api.Answer:
        return api.reply(201, {"key": key, "body": body.model_dump(mode="json"), "raw": api.json_body(app)})

    @app.post("/things/<thing_id>/cancel", **done)
    def cancel(thing_id: api.BookingId, body: _Cancel | None = None) -> api.Answer:
        return api.reply(200, {"id": thing_id, "fee": (body or _Cancel()).charge_fee})

    @app.post("/things/<thing_id>/check-in", **done)
    def check_in(thing_id: api.BookingId) -> api.Answer:
        return api.reply(200, {"id": thing_id, "caller": api.caller(app).actor})

    @app.get("/things", **done)
    def listing(limit: api.Limit = 20, cursor: api.Cursor = None, event_id: api.EventId | None = None) -> api.Answer:
        return api.reply(200, {"limit": limit, "cursor": cursor, "event_id": event_id})

    @app.post("/words", **done)
    def words(body: _Words) -> api.Answer:
        return api.reply(200, body)

    @app.delete("/things/<thing_id>", **done)
    def delete(thing_id: api.BookingId) -> api.Answer:
        return api.reply(204)

    _add_failing_routes(app)
    return app


def _add_failing_routes(app: api.Api) -> None:
    done = api.documented("A failure", {200: api.MoneyView})

    @app.get("/declined", **done)
    def declined() -> api.Answer:
        raise CardDeclined("Your card was declined.", decline_code="insufficient_funds", booking_id="bkg_1")

    @app.get("/busy", **done)
    def busy() -> api.Answer:
        raise OperationInProgress(retry_after=3)

    @app.get("/broken", **done)
    def broken() -> api.Answer:
        raise RuntimeError("sk_test_secret and the booking of somebody")

    @app.get("/replayed", **done)
    def replayed() -> api.Answer:
        return api.reply(402, {"type": "/problems/card-declined", "instance": "an older request"}, replayed=True)


APP = _app()
OPEN = api.entry(APP, limiter=_Open, real_time=lambda: NOW)
GOOD = {"event_id": "evt_1", "price": {"amount": 2500, "currency": "eur"}}


def call(method="POST", path="/things", body=None, *, resource=None, headers=None, query=None, handler=OPEN, **event):
    """One request; `body` is sent as JSON unless it is text already."""
    text = body if isinstance(body, str | None) else json.dumps(body)
    given_headers = {"Content-Type": "application/json"} if headers is None and text else dict(headers or {})
    authorizer = {"subject": "did:privy:alice", "role": "customer", "expires_at": str(NOW + 60), "principalId": "x"}
    proxied = {
        "resource": resource or path,
        "path": path,
        "httpMethod": method,
        "headers": given_headers or None,
        "multiValueHeaders": {name: [value] for name, value in given_headers.items()} or None,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": None,
        "body": text,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "req-1", "stage": "v1", "path": f"/v1{path}", "authorizer": authorizer},
    }
    answer = handler(proxied | event, None)
    headers = {**answer.get("headers", {})}
    headers.update({name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()})
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None, headers


def post(body, **more):
    return call(body=body, headers={"content-type": "application/json", "idempotency-key": "k-1"}, **more)


@pytest.fixture
def log():
    """The lines logged so far, parsed."""
    handler, buffer = telemetry.logger().registered_handler, io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(buffer)
    yield lambda: [json.loads(line) for line in buffer.getvalue().splitlines()]
    handler.setStream(before)


def pointers(problem):
    return {fault["pointer"] for fault in problem["errors"]}


def test_a_good_request_reaches_its_handler_and_is_answered_as_json():
    status, body, headers = post(GOOD)

    assert status == 201
    assert body["key"] == "k-1"
    assert body["raw"] == GOOD
    assert headers["Content-Type"] == "application/json"


def test_a_body_may_come_base64_encoded():
    encoded = base64.b64encode(json.dumps(GOOD).encode()).decode()

    assert post(encoded, isBase64Encoded=True)[0] == 201


def test_a_problem_carries_its_type_and_the_id_of_the_request():
    status, problem, headers = call("GET", "/declined")

    assert status == 402
    assert headers["Content-Type"] == "application/problem+json"
    assert problem == {
        "type": "/problems/card-declined",
        "title": "The bank declined the card",
        "status": 402,
        "detail": "Your card was declined.",
        "decline_code": "insufficient_funds",
        "booking_id": "bkg_1",
        "instance": "req-1",
    }


def test_a_conflict_in_flight_says_when_to_come_back():
    status, problem, headers = call("GET", "/busy")

    assert (status, problem["type"], headers["Retry-After"]) == (409, "/problems/operation-in-progress", "3")


def test_an_unexpected_error_tells_the_caller_nothing():
    status, problem, headers = call("GET", "/broken")

    assert status == 500
    assert problem["type"] == "/problems/internal"
    assert headers["Content-Type"] == "application/problem+json"
    assert "somebody" not in json.dumps(problem)


def test_an_unexpected_error_is_one_log_line_with_its_traceback_and_without_secrets(log):
    call("GET", "/broken")

    (line,) = log()
    assert line["level"] == "ERROR"
    assert "RuntimeError" in line["exception"]
    assert "sk_test_secret" not in json.dumps(line)


def test_each_request_is_one_log_line_with_ids_and_without_bodies(log):
    call("POST", "/things/bkg_9/check-in", resource="/things/{thing_id}/check-in", pathParameters={"thing_id": "bkg_9"})

    (line,) = log()
    assert line["status"] == 200
    assert line["route"] == "/things/{thing_id}/check-in"
    assert line["thing_id"] == "bkg_9"
    assert line["request_id"] == "req-1"
    assert line["subject"] == "did:privy:alice"


def test_a_stored_problem_is_replayed_under_the_id_of_the_new_request():
    status, problem, headers = call("GET", "/replayed")

    assert (status, headers["Idempotent-Replayed"], problem["instance"]) == (402, "true", "req-1")
    assert headers["Content-Type"] == "application/problem+json"


def test_no_content_has_no_body():
    status, body, _ = call("DELETE", "/things/pm_1")

    assert (status, body) == (204, None)


@pytest.mark.parametrize(
    "authorizer",
    [
        None,
        {},
        {"subject": "a", "role": "customer"},
        {"subject": "a", "role": "admin", "expires_at": str(NOW + 9)},
        {"subject": "", "role": "customer", "expires_at": str(NOW + 9)},
        {"subject": "a", "role": "customer", "expires_at": "soon"},
        {"subject": "a", "role": "customer", "expires_at": str(NOW)},
    ],
)
def test_without_a_token_that_still_holds_the_answer_is_401(authorizer):
    status, problem, headers = post(GOOD, requestContext={"requestId": "r", "authorizer": authorizer, "stage": "v1"})

    assert (status, problem["type"]) == (401, "/problems/unauthenticated")
    assert headers["WWW-Authenticate"] == "Bearer"


def test_the_wrong_role_is_forbidden():
    staff = {"subject": "s", "role": "staff", "expires_at": str(NOW + 9)}

    status, problem, _ = post(GOOD, requestContext={"requestId": "r", "authorizer": staff, "stage": "v1"})

    assert (status, problem["type"]) == (403, "/problems/forbidden")


def test_an_empty_bucket_is_429_with_retry_after():
    status, problem, headers = post(GOOD, handler=api.entry(APP, limiter=_Empty, real_time=lambda: NOW))

    assert (status, problem["type"], headers["Retry-After"]) == (429, "/problems/rate-limited", "7")


def test_a_body_over_64_kib_is_413_and_one_of_exactly_64_kib_is_read():
    padding = 64 * 1024 - len(json.dumps(GOOD))

    assert post(json.dumps(GOOD) + " " * padding)[0] == 201
    assert post(json.dumps(GOOD) + " " * (padding + 1))[0] == 413
    assert post(json.dumps(GOOD) + " " * 10 * 64 * 1024)[0] == 413


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "application/json; charset=latin1"],
)
def test_a_body_that_does_not_say_it_is_json_is_415(content_type):
    status, problem, _ = call(body=GOOD, headers={"Content-Type": content_type, "Idempotency-Key": "k"})

    assert (status, problem["type"]) == (415, "/problems/unsupported-media-type")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '[{"event_id": "evt_1", "price": {"amount": 1, "currency": "eur"}}]',
        "null",
        "1",
        '"text"',
        "NaN",
        '{"event_id": NaN}',
        '{"event_id": "a", "event_id": "b"}',
        '{"event_id": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a":' * 12_000,
        "[" * 60_000,
        '{"price": {"amount": ' + "9" * 5000 + "}}",
        "\ufeff{}",
        "{'a': 1}",
    ],
)
def test_what_is_not_one_plain_json_object_is_400(text):
    status, problem, _ = post(text)

    assert (status, problem["type"]) == (400, "/problems/invalid-request")
    assert problem["errors"]


@pytest.mark.parametrize("encoded", ["%%%", base64.b64encode(b"\xff\xfe{}").decode(), "\u00e9"])
def test_bytes_that_are_no_text_are_400(encoded):
    assert post(encoded, isBase64Encoded=True)[0] == 400


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"event_id": None}, "/event_id"),
        ({"event_id": "a b"}, "/event_id"),
        ({"event_id": "a\n"}, "/event_id"),
        ({"event_id": "x" * 65}, "/event_id"),
        ({"event_id": ""}, "/event_id"),
        ({"event_id": 5}, "/event_id"),
        ({"price": {"amount": "2500", "currency": "eur"}}, "/price/amount"),
        ({"price": {"amount": 25.0, "currency": "eur"}}, "/price/amount"),
        ({"price": {"amount": True, "currency": "eur"}}, "/price/amount"),
        ({"price": {"amount": 0, "currency": "eur"}}, "/price/amount"),
        ({"price": {"amount": -5, "currency": "eur"}}, "/price/amount"),
        ({"price": {"currency": "eur"}}, "/price/amount"),
        ({"price": {"amount": 5, "currency": 978}}, "/price/currency"),
        ({"price": {"amount": 5, "currency": "eur", "tip": 1}}, "/price/tip"),
        ({"price": []}, "/price"),
        ({"on": "true"}, "/on"),
        ({"on": 1}, "/on"),
        ({"policy": []}, "/policy"),
        ({"surprise": 1}, "/surprise"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"starts_at": "2026-11-23"}, "/starts_at"),
        ({"starts_at": "2026-11-23T20:00:00"}, "/starts_at"),
        ({"starts_at": "2026-02-30T20:00:00Z"}, "/starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "/starts_at"),
        ({"starts_at": "9999-12-31T23:59:59-14:00"}, "/starts_at"),
        ({"starts_at": 1_800_000_000}, "/starts_at"),
        ({"starts_at": "1999-12-31T23:59:59Z"}, "/starts_at"),
        ({"starts_at": "2200-01-01T00:00:00Z"}, "/starts_at"),
        ({"zone": "Nowhere/Land"}, "/zone"),
        ({"zone": "../../etc/passwd"}, "/zone"),
        ({"zone": "Europe"}, "/zone"),
    ],
)
def test_a_malformed_field_is_400_with_its_pointer(change, pointer):
    status, problem, _ = post(GOOD | change)

    assert (status, problem["type"]) == (400, "/problems/invalid-request")
    assert pointers(problem) == {pointer}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "   "}, "/title"),
        ({"title": "a\u0000b"}, "/title"),
        ({"title": "a\u202eb"}, "/title"),
        ({"title": "a\u2067b"}, "/title"),
        ({"title": "a\u2028b"}, "/title"),
        ({"title": "a\x85b"}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "x", "reason": "y" * 501}, "/reason"),
    ],
)
def test_text_is_bounded_and_has_no_control_characters(body, pointer):
    status, problem, _ = post(body, path="/words")

    assert (status, pointers(problem)) == (400, {pointer})


@pytest.mark.parametrize(
    "title",
    [
        "Dîner : 10\u00a0€",  # a space that does not break, as French and German write amounts
        "À 20\u202fh",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 Yoga",  # a family is three people and two joiners
        "\u0645\u06cc\u200c\u062e",  # Persian spells with a non-joiner
        "\U0001fae9 new",  # an emoji that this Python's tables may not know yet
    ],
)
def test_text_may_have_what_people_s_keyboards_write_beside_letters(title):
    written = {"title": title, "reason": "because"}

    assert post(written, path="/words")[:2] == (200, written)


def test_text_may_have_any_letters_and_new_lines():
    written = {"title": "Díner 🍷 für 2", "reason": "first line\nsecond"}

    assert post(written, path="/words")[:2] == (200, written)


def test_all_faults_are_named_at_once():
    _, problem, _ = post({"price": {"amount": "1"}, "x": 1})

    assert pointers(problem) == {"/event_id", "/price/amount", "/price/currency", "/x"}


def test_a_time_zone_is_one_that_exists():
    assert (
        post(GOOD | {"zone": "America/Argentina/Buenos_Aires"})[1]["body"]["zone"] == "America/Argentina/Buenos_Aires"
    )


def test_times_with_an_offset_are_taken_to_utc_and_to_the_second():
    _, body, _ = post(GOOD | {"starts_at": "2026-11-23T21:00:00.75+01:00"})

    assert body["body"]["starts_at"] == "2026-11-23T20:00:00Z"


@pytest.mark.parametrize("key", [None, "", "k" * 256, "k\u00e9y"])
def test_a_missing_or_malformed_idempotency_key_is_400(key):
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})

    status, problem, _ = call(body=GOOD, headers=headers)

    assert status == 400
    assert pointers(problem) == {"idempotency-key"}


def test_two_idempotency_keys_are_400_because_nobody_can_tell_which_is_meant():
    headers = {"content-type": ["application/json"], "idempotency-key": ["a", "b"]}

    status, problem, _ = post(GOOD, multiValueHeaders=headers)

    assert (status, problem["type"], pointers(problem)) == (400, "/problems/invalid-request", {"idempotency-key"})


def test_an_idempotency_key_may_have_255_characters_and_commas():
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a, b" + "k" * 251}

    assert call(body=GOOD, headers=headers)[1]["key"] == headers["Idempotency-Key"]


@pytest.mark.parametrize("body", [None, "", "{}", '{"charge_fee": false}'])
def test_an_optional_body_may_be_left_out(body):
    assert call(path="/things/bkg_1/cancel", body=body)[:2] == (200, {"id": "bkg_1", "fee": False})


def test_a_required_body_may_not_be_left_out():
    assert call(body=None, headers={"Idempotency-Key": "k"})[0] == 400


def test_a_route_without_a_body_refuses_fields_and_takes_an_empty_object():
    status, problem, _ = call(path="/things/bkg_1/check-in", body={"amount": 5})

    assert (status, pointers(problem)) == (400, {"/amount"})
    assert call(path="/things/bkg_1/check-in", body={})[:2] == (
        200,
        {"id": "bkg_1", "caller": "customer:did:privy:alice"},
    )


@pytest.mark.parametrize(
    "query",
    [{"limit": text} for text in ("0", "101", "5.0", "1_0", " 5", "", "x", "\u0665", "9" * 30)]
    + [{"event_id": "a b"}, {"cursor": "x" * 2000}, {"limits": "5"}],
)
def test_malformed_and_unknown_query_parameters_are_400(query):
    status, problem, _ = call("GET", query=query)

    assert status == 400
    assert pointers(problem) == set(query)


def test_a_query_parameter_given_twice_is_400():
    twice = {"multiValueQueryStringParameters": {"limit": ["5", "6"]}}

    assert call("GET", query={"limit": "6"}, **twice)[0] == 400


def test_good_query_parameters_arrive_typed():
    assert call("GET", query={"limit": "100"})[1] == {"limit": 100, "cursor": None, "event_id": None}


def test_a_path_that_api_gateway_routed_here_with_a_malformed_id_is_400():
    for path in ("/things/a%20b/cancel", "/things/\u00e9/cancel", "/things/" + "x" * 65 + "/cancel"):
        assert call(path=path, resource="/things/{thing_id}/cancel")[0] == 400, path


def test_an_unknown_route_is_a_404_problem():
    status, problem, headers = call("GET", "/nothing")

    assert (status, problem["type"], headers["Content-Type"]) == (
        404,
        "/problems/not-found",
        "application/problem+json",
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.text() | json_values.map(json.dumps))
def test_no_body_becomes_a_500(text):
    assert post(text)[0] in (201, 400)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("event_id", "price", "starts_at", "zone", "policy", "on"), json_values)
    )
)
def test_no_field_becomes_a_500(fields):
    assert post(GOOD | fields)[0] in (201, 400)


@given(st.dictionaries(st.sampled_from(["limit", "cursor", "event_id", "x"]), st.text()), st.text(), st.text())
def test_no_parameter_header_or_path_becomes_a_500(query, key, thing_id):
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}

    assert call("GET", query=query)[0] in (200, 400)
    assert call(body=GOOD, headers=headers)[0] in (201, 400)
    assert call(path=f"/things/{thing_id}/cancel", resource="/things/{thing_id}/cancel")[0] in (200, 400)
