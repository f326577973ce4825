"""Over HTTP, row by row: Stripe's test cards, by payment method and by number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.remote import RemoteStage
from tests.simulator.stage import refused

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


def set_up(stage: RemoteStage, method: str) -> str:
    given: Any = {"customer": stage.customer, "payment_method": method, "confirm": True}
    setup = stage.client.v1.setup_intents.create(given)
    if setup.status == "requires_action":
        path = f"setup_intents/{setup.id}/authenticate"
        stage.process.control("POST", path, {"outcome": "succeeded"})
    return str(stage.client.v1.setup_intents.retrieve(setup.id).payment_method)


def disputes_of(stage: RemoteStage, intent: str) -> Any:
    return stage.client.v1.disputes.list({"payment_intent": intent}).data


def test_visa_succeeds(far: RemoteStage):
    for method in ("pm_card_visa", far.numbered("4242424242424242"), far.card()):
        assert far.hold(method).status == "requires_capture"


@pytest.mark.parametrize(("name", "number", "code", "decline_code"), DECLINES)
def test_declines_say_why_and_cannot_be_saved(far: RemoteStage, name: str, number: str, code: str, decline_code: str):
    given: Any = {"customer": far.customer, "confirm": True}
    for method in (f"pm_card_{name}", far.numbered(number)):
        on_session, saved = refused(far.hold, method), refused(far.card, method)
        off_session = refused(far.hold, method, off_session=True)
        set_up = refused(far.client.v1.setup_intents.create, {**given, "payment_method": method})

        for error in (on_session, off_session, saved, set_up):
            assert (error["status"], error["code"], error["decline_code"]) == (402, code, decline_code)
        assert set_up["setup_intent"]["status"] == "requires_payment_method"
    assert far.client.v1.payment_methods.list({"customer": far.customer}).data == []


def test_0341_is_saved_and_declines_every_charge(far: RemoteStage):
    for card in (far.card(far.numbered("4000000000000341")), set_up(far, "pm_card_4000000000000341")):
        for off_session in (False, True):
            assert refused(far.hold, card, off_session=off_session)["decline_code"] == "generic_decline"


def test_3155_authenticates_unless_it_was_set_up(far: RemoteStage):
    card = far.card(far.numbered("4000002500003155"))
    assert far.hold(card).status == "requires_action"
    assert refused(far.hold, card, off_session=True)["code"] == "authentication_required"

    assert far.hold(set_up(far, "pm_card_authenticationRequiredOnSetup"), off_session=True).status == "requires_capture"


def test_3155_is_set_up_by_a_payment_that_saves_it(far: RemoteStage):
    intent = far.hold("pm_card_authenticationRequiredOnSetup", setup_future_usage="off_session")
    far.process.control("POST", f"payment_intents/{intent.id}/authenticate", {"outcome": "succeeded"})
    card = str(far.intent(intent.id)["payment_method"])

    assert far.client.v1.payment_methods.retrieve(card).customer == far.customer
    assert far.hold(card, off_session=True).status == "requires_capture"


@pytest.mark.parametrize("number", ["4000002760003184", "4000000000003220"])
def test_3184_and_3220_always_authenticate(far: RemoteStage, number: str):
    card = set_up(far, far.numbered(number))

    assert far.hold(card).status == "requires_action"
    assert refused(far.hold, card, off_session=True)["code"] == "authentication_required"


def test_0446_came_set_up(far: RemoteStage):
    assert far.hold(far.card(far.numbered("4000003800000446")), off_session=True).status == "requires_capture"


def test_1629_authenticates_and_then_declines(far: RemoteStage):
    intent = far.hold(far.card(far.numbered("4000008400001629")))
    far.process.control("POST", f"payment_intents/{intent.id}/authenticate", {"outcome": "succeeded"})

    declined = far.intent(intent.id)
    assert (declined["status"], declined["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")


@pytest.mark.parametrize(
    ("name", "number", "reason", "status"),
    [
        ("createDispute", "4000000000000259", "fraudulent", "needs_response"),
        ("createDisputeProductNotReceived", "4000000000002685", "product_not_received", "needs_response"),
        ("createDisputeInquiry", "4000000000001976", None, "warning_needs_response"),
    ],
)
def test_disputes_come_with_the_capture(far: RemoteStage, name: str, number: str, reason: str | None, status: str):
    for method in (f"pm_card_{name}", far.numbered(number)):
        (dispute,) = disputes_of(far, far.captured(method).id)
        assert dispute.status == status
        assert reason is None or dispute.reason == reason


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [("4000000000007726", "pending", "succeeded"), ("4000000000005126", "succeeded", "failed")],
)
def test_refunds_that_change_later(far: RemoteStage, number: str, first: str, last: str):
    refund = far.client.v1.refunds.create({"payment_intent": far.captured(far.numbered(number)).id})
    far.simulator.advance(3600)

    assert (refund.status, far.client.v1.refunds.retrieve(refund.id).status) == (first, last)


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("createDispute", "winning_evidence", "won"),
        ("createDispute", "losing_evidence", "lost"),
        ("createDisputeInquiry", "escalate_inquiry_evidence", "needs_response"),
    ],
)
def test_words_that_decide_a_dispute(far: RemoteStage, name: str, text: str, status: str):
    (dispute,) = disputes_of(far, far.captured(f"pm_card_{name}").id)
    far.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    far.simulator.advance(10)

    assert far.client.v1.disputes.retrieve(dispute.id).status == status
