"""What an event of Stripe's points at, and when the book says the same already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, Kind, RefundStatus
from holdfast.hints import Hint, is_about_a_card, read, tells_nothing_new
from tests.unit.builders import HELD, captured, dispute, ended, held, lapsed, operation, refund, waiting_for_3ds


def event(kind, **snapshot):
    return {"id": "evt_1", "type": f"{kind}.something", "data": {"object": {"object": kind, **snapshot}}}


def hint(kind, **snapshot):
    about = (
        {"id": "pi_1"} if kind in ("payment_intent", "setup_intent") else {"id": f"{kind}_1", "payment_intent": "pi_1"}
    )
    found = read(event(kind, **(about | snapshot)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "snapshot", "about"),
    [
        ("payment_intent", {"id": "pi_1"}, "pi_1"),
        ("setup_intent", {"id": "seti_1"}, "seti_1"),
        ("charge", {"id": "ch_1", "payment_intent": "pi_1"}, "pi_1"),
        ("charge", {"id": "ch_1", "payment_intent": {"id": "pi_1", "object": "payment_intent"}}, "pi_1"),
        ("refund", {"id": "re_1", "payment_intent": "pi_1"}, "pi_1"),
        ("dispute", {"id": "du_1", "payment_intent": "pi_1"}, "pi_1"),
    ],
)
def test_an_event_points_at_a_payment_intent(kind, snapshot, about):
    found = read(event(kind, metadata={"booking_id": "bk_1"}, **snapshot))

    assert isinstance(found, Hint)
    assert (found.event_id, found.payment_intent_id, found.metadata) == ("evt_1", about, {"booking_id": "bk_1"})
    assert found.type == f"{kind}.something"


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"id": "evt_1"},
        {"id": "evt_1", "data": None},
        {"id": "evt_1", "data": {}},
        {"id": "evt_1", "data": {"object": None}},
        event("customer", id="cus_1"),
        event("payment_method", id="pm_1"),
        event("charge", id="ch_1"),
        event("charge", id="ch_1", payment_intent=None),
        event("refund", id="re_1", payment_intent=7),
        event("payment_intent", id=None),
        event("payment_intent", id="pi_1") | {"id": 7},
    ],
)
def test_an_event_about_anything_else_is_no_hint(foreign):
    assert read(foreign) is None


@pytest.mark.parametrize(("kind", "of_a_card"), [("setup_intent", True), ("payment_intent", False), ("charge", False)])
def test_only_a_setup_intent_is_about_a_card(kind, of_a_card):
    assert is_about_a_card(hint(kind)) is of_a_card


def test_an_event_without_metadata_has_none():
    assert hint("charge", metadata=None).metadata == {}


@pytest.mark.parametrize(
    ("of", "kind", "snapshot", "known"),
    [
        (held(), "payment_intent", {"status": "requires_capture"}, True),
        (held(), "payment_intent", {"status": "canceled"}, False),
        (held(), "payment_intent", {"status": "succeeded", "amount_received": 5000}, False),
        (held(), "payment_intent", {"status": "processing"}, False),
        (held(), "payment_intent", {}, False),
        (waiting_for_3ds(), "payment_intent", {"status": "requires_action"}, True),
        (waiting_for_3ds(), "payment_intent", {"status": "requires_capture"}, False),
        (waiting_for_3ds(), "payment_intent", {"status": "requires_payment_method"}, False),
        (captured(), "payment_intent", {"status": "succeeded", "amount_received": 5000}, True),
        (captured(), "payment_intent", {"status": "succeeded", "amount_received": 4999}, False),
        (captured(), "payment_intent", {"status": "requires_capture"}, False),
        (ended(HoldState.RELEASED), "payment_intent", {"status": "canceled"}, True),
        (ended(HoldState.EXPIRED), "payment_intent", {"status": "canceled"}, True),
        (ended(HoldState.DECLINED), "payment_intent", {"status": "requires_capture"}, False),
        (captured(refunds=(refund(),)), "refund", {"id": "re_1", "status": "succeeded"}, True),
        (captured(refunds=(refund(),)), "refund", {"id": "re_1", "status": "failed"}, False),
        (captured(refunds=(refund(),)), "refund", {"id": "re_2", "status": "succeeded"}, False),
        (captured(), "refund", {"id": "re_1", "status": "pending"}, False),
        (held(), "charge", {"status": "succeeded", "captured": False}, True),
        (held(), "charge", {"status": "failed", "captured": False}, False),
        (held(), "charge", {"status": "succeeded", "captured": False, "refunded": True}, False),
        (held(), "charge", {"captured": True, "amount_captured": 5000, "amount_refunded": 0}, False),
        (captured(), "charge", {"captured": True, "amount_captured": 5000, "amount_refunded": 0}, True),
        (captured(), "charge", {"captured": True, "amount_captured": 5000, "amount_refunded": 1000}, False),
        (captured(), "charge", {"captured": True, "amount_captured": 4000, "amount_refunded": 0}, False),
        (
            captured(refunds=(refund(1000, RefundStatus.PENDING),)),
            "charge",
            {"captured": True, "amount_captured": 5000, "amount_refunded": 1000},
            True,
        ),
        (
            captured(),
            "charge",
            {"captured": True, "amount_captured": 5000, "amount_refunded": 0, "disputed": True},
            False,
        ),
        (captured(disputes=(dispute(),)), "dispute", {"status": "needs_response"}, False),
        (held(), "setup_intent", {"status": "succeeded"}, False),
        (held(), "payment_intent", {"status": "requires_reauthorization"}, False),
        (lapsed(), "payment_intent", {"status": "canceled"}, True),
    ],
)
def test_a_snapshot_is_nothing_new_only_where_the_book_says_the_same(of, kind, snapshot, known):
    assert tells_nothing_new(of, hint(kind, **snapshot)) is known


@pytest.mark.parametrize("state", [HoldState.RELEASED, HoldState.EXPIRED])
def test_a_refund_of_a_charge_that_was_never_captured_is_the_release_of_the_hold(state):
    released = hint("charge", status="succeeded", captured=False, refunded=True, amount_refunded=HELD)

    assert tells_nothing_new(ended(state), released)
    assert not tells_nothing_new(held(), released)
    assert not tells_nothing_new(captured(), released)


@pytest.mark.parametrize(
    "of",
    [
        replace(held(), operation=operation(Kind.CAPTURE)),
        held(hold=None),
        held(hold=replace(held().hold, payment_intent_id="pi_2")),  # type: ignore[type-var]
    ],
)
def test_a_booking_that_is_busy_or_uses_another_payment_intent_is_always_looked_at(of):
    assert not tells_nothing_new(of, hint("payment_intent", status="requires_capture"))
