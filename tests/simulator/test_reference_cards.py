"""Over HTTP, row by row: Stripe's test cards, by payment method and, on the simulator, by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.simulator.remote import FarStage
from tests.simulator.stage import refused

ANSWERED = pytest.mark.simulated("the cardholder answers 3-D Secure")
NUMBERED = pytest.mark.simulated("card numbers are sent")
DECLINES = [
    ("visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds"),
    ("visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    ("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_declined", "card_velocity_exceeded"),
    ("chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card"),
    ("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ("chargeDeclinedProcessingError", "4000000000000119", "processing_error", "processing_error"),
]
# Stripe's page gives these three a code and no decline code.
NO_DECLINE_CODE = ("expired_card", "incorrect_cvc", "processing_error")
NAMES = [(name, code, decline) for name, _, code, decline in DECLINES]
SAME = [
    *((f"pm_card_{name}", number) for name, number, _, _ in DECLINES),
    ("pm_card_visa", "4242424242424242"),
    ("pm_card_chargeCustomerFail", "4000000000000341"),
    ("pm_card_authenticationRequiredOnSetup", "4000002500003155"),
    ("pm_card_authenticationRequired", "4000002760003184"),
    ("pm_card_authenticationRequiredSetupForOffSession", "4000003800000446"),
    ("pm_card_threeDSecure2Required", "4000000000003220"),
    ("pm_card_threeDSecureRequiredChargeDeclined", "4000008400001629"),
    ("pm_card_createDispute", "4000000000000259"),
    ("pm_card_createDisputeProductNotReceived", "4000000000002685"),
    ("pm_card_createDisputeInquiry", "4000000000001976"),
    ("pm_card_pendingRefund", "4000000000007726"),
    ("pm_card_refundFail", "4000000000005126"),
]


def test_visa_succeeds(far: FarStage):
    for method in ("pm_card_visa", far.card()):
        assert far.hold(method).status == "requires_capture"


def answer(act: Callable[[], Any]) -> list[object]:
    try:
        done = act()
        return ["saved" if isinstance(done, str) else done.status]
    except stripe.StripeError as error:
        told: Any = error.json_body or {}
        return [error.http_status, error.code, told["error"].get("decline_code")]


def story(stage: FarStage, new: Callable[[], str]) -> list[object]:
    """Of a card: paid with on session, disputed, refunded; paid with off session; saved."""
    paid = answer(lambda: stage.pay(new()))
    if paid == ["succeeded"]:
        intent: Any = {"payment_intent": stage.pay(new()).id}
        paid += [(dispute.status, dispute.reason) for dispute in stage.client.v1.disputes.list(intent).data]
        refund = answer(lambda: stage.client.v1.refunds.create(intent))
        stage.advance(3600)
        paid += refund + [refund.status for refund in stage.client.v1.refunds.list(intent).data]
    return [*paid, *answer(lambda: stage.pay(new(), off_session=True)), *answer(lambda: stage.card(new()))]


@NUMBERED
@pytest.mark.parametrize(("name", "number"), SAME)
def test_a_number_is_the_card_of_its_name(far: FarStage, name: str, number: str):
    """What that card does is told by the tests that call it by its name."""
    assert story(far, lambda: far.numbered(number)) == story(far, lambda: name)


@pytest.mark.parametrize(("name", "code", "decline_code"), NAMES)
def test_declines_say_why(far: FarStage, name: str, code: str, decline_code: str):
    error = refused(far.hold, f"pm_card_{name}")

    assert (error["status"], error["code"]) == (402, code)
    assert decline_code in NO_DECLINE_CODE or error["decline_code"] == decline_code


@pytest.mark.parametrize("name", ["ExpiredCard", "IncorrectCvc", "ProcessingError"])
def test_a_decline_with_a_code_of_its_own_repeats_it_inferred(far: FarStage, name: str):
    error = refused(far.hold, f"pm_card_chargeDeclined{name}")

    assert error["decline_code"] == error["code"]


@pytest.mark.parametrize(("name", "code", "decline_code"), NAMES)
def test_declines_are_the_same_off_session_inferred(far: FarStage, name: str, code: str, decline_code: str):
    error = refused(far.hold, f"pm_card_{name}", off_session=True)

    assert (error["status"], error["code"], error["decline_code"]) == (402, code, decline_code)


@pytest.mark.parametrize("name", [name for name, _, _ in NAMES])
def test_a_card_that_declines_is_not_saved(far: FarStage, name: str):
    assert refused(far.card, f"pm_card_{name}")["status"] == 402
    assert far.client.v1.payment_methods.list({"customer": far.customer}).data == []


@pytest.mark.parametrize(("name", "code", "decline_code"), NAMES)
def test_a_card_that_declines_is_not_saved_and_says_why_inferred(
    far: FarStage, name: str, code: str, decline_code: str
):
    attached, set_up = refused(far.card, f"pm_card_{name}"), refused(far.set_up, f"pm_card_{name}")

    for error in (attached, set_up):
        assert (error["status"], error["code"], error["decline_code"]) == (402, code, decline_code)
    assert set_up["setup_intent"]["status"] == "requires_payment_method"


def test_attaching_again_to_the_same_customer_changes_nothing_inferred(far: FarStage):
    card = far.card()

    assert far.card(card) == card
    assert [each.id for each in far.client.v1.payment_methods.list({"customer": far.customer}).data] == [card]


def test_0341_is_saved_and_declines_every_charge(far: FarStage):
    for card in (far.card("pm_card_chargeCustomerFail"), far.saved("pm_card_chargeCustomerFail")):
        for off_session in (False, True):
            assert refused(far.hold, card, off_session=off_session)["decline_code"] == "generic_decline"


def test_3155_authenticates(far: FarStage):
    card = far.card("pm_card_authenticationRequiredOnSetup")

    assert far.hold(card).status == "requires_action"
    assert refused(far.hold, card, off_session=True)["code"] == "authentication_required"


@ANSWERED
def test_3155_authenticates_unless_it_was_set_up(far: FarStage):
    card = far.saved("pm_card_authenticationRequiredOnSetup")

    assert far.hold(card, off_session=True).status == "requires_capture"


@ANSWERED
def test_3155_is_set_up_by_a_payment_that_saves_it(far: FarStage):
    intent = far.hold("pm_card_authenticationRequiredOnSetup", setup_future_usage="off_session")
    far.authenticate(intent.id)
    card = str(far.intent(intent.id)["payment_method"])

    assert far.client.v1.payment_methods.retrieve(card).customer == far.customer
    assert far.hold(card, off_session=True).status == "requires_capture"


@ANSWERED
@pytest.mark.parametrize("name", ["authenticationRequired", "threeDSecure2Required"])
def test_3184_and_3220_authenticate_though_they_were_set_up(far: FarStage, name: str):
    card = far.saved(f"pm_card_{name}")

    assert far.hold(card).status == "requires_action"
    assert refused(far.hold, card, off_session=True)["code"] == "authentication_required"


@pytest.mark.parametrize("name", ["authenticationRequired", "threeDSecure2Required"])
def test_3184_and_3220_authenticate(far: FarStage, name: str):
    card = far.card(f"pm_card_{name}")

    assert far.hold(card).status == "requires_action"
    assert refused(far.hold, card, off_session=True)["code"] == "authentication_required"


def test_0446_came_set_up(far: FarStage):
    card = far.card("pm_card_authenticationRequiredSetupForOffSession")

    assert far.hold(card, off_session=True).status == "requires_capture"
    assert far.hold(card).status == "requires_action"


def test_1629_authenticates(far: FarStage):
    assert far.hold("pm_card_threeDSecureRequiredChargeDeclined").status == "requires_action"


@ANSWERED
def test_1629_authenticates_and_then_declines(far: FarStage):
    intent = far.hold(far.card("pm_card_threeDSecureRequiredChargeDeclined"))
    far.authenticate(intent.id)

    declined = far.intent(intent.id)
    assert (declined["status"], declined["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [
        ("createDispute", "fraudulent", "needs_response"),
        ("createDisputeProductNotReceived", "product_not_received", "needs_response"),
        ("createDisputeInquiry", None, "warning_needs_response"),
    ],
)
def test_disputes_come_with_the_capture(far: FarStage, name: str, reason: str | None, status: str):
    dispute = far.dispute_of(far.captured(f"pm_card_{name}").id)

    assert dispute.status == status
    assert reason is None or dispute.reason == reason


@pytest.mark.parametrize(
    ("name", "first", "last"), [("pendingRefund", "pending", "succeeded"), ("refundFail", "succeeded", "failed")]
)
def test_refunds_that_change_later(far: FarStage, name: str, first: str, last: str):
    refund = far.client.v1.refunds.create({"payment_intent": far.captured(f"pm_card_{name}").id})

    assert refund.status == first
    assert far.becomes(last, lambda: far.client.v1.refunds.retrieve(refund.id).status, within=3600) == last


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("createDispute", "winning_evidence", "won"),
        ("createDispute", "losing_evidence", "lost"),
        ("createDisputeInquiry", "escalate_inquiry_evidence", "needs_response"),
    ],
)
def test_words_that_decide_a_dispute(far: FarStage, name: str, text: str, status: str):
    dispute = far.dispute_of(far.captured(f"pm_card_{name}").id)
    far.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})

    assert far.becomes(status, lambda: far.client.v1.disputes.retrieve(dispute.id).status, within=10) == status
