"""The small parts of the edge: callers, cursors, problems, redaction, the one log line."""

from __future__ import annotations

import base64
import io
import json
import logging
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import errors, pages, redaction, telemetry
from holdfast.caller import Caller, Role, admit
from holdfast.errors import FieldError, Forbidden, HoldfastError, InvalidRequest
from holdfast.problems import PROBLEMS, problem_of


def everything_below(kind: type[HoldfastError]) -> set[type[HoldfastError]]:
    below = set(kind.__subclasses__())
    return below.union(*(everything_below(child) for child in below))


def test_every_error_of_the_domain_has_a_problem_of_its_own():
    assert everything_below(HoldfastError) == set(PROBLEMS)


def test_no_two_errors_share_a_type():
    slugs = [kind.slug for kind in PROBLEMS.values()]

    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (errors.InvalidRequest("x"), 400, "invalid-request"),
        (errors.Unauthenticated("x"), 401, "unauthenticated"),
        (errors.CardDeclined("x"), 402, "card-declined"),
        (errors.Forbidden("x"), 403, "forbidden"),
        (errors.NotFound("x"), 404, "not-found"),
        (errors.Conflict("x"), 409, "conflict"),
        (errors.OperationInProgress("x"), 409, "operation-in-progress"),
        (errors.TooLarge("x"), 413, "too-large"),
        (errors.UnsupportedMediaType("x"), 415, "unsupported-media-type"),
        (errors.RuleRefused("x"), 422, "rule-refused"),
        (errors.IdempotencyMismatch("x"), 422, "idempotency-mismatch"),
        (errors.TooFarAhead("x"), 422, "too-far-ahead"),
        (errors.RateLimited(1), 429, "rate-limited"),
        (errors.StripeUnavailable("x"), 503, "stripe-unavailable"),
        (KeyError("x"), 500, "internal"),
    ],
)
def test_statuses_and_types_are_the_contracts(error, status, slug):
    code, body, _ = problem_of(error)

    assert (code, body["status"], body["type"]) == (status, status, f"/problems/{slug}")


def test_what_can_be_tried_again_says_when():
    for error in (
        errors.OperationInProgress(retry_after=2),
        errors.RateLimited(2),
        errors.StripeUnavailable(retry_after=2),
    ):
        assert problem_of(error)[2]["Retry-After"] == "2"


def test_faults_of_a_rule_are_named_like_faults_of_shape():
    assert problem_of(errors.RuleRefused.at("/amount", "Too much."))[1]["errors"] == [
        {"pointer": "/amount", "detail": "Too much."}
    ]
    assert "errors" not in problem_of(errors.InvalidRequest("x"))[1]
    assert problem_of(InvalidRequest("x", [FieldError("/a", "b")]))[1]["errors"] == [{"pointer": "/a", "detail": "b"}]


def test_only_the_right_role_is_admitted():
    customer, staff = Caller("a", Role.CUSTOMER, 1), Caller("b", Role.STAFF, 1)

    admit(customer, frozenset(Role))
    admit(staff, frozenset({Role.STAFF}))
    with pytest.raises(Forbidden):
        admit(customer, frozenset({Role.STAFF}))
    with pytest.raises(Forbidden):
        admit(staff, frozenset({Role.CUSTOMER}))


def test_the_actor_of_a_customer_is_never_the_actor_of_staff():
    assert Caller("a", Role.CUSTOMER, 1).actor != Caller("a", Role.STAFF, 1).actor


# Cursors


def test_a_cursor_brings_back_its_position():
    cursor = pages.encode("bookings", ("2026-11-23T20:00:00.000001Z", "bkg_1", 7))

    assert pages.decode("bookings", cursor, (datetime, str, int)) == ("2026-11-23T20:00:00.000001Z", "bkg_1", 7)
    assert pages.decode("bookings", None, (str,)) is None


