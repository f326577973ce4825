"""Disputes: born at capture, argued, won or lost; and inquiries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stage import Stage, refused

CARDS = [
    ("pm_card_createDispute", "4000000000000259", "fraudulent"),
    ("pm_card_createDisputeProductNotReceived", "4000000000002685", "product_not_received"),
]


def dispute_of(stage: Stage, intent: str):
    (dispute,) = stage.client.v1.disputes.list({"payment_intent": intent}).data
    return dispute


@pytest.mark.parametrize(("name", "number", "reason"), CARDS)
def test_a_dispute_is_born_at_capture_and_never_on_a_hold(stage: Stage, name: str, number: str, reason: str):
    for method in (name, stage.numbered(number)):
        intent = stage.hold(method)
        assert stage.client.v1.disputes.list({"payment_intent": intent.id}).data == []
        before = stage.mark()
        stage.client.v1.payment_intents.capture(intent.id)

        dispute = dispute_of(stage, intent.id)
        assert dispute.id.startswith("du_")
        assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 1200)
        assert not dispute.is_charge_refundable
        (moved,) = dispute.balance_transactions
        assert (moved.amount, moved.fee, moved.net, moved.type) == (-1200, 1500, -2700, "adjustment")
        assert stage.events(before) == [
            "charge.captured",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "payment_intent.succeeded",
        ]


def test_a_payment_without_a_hold_is_disputed_right_after_it_succeeded(stage: Stage):
    _, before = stage.customer, stage.mark()
    stage.pay("pm_card_createDispute")

    assert stage.events(before) == [
        "payment_intent.created",
        "charge.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded",
    ]


def test_a_disputed_charge_is_not_refunded(stage: Stage):
    intent = stage.captured("pm_card_createDispute")

    error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id})

    assert (error["status"], error["code"]) == (400, "charge_disputed")
    assert stage.charge_of(intent.id)["disputed"] is True


@pytest.mark.parametrize(("text", "verdict"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_a_little_later(stage: Stage, text: str, verdict: str):
    dispute = dispute_of(stage, stage.captured("pm_card_createDispute").id)
    before = stage.mark()
    sent = stage.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})

    assert (sent.status, sent.evidence_details.has_evidence) == ("under_review", True)
    assert sent.evidence_details.submission_count == 1
    assert stage.events(before) == ["charge.dispute.updated", "charge.updated"]
    before = stage.mark()
    stage.simulator.advance(60)

    decided = stage.client.v1.disputes.retrieve(dispute.id)
    assert decided.status == verdict
    amounts = [(moved.amount, moved.fee) for moved in decided.balance_transactions]
    if verdict == "won":
        assert amounts == [(-1200, 1500), (1200, 0)]
        assert stage.events(before) == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    else:
        assert amounts == [(-1200, 1500)]
        assert stage.events(before) == ["charge.dispute.closed"]


def test_staged_evidence_is_not_handed_in(stage: Stage):
    dispute = dispute_of(stage, stage.captured("pm_card_createDispute").id)
    evidence: Any = {"product_description": "A seat", "uncategorized_text": "winning_evidence"}
    staged = stage.client.v1.disputes.update(dispute.id, {"evidence": evidence, "submit": False})
    stage.simulator.advance(60)

    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    assert staged.evidence.product_description == "A seat"
    assert stage.client.v1.disputes.update(dispute.id, {"submit": True}).status == "under_review"


def test_evidence_sent_again_puts_the_verdict_off_and_delays_nothing_else(stage: Stage):
    dispute = dispute_of(stage, stage.captured("pm_card_createDispute").id)
    other = stage.captured("pm_card_4000000000007726")
    stage.simulator.switches.change({"dispute_resolution_seconds": 50, "refund_settlement_seconds": 60})
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}}
    stage.client.v1.disputes.update(dispute.id, evidence)
    refund = stage.client.v1.refunds.create({"payment_intent": other.id})
    stage.simulator.advance(20)
    stage.client.v1.disputes.update(dispute.id, evidence)
    stage.simulator.advance(45)

    assert stage.client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert stage.client.v1.disputes.retrieve(dispute.id).status == "under_review"
    stage.simulator.advance(5)
    assert stage.client.v1.disputes.retrieve(dispute.id).status == "won"


def test_giving_up_loses_at_once(stage: Stage):
    dispute = dispute_of(stage, stage.captured("pm_card_createDispute").id)
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}}
    stage.client.v1.disputes.update(dispute.id, evidence)
    before = stage.mark()

    assert stage.client.v1.disputes.close(dispute.id).status == "lost"
    assert stage.events(before) == ["charge.dispute.closed", "charge.updated"]
    assert refused(stage.client.v1.disputes.close, dispute.id)["status"] == 400
    assert stage.simulator.store.rows("timer") == {}
    late = {"evidence": {"uncategorized_text": "winning_evidence"}}
    assert refused(stage.client.v1.disputes.update, dispute.id, late)["status"] == 400


def test_an_inquiry_takes_no_money_and_may_be_refunded(stage: Stage):
    intent = stage.hold("pm_card_createDisputeInquiry")
    before = stage.mark()
    stage.client.v1.payment_intents.capture(intent.id)

    dispute = dispute_of(stage, intent.id)
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert stage.events(before) == ["charge.captured", "charge.dispute.created", "payment_intent.succeeded"]
    assert stage.client.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_that_an_inquiry_withdraws_funds_is_inferred_and_a_switch(stage: Stage):
    stage.simulator.control("PATCH", "/_simulator/switches", {"inquiry_withdraws_funds": True})
    before = stage.mark()
    stage.captured("pm_card_createDisputeInquiry")

    assert "charge.dispute.funds_withdrawn" in stage.events(before)


@pytest.mark.parametrize(
    ("text", "status"), [("winning_evidence", "warning_closed"), ("escalate_inquiry_evidence", "needs_response")]
)
def test_how_an_inquiry_ends_is_inferred(stage: Stage, text: str, status: str):
    dispute = dispute_of(stage, stage.captured("pm_card_createDisputeInquiry").id)
    sent = stage.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert sent.status == "warning_under_review"
    stage.simulator.advance(60)

    ended = stage.client.v1.disputes.retrieve(dispute.id)
    assert ended.status == status
    assert len(ended.balance_transactions) == (1 if status == "needs_response" else 0)


def test_a_test_opens_and_decides_disputes(stage: Stage):
    intent, control = stage.captured(amount=1200), stage.simulator.control
    opened = control("POST", "/_simulator/disputes", {"payment_intent": intent.id, "amount": 500, "reason": "general"})

    assert (opened["amount"], opened["reason"], opened["status"]) == (500, "general", "needs_response")
    assert dispute_of(stage, intent.id).id == opened["id"]
    with pytest.raises(ValueError, match="disputed already"):
        control("POST", "/_simulator/disputes", {"charge": str(intent.latest_charge)})
    assert control("POST", f"/_simulator/disputes/{opened['id']}", {"status": "won"})["status"] == "won"
    with pytest.raises(ValueError, match="closed already"):
        control("POST", f"/_simulator/disputes/{opened['id']}", {"status": "lost"})


def test_a_hold_cannot_be_disputed(stage: Stage):
    with pytest.raises(ValueError, match="captured"):
        stage.simulator.control("POST", "/_simulator/disputes", {"payment_intent": stage.hold().id})
