"""Faults on demand: what was done, what was stored, what the caller saw."""

from __future__ import annotations

import pytest
import stripe

from local.stripe_simulator.faults import KINDS
from tests.simulator.stage import Stage, refused

CAPTURE = {"method": "POST", "path": "/v1/payment_intents/*/capture"}
EXECUTED = {"fail_after", "timeout_after", "drop_after", "slow"}
STORED = {*EXECUTED, "fail_before"}
SEEN = {
    "fail_before": (500, "APIError"),
    "fail_after": (500, "APIError"),
    "timeout_before": (None, "APIConnectionError"),
    "timeout_after": (None, "APIConnectionError"),
    "drop_after": (None, "APIConnectionError"),
    "rate_limit": (429, "RateLimitError"),
    "lock_timeout": (429, "RateLimitError"),
    "conflict": (409, "APIError"),
    "unavailable": (503, "APIError"),
}


def test_every_kind_has_an_expectation():
    assert set(SEEN) | {"slow"} == set(KINDS)


@pytest.mark.parametrize("kind", SEEN)
def test_a_fault_does_stores_and_shows_what_it_says(stage: Stage, kind: str):
    intent = stage.hold()
    stage.simulator.add_fault(kind, match=CAPTURE, delay_seconds=3)
    capture = stage.client.v1.payment_intents.capture

    error = refused(capture, intent.id, {}, {"idempotency_key": "op"})

    assert (error["status"], error["raised"]) == SEEN[kind]
    assert stage.intent(intent.id)["status"] == ("succeeded" if kind in EXECUTED else "requires_capture")
    assert (stage.simulator.store.get("idempotency", "op") is not None) == (kind in STORED)
    if kind.startswith("fail"):
        assert refused(capture, intent.id, {}, {"idempotency_key": "op"})["status"] == 500
    else:
        assert capture(intent.id, {}, {"idempotency_key": "op"}).status == "succeeded"


def test_a_rate_limit_carries_its_code(stage: Stage):
    stage.simulator.add_fault("rate_limit")
    limited = refused(stage.client.v1.customers.list)

    assert (limited["code"], limited["type"]) == ("rate_limit", "invalid_request_error")


def test_a_lock_that_was_not_had_in_time_is_inferred_to_be_a_429(stage: Stage):
    stage.simulator.add_fault("lock_timeout")
    locked = refused(stage.client.v1.customers.list)

    assert (locked["status"], locked["code"]) == (429, "lock_timeout")


def test_slow_answers_as_usual_in_the_end(stage: Stage):
    fault = stage.simulator.add_fault("slow", delay_seconds=1)
    assert stage.client.v1.customers.create({}).id
    (listed,) = stage.simulator.control("GET", "/_simulator/faults")["faults"]
    assert (listed["id"], listed["hits"]) == (fault["id"], 1)


def test_a_fault_strikes_as_often_as_asked_after_skipping(stage: Stage):
    stage.simulator.add_fault("unavailable", times=2, skip=1)
    seen = []
    for _ in range(5):
        try:
            stage.client.v1.customers.list()
            seen.append(200)
        except stripe.StripeError as error:
            seen.append(error.http_status or 0)

    assert seen == [200, 503, 503, 200, 200]


def test_times_zero_strikes_until_deleted(stage: Stage):
    fault = stage.simulator.add_fault("unavailable", times=0)
    for _ in range(5):
        assert refused(stage.client.v1.customers.list)["status"] == 503
    stage.simulator.control("DELETE", f"/_simulator/faults/{fault['id']}")

    assert stage.client.v1.customers.list().data == []


def test_only_matching_requests_are_struck(stage: Stage):
    intent = stage.hold()
    stage.simulator.add_fault("unavailable", match={**CAPTURE, "idempotency_key": "op-*"}, times=0)

    assert stage.intent(intent.id)["status"] == "requires_capture"
    assert refused(stage.client.v1.payment_intents.capture, intent.id, {}, {"idempotency_key": "op-1"})["status"] == 503
    done = stage.client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "other"})
    assert done.status == "succeeded"


def test_all_faults_are_cleared_at_once(stage: Stage):
    stage.simulator.add_fault("unavailable", times=0)
    stage.simulator.add_fault("rate_limit", times=0)

    assert stage.simulator.control("DELETE", "/_simulator/faults") == {"deleted": 2}
    assert stage.client.v1.customers.list().data == []


def test_the_sdk_is_told_whether_to_retry(stage: Stage, raw):
    stage.simulator.add_fault("unavailable", should_retry=False)
    assert raw("GET", "/v1/customers")[2]["Stripe-Should-Retry"] == "false"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "fire"},
        {"kind": "slow", "times": -1},
        {"kind": "slow", "skip": 1.5},
        {"kind": "slow", "delay_seconds": "soon"},
        {"kind": "slow", "match": {"verb": "GET"}},
        {"kind": "slow", "match": "GET"},
        {"kind": "slow", "colour": "red"},
        {"kind": "slow", "should_retry": "no"},
        [],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(stage: Stage, wrong: object):
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("POST", "/_simulator/faults", wrong)
    assert stage.simulator.control("GET", "/_simulator/faults") == {"faults": []}


def test_a_rate_limit_can_be_a_switch(stage: Stage):
    stage.simulator.switches.change({"rate_limit_per_second": 3})
    for _ in range(3):
        stage.client.v1.customers.list()

    assert refused(stage.client.v1.customers.list)["code"] == "rate_limit"
