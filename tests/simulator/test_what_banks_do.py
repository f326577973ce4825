"""Cards that are told what to do next: decline, ask for 3-D Secure, work again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.remote import FarStage
from tests.simulator.stage import Stage, refused

DAY = 86_400
# Every code of Stripe's list for cards (D), and one that it has not invented yet.
DECLINE_CODES = """
    approve_with_id authentication_not_handled call_issuer card_not_supported card_velocity_exceeded
    currency_not_supported do_not_honor
    do_not_try_again duplicate_transaction expired_card fraudulent generic_decline incorrect_address incorrect_cvc
    incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc
    invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card
    merchant_blacklist new_account_information_available no_action_taken not_permitted offline_pin_required
    online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card
    revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card
    stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
    brand_new_reason
""".split()
SPOKEN_BY_THEMSELVES = {
    *("expired_card", "incorrect_cvc", "incorrect_number", "incorrect_zip", "incorrect_address", "processing_error"),
    *("invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number"),
}


def tell(stage: Stage, card: str, decline_code: str | None, **details: Any) -> Any:
    body = {"payment_method": card, "decline_code": decline_code, **details}
    return stage.simulator.control("POST", "/_simulator/cards", body)


def outcome(stage: Stage, card: str, **params: Any) -> str:
    """The decline code, or the status."""
    given: Any = {"amount": 1200, "currency": "usd", "customer": stage.customer, "payment_method": card}
    given |= {"confirm": True, "capture_method": "manual", **params}
    try:
        return str(stage.client.v1.payment_intents.create(given).status)
    except Exception as error:  # noqa: BLE001 - only a decline has this
        return str(error.json_body["error"]["decline_code"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("decline_code", DECLINE_CODES)
def test_every_decline_code_off_session_and_then_the_card_works_again(stage: Stage, decline_code: str):
    card = stage.card()
    tell(stage, card, decline_code)
    before = stage.mark()
    error = refused(stage.hold, card, off_session=True)

    code = decline_code if decline_code in SPOKEN_BY_THEMSELVES else "card_declined"
    assert (error["status"], error["raised"]) == (402, "CardError")
    assert (error["code"], error["decline_code"]) == (code, decline_code)
    charge = stage.charge(error["charge"])
    assert (charge["status"], charge["failure_code"], charge["outcome"]["reason"]) == ("failed", code, decline_code)
    intent = stage.intent(error["payment_intent"]["id"])
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["payment_method"]["id"] == card
    assert stage.events(before) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    tell(stage, card, None)
    again: Any = {"payment_method": card, "off_session": True}
    assert stage.client.v1.payment_intents.confirm(intent["id"], again).status == "requires_capture"


def test_a_card_that_declines_by_itself_may_be_told_to_work(stage: Stage):
    card = stage.card("pm_card_4000000000000341")
    assert outcome(stage, card) == "generic_decline"
    tell(stage, card, None)
    assert outcome(stage, card, off_session=True) == outcome(stage, card) == "requires_capture"
    stage.simulator.control("DELETE", f"/_simulator/cards/{card}")

    assert outcome(stage, card) == "generic_decline"


def test_a_rule_may_last_for_so_many_payments(stage: Stage):
    card = stage.card()
    tell(stage, card, "insufficient_funds", times=2)
    seen = [outcome(stage, card, off_session=True) for _ in range(3)]

    assert seen == ["insufficient_funds", "insufficient_funds", "requires_capture"]
    (rule,) = stage.simulator.control("GET", "/_simulator/cards")["cards"]
    assert (rule["payment_method"], rule["times"], rule["hits"]) == (card, 2, 2)


@pytest.mark.parametrize(
    ("when", "on_session", "off_session"),
    [
        ("any", "do_not_honor", "do_not_honor"),
        ("on_session", "do_not_honor", "requires_capture"),
        ("off_session", "requires_capture", "do_not_honor"),
    ],
)
def test_a_rule_may_be_about_who_began(stage: Stage, when: str, on_session: str, off_session: str):
    card = stage.card()
    tell(stage, card, "do_not_honor", when=when)

    assert (outcome(stage, card), outcome(stage, card, off_session=True)) == (on_session, off_session)


def test_a_rule_may_begin_and_end_at_its_own_time(stage: Stage):
    card = stage.card()
    rule = {"from": "2026-11-24T20:00:00Z", "until": "2026-11-25T21:00:00+01:00"}
    told = tell(stage, card, "try_again_later", **rule)
    assert (told["from"], told["until"]) == ("2026-11-24T20:00:00.000000Z", "2026-11-25T20:00:00.000000Z")
    seen = []
    for _ in range(4):
        seen.append(outcome(stage, card, off_session=True))
        stage.simulator.advance(DAY - 1 if len(seen) == 1 else DAY if len(seen) == 3 else 1)
    assert seen == ["requires_capture", "requires_capture", "try_again_later", "requires_capture"]


def test_a_new_rule_takes_the_place_of_the_old_and_only_for_its_card(stage: Stage):
    card, other = stage.card(), stage.card()
    tell(stage, card, "lost_card")
    tell(stage, card, "stolen_card")

    assert (outcome(stage, card), outcome(stage, other)) == ("stolen_card", "requires_capture")
    assert stage.simulator.control("DELETE", "/_simulator/cards") == {"deleted": 1}
    assert outcome(stage, card) == "requires_capture"


def test_advice_travels_with_the_decline(stage: Stage):
    card = stage.card()
    advice = {"advice_code": "try_again_later", "network_decline_code": "51", "network_advice_code": "02"}
    tell(stage, card, "insufficient_funds", **advice)
    error = refused(stage.hold, card, off_session=True)

    for told in (error, error["payment_intent"]["last_payment_error"], stage.charge(error["charge"])["outcome"]):
        assert {name: told[name] for name in advice} == advice


def test_a_rule_is_about_payments_not_about_saving(stage: Stage):
    card = stage.numbered("4242424242424242")
    tell(stage, card, "do_not_honor")
    setup: Any = {"customer": stage.customer, "payment_method": card, "confirm": True}

    assert stage.client.v1.setup_intents.create(setup).status == "succeeded"
    assert outcome(stage, card) == "do_not_honor"


def test_a_bank_may_want_authentication_of_any_card(stage: Stage):
    card = stage.card()
    tell(stage, card, "authentication_required")
    before = stage.mark()
    error = refused(stage.hold, card, off_session=True)

    assert (error["status"], error["code"], error["decline_code"]) == (402, *["authentication_required"] * 2)
    assert "charge" not in error
    assert stage.events(before) == ["payment_intent.created", "payment_intent.payment_failed"]
    asked = stage.hold(card)
    assert asked.status == "requires_action"
    authenticate(stage, asked.id)
    assert stage.intent(asked.id)["status"] == "requires_capture"


def test_off_session_the_rule_is_the_last_word_and_on_session_the_card_still_asks(stage: Stage):
    card = stage.card("pm_card_threeDSecure2Required")
    tell(stage, card, "do_not_honor")
    assert outcome(stage, card, off_session=True) == "do_not_honor"
    asked = stage.hold(card)
    assert asked.status == "requires_action"
    authenticate(stage, asked.id)
    assert stage.intent(asked.id)["last_payment_error"]["decline_code"] == "do_not_honor"
    tell(stage, card, None)

    assert outcome(stage, card, off_session=True) == "requires_capture"
    assert outcome(stage, card) == "requires_action"


@pytest.mark.parametrize(
    "wrong",
    [
        {"decline_code": "Lost card"},
        {"decline_code": ""},
        {"decline_code": 5},
        {"times": -1},
        {"when": "always"},
        {"from": "tomorrow"},
        {"from": "2027-01-02T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
        {"advice_code": "pray"},
        {"colour": "red"},
        {"payment_method": "pm_x"},
        {"payment_method": "pm_card_visa"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(stage: Stage, wrong: dict[str, Any]):
    card, control = stage.card(), stage.simulator.control
    for body in ({"payment_method": card, "decline_code": None, **wrong}, {"payment_method": card}):
        with pytest.raises(ValueError, match=r"."):
            control("POST", "/_simulator/cards", body)
    assert control("GET", "/_simulator/cards") == {"cards": []}
    with pytest.raises(ValueError, match="no rule"):
        control("DELETE", f"/_simulator/cards/{card}")


# The customer comes back to a payment that was refused while they were away


def authenticate(stage: Stage, intent: str, outcome: str = "succeeded", **details: Any) -> Any:
    path = f"/_simulator/payment_intents/{intent}/authenticate"
    return stage.simulator.control("POST", path, {"outcome": outcome, **details})


@pytest.mark.parametrize("method", ["pm_card_threeDSecure2Required", "pm_card_authenticationRequiredOnSetup", "told"])
def test_the_customer_returns_and_authenticates_inferred(stage: Stage, method: str):
    card = stage.card("pm_card_visa" if method == "told" else method)
    if method == "told":
        tell(stage, card, "authentication_required", times=1)
    intent = refused(stage.hold, card, off_session=True)["payment_intent"]["id"]
    before = stage.mark()
    answered = authenticate(stage, intent)

    held = stage.intent(intent)
    assert answered["status"] == held["status"] == "requires_capture"
    assert (held["payment_method"], held["last_payment_error"], held["amount_capturable"]) == (card, None, 1200)
    charge = stage.charge(held["latest_charge"])["payment_method_details"]["card"]
    assert charge["three_d_secure"]["result"] == "authenticated"
    assert charge["capture_before"] == stage.now() + 7 * DAY, "the customer began this one"
    told = ["payment_intent.requires_action", "charge.succeeded", "payment_intent.amount_capturable_updated"]
    assert stage.events(before) == told


@pytest.mark.parametrize("answer", ["failed", "canceled"])
def test_the_customer_returns_and_fails(stage: Stage, answer: str):
    card = stage.card("pm_card_threeDSecure2Required")
    intent = refused(stage.hold, card, off_session=True)["payment_intent"]["id"]
    before = stage.mark()
    failed = authenticate(stage, intent, answer)

    assert (failed["status"], failed["payment_method"]) == ("requires_payment_method", None)
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert stage.events(before) == ["payment_intent.requires_action", "payment_intent.payment_failed"]
    assert authenticate(stage, intent)["status"] == "requires_capture"


def test_the_customer_returns_with_another_card(stage: Stage):
    intent = refused(stage.hold, stage.card("pm_card_threeDSecure2Required"), off_session=True)["payment_intent"]["id"]
    other = stage.card("pm_card_mastercard")

    held = authenticate(stage, intent, payment_method=other)
    assert (held["status"], held["payment_method"]) == ("requires_capture", other)


def test_a_customer_who_was_not_asked_cannot_fail(stage: Stage):
    intent = refused(stage.hold, stage.card("pm_card_4000000000000341"), off_session=True)["payment_intent"]["id"]
    other, before = stage.card("pm_card_mastercard"), stage.mark()

    with pytest.raises(ValueError, match="was not asked"):
        authenticate(stage, intent, "failed", payment_method=other)
    assert stage.intent(intent)["status"] == "requires_payment_method"
    assert stage.events(before) == []


def test_a_return_that_is_declined_again_says_so(stage: Stage):
    card = stage.card()
    tell(stage, card, "authentication_required", times=1)
    intent = refused(stage.hold, card, off_session=True)["payment_intent"]["id"]
    tell(stage, card, "do_not_honor")

    declined = authenticate(stage, intent)
    assert (declined["status"], declined["last_payment_error"]["decline_code"]) == (
        "requires_payment_method",
        "do_not_honor",
    )


def test_a_payment_that_never_had_a_card_needs_one(stage: Stage):
    bare = stage.client.v1.payment_intents.create({"amount": 1200, "currency": "usd"})
    with pytest.raises(ValueError, match="name a payment_method"):
        authenticate(stage, bare.id)
    assert authenticate(stage, bare.id, payment_method="pm_card_visa")["status"] == "succeeded"


def test_the_server_may_confirm_on_session_and_the_bank_asks(stage: Stage):
    card = stage.card()
    tell(stage, card, "authentication_required", times=1)
    intent = refused(stage.hold, card, off_session=True)["payment_intent"]["id"]
    asked = stage.client.v1.payment_intents.confirm(intent, {"payment_method": card})

    assert asked.status == "requires_action", "the bank wanted it, though its rule is used up"
    assert authenticate(stage, intent)["status"] == "requires_capture"


def test_off_session_again_it_is_up_to_the_bank(stage: Stage):
    card = stage.card()
    tell(stage, card, "authentication_required", times=1)
    intent = refused(stage.hold, card, off_session=True)["payment_intent"]["id"]
    again: Any = {"payment_method": card, "off_session": True}

    assert stage.client.v1.payment_intents.confirm(intent, again).status == "requires_capture"


@pytest.mark.simulated("the publishable key is used")
def test_a_phone_confirms_with_the_publishable_key_and_the_client_secret(far: FarStage):
    """What the mobile SDKs do; the answer to 3-D Secure comes through the control."""
    phone = far.phone()
    card = far.card("pm_card_threeDSecure2Required")
    refusal = refused(far.hold, card, off_session=True)["payment_intent"]
    setup = far.client.v1.setup_intents.create({"customer": far.customer})
    confirm = {"client_secret": refusal["client_secret"], "payment_method": card}

    assert refused(phone.v1.payment_intents.confirm, refusal["id"], {"payment_method": card})["status"] == 400
    wrong = {**confirm, "client_secret": str(setup.client_secret)}
    assert refused(phone.v1.payment_intents.confirm, refusal["id"], wrong)["param"] == "client_secret"
    away = {**confirm, "off_session": True}
    assert refused(phone.v1.payment_intents.confirm, refusal["id"], away)["param"] == "off_session"
    asked = phone.v1.payment_intents.confirm(refusal["id"], confirm)  # type: ignore[arg-type]
    assert asked.status == "requires_action"
    far.authenticate(refusal["id"])
    assert far.intent(refusal["id"])["status"] == "requires_capture"

    params: Any = {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"}
    assert phone.v1.setup_intents.confirm(setup.id, params).status == "succeeded"
    assert refused(phone.v1.payment_intents.capture, refusal["id"])["status"] == 403
    secret = {"payment_method": card, "client_secret": refusal["client_secret"]}
    assert refused(far.client.v1.payment_intents.confirm, refusal["id"], secret)["code"] == "parameter_unknown"
