"""Over HTTP, row by row: disputes and inquiries, their money and their events in order."""

from __future__ import annotations

import pytest

from tests.simulator.remote import FarStage


@pytest.mark.parametrize("manual", [True, False])
def test_row_dispute_opened(far: FarStage, manual: bool):
    card = far.card("pm_card_createDispute")
    intent, before = (far.hold(card).id, far.mark()) if manual else ("", far.mark())
    if manual:
        assert far.client.v1.disputes.list({"payment_intent": intent}).data == [], "never on a hold"
        far.client.v1.payment_intents.capture(intent)
    else:
        intent = far.pay(card).id

    dispute = far.dispute_of(intent)
    assert dispute.id.startswith("du_")
    assert (dispute.status, dispute.is_charge_refundable) == ("needs_response", False)
    (moved,) = dispute.balance_transactions
    assert (moved.type, moved.amount, moved.fee) == ("adjustment", -1200, 1500)
    first = ["charge.captured"] if manual else ["payment_intent.created", "charge.succeeded"]
    opened = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "payment_intent.succeeded"]
    assert far.events(before) == [*first, *opened]


@pytest.mark.parametrize(
    ("text", "status", "ending"),
    [
        ("winning_evidence", "won", ["charge.dispute.funds_reinstated", "charge.dispute.closed"]),
        ("losing_evidence", "lost", ["charge.dispute.closed"]),
    ],
)
def test_rows_evidence_won_and_lost(far: FarStage, text: str, status: str, ending: list[str]):
    dispute, retrieve = far.dispute_of(far.captured("pm_card_createDispute").id), far.client.v1.disputes.retrieve
    before = far.mark()
    sent = far.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert sent.status == "under_review"
    assert far.becomes(status, lambda: retrieve(dispute.id).status, within=5) == status

    assert far.events(before) == ["charge.dispute.updated", "charge.updated", *ending]
    kept = sum(moved.net for moved in retrieve(dispute.id).balance_transactions)
    assert kept == (-1500 if status == "won" else -2700), "the fee is kept on a win, too"


def test_row_close(far: FarStage):
    dispute = far.dispute_of(far.captured("pm_card_createDispute").id)
    before = far.mark()

    assert far.client.v1.disputes.close(dispute.id).status == "lost"
    assert far.events(before) == ["charge.dispute.closed", "charge.updated"]


def test_row_inquiry(far: FarStage):
    dispute = far.dispute_of(far.captured("pm_card_createDisputeInquiry").id)

    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert "charge.dispute.created" in far.events()


def test_row_inquiry_withdraws_nothing_inferred(far: FarStage):
    far.dispute_of(far.captured("pm_card_createDisputeInquiry").id)

    assert [kind for kind in far.events() if "dispute" in kind] == ["charge.dispute.created"]