def packed(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "\u00e9",
        "A",
        "bm90IGpzb24",
        packed([]),
        packed({"a": 1}),
        packed(["other", "bkg_1", 1]),
        packed(["bookings", "bkg_1"]),
        packed(["bookings", "bkg_1", 1, 2]),
        packed(["bookings", 1, 1]),
        packed(["bookings", "bkg_1", True]),
        packed(["bookings", "bkg_1", -1]),
        packed(["bookings", "bkg_1", 10**40]),
        packed(["bookings", "bkg_1", 1.0]),
        packed(["bookings", "", 1]),
        packed(["bookings", "\ud800", 1]),
        packed(["bookings", "a b", 1]),
        packed(["bookings", "x" * 300, 1]),
        packed("[" * 700),
        "x" * 5000,
    ],
)
def test_a_cursor_that_is_not_ours_is_malformed_input(cursor):
    with pytest.raises(InvalidRequest) as refused:
        pages.decode("bookings", cursor, (str, int))

    assert refused.value.errors[0].pointer == "cursor"


@pytest.mark.parametrize(
    "time", ["", "garbage", "2026-13-01T00:00:00Z", "9999-01-01T00:00:00Z", "2026-11-23", "2026-11-23T20:00:00+00:00"]
)
def test_a_time_in_a_cursor_has_to_be_one(time):
    with pytest.raises(InvalidRequest):
        pages.decode("bookings", packed(["bookings", time]), (datetime,))


@given(st.text())
def test_no_cursor_is_anything_but_a_position_or_malformed(cursor):
    try:
        pages.decode("bookings", cursor, (str, int))
    except InvalidRequest:
        return


# Redaction and the log line

SECRETS = [
    "sk_test_51Nabc",
    "rk_live_Abc123",
    "whsec_Zm9vYmFy+/=",
    "ek_test_YWNjdF8x",
    "pi_3Nabc_secret_Xyz",
    "seti_1Nabc_secret_Xyz",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
    "Bearer abc.def-ghi",
    "4242424242424242",
    "4242 4242 4242 4242",
    "378282246310005",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_removed_wherever_they_stand(secret):
    cleaned = redaction.redact(f'{{"message": "said {secret}, and", "n": 1}}')

    assert secret not in cleaned
    assert json.loads(cleaned)["n"] == 1


@pytest.mark.parametrize(
    "harmless",
    [
        "bkg_0123456789abcdef0123456789abcdef",
        "pi_3Nabc",
        "2026-11-23T20:00:00Z",
        "did:privy:alice",
        "1800000000",
        "12.5",
    ],
)
def test_ids_times_and_amounts_stay(harmless):
    assert redaction.redact(harmless) == harmless


@pytest.fixture
def log():
    handler, buffer = telemetry.logger().registered_handler, io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(buffer)
    yield lambda: [json.loads(line) for line in buffer.getvalue().splitlines()]
    handler.setStream(before)


def test_what_is_annotated_stands_in_the_one_line_and_not_in_the_next(log):
    with telemetry.request("step", None, booking_id="bkg_1"):
        telemetry.annotate(operation_id="op_1", reason=None)
    with telemetry.request("step", None):
        pass

    first, second = log()
    assert (first["message"], first["booking_id"], first["operation_id"]) == ("step", "bkg_1", "op_1")
    assert first["duration_ms"] >= 0
    assert "reason" not in first
    assert "booking_id" not in second


def test_an_exception_is_logged_once_and_goes_on(log):
    with pytest.raises(KeyError), telemetry.request("step", None):
        raise KeyError("whsec_secret")

    (line,) = log()
    assert line["level"] == "ERROR"
    assert "KeyError" in line["exception"]
    assert "whsec_secret" not in json.dumps(line)


def test_a_metric_is_one_embedded_line(capsys):
    telemetry.count("HoldsPlaced", 2, dimensions={"reason": "declined"})

    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["HoldsPlaced"] == [2.0]
    assert line["reason"] == "declined"
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Holdfast"


def echo(event, context):
    with telemetry.request("echo", context, booking_id="bkg_1"):
        return event


@pytest.mark.parametrize("environment", [{}, {"AWS_XRAY_DAEMON_ADDRESS": "x", "POWERTOOLS_TRACE_DISABLED": "true"}])
def test_without_tracing_a_handler_stays_as_it_is(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert telemetry.traced(echo) is echo


def test_with_tracing_a_handler_still_answers(monkeypatch):
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000")
    traced = telemetry.traced(echo)
    try:
        assert traced is not echo
        assert traced({"n": 1}, None) == {"n": 1}
    finally:
        telemetry._tracers.clear()


def test_staff_are_known_by_their_role():
    assert Caller("sam", Role.STAFF, 1).is_staff
    assert not Caller("sam", Role.CUSTOMER, 1).is_staff
