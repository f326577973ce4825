"""How long a hold lasts: by brand, by who began it, by what the account may ask for; and what happens at its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stage import Stage, refused

DAY, HOUR = 86_400, 3_600
EXTENDED: Any = {"card": {"request_extended_authorization": "if_available"}}
PARAM = "payment_method_options[card][request_extended_authorization]"


def card_of(stage: Stage, intent: Any) -> dict[str, Any]:
    card: dict[str, Any] = stage.charge(intent.latest_charge)["payment_method_details"]["card"]
    return card


@pytest.mark.parametrize("off_session", [False, True])
@pytest.mark.parametrize(
    ("brand", "seconds"),
    [("visa", 29 * DAY + 18 * HOUR), ("mastercard", 30 * DAY), ("amex", 30 * DAY), ("discover", 30 * DAY)],
)
def test_a_granted_extension(stage: Stage, brand: str, seconds: int, off_session: bool):
    stage.simulator.switches.change({"extended_authorization": "granted"})
    intent = stage.hold(
        stage.card(f"pm_card_{brand}"), off_session=off_session, payment_method_options=EXTENDED, amount=1200
    )

    card = card_of(stage, intent)
    assert card["capture_before"] == stage.now() + seconds
    assert card["extended_authorization"]["status"] == "enabled"
    stage.simulator.advance(seconds)
    assert stage.intent(intent.id)["status"] == "requires_capture"
    stage.simulator.advance(1)
    assert stage.intent(intent.id)["status"] == "canceled"


def test_an_extension_is_asked_for_or_not_given(stage: Stage):
    stage.simulator.switches.change({"extended_authorization": "granted"})
    never: Any = {"card": {"request_extended_authorization": "never"}}

    for params in ({}, {"payment_method_options": never}):
        card = card_of(stage, stage.hold(**params))
        assert card["capture_before"] == stage.now() + 7 * DAY
        assert card["extended_authorization"]["status"] == "disabled"


def test_a_brand_may_be_left_out(stage: Stage):
    switches = {"extended_authorization": "granted", "extended_authorization_brands": ["visa", "mastercard"]}
    stage.simulator.control("PATCH", "/_simulator/switches", switches)

    amex = card_of(stage, stage.hold(stage.card("pm_card_amex"), payment_method_options=EXTENDED))
    assert (amex["capture_before"], amex["extended_authorization"]["status"]) == (stage.now() + 7 * DAY, "disabled")


def test_that_an_account_is_taken_and_not_given_is_inferred_and_a_switch(stage: Stage):
    stage.simulator.control("PATCH", "/_simulator/switches", {"extended_authorization": "unavailable"})
    card = card_of(stage, stage.hold(stage.card(), off_session=True, payment_method_options=EXTENDED))

    assert card["capture_before"] == stage.now() + 4 * DAY + 18 * HOUR
    assert card["extended_authorization"]["status"] == "disabled"


def test_an_account_that_is_not_eligible_is_refused_and_nothing_is_made(stage: Stage):
    """As an account without the feature was answered (H)."""
    create, confirm = stage.client.v1.payment_intents.create, stage.client.v1.payment_intents.confirm
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa"}
    refusals = [refused(create, {**given, "confirm": True, "payment_method_options": EXTENDED})]
    refusals.append(refused(create, {**given, "payment_method_options": EXTENDED}))
    assert stage.client.v1.payment_intents.list().data == []
    bare = create(given).id
    refusals.append(refused(confirm, bare, {"payment_method_options": EXTENDED}))
    refusals.append(refused(stage.client.v1.payment_intents.update, bare, {"payment_method_options": EXTENDED}))

    for error in refusals:
        assert (error["status"], error["raised"]) == (400, "InvalidRequestError")
        assert (error.get("code"), error["param"]) == (None, PARAM)
        assert error["message"].startswith("This account is not eligible for the requested card features.")
    assert stage.intent(bare)["status"] == "requires_confirmation"


def test_an_extension_takes_no_other_words(stage: Stage):
    wrong: Any = {"card": {"request_extended_authorization": "please"}}
    assert refused(stage.hold, payment_method_options=wrong)["param"] == PARAM


def test_a_hold_that_was_asked_of_the_customer_has_the_customers_window(stage: Stage):
    """Refused off session, authenticated by the customer: seven days, though a Visa card."""
    intent = refused(stage.hold, stage.card("pm_card_threeDSecure2Required"), off_session=True)["payment_intent"]["id"]
    path = f"/_simulator/payment_intents/{intent}/authenticate"
    stage.simulator.control("POST", path, {"outcome": "succeeded"})

    charge = stage.charge_of(intent)
    assert charge["payment_method_details"]["card"]["capture_before"] == stage.now() + 7 * DAY


def test_between_the_deadline_and_the_cancel_nothing_can_be_captured(stage: Stage):
    stage.simulator.switches.change({"expiry_lag_seconds": 3600})
    intent, began = stage.hold(), stage.now()
    stage.simulator.advance(7 * DAY)
    other = stage.hold()
    stage.simulator.advance(1)

    assert stage.intent(intent.id)["status"] == "requires_capture"
    error = refused(stage.client.v1.payment_intents.capture, intent.id)
    assert (error["status"], error["code"]) == (400, "charge_expired_for_capture")
    assert error["payment_intent"]["status"] == "requires_capture"
    assert stage.client.v1.payment_intents.capture(other.id).status == "succeeded"
    stage.simulator.advance(3600)
    ended = stage.intent(intent.id)
    assert (ended["status"], ended["canceled_at"]) == ("canceled", began + 7 * DAY + 3600)


@pytest.mark.parametrize("reason", ["automatic", "expired", "void_invoice", "failed_invoice", "fraudulent"])
def test_a_test_may_say_why_a_hold_was_voided(stage: Stage, reason: str):
    intent, before = stage.hold(), stage.mark()
    path = f"/_simulator/payment_intents/{intent.id}/expire"
    assert stage.simulator.control("POST", path, {"cancellation_reason": reason})["cancellation_reason"] == reason

    assert stage.events(before) == ["charge.expired", "payment_intent.canceled"]


@pytest.mark.parametrize("status", ["expired", "requires_reauthorization"])
def test_a_hold_may_end_in_a_status_that_few_have_seen_inferred(stage: Stage, status: str):
    """The recorded refusal of a cancel names both (R); what leads there is unknown (I)."""
    intent, before = stage.hold(), stage.mark()
    stage.simulator.control("POST", f"/_simulator/payment_intents/{intent.id}/expire", {"status": status})

    ended = stage.intent(intent.id)
    assert (ended["status"], ended["amount_capturable"], ended["canceled_at"]) == (status, 0, None)
    assert stage.events(before) == ["charge.expired"]
    error = refused(stage.client.v1.payment_intents.capture, intent.id)
    assert (error["code"], error["payment_intent"]["status"]) == ("payment_intent_unexpected_state", status)
    assert f"it has a status of {status}" in error["message"]
    before = stage.mark()
    assert stage.client.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert stage.events(before) == ["payment_intent.canceled"]


@pytest.mark.parametrize("wrong", [{"cancellation_reason": "bored"}, {"status": "succeeded"}, {"status": 1}, {"x": 1}])
def test_an_end_that_makes_no_sense_is_refused(stage: Stage, wrong: dict[str, Any]):
    intent = stage.hold()
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("POST", f"/_simulator/payment_intents/{intent.id}/expire", wrong)
    assert stage.intent(intent.id)["status"] == "requires_capture"


@pytest.mark.parametrize(
    "wrong",
    [
        {"extended_authorization": "maybe"},
        {"extended_authorization_brands": ["visa", 1]},
        {"extended_authorization_brands": "visa"},
        {"expiry_lag_seconds": -1},
    ],
)
def test_a_switch_for_windows_takes_only_what_fits(stage: Stage, wrong: dict[str, Any]):
    before = stage.simulator.control("GET", "/_simulator/switches")
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("PATCH", "/_simulator/switches", wrong)
    assert stage.simulator.control("GET", "/_simulator/switches") == before
