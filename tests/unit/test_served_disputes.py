"""A dispute and its evidence as staff are served them: every field, under its own name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.dispute import DisputeResponse, ResponseKind
from holdfast.evidence_fields import evidence_hash
from holdfast.served_disputes import dispute_view, packet_view
from tests.unit.builders import BOOKED, DAY, END, MINUTE, captured, dispute

PLAIN: dict[str, Any] = {
    "dispute_id": "du_1",
    "booking_id": "bk_1",
    "event_id": "yoga",
    "status": "needs_response",
    "reason": "fraudulent",
    "network_reason_code": None,
    "is_inquiry": False,
    "amount": 5000,
    "currency": "eur",
    "charge_id": None,
    "opened_at": None,
    "due_by": None,
    "refundable": False,
    "funds": None,
    "answering": None,
    "submitted_at": None,
    "evidence_hash": None,
}
SUBMIT = DisputeResponse(
    operation_id="dr_1",
    kind=ResponseKind.SUBMIT,
    dispute_id="du_1",
    started_at=END,
    lease_until=END + MINUTE,
    sequence=7,
)


def test_a_dispute_of_which_little_is_known_is_in_the_currency_of_its_booking():
    assert dispute_view(captured(), dispute()) == PLAIN


def test_everything_that_is_known_of_a_dispute_is_served():
    known = dispute(
        "warning_under_review",
        amount=5400,
        currency="usd",
        charge_id="ch_1",
        network_reason_code="10.4",
        opened_at=BOOKED,
        due_by=END + DAY,
        submitted_at=END,
        evidence_hash="of what was sent",
        withdrawn=5300,
        reinstated=5200,
        fees=1500,
        balance_currency="gbp",
    )

    assert dispute_view(captured(), known) == PLAIN | {
        "status": "warning_under_review",
        "network_reason_code": "10.4",
        "is_inquiry": True,
        "amount": 5400,
        "currency": "usd",
        "charge_id": "ch_1",
        "opened_at": "2026-11-20T20:00:00Z",
        "due_by": "2026-11-24T22:00:00Z",
        "refundable": True,
        "funds": {"withdrawn": 5300, "reinstated": 5200, "fees": 1500, "currency": "gbp"},
        "submitted_at": "2026-11-23T22:00:00Z",
        "evidence_hash": "of what was sent",
    }


@pytest.mark.parametrize(
    ("response", "answering"),
    [
        (SUBMIT, "submit"),
        (replace(SUBMIT, kind=ResponseKind.ACCEPT), "accept"),
        (replace(SUBMIT, dispute_id="du_2"), None),
    ],
)
def test_an_answer_under_way_shows_with_the_dispute_that_it_is_for(response, answering):
    view = dispute_view(captured(dispute_response=response), dispute())

    assert view == PLAIN | {"answering": answering}


def test_a_packet_is_the_dispute_with_the_text_that_would_be_sent_its_hash_and_what_room_is_left():
    sent = {"service_date": "Monday", "customer_name": "Alice"}
    of = captured(disputes=(dispute(), dispute(dispute_id="du_2")))

    packet = packet_view(
        of,
        dispute(evidence_hash="of something else"),
        evidence=sent,
        assembled={"service_date": "Tuesday"},
        edited=["customer_name", "service_date"],
    )

    assert packet == PLAIN | {
        "evidence_hash": evidence_hash(sent),
        "evidence": sent,
        "assembled": {"service_date": "Tuesday"},
        "edited": ["customer_name", "service_date"],
        "characters": 11,
        "characters_left": 149_989,
        "dispute_ids": ["du_1", "du_2"],
    }
