"""Months in a moment: what falls due on the way happens at its own time, and quickly; how far back one can read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.simulator.stage import Stage, refused

DAY = 86_400


def test_half_a_year_of_everything_happens_in_order_at_its_own_time(stage: Stage):
    stage.simulator.switches.change({"refund_settlement_seconds": 30 * DAY})
    hold, off_session = stage.hold(), stage.hold(stage.card(), off_session=True)
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured("pm_card_refundFail").id})
    intent = stage.captured()
    path = "/_simulator/disputes"
    dispute = stage.simulator.control("POST", path, {"payment_intent": intent.id, "respond_within_seconds": 20 * DAY})
    other = stage.captured()
    inquiry = stage.simulator.control("POST", path, {"payment_intent": other.id, "inquiry": True})
    before, began = stage.mark(), stage.now()
    stage.simulator.advance(180 * DAY)

    told = [
        (event["created"] - began, event["type"], event["data"]["object"]["id"])
        for event in list(stage.simulator.store.rows("event").values())[before:]
    ]
    assert [row for row in told if row[1] not in {"charge.expired", "refund.updated", "charge.refund.updated"}] == [
        (4 * DAY + 18 * 3600 + 1, "payment_intent.canceled", off_session.id),
        (7 * DAY + 1, "payment_intent.canceled", hold.id),
        (20 * DAY, "charge.dispute.closed", dispute["id"]),
        (30 * DAY, "refund.failed", refund.id),
        (120 * DAY, "charge.dispute.closed", inquiry["id"]),
    ]


def test_hundreds_of_holds_lapse_in_half_a_year_in_a_moment(stage: Stage):
    """The bound is loose, and of CPU time: what matters is that it does not grow with the days."""
    card = stage.card()
    for _ in range(300):
        stage.hold(card)
        stage.simulator.advance(600)
    began = time.process_time()
    stage.simulator.advance(180 * DAY)
    took = time.process_time() - began

    assert {each["status"] for each in stage.simulator.store.rows("payment_intent").values()} == {"canceled"}
    assert took < 2


def test_events_go_back_thirty_days(stage: Stage):
    stage.client.v1.customers.create({"email": "old@example.com"})
    (old,) = stage.client.v1.events.list().data
    stage.simulator.advance(10 * DAY)
    stage.client.v1.customers.create({"email": "new@example.com"})
    stage.simulator.advance(20 * DAY)
    assert len(stage.client.v1.events.list().data) == 2
    stage.simulator.advance(1)

    (new,) = stage.client.v1.events.list().data
    assert new.id != old.id
    assert stage.client.v1.events.retrieve(new.id).id == new.id
    error = refused(stage.client.v1.events.retrieve, old.id)
    assert (error["status"], error["code"]) == (404, "resource_missing")
    since: Any = {"created": {"gte": 0}}
    assert [each.id for each in stage.client.v1.events.list(since).data] == [new.id]
    assert refused(stage.client.v1.events.list, {"starting_after": old.id})["status"] == 400


def test_what_was_not_delivered_is_found_among_the_events(stage: Stage):
    stage.client.v1.webhook_endpoints.create({"url": "http://localhost:1/x", "enabled_events": ["*"]})
    stage.hold()
    stage.simulator.webhooks.pump(lambda url, headers, payload: 500)
    stage.hold()
    stage.simulator.webhooks.pump(lambda url, headers, payload: 200)

    failed = stage.client.v1.events.list({"delivery_success": False, "limit": 100}).data
    assert [each.type for each in failed][::-1] == [
        *("customer.created", "payment_intent.created", "charge.succeeded"),
        "payment_intent.amount_capturable_updated",
    ]


@pytest.mark.parametrize("kind", ["payment_intents", "refunds", "balance_transactions", "setup_intents", "charges"])
def test_every_list_is_cut_by_moments_and_pages(stage: Stage, kind: str):
    """How a nightly comparison reads one day, and nothing twice."""
    _ = stage.customer
    for _ in range(9):
        stage.simulator.advance(DAY // 3)
        stage.client.v1.refunds.create({"payment_intent": stage.captured().id})
        stage.client.v1.setup_intents.create({"customer": stage.customer})
    end = stage.now() // DAY * DAY
    resource, created = getattr(stage.client.v1, kind), {"gte": end - DAY, "lt": end}
    everything = [each for each in resource.list({"limit": 100}).data if end - DAY <= each.created < end]
    seen = [each.id for each in resource.list({"created": created, "limit": 1}).auto_paging_iter()]

    assert len(seen) in {3, 6}
    assert seen == [each.id for each in everything]
    backwards = resource.list({"created": created, "limit": 2, "ending_before": seen[-1]})
    assert [each.id for each in backwards.data] == seen[-3:-1]


def test_balance_transactions_are_told_apart_by_type_and_source(stage: Stage):
    failing = stage.captured("pm_card_refundFail")
    refund = stage.client.v1.refunds.create({"payment_intent": failing.id, "amount": 700})
    stage.simulator.advance(60)
    disputed = stage.captured()
    dispute = stage.simulator.control("POST", "/_simulator/disputes", {"payment_intent": disputed.id})
    stage.simulator.control("POST", f"/_simulator/disputes/{dispute['id']}", {"status": "won"})
    stage.client.v1.payment_intents.cancel(stage.hold().id)

    def moved(**params: Any) -> list[tuple[str, int, str]]:
        given: Any = params
        return [
            (each.reporting_category, each.amount, str(each.source))
            for each in stage.client.v1.balance_transactions.list(given).data
        ]

    assert moved(type="charge") == [
        ("charge", 1200, str(disputed.latest_charge)),
        ("charge", 1200, str(failing.latest_charge)),
    ]
    assert moved(type="refund") == [("refund", -700, refund.id)]
    assert moved(type="refund_failure") == [("refund_failure", 700, refund.id)]
    assert moved(source=dispute["id"]) == [
        ("dispute_reversal", 1200, dispute["id"]),
        ("dispute", -1200, dispute["id"]),
    ]
    assert moved(type="adjustment") == moved(source=dispute["id"])
    assert len(moved()) == 6, "a released hold moves no money"


def test_setup_intents_are_listed_by_customer_and_moment(stage: Stage):
    create = stage.client.v1.setup_intents.create
    asking: Any = {"customer": stage.customer, "payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    early = create(asking)
    stage.simulator.advance(60)
    failed = create(asking)
    path = f"/_simulator/setup_intents/{failed.id}/authenticate"
    stage.simulator.control("POST", path, {"outcome": "canceled"})
    given_up = create({"customer": stage.customer})
    stage.client.v1.setup_intents.cancel(given_up.id)
    create({"customer": stage.client.v1.customers.create({}).id})
    since: Any = {"customer": stage.customer, "created": {"gte": stage.now()}}

    states = [(each.id, each.status) for each in stage.client.v1.setup_intents.list(since).data]
    assert states == [(given_up.id, "canceled"), (failed.id, "requires_payment_method")]
    everything = stage.client.v1.setup_intents.list({"customer": stage.customer}).data
    assert [each.id for each in everything] == [given_up.id, failed.id, early.id]
    assert everything[1].last_setup_error is not None
    assert everything[1].last_setup_error.code == "setup_intent_authentication_failure"


@pytest.mark.parametrize("reason", [None, "lost_or_stolen_card", "declined"])
def test_a_refund_fails_when_it_is_told_to(stage: Stage, reason: str | None):
    intent = stage.captured()
    refund = stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 700})
    told = {"status": "failed", "after_seconds": 25 * DAY, **({"failure_reason": reason} if reason else {})}
    asked = stage.simulator.control("POST", f"/_simulator/refunds/{refund.id}", told)
    assert asked["status"] == "succeeded"
    before, due = stage.mark(), stage.now() + 25 * DAY
    stage.simulator.advance(180 * DAY)

    failed = stage.client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", reason or "expired_or_canceled_card")
    assert stage.charge_of(intent.id)["amount_refunded"] == 0
    told_of = list(stage.simulator.store.rows("event").values())[before:]
    assert [event["type"] for event in told_of] == ["refund.failed", "refund.updated", "charge.refund.updated"]
    assert {event["created"] for event in told_of} == {due}


def test_a_refund_that_ended_before_its_time_stays_ended(stage: Stage):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})
    path = f"/_simulator/refunds/{refund.id}"
    stage.simulator.control("POST", path, {"status": "requires_action"})
    stage.simulator.control("POST", path, {"status": "succeeded", "after_seconds": DAY})
    stage.client.v1.refunds.cancel(refund.id)
    stage.simulator.advance(2 * DAY)

    assert stage.client.v1.refunds.retrieve(refund.id).status == "canceled"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "failed", "after_seconds": -1},
        {"status": "failed", "after_seconds": True},
        {"status": "failed", "failure_reason": "mood"},
        {"status": "succeeded", "failure_reason": "declined"},
        {"after_seconds": 1},
    ],
)
def test_a_word_about_a_refund_that_makes_no_sense_is_refused(stage: Stage, wrong: dict[str, Any]):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})
    with pytest.raises(ValueError, match=r"."):
        stage.simulator.control("POST", f"/_simulator/refunds/{refund.id}", wrong)
    assert stage.client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert [kind for kind in stage.simulator.store.rows("timer") if "refund" in kind] == []
