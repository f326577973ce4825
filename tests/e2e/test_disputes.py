"""Disputes over HTTP, from the bank's question to its verdict; and refunds beside them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")

DISPUTED, INQUIRY = "pm_card_createDispute", "pm_card_createDisputeInquiry"
DISPUTE = set(
    "dispute_id booking_id event_id status reason network_reason_code is_inquiry amount currency charge_id opened_at "
    "due_by refundable funds answering submitted_at evidence_hash".split()
)


def dispute(people: People, booking_id: str) -> dict[str, Any]:
    answer = people.ask("staff", "GET", f"/bookings/{booking_id}/dispute")
    assert answer.status == 200, answer.body
    return dict(answer.body)


def disputed(people: People, card: str = DISPUTED, status: str = "needs_response") -> str:
    """Completed, paid and disputed, and we have heard of it."""
    booking_id = people.captured(people.event(), card=card)
    people.eventually(
        lambda: people.ask("staff", "GET", f"/bookings/{booking_id}/dispute").status == 200, "no dispute was heard of"
    )
    assert dispute(people, booking_id)["status"] == status
    return booking_id


def steps(people: People, booking_id: str) -> list[str]:
    return [line["details"]["step"] for line in people.log(booking_id) if line["kind"] == "dispute"]


def test_a_dispute_is_read_edited_submitted_once_and_won(people: People) -> None:
    booking_id = disputed(people)
    people.becomes(booking_id, payment_status="disputed")
    path = f"/bookings/{booking_id}/dispute"
    read = dispute(people, booking_id)
    assert set(read) >= DISPUTE
    assert "Yoga" in read["evidence"]["product_description"]
    assert "was shown these terms" in read["evidence"]["cancellation_policy_disclosure"]
    assert people.ask("mallory", "GET", path).status == 403

    refused = people.ask("staff", "POST", "/refunds", {"booking_id": booking_id, "reason": "duplicate"})
    edits = {"uncategorized_text": "winning_evidence", "customer_name": "Alice Example", "service_date": ""}
    edited = people.ask("staff", "PUT", f"{path}/evidence", {"evidence": edits})
    stale = people.ask("staff", "POST", f"{path}/submit", {"evidence_hash": read["evidence_hash"]})
    submitted = people.ask(
        "staff", "POST", f"{path}/submit", {"evidence_hash": edited.body["evidence_hash"]}, key=f"submit-{booking_id}"
    )
    again = people.ask(
        "staff", "POST", f"{path}/submit", {"evidence_hash": edited.body["evidence_hash"]}, key=f"submit-{booking_id}"
    )
    second = people.ask("staff", "POST", f"{path}/submit")

    assert (refused.status, refused.problem) == (409, "conflict")
    assert read["dispute_id"] in refused.body["detail"]
    assert (edited.status, edited.body["edited"]) == (200, sorted(edits))
    assert (stale.status, submitted.status, again.status, second.status) == (409, 200, 200, 409)
    assert set(submitted.body) == DISPUTE
    assert (submitted.body["status"], again.body) == ("under_review", submitted.body)
    sent = people.dashboard.v1.disputes.retrieve(read["dispute_id"])
    assert sent.evidence_details.submission_count == 1
    assert (sent.evidence.customer_name, sent.evidence.service_date) == ("Alice Example", None)
    people.advance(seconds=30)
    people.becomes(booking_id, payment_status="captured")
    assert dispute(people, booking_id)["evidence"] == edited.body["evidence"]
    people.eventually(lambda: "funds_reinstated" in steps(people, booking_id), "the money was not heard of")
    assert {"opened", "funds_withdrawn", "answered", "closed"} <= set(steps(people, booking_id))


def test_an_inquiry_can_be_refunded_and_answered_and_what_escalates_is_given_up(people: People) -> None:
    booking_id = disputed(people, INQUIRY, "warning_needs_response")
    path = f"/bookings/{booking_id}/dispute"
    assert people.booking(booking_id)["payment_status"] == "captured"
    refund = {"booking_id": booking_id, "amount": 500, "reason": "requested_by_customer"}
    assert people.ask("staff", "POST", "/refunds", refund).status == 201
    assert people.ask("staff", "POST", f"{path}/accept").status == 409
    edits = {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    assert people.ask("staff", "PUT", f"{path}/evidence", edits).status == 200
    assert people.ask("staff", "POST", f"{path}/submit").body["status"] == "warning_under_review"

    people.advance(seconds=30)
    people.becomes(booking_id, payment_status="disputed")
    given_up = people.ask("staff", "POST", f"{path}/accept", {"reason": "not worth it"})

    assert (given_up.status, given_up.body["status"]) == (200, "lost")
    assert people.booking(booking_id)["refunds"][0]["amount"] == 500
    assert steps(people, booking_id)[-1] == "closed"


def test_deadlines_are_listed_and_two_days_before_one_the_booking_is_on_the_staff_s_list(people: People) -> None:
    first = disputed(people)
    people.advance(hours=1)
    second = disputed(people)

    def waiting(hours: int) -> list[str]:
        ids = [
            each["booking_id"] for each in people.everything("staff", f"/disputes?due_within_hours={hours}", limit=1)
        ]
        return [each for each in ids if each in (first, second)]

    assert waiting(24 * 9) == [first, second]
    assert waiting(24 * 8) == []
    assert people.ask("mallory", "GET", "/disputes").status == 403
    people.advance(days=7)
    people.sweep()
    people.eventually(
        lambda: (people.booking(first)["attention"] or {}).get("reason") == "dispute_due", "nobody was told"
    )
    assert people.ask("staff", "POST", f"/bookings/{first}/dispute/accept").status == 200
    assert people.booking(first)["attention"] is None
    assert waiting(24 * 9) == [second]


def test_an_answer_that_never_came_is_known_by_looking_and_sent_no_second_time(people: People) -> None:
    booking_id = disputed(people)
    path = f"/bookings/{booking_id}/dispute/submit"
    people.fault("timeout_after", "/v1/disputes/*", times=4, delay_seconds=8)

    answer = people.ask("staff", "POST", path, key=f"submit-{booking_id}")
    people.stripe_is_well_again()
    assert (answer.status, answer.body["answering"]) == (202, "submit")
    people.advance(seconds=61)
    people.sweep()

    people.eventually(lambda: dispute(people, booking_id)["answering"] is None, "it was not finished")
    retried = people.ask("staff", "POST", path, key=f"submit-{booking_id}")
    assert (retried.status, retried.body["status"]) == (200, "under_review")
    sent = people.dashboard.v1.disputes.retrieve(retried.body["dispute_id"])
    assert sent.evidence_details.submission_count == 1
    assert [line["status"] for line in people.log(booking_id) if line["kind"] == "evidence"] == ["started", "succeeded"]
