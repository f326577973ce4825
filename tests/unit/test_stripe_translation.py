"""Stripe's words into ours: expanded or not, old or new, with and without what may be missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import stripe_translation as translate
from holdfast.booking import RefundStatus
from holdfast.dispute import Dispute
from holdfast.stripe_objects import Decline, PaymentIntent, StripeRefund

CREATED, LAPSES = 1_795_000_000, 1_795_604_800


def intent(**changes: Any) -> dict[str, Any]:
    return {"id": "pi_1", "status": "requires_capture", "amount": 6000, "created": CREATED} | changes


def charge(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "disputed": False,
        "payment_method_details": {"type": "card", "card": {"capture_before": LAPSES}},
    } | changes


def test_a_payment_intent_with_its_charge():
    found = translate.payment_intent(
        intent(
            latest_charge=charge(disputed=True),
            client_secret="pi_1_secret_1",
            amount_received=5000,
            cancellation_reason="automatic",
            metadata={"operation_id": "op_1"},
        )
    )

    assert found == PaymentIntent(
        id="pi_1",
        status="requires_capture",
        amount=6000,
        amount_received=5000,
        created=datetime.fromtimestamp(CREATED, UTC),
        client_secret="pi_1_secret_1",
        cancellation_reason="automatic",
        charge_id="ch_1",
        capture_before=datetime.fromtimestamp(LAPSES, UTC),
        disputed=True,
        metadata={"operation_id": "op_1"},
    )


@pytest.mark.parametrize(
    ("latest_charge", "charge_id"),
    [
        (None, None),
        ("ch_1", "ch_1"),
        ({"id": "ch_1"}, "ch_1"),
        (charge(payment_method_details=None), "ch_1"),
        (charge(payment_method_details={"type": "link"}), "ch_1"),
        (charge(payment_method_details={"card": {}}), "ch_1"),
        (charge(payment_method_details={"card": {"capture_before": None}}), "ch_1"),
    ],
)
def test_a_deadline_that_stripe_does_not_tell_is_unknown(latest_charge, charge_id):
    found = translate.payment_intent(intent(latest_charge=latest_charge))

    assert (found.charge_id, found.capture_before, found.disputed) == (charge_id, None, False)


def test_what_a_payment_intent_may_leave_out():
    found = translate.payment_intent(intent(amount_received=None, metadata=None, last_payment_error=None))

    assert (found.amount_received, found.metadata, found.decline) == (0, {}, None)


def test_a_status_of_next_year_is_kept_as_it_is():
    assert translate.payment_intent(intent(status="requires_reauthorization")).status == "requires_reauthorization"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"code": "card_declined", "decline_code": "lost_card", "message": "Declined.", "type": "card_error"},
            Decline(code="card_declined", decline_code="lost_card", message="Declined."),
        ),
        (
            {"code": "payment_intent_authentication_failure", "message": "Failed."},
            Decline(code="payment_intent_authentication_failure", decline_code=None, message="Failed."),
        ),
        ({"type": "card_error"}, Decline(code="card_error", decline_code=None, message="The card was declined.")),
        ({}, Decline(code="card_declined", decline_code=None, message="The card was declined.")),
    ],
)
def test_a_decline(error, expected):
    assert translate.decline(error) == expected


def test_the_last_error_of_a_payment_intent_is_its_decline():
    found = translate.payment_intent(intent(last_payment_error={"code": "expired_card", "message": "Expired."}))

    assert found.decline == Decline(code="expired_card", decline_code=None, message="Expired.")


@pytest.mark.parametrize(
    ("code", "decline_code", "shown"),
    [
        ("card_declined", "insufficient_funds", "insufficient_funds"),
        ("expired_card", None, "expired_card"),
        *[
            ("card_declined", hidden, "generic_decline")
            for hidden in ("fraudulent", "lost_card", "stolen_card", "pickup_card", "merchant_blacklist")
        ],
    ],
)
def test_whoever_stole_a_card_does_not_learn_that_it_is_known(code, decline_code, shown):
    assert Decline(code=code, decline_code=decline_code, message="x").shown == shown


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", RefundStatus.PENDING),
        ("succeeded", RefundStatus.SUCCEEDED),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.CANCELED),
        ("requires_action", RefundStatus.PENDING),
        ("a word from next year", RefundStatus.PENDING),
        (None, RefundStatus.PENDING),
    ],
)
def test_a_refund_is_pending_until_stripe_says_otherwise(word, status):
    assert translate.refund({"id": "re_1", "amount": 1000, "status": word}).status is status


@pytest.mark.parametrize(("metadata", "operation_id"), [({"operation_id": "op_1"}, "op_1"), ({}, None), (None, None)])
def test_a_refund_is_ours_by_its_metadata(metadata, operation_id):
    raw = {"id": "re_1", "amount": 1000, "status": "failed", "failure_reason": "unknown", "metadata": metadata}

    assert translate.refund(raw) == StripeRefund(
        id="re_1", amount=1000, status=RefundStatus.FAILED, failure_reason="unknown", operation_id=operation_id
    )


@pytest.mark.parametrize(
    ("status", "said", "waits_for"),
    [
        ("pending", "insufficient_funds", "insufficient_funds"),
        ("pending", None, None),
        ("requires_action", None, "requires_action"),
        ("a word from next year", None, "a word from next year"),
        ("succeeded", "processing", None),
        ("failed", None, None),
    ],
)
def test_what_a_refund_waits_for_is_kept_while_it_waits(status, said, waits_for):
    raw = {"id": "re_1", "amount": 1000, "status": status} | ({"pending_reason": said} if said else {})

    assert translate.refund(raw).pending_reason == waits_for


@pytest.mark.parametrize(
    ("details", "due_by"),
    [
        ({"due_by": CREATED}, datetime.fromtimestamp(CREATED, UTC)),
        ({"due_by": 0}, None),  # the bank allows no answer
        ({"due_by": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_dispute(details, due_by):
    raw = {
        "id": "du_1",
        "amount": 5000,
        "status": "lost",
        "reason": "fraudulent",
        "evidence_details": details,
    }

    assert translate.dispute(raw) == Dispute(
        dispute_id="du_1", amount=5000, status="lost", reason="fraudulent", due_by=due_by
    )


def test_a_dispute_with_all_that_stripe_says_of_it():
    moved = [
        {"amount": -5400, "fee": 1500, "currency": "usd"},
        {"amount": 5400, "fee": 0, "currency": "usd"},
    ]
    raw = {
        "id": "du_1",
        "amount": 5000,
        "currency": "eur",
        "charge": {"id": "ch_1"},
        "created": CREATED,
        "status": "won",
        "reason": "product_not_received",
        "network_reason_code": "13.1",
        "is_charge_refundable": False,
        "balance_transactions": moved,
        "evidence_details": {"due_by": LAPSES},
        "metadata": {"operation_id": "dr_1"},
    }

    assert translate.dispute(raw) == Dispute(
        dispute_id="du_1",
        amount=5000,
        currency="eur",
        charge_id="ch_1",
        opened_at=datetime.fromtimestamp(CREATED, UTC),
        status="won",
        reason="product_not_received",
        network_reason_code="13.1",
        refundable=False,
        withdrawn=5400,
        reinstated=5400,
        fees=1500,
        balance_currency="usd",
        due_by=datetime.fromtimestamp(LAPSES, UTC),
        operation_id="dr_1",
    )


@pytest.mark.parametrize(("epoch", "moment"), [(None, None), (0, datetime(1970, 1, 1, tzinfo=UTC))])
def test_instants_are_utc(epoch, moment):
    assert translate.instant(epoch) == moment


def test_secrets_are_not_printed():
    assert "pi_1_secret_1" not in repr(translate.payment_intent(intent(client_secret="pi_1_secret_1")))
