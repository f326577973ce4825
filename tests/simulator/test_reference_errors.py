"""Over HTTP, row by row: Stripe's recorded refusals and what the SDK makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.remote import FarStage
from tests.simulator.stage import refused

UNEXPECTED = "payment_intent_unexpected_state"


def test_capture_again_after_capture(far: FarStage):
    intent = far.captured()
    error = refused(far.client.v1.payment_intents.capture, intent.id)

    assert (error["status"], error["code"], error["raised"]) == (400, UNEXPECTED, "InvalidRequestError")
    assert error["message"] == (
        "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized "
        "amount has been released."
    )
    assert (error["payment_intent"]["id"], error["payment_intent"]["status"]) == (intent.id, "succeeded")


def test_capture_when_canceled(far: FarStage):
    intent = far.hold()
    far.client.v1.payment_intents.cancel(intent.id)
    error = refused(far.client.v1.payment_intents.capture, intent.id)

    assert (error["status"], error["code"], error["payment_intent"]["status"]) == (400, UNEXPECTED, "canceled")
    assert error["message"] == (
        "This PaymentIntent could not be captured because it has a status of canceled. Only a PaymentIntent with one "
        "of the following statuses may be captured: requires_capture."
    )


@pytest.mark.parametrize(
    ("amount", "code", "param"),
    [
        (1201, "amount_too_large", None),
        (0, "parameter_invalid_integer", "amount"),
        (-1, None, "amount_to_capture"),
        (99_999_999_999, "amount_too_large", None),
    ],
)
def test_captures_of_a_wrong_amount(far: FarStage, amount: int, code: str | None, param: str | None):
    intent = far.hold()
    error = refused(far.client.v1.payment_intents.capture, intent.id, {"amount_to_capture": amount})

    assert (error["status"], error.get("code")) == (400, code)
    assert param is None or error["param"] == param
    assert far.intent(intent.id)["status"] == "requires_capture"


@pytest.mark.parametrize("end", ["capture", "cancel"])
def test_cancel_of_what_has_ended(far: FarStage, end: str):
    intent = far.hold()
    getattr(far.client.v1.payment_intents, end)(intent.id)
    error = refused(far.client.v1.payment_intents.cancel, intent.id)

    assert (error["status"], error["code"], error["payment_intent"]["id"]) == (400, UNEXPECTED, intent.id)
    assert "requires_reauthorization" in error["message"]
    assert "expired" in error["message"]


def test_refund_of_an_uncaptured_hold(far: FarStage):
    intent = far.hold()
    for params in ({"payment_intent": intent.id}, {"charge": str(intent.latest_charge)}):
        error = refused(far.client.v1.refunds.create, params)

        assert (error["status"], error.get("code")) == (400, None)
        words = f"This uncaptured Charge was created by a PaymentIntent ({intent.id}). You must cancel"
        assert error["message"].startswith(words)


def test_refund_over_the_remainder(far: FarStage):
    intent = far.captured(amount=1200)
    far.client.v1.refunds.create({"payment_intent": intent.id, "amount": 200})
    error = refused(far.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 1001})

    assert (error["status"], error.get("code"), error["param"]) == (400, None, "amount")
    assert error["message"] == "Refund amount ($10.01) is greater than unrefunded amount on charge ($10.00)"


def test_refund_of_what_is_refunded_or_disputed(far: FarStage):
    intent = far.captured()
    far.client.v1.refunds.create({"payment_intent": intent.id})
    again = refused(far.client.v1.refunds.create, {"payment_intent": intent.id})
    more = refused(far.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 1})
    disputed = far.captured("pm_card_createDispute")
    assert far.dispute_of(disputed.id).is_charge_refundable is False
    charged_back = refused(far.client.v1.refunds.create, {"payment_intent": disputed.id, "amount": 100})

    assert (again["status"], again["code"]) == (more["status"], more["code"]) == (400, "charge_already_refunded")
    assert (charged_back["status"], charged_back["code"]) == (400, "charge_disputed")


@pytest.mark.parametrize("act", ["retrieve", "capture", "cancel", "confirm", "update"])
def test_a_missing_id_in_the_path(far: FarStage, act: str):
    error = refused(
        getattr(far.client.v1.payment_intents, act), "pi_x", *([{"metadata": {}}] if act == "update" else [])
    )

    assert (error["status"], error["code"], error["param"]) == (404, "resource_missing", "intent")
    assert error["message"] == "No such payment_intent: 'pi_x'"


@pytest.mark.parametrize(
    "kind", ["payment_intents", "refunds", "disputes", "balance_transactions", "events", "charges", "setup_intents"]
)
def test_a_bad_cursor_is_400(far: FarStage, kind: str):
    for cursor in ("starting_after", "ending_before"):
        assert refused(getattr(far.client.v1, kind).list, {cursor: "nothing_x"})["status"] == 400


def test_a_bad_cursor_is_named_inferred(far: FarStage):
    for cursor in ("starting_after", "ending_before"):
        error = refused(far.client.v1.payment_intents.list, {cursor: "nothing_x"})

        assert (error["code"], error["param"]) == ("resource_missing", cursor)


def test_unknown_and_missing_parameters(far: FarStage):
    create = far.client.v1.payment_intents.create
    unknown = refused(create, {"amount": 100, "currency": "usd", "x": "1"})
    missing = refused(create, {"currency": "usd"})

    assert (unknown["status"], unknown["code"], unknown["param"]) == (400, "parameter_unknown", "x")
    assert unknown["message"] == "Received unknown parameter: x"
    assert (missing["status"], missing["code"], missing["param"]) == (400, "parameter_missing", "amount")
    assert missing["message"] == "Missing required param: amount."


def test_a_coded_refusal_carries_its_page_and_no_null(far: FarStage):
    coded = refused(far.client.v1.payment_intents.retrieve, "pi_x")
    uncoded = refused(far.client.v1.refunds.create, {"payment_intent": far.hold().id})
    declined = refused(far.hold, "pm_card_visa_chargeDeclined")

    assert coded["doc_url"].endswith("/resource-missing")
    assert declined["doc_url"].endswith("/card-declined")
    assert "doc_url" not in uncoded
    assert None not in {*coded.values(), *uncoded.values()}


def test_what_a_402_carries(far: FarStage):
    declined = refused(far.hold, "pm_card_visa_chargeDeclinedInsufficientFunds")
    asked = refused(far.hold, far.card("pm_card_threeDSecure2Required"), off_session=True)

    for error in (declined, asked):
        assert (error["status"], error["type"], error["raised"]) == (402, "card_error", "CardError")
        assert error["payment_intent"]["last_payment_error"]["decline_code"] == error["decline_code"]
        assert error["payment_method"]["object"] == "payment_method"
        assert "param" not in error
    assert declined["charge"] == declined["payment_intent"]["latest_charge"]
    assert "charge" not in asked


@pytest.mark.simulated("a fault is asked for")
@pytest.mark.parametrize(
    ("fault", "status", "raised"),
    [
        ("rate_limit", 429, "RateLimitError"),
        pytest.param("lock_timeout", 429, "RateLimitError", id="lock_timeout_inferred"),
        ("conflict", 409, "APIError"),
        ("fail_before", 500, "APIError"),
        ("unavailable", 503, "APIError"),
    ],
)
def test_how_the_sdk_sees_a_status(far: FarStage, fault: str, status: int, raised: str):
    far.control("POST", "faults", {"kind": fault})
    error = refused(far.client.v1.customers.create, {})

    assert (error["status"], error["raised"]) == (status, raised)


def test_how_the_sdk_sees_a_wrong_key(far: FarStage):
    error = refused(far.client_of("sk_test_no").v1.customers.list)

    assert (error["status"], error["raised"]) == (401, "AuthenticationError")


@pytest.mark.simulated("the publishable key is used")
def test_a_publishable_key_may_not_do_what_a_secret_one_may_inferred(far: FarStage):
    error = refused(far.phone().v1.customers.list)

    assert (error["status"], error["raised"]) == (403, "PermissionError")


@pytest.mark.parametrize("state", ["succeeded", "canceled", "requires_capture"])
def test_a_confirmation_in_a_wrong_state_carries_the_payment(far: FarStage, state: str):
    intent: Any = far.hold()
    if state == "succeeded":
        intent = far.client.v1.payment_intents.capture(intent.id)
    if state == "canceled":
        intent = far.client.v1.payment_intents.cancel(intent.id)
    error = refused(far.client.v1.payment_intents.confirm, intent.id, {"payment_method": "pm_card_visa"})

    assert (error["status"], error["code"], error["payment_intent"]["status"]) == (400, UNEXPECTED, state)
