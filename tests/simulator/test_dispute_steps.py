"""Every step of a dispute: evidence and its limits, deadlines, verdicts at their time, inquiries that escalate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator import schema
from tests.simulator.stage import Stage, refused

DAY = 86_400
FILES = [name for name, kind in schema.COMPONENTS["dispute__evidence"]["properties"].items() if "x-expandable" in kind]
TEXTS = sorted(set(schema.COMPONENTS["dispute__evidence"]["properties"]) - set(FILES) - {"appeal", "enhanced_evidence"})
# The rest of the texts are short ones (D).
LONG = """access_activity_log cancellation_policy_disclosure cancellation_rebuttal duplicate_charge_explanation
    product_description refund_policy_disclosure refund_refusal_explanation uncategorized_text""".split()


def disputed(stage: Stage, *, inquiry: bool = False, **details: Any) -> str:
    intent = stage.captured(amount=1200)
    body = {"payment_intent": intent.id, "inquiry": inquiry, **details}
    return str(stage.simulator.control("POST", "/_simulator/disputes", body)["id"])


def dispute(stage: Stage, opened: str) -> dict[str, Any]:
    return stage.client.v1.disputes.retrieve(opened).to_dict()


def argue(stage: Stage, opened: str, evidence: dict[str, str], **params: Any) -> Any:
    given: Any = {"evidence": evidence, **params}
    return stage.client.v1.disputes.update(opened, given)


def decide(stage: Stage, opened: str, status: str, **details: Any) -> Any:
    return stage.simulator.control("POST", f"/_simulator/disputes/{opened}", {"status": status, **details})


def test_every_text_is_staged_then_submitted(stage: Stage):
    opened = disputed(stage)
    evidence = {name: f"Words about {name}" for name in TEXTS}
    staged = argue(stage, opened, evidence, submit=False)

    assert {name: staged.evidence[name] for name in TEXTS} == evidence
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert (staged.evidence_details.submission_count, staged.evidence_details.past_due) == (0, False)
    corrected = argue(stage, opened, {"customer_name": "Alice", "shipping_carrier": ""}, submit=False)
    assert (corrected.evidence.customer_name, corrected.evidence.shipping_carrier) == ("Alice", None)
    assert corrected.evidence.product_description == evidence["product_description"]
    sent = stage.client.v1.disputes.update(opened, {"submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert sent.evidence_details.submission_method == "manual"


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_its_limit(stage: Stage, name: str):
    most = 20_000 if name in LONG else 5_000
    opened = disputed(stage)
    assert argue(stage, opened, {name: "é" * most}, submit=False).evidence[name] == "é" * most

    error = refused(argue, stage, opened, {name: "é" * (most + 1)}, submit=False)
    assert (error["status"], error["param"]) == (400, f"evidence[{name}]")


def test_all_texts_together_have_a_limit(stage: Stage):
    opened = disputed(stage)
    argue(stage, opened, dict.fromkeys(LONG[:7], "x" * 20_000), submit=False)

    error = refused(argue, stage, opened, {"uncategorized_text": "x" * 10_001}, submit=False)
    assert (error["status"], error["param"]) == (400, "evidence")
    assert "150,000" in error["message"]
    assert argue(stage, opened, {"uncategorized_text": "x" * 10_000}, submit=False).evidence_details.has_evidence


@pytest.mark.parametrize("name", FILES)
def test_what_wants_a_file_takes_no_words(stage: Stage, name: str):
    opened = disputed(stage)
    error = refused(argue, stage, opened, {name: "Paid in full, see attached"}, submit=False)

    assert (error["status"], error["code"], error["param"]) == (400, "resource_missing", f"evidence[{name}]")
    assert error["message"] == "No such file upload: 'Paid in full, see attached'"
    assert argue(stage, opened, {name: "file_123"}, submit=False).evidence[name] == "file_123"


def test_an_unanswered_dispute_is_lost_at_its_deadline_inferred(stage: Stage):
    opened = disputed(stage, respond_within_seconds=14 * DAY)
    due = dispute(stage, opened)["evidence_details"]["due_by"]
    assert due == stage.now() + 14 * DAY
    argue(stage, opened, {"product_description": "A seat"}, submit=False)
    before = stage.mark()
    stage.simulator.advance(14 * DAY - 1)
    assert stage.events(before) == []
    stage.simulator.advance(30 * DAY)

    assert dispute(stage, opened)["status"] == "lost"
    (closed,) = list(stage.simulator.store.rows("event").values())[before:]
    assert (closed["type"], closed["created"], closed["request"]["id"]) == ("charge.dispute.closed", due, None)
    assert refused(argue, stage, opened, {"product_description": "too late"})["status"] == 400


def test_what_was_submitted_waits_for_the_bank_past_the_deadline(stage: Stage):
    opened = disputed(stage)
    argue(stage, opened, {"product_description": "A seat"})
    stage.simulator.advance(70 * DAY)

    assert dispute(stage, opened)["status"] == "under_review"
    assert decide(stage, opened, "won")["status"] == "won"


def test_that_a_deadline_loses_is_inferred_and_a_switch(stage: Stage):
    stage.simulator.control("PATCH", "/_simulator/switches", {"dispute_lost_when_past_due": False})
    opened = disputed(stage)
    stage.simulator.advance(10 * DAY)
    assert dispute(stage, opened)["status"] == "needs_response"

    assert argue(stage, opened, {"product_description": "late"}).evidence_details.past_due is True


def test_that_evidence_is_sent_once_is_inferred_and_a_switch(stage: Stage):
    opened = disputed(stage)
    argue(stage, opened, {"product_description": "A seat"})
    assert argue(stage, opened, {"product_description": "A seat, again"}).evidence_details.submission_count == 2
    stage.simulator.control("PATCH", "/_simulator/switches", {"dispute_evidence_submitted_once": True})

    error = refused(argue, stage, opened, {"product_description": "and again"})
    assert error["status"] == 400
    assert dispute(stage, opened)["evidence"]["product_description"] == "A seat, again"


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_a_verdict_may_come_at_its_own_time(stage: Stage, verdict: str):
    opened = disputed(stage)
    argue(stage, opened, {"product_description": "A seat"})
    asked = decide(stage, opened, verdict, after_seconds=60 * DAY)
    assert asked["status"] == "under_review"
    before, due = stage.mark(), stage.now() + 60 * DAY
    stage.simulator.advance(180 * DAY)

    assert dispute(stage, opened)["status"] == verdict
    told = list(stage.simulator.store.rows("event").values())[before:]
    reinstated = ["charge.dispute.funds_reinstated"] if verdict == "won" else []
    assert [event["type"] for event in told] == [*reinstated, "charge.dispute.closed"]
    assert {event["created"] for event in told} == {due}


def test_a_later_verdict_does_not_save_from_the_deadline(stage: Stage):
    opened = disputed(stage)
    decide(stage, opened, "won", after_seconds=20 * DAY)
    stage.simulator.advance(30 * DAY)

    assert dispute(stage, opened)["status"] == "lost"


def test_an_inquiry_escalates_when_told(stage: Stage):
    opened = disputed(stage, inquiry=True)
    assert stage.client.v1.balance_transactions.list({"source": opened}).data == []
    stage.simulator.advance(3 * DAY)
    before = stage.mark()
    escalated = decide(stage, opened, "needs_response")

    assert (escalated["status"], escalated["is_charge_refundable"]) == ("needs_response", False)
    assert escalated["payment_method_details"]["card"]["case_type"] == "chargeback"
    assert escalated["evidence_details"]["due_by"] == stage.now() + 9 * DAY
    (moved,) = stage.client.v1.balance_transactions.list({"source": opened}).data
    assert (moved.amount, moved.fee, moved.type) == (-1200, 1500, "adjustment")
    assert stage.events(before) == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    error = refused(stage.client.v1.refunds.create, {"charge": escalated["charge"]})
    assert error["code"] == "charge_disputed"
    stage.simulator.advance(9 * DAY)
    assert dispute(stage, opened)["status"] == "lost"


def test_an_inquiry_answered_may_still_escalate_and_be_won_inferred(stage: Stage):
    opened = disputed(stage, inquiry=True)
    assert argue(stage, opened, {"product_description": "A seat"}).status == "warning_under_review"
    decide(stage, opened, "needs_response", after_seconds=DAY)
    stage.simulator.advance(DAY)
    sent = argue(stage, opened, {"uncategorized_text": "winning_evidence"})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 2)
    stage.simulator.advance(5)

    won = dispute(stage, opened)
    assert (won["status"], [moved["amount"] for moved in won["balance_transactions"]]) == ("won", [-1200, 1200])


@pytest.mark.parametrize("end", ["needs_response", "warning_closed"])
def test_an_inquiry_that_took_the_money_takes_it_once_and_gives_it_back_inferred(stage: Stage, end: str):
    stage.simulator.control("PATCH", "/_simulator/switches", {"inquiry_withdraws_funds": True})
    opened = disputed(stage, inquiry=True)
    decide(stage, opened, end)

    moved = [each["amount"] for each in dispute(stage, opened)["balance_transactions"]]
    assert moved == ([-1200] if end == "needs_response" else [-1200, 1200])


@pytest.mark.parametrize("told", [True, False])
def test_an_inquiry_closes_when_told_or_after_120_days_inferred(stage: Stage, told: bool):
    opened = disputed(stage, inquiry=True)
    before, began = stage.mark(), stage.now()
    if told:
        decide(stage, opened, "warning_closed")
    else:
        stage.simulator.advance(120 * DAY - 1)
        assert dispute(stage, opened)["status"] == "warning_needs_response"
        stage.simulator.advance(DAY)

    assert dispute(stage, opened)["status"] == "warning_closed"
    assert stage.events(before) == ["charge.dispute.closed"]
    closed = list(stage.simulator.store.rows("event").values())[-1]
    assert closed["created"] == (began if told else began + 120 * DAY)
    assert closed["data"]["object"]["balance_transactions"] == []


def test_nothing_is_scheduled_for_what_is_closed(stage: Stage):
    for end in ("won", "close"):
        opened = disputed(stage)
        decide(stage, opened, "lost", after_seconds=5 * DAY)
        stage.client.v1.disputes.close(opened) if end == "close" else decide(stage, opened, end)
    inquiry = disputed(stage, inquiry=True)
    decide(stage, inquiry, "warning_closed")

    assert stage.simulator.store.rows("timer") == {}


@pytest.mark.parametrize(
    ("inquiry", "wrong"),
    [
        (False, {"status": "needs_response"}),
        (False, {"status": "warning_closed"}),
        (False, {"status": "prevented"}),
        (False, {"status": "won", "after_seconds": -1}),
        (False, {"status": "won", "after_seconds": "1"}),
        (True, {"status": "escalated"}),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(stage: Stage, inquiry: bool, wrong: dict[str, Any]):
    opened = disputed(stage, inquiry=inquiry)
    before = dispute(stage, opened)
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("POST", f"/_simulator/disputes/{opened}", wrong)
    assert dispute(stage, opened) == before


@pytest.mark.parametrize("wrong", [{"respond_within_seconds": 0}, {"respond_within_seconds": 1.5}])
def test_a_deadline_is_in_the_future(stage: Stage, wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=r"."):
        disputed(stage, **wrong)


def test_disputes_are_listed_by_moment_page_by_page(stage: Stage):
    ids = []
    for _ in range(5):
        ids.append(disputed(stage))
        stage.simulator.advance(DAY)
    created = {"gte": stage.now() - 4 * DAY, "lt": stage.now() - DAY}
    pages = stage.client.v1.disputes.list({"created": created, "limit": 2})  # type: ignore[arg-type]

    assert [each.id for each in pages.auto_paging_iter()] == ids[1:4][::-1]
