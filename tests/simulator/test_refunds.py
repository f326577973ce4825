"""Refunds: never more than was captured, in parts, later, or failing after all."""

from __future__ import annotations

import pytest

from tests.simulator.stage import Stage, refused


def test_a_refund_in_parts_adds_up(stage: Stage):
    intent, before = stage.captured(amount=1200), stage.mark()
    first = stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 500, "metadata": {"a": "b"}})

    assert (first.status, first.amount) == ("succeeded", 500)
    assert first.to_dict()["metadata"] == {"a": "b"}
    charge = stage.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (500, False)
    stage.client.v1.refunds.create({"charge": charge["id"]})
    charge = stage.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (1200, True)
    assert stage.events(before) == ["refund.created", "charge.refunded"] * 2


def test_refunded_means_all_that_was_captured_not_all_that_was_held(stage: Stage):
    intent = stage.hold(amount=1200)
    stage.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1000})
    stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})

    charge = stage.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"], charge["amount"]) == (1000, True, 1200)


def test_a_single_cent_can_be_refunded_and_nothing_cannot(stage: Stage):
    intent = stage.captured()

    assert stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1}).amount == 1
    error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 0})
    assert (error["code"], error["param"]) == ("parameter_invalid_integer", "amount")


def test_a_refund_takes_the_money_from_the_balance(stage: Stage):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})

    moved = stage.client.v1.balance_transactions.retrieve(str(refund.balance_transaction))
    assert (moved.amount, moved.net, moved.type, moved.source) == (-1200, -1200, "refund", refund.id)


def test_more_than_the_remainder_is_refused_in_words(stage: Stage):
    intent = stage.captured(amount=1200)
    stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 200})

    error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id, "amount": 1001})

    assert (error["status"], error.get("code"), error["param"]) == (400, None, "amount")
    assert error["message"] == "Refund amount ($10.01) is greater than unrefunded amount on charge ($10.00)"


def test_what_is_refunded_is_not_refunded_again(stage: Stage):
    intent = stage.captured()
    stage.client.v1.refunds.create({"payment_intent": intent.id})

    error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id})

    assert (error["status"], error["code"]) == (400, "charge_already_refunded")


def test_a_hold_is_cancelled_not_refunded(stage: Stage):
    intent = stage.hold()

    error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id})

    assert (error["status"], error.get("code")) == (400, None)
    assert error["message"].startswith(f"This uncaptured Charge was created by a PaymentIntent ({intent.id}). You must")


def test_a_released_hold_has_nothing_left_to_refund(stage: Stage):
    intent = stage.hold()
    stage.client.v1.payment_intents.cancel(intent.id)

    assert refused(stage.client.v1.refunds.create, {"payment_intent": intent.id})["code"] == "charge_already_refunded"


def test_without_a_payment_there_is_nothing_to_refund(stage: Stage):
    error = refused(stage.client.v1.refunds.create, {})
    assert (error["status"], error["code"]) == (400, "parameter_missing")
    bare = stage.client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    assert "successful charge" in refused(stage.client.v1.refunds.create, {"payment_intent": bare.id})["message"]
    declined = refused(stage.hold, "pm_card_visa_chargeDeclined")
    intent = {"payment_intent": declined["payment_intent"]["id"]}
    assert "successful charge" in refused(stage.client.v1.refunds.create, intent)["message"]
    both = {"payment_intent": bare.id, "charge": declined["charge"]}
    assert refused(stage.client.v1.refunds.create, both)["status"] == 400


@pytest.mark.parametrize("method", ["pm_card_4000000000007726", "number"])
def test_a_refund_can_stay_pending_and_settle_later(stage: Stage, method: str):
    source = stage.numbered("4000000000007726") if method == "number" else method
    intent = stage.captured(source)
    refund = stage.client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    assert stage.charge_of(intent.id)["amount_refunded"] == 1200
    before = stage.mark()
    stage.simulator.advance(stage.simulator.switches.refund_settlement_seconds)

    assert stage.client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert stage.events(before) == ["refund.updated", "charge.refund.updated"]


def test_a_refund_can_fail_after_it_succeeded(stage: Stage):
    intent = stage.captured("pm_card_4000000000005126")
    refund = stage.client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    before = stage.mark()
    stage.simulator.advance(60)

    failed = stage.client.v1.refunds.retrieve(refund.id)
    assert failed.status == "failed"
    assert failed.failure_reason
    assert "refund.failed" in stage.events(before)


def test_what_a_failed_refund_gives_back_is_inferred(stage: Stage):
    intent = stage.captured("pm_card_4000000000005126")
    refund = stage.client.v1.refunds.create({"payment_intent": intent.id})
    before = stage.mark()
    stage.simulator.advance(60)

    charge = stage.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    failed = stage.client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]}).to_dict()
    assert failed["failure_balance_transaction"]["amount"] == 1200
    assert stage.events(before) == ["refund.failed", "refund.updated", "charge.refund.updated"]
    assert stage.client.v1.refunds.create({"payment_intent": intent.id}).amount == 1200


def test_the_events_beside_a_refund_are_inferred_and_switches(stage: Stage):
    quiet = {"refund_emits_legacy_updated": False, "refund_failure_emits_updated": False}
    stage.simulator.control("PATCH", "/_simulator/switches", quiet)
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})
    before = stage.mark()
    stage.simulator.control("POST", f"/_simulator/refunds/{refund.id}", {"status": "failed"})

    assert stage.events(before) == ["refund.failed"]


def test_a_test_decides_about_a_refund(stage: Stage):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})
    control = stage.simulator.control

    assert control("POST", f"/_simulator/refunds/{refund.id}", {"status": "requires_action"})["status"]
    assert stage.client.v1.refunds.cancel(refund.id).status == "canceled"
    with pytest.raises(ValueError, match="cannot become"):
        control("POST", f"/_simulator/refunds/{refund.id}", {"status": "succeeded"})
    with pytest.raises(ValueError, match="status is"):
        control("POST", f"/_simulator/refunds/{refund.id}", {"status": "lost"})


def test_a_finished_refund_is_not_cancelled(stage: Stage):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured().id})

    assert refused(stage.client.v1.refunds.cancel, refund.id)["status"] == 400


def test_only_metadata_of_a_refund_changes(stage: Stage):
    refund = stage.client.v1.refunds.create({"payment_intent": stage.captured(metadata={"of": "intent"}).id})
    assert refund.to_dict()["metadata"] == {}
    before = stage.mark()
    changed = stage.client.v1.refunds.update(refund.id, {"metadata": {"of": "refund"}})

    assert changed.to_dict()["metadata"] == {"of": "refund"}
    assert stage.events(before)[0] == "refund.updated"


def test_a_charge_lists_its_refunds_when_asked(stage: Stage):
    intent = stage.captured()
    first = stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    second = stage.client.v1.refunds.create({"payment_intent": intent.id, "amount": 200})
    charge = stage.charge_of(intent.id)

    assert "refunds" not in charge
    full = stage.client.v1.charges.retrieve(charge["id"], {"expand": ["refunds"]}).to_dict()
    assert [each["id"] for each in full["refunds"]["data"]] == [second.id, first.id]
