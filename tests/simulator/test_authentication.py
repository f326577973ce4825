"""3-D Secure: on session it asks, off session it declines; the answer comes through a control."""

from __future__ import annotations

import pytest

from tests.simulator.stage import Stage, refused

ALWAYS = ["pm_card_4000002760003184", "pm_card_threeDSecure2Required"]
ASKING = ["pm_card_authenticationRequiredOnSetup", *ALWAYS]


def answer(stage: Stage, intent: str, outcome: str = "succeeded"):
    kind = "setup_intents" if intent.startswith("seti_") else "payment_intents"
    return stage.simulator.control("POST", f"/_simulator/{kind}/{intent}/authenticate", {"outcome": outcome})


@pytest.mark.parametrize("method", ASKING)
def test_on_session_the_cardholder_is_asked(stage: Stage, method: str):
    _, before = stage.customer, stage.mark()
    intent = stage.hold(method)

    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.client_secret
    assert stage.events(before) == ["payment_intent.created", "payment_intent.requires_action"]


@pytest.mark.parametrize("method", ASKING)
def test_a_passed_challenge_places_the_hold_inferred(stage: Stage, method: str):
    intent = stage.hold(method)
    before = stage.mark()
    answer(stage, intent.id)

    held = stage.intent(intent.id)
    assert (held["status"], held["next_action"], held["amount_capturable"]) == ("requires_capture", None, 1200)
    card = stage.charge(held["latest_charge"])["payment_method_details"]["card"]
    assert card["three_d_secure"]["result"] == "authenticated"
    assert card["capture_before"] == stage.now() + 7 * 86_400
    assert stage.events(before) == ["charge.succeeded", "payment_intent.amount_capturable_updated"]


@pytest.mark.parametrize("outcome", ["failed", "canceled"])
def test_a_failed_challenge_is_inferred_to_ask_for_another_card(stage: Stage, outcome: str):
    intent = stage.hold("pm_card_threeDSecure2Required")
    before = stage.mark()
    answer(stage, intent.id, outcome)

    failed = stage.intent(intent.id)
    assert (failed["status"], failed["payment_method"]) == ("requires_payment_method", None)
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert stage.events(before) == ["payment_intent.payment_failed"]


def test_a_return_url_asks_by_redirect(stage: Stage):
    intent = stage.hold("pm_card_threeDSecure2Required", return_url="https://example.com/back")

    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == "https://example.com/back"


@pytest.mark.parametrize("method", ASKING)
def test_off_session_nobody_can_be_asked(stage: Stage, method: str):
    card, before = stage.card(method), stage.mark()
    error = refused(stage.hold, card, off_session=True)

    assert (error["status"], error["raised"]) == (402, "CardError")
    assert (error["code"], error["decline_code"]) == ("authentication_required", "authentication_required")
    assert "charge" not in error
    intent = stage.intent(error["payment_intent"]["id"])
    assert (intent["status"], intent["latest_charge"]) == ("requires_payment_method", None)
    assert stage.events(before) == ["payment_intent.created", "payment_intent.payment_failed"]


@pytest.mark.parametrize(
    ("method", "leaves"),
    [("pm_card_authenticationRequiredOnSetup", True), (ALWAYS[0], True), ("pm_card_threeDSecure2Required", False)],
)
def test_the_failed_charge_of_an_off_session_refusal_is_inferred(stage: Stage, method: str, leaves: bool):
    stage.simulator.control("PATCH", "/_simulator/switches", {"failed_charge_on_off_session_authentication": True})

    error = refused(stage.hold, stage.card(method), off_session=True)

    assert ("charge" in error) == leaves


@pytest.mark.parametrize(
    ("method", "asked_again"), [("pm_card_authenticationRequiredOnSetup", False), (ALWAYS[0], True), (ALWAYS[1], True)]
)
def test_after_setup_only_some_cards_are_left_alone_off_session(stage: Stage, method: str, asked_again: bool):
    params = {"customer": stage.customer, "payment_method": method, "confirm": True, "usage": "off_session"}
    setup = stage.client.v1.setup_intents.create(params)  # type: ignore[arg-type]
    assert setup.status == "requires_action"
    card = answer(stage, setup.id)["payment_method"]

    if asked_again:
        assert refused(stage.hold, card, off_session=True)["code"] == "authentication_required"
    else:
        assert stage.hold(card, off_session=True).status == "requires_capture"
    assert stage.hold(card).status == "requires_action"


