"""The test cards, row by row, by Stripe's ids and by number."""

from __future__ import annotations

from typing import Any

import pytest

from local.stripe_simulator import cards
from tests.simulator.stage import Stage, refused

DECLINES = [
    ("pm_card_visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "card_declined",
        "card_velocity_exceeded",
    ),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119", "processing_error", "processing_error"),
]
GOOD = [
    ("pm_card_visa", "4242424242424242", "visa"),
    ("pm_card_mastercard", "5555555555554444", "mastercard"),
    ("pm_card_amex", "378282246310005", "amex"),
    ("pm_card_discover", "6011111111111117", "discover"),
]


@pytest.mark.parametrize(("name", "number", "brand"), GOOD)
def test_good_cards_hold_by_id_and_by_number(stage: Stage, name: str, number: str, brand: str):
    for method in (name, stage.numbered(number), f"pm_card_{number}"):
        intent = stage.hold(method)
        card = stage.charge(intent.latest_charge)["payment_method_details"]["card"]

        assert intent.status == "requires_capture"
        assert (card["brand"], card["last4"]) == (brand, number[-4:])


@pytest.mark.parametrize(("name", "number", "code", "decline_code"), DECLINES)
def test_a_declined_card_says_why(stage: Stage, name: str, number: str, code: str, decline_code: str):
    for method in (name, stage.numbered(number)):
        error = refused(stage.hold, method)

        assert (error["status"], error["raised"], error["type"]) == (402, "CardError", "card_error")
        assert (error["code"], error["decline_code"]) == (code, decline_code)
        assert "param" not in error
        assert error["charge"].startswith("ch_")
        assert error["payment_method"]["object"] == "payment_method"
        assert error["payment_intent"]["status"] == "requires_payment_method"


@pytest.mark.parametrize(("name", "number", "code", "decline_code"), DECLINES)
def test_the_bank_refuses_to_save_such_a_card_and_says_why_inferred(
    stage: Stage, name: str, number: str, code: str, decline_code: str
):
    for method in (name, stage.numbered(number)):
        error = refused(stage.card, method)

        assert (error["status"], error["code"], error["decline_code"]) == (402, code, decline_code)
    assert stage.client.v1.payment_methods.list({"customer": stage.customer}).data == []


def test_a_decline_leaves_a_failed_charge_and_an_open_payment_intent(stage: Stage):
    _, before = stage.customer, stage.mark()
    error = refused(stage.hold, "pm_card_visa_chargeDeclined")

    intent = stage.intent(error["payment_intent"]["id"])
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["decline_code"] == "generic_decline"
    assert intent["latest_charge"] == error["charge"]
    charge = stage.charge(error["charge"])
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, "card_declined")
    assert stage.events(before) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_after_a_decline_another_card_may_try(stage: Stage):
    error = refused(stage.hold, "pm_card_visa_chargeDeclined")

    again = stage.client.v1.payment_intents.confirm(error["payment_intent"]["id"], {"payment_method": "pm_card_visa"})

    assert (again.status, again.last_payment_error) == ("requires_capture", None)


def test_the_0341_card_is_saved_and_then_declines_every_charge(stage: Stage):
    for source in ("pm_card_4000000000000341", stage.numbered("4000000000000341")):
        card = stage.card(source)
        for _ in range(2):
            error = refused(stage.hold, card)

            assert (error["status"], error["decline_code"]) == (402, "generic_decline")


def test_a_card_that_declines_cannot_be_set_up_but_0341_can_inferred(stage: Stage):
    create = stage.client.v1.setup_intents.create
    params: Any = {"customer": stage.customer, "confirm": True}

    error = refused(create, {**params, "payment_method": "pm_card_visa_chargeDeclined"})

    assert (error["status"], error["setup_intent"]["status"]) == (402, "requires_payment_method")
    params["payment_method"] = "pm_card_4000000000000341"
    assert create(params).status == "succeeded"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"number": "4242424242424241"}, 402, "incorrect_number"),
        ({"number": "4000000000000010000"}, 402, "incorrect_number"),
        ({"exp_month": 13}, 402, "invalid_expiry_month"),
        ({"exp_year": 2020}, 402, "invalid_expiry_year"),
        ({"number": "4111111111111111"}, 402, "card_declined"),
    ],
)
def test_a_card_must_be_a_possible_test_card(stage: Stage, given: dict[str, object], status: int, code: str):
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, **given}

    error = refused(stage.client.v1.payment_methods.create, {"type": "card", "card": card})

    assert (error["status"], error["code"]) == (status, code)


def test_every_number_is_a_valid_number():
    assert all(cards.passes_luhn(number) for number in cards.BY_NUMBER)
    assert set(cards.NUMBERS.values()) <= set(cards.BY_NUMBER)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("authenticationRequired", "4000002760003184"),
        ("authenticationRequiredOnSetup", "4000002500003155"),
        ("authenticationRequiredSetupForOffSession", "4000003800000446"),
        ("chargeCustomerFail", "4000000000000341"),
        ("pendingRefund", "4000000000007726"),
        ("refundFail", "4000000000005126"),
        ("threeDSecureRequiredChargeDeclined", "4000008400001629"),
    ],
)
def test_a_name_of_stripe_means_the_card_that_stripe_means(name: str, number: str):
    """As https://docs.stripe.com/testing pairs them."""
    found = cards.named(f"pm_card_{name}")
    assert found is not None
    assert found.number == number


def test_an_unknown_test_payment_method_does_not_exist(stage: Stage):
    error = refused(stage.hold, "pm_card_nonsense")

    assert (error["status"], error["code"], error["param"]) == (400, "resource_missing", "payment_method")