def test_a_card_that_came_set_up_is_asked_only_on_session(stage: Stage):
    card = stage.card("pm_card_4000003800000446")

    assert stage.hold(card, off_session=True).status == "requires_capture"
    assert stage.hold(card).status == "requires_action"


def test_a_passed_challenge_may_still_be_declined(stage: Stage):
    intent = stage.hold("pm_card_4000008400001629")
    before = stage.mark()
    answer(stage, intent.id)

    declined = stage.intent(intent.id)
    assert (declined["status"], declined["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")
    assert stage.charge(declined["latest_charge"])["status"] == "failed"
    assert stage.events(before) == ["charge.failed", "payment_intent.payment_failed"]
    again = {"payment_method": "pm_card_threeDSecure2Required"}
    asked = stage.client.v1.payment_intents.confirm(intent.id, again)  # type: ignore[arg-type]
    assert (asked.status, asked.last_payment_error) == ("requires_action", None)


def test_error_on_requires_action_declines_instead_of_asking(stage: Stage):
    error = refused(stage.hold, "pm_card_threeDSecure2Required", error_on_requires_action=True)

    assert (error["status"], error["code"]) == (402, "authentication_required")


def test_any_card_can_be_asked_on_demand(stage: Stage):
    intent = stage.hold(payment_method_options={"card": {"request_three_d_secure": "any"}})
    assert intent.status == "requires_action"
    answer(stage, intent.id)
    assert stage.intent(intent.id)["status"] == "requires_capture"


def test_manual_confirmation_waits_for_the_server_after_the_challenge(stage: Stage):
    intent = stage.hold("pm_card_threeDSecure2Required", confirmation_method="manual")
    assert answer(stage, intent.id)["status"] == "requires_confirmation"

    assert stage.client.v1.payment_intents.confirm(intent.id).status == "requires_capture"


def test_who_waits_for_nobody_cannot_be_answered(stage: Stage):
    intent = stage.hold()
    with pytest.raises(ValueError, match="waits for nobody"):
        answer(stage, intent.id)
    with pytest.raises(ValueError, match="outcome is one of"):
        answer(stage, stage.hold("pm_card_threeDSecure2Required").id, "perhaps")


def test_a_question_can_be_withdrawn(stage: Stage):
    intent = stage.hold("pm_card_threeDSecure2Required")
    before = stage.mark()

    cancelled = stage.client.v1.payment_intents.cancel(intent.id)

    assert (cancelled.status, cancelled.next_action) == ("canceled", None)
    assert stage.events(before) == ["payment_intent.canceled"]


def test_setting_up_saves_the_card_with_its_customer(stage: Stage):
    setup = stage.client.v1.setup_intents.create({"customer": stage.customer, "usage": "on_session"})
    assert (setup.status, setup.usage) == ("requires_payment_method", "off_session")
    before = stage.mark()
    done = stage.client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})

    assert done.status == "succeeded"
    method = stage.client.v1.payment_methods.retrieve(str(done.payment_method))
    assert method.customer == stage.customer
    assert set(stage.events(before)) == {"payment_method.attached", "setup_intent.succeeded"}
    (attempt,) = stage.client.v1.setup_attempts.list({"setup_intent": setup.id}).data
    assert (attempt.id, attempt.status) == (done.latest_attempt, "succeeded")


def test_a_setup_can_fail_and_try_again(stage: Stage):
    params = {"customer": stage.customer, "payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    setup = stage.client.v1.setup_intents.create(params)  # type: ignore[arg-type]
    before = stage.mark()
    failed = answer(stage, setup.id, "failed")

    assert (failed["status"], failed["payment_method"]) == ("requires_payment_method", None)
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    assert stage.events(before) == ["setup_intent.setup_failed"]
    stage.client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
    attempts = stage.client.v1.setup_attempts.list({"setup_intent": setup.id}).data
    assert [attempt.status for attempt in attempts] == ["succeeded", "failed"]


def test_a_setup_can_be_cancelled_once(stage: Stage):
    setup = stage.client.v1.setup_intents.create({"customer": stage.customer})
    before = stage.mark()
    done = stage.client.v1.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"})

    assert (done.status, done.cancellation_reason) == ("canceled", "abandoned")
    assert stage.events(before) == ["setup_intent.canceled"]
    again = refused(stage.client.v1.setup_intents.cancel, setup.id)
    assert (again["status"], again["code"]) == (400, "setup_intent_unexpected_state")
    listed = stage.client.v1.setup_intents.list({"customer": stage.customer}).data
    assert [each.id for each in listed] == [setup.id]
