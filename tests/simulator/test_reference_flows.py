"""Over HTTP, row by row: the flows as Stripe documents and records them, their objects and their events in order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.remote import RemoteStage
from tests.simulator.stage import refused

DAY = 86_400
HELD = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"]


def subjects(stage: RemoteStage, after: int) -> dict[str, Any]:
    return {event["type"]: event for event in stage.told()[after:]}


def test_without_confirm_it_requires_confirmation_and_captures_automatically_by_default(far: RemoteStage):
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa"}
    intent = far.client.v1.payment_intents.create(given)

    assert (intent.status, intent.capture_method) == ("requires_confirmation", "automatic_async")
    before = far.mark()
    far.client.v1.payment_intents.update(intent.id, {"amount": 1300, "metadata": {"a": "b"}})
    assert far.events(before) == [], "there is no payment_intent.updated"


@pytest.mark.parametrize("state", ["requires_payment_method", "requires_confirmation", "requires_action"])
def test_the_amount_changes_before_the_hold(far: RemoteStage, state: str):
    given: Any = {"amount": 1200, "currency": "usd"}
    if state == "requires_confirmation":
        given["payment_method"] = "pm_card_visa"
    intent = far.client.v1.payment_intents.create(given).id
    if state == "requires_action":
        intent = far.hold("pm_card_threeDSecure2Required").id
    assert far.intent(intent)["status"] == state

    assert far.client.v1.payment_intents.update(intent, {"amount": 1300}).amount == 1300


@pytest.mark.parametrize("end", ["nothing", "capture", "cancel"])
def test_after_the_hold_only_the_words_change(far: RemoteStage, end: str):
    intent = far.hold()
    if end != "nothing":
        getattr(far.client.v1.payment_intents, end)(intent.id)
    update = far.client.v1.payment_intents.update

    error = refused(update, intent.id, {"amount": 1300})

    assert (error["status"], error["code"], error["param"]) == (400, "payment_intent_unexpected_state", "amount")
    assert error["payment_intent"]["id"] == intent.id
    changed = update(intent.id, {"metadata": {"a": "b"}, "description": "d"})
    assert (changed.to_dict()["metadata"], changed.description) == ({"a": "b"}, "d")


def test_a_card_belongs_to_the_customer_of_the_payment(far: RemoteStage):
    card = far.card()
    create = far.client.v1.payment_intents.create
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": card, "confirm": True}
    nobodys = refused(create, given)
    wrong = refused(create, {**given, "customer": far.client.v1.customers.create({}).id})

    assert (nobodys["status"], nobodys["code"], nobodys["param"]) == (400, "parameter_missing", "source")
    assert (wrong["status"], wrong.get("code"), wrong["param"]) == (400, None, "payment_method")


def test_row_hold_placed(far: RemoteStage):
    card, before = far.card(), far.mark()
    intent = far.hold(card)

    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1200, 0)
    charge = far.charge(intent.latest_charge)
    assert (charge["status"], charge["paid"], charge["captured"]) == ("succeeded", True, False)
    assert (charge["amount_captured"], charge["balance_transaction"]) == (0, None)
    assert far.events(before) == HELD


def test_row_declined(far: RemoteStage):
    card, before = far.card("pm_card_4000000000000341"), far.mark()
    error = refused(far.hold, card)

    assert error["status"] == 402
    intent = far.intent(error["payment_intent"]["id"])
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["decline_code"] == "generic_decline"
    assert far.charge(error["charge"])["status"] == "failed"
    assert far.events(before) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_row_3ds_on_session(far: RemoteStage, outcome: str):
    card, before = far.card("pm_card_threeDSecure2Required"), far.mark()
    intent = far.hold(card)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    far.process.control("POST", f"payment_intents/{intent.id}/authenticate", {"outcome": outcome})

    ended, asked = far.intent(intent.id), ["payment_intent.created", "payment_intent.requires_action"]
    if outcome == "succeeded":
        assert ended["status"] == "requires_capture"
        assert far.events(before) == [*asked, *HELD[1:]]
    else:
        assert ended["status"] == "requires_payment_method"
        assert ended["last_payment_error"]["code"] == "payment_intent_authentication_failure"
        assert far.events(before) == [*asked, "payment_intent.payment_failed"]


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize(
    ("number", "may_leave"), [("4000002500003155", True), ("4000002760003184", True), ("4000000000003220", False)]
)
def test_row_3ds_off_session(far: RemoteStage, number: str, may_leave: bool, switch: bool):
    far.switch(failed_charge_on_off_session_authentication=switch)
    card, before = far.card(f"pm_card_{number}"), far.mark()
    error = refused(far.hold, card, off_session=True)

    assert error["status"] == 402
    assert error["code"] == error["decline_code"] == "authentication_required"
    assert ("charge" in error) == (switch and may_leave)
    assert far.intent(error["payment_intent"]["id"])["status"] == "requires_payment_method"
    failed = ["charge.failed"] if switch and may_leave else []
    assert far.events(before) == ["payment_intent.created", *failed, "payment_intent.payment_failed"]


@pytest.mark.parametrize("taken", [1200, 1000, 1])
def test_row_capture(far: RemoteStage, taken: int):
    intent, before = far.hold(), far.mark()
    done = far.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": taken})

    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", taken, 0)
    charge = far.charge(done.latest_charge)
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (taken, 0, False)
    moved = far.client.v1.balance_transactions.retrieve(charge["balance_transaction"])
    assert (moved.amount, moved.source) == (taken, charge["id"])
    assert far.events(before) == ["charge.captured", "payment_intent.succeeded"]


@pytest.mark.parametrize("reason", [None, "requested_by_customer"])
def test_row_cancel_a_hold(far: RemoteStage, reason: str | None):
    intent, before = far.hold(), far.mark()
    params: Any = {"cancellation_reason": reason} if reason else {}
    done = far.client.v1.payment_intents.cancel(intent.id, params)

    assert (done.status, done.canceled_at, done.cancellation_reason) == ("canceled", far.now(), reason)
    charge = far.charge(done.latest_charge)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    (refund,) = far.client.v1.refunds.list({"payment_intent": intent.id}).data
    assert (refund.status, refund.balance_transaction) == ("succeeded", None)
    told = subjects(far, before)
    assert {"charge.refunded", "payment_intent.canceled"} <= set(told) <= {*told, "refund.created"}
    assert told["charge.refunded"]["data"]["object"]["captured"] is False


def test_row_expiry(far: RemoteStage):
    intent, before, began = far.hold(), far.mark(), far.now()
    far.simulator.advance(10 * DAY)

    ended = far.intent(intent.id)
    assert (ended["status"], ended["cancellation_reason"]) == ("canceled", "automatic")
    assert ended["canceled_at"] == began + 604_801
    charge = far.charge_of(intent.id)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    (refund,) = far.client.v1.refunds.list({"charge": charge["id"]}).data
    assert (refund.reason, refund.created) == ("expired_uncaptured_charge", began + 604_801)
    told = subjects(far, before)
    assert list(told) == ["charge.expired", "payment_intent.canceled"]
    assert {event["request"]["id"] for event in told.values()} == {None}
    assert {event["created"] for event in told.values()} == {began + 604_801}


def test_row_refund(far: RemoteStage):
    intent = far.hold()
    far.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1000})
    before, refund = far.mark(), far.client.v1.refunds.create
    refund({"payment_intent": intent.id, "amount": 400})
    charge = far.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (400, False)
    refund({"payment_intent": intent.id})
    charge = far.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (1000, True)

    assert far.events(before) == ["refund.created", "charge.refunded"] * 2


def test_row_a_refund_fails_later(far: RemoteStage):
    intent = far.captured("pm_card_refundFail")
    refund = far.client.v1.refunds.create({"payment_intent": intent.id})
    before = far.mark()
    far.simulator.advance(60)

    failed = far.client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]}).to_dict()
    assert (refund.status, failed["status"]) == ("succeeded", "failed")
    assert failed["failure_reason"]
    assert failed["failure_balance_transaction"]["amount"] == 1200
    charge = far.charge_of(intent.id)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert far.events(before)[:2] == ["refund.failed", "refund.updated"]


@pytest.mark.parametrize("manual", [True, False])
def test_row_dispute_opened(far: RemoteStage, manual: bool):
    card = far.card("pm_card_createDispute")
    intent, before = (far.hold(card).id, far.mark()) if manual else ("", far.mark())
    if manual:
        assert far.client.v1.disputes.list({"payment_intent": intent}).data == [], "never on a hold"
        far.client.v1.payment_intents.capture(intent)
    else:
        intent = far.pay(card).id

    (dispute,) = far.client.v1.disputes.list({"payment_intent": intent}).data
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
def test_rows_evidence_won_and_lost(far: RemoteStage, text: str, status: str, ending: list[str]):
    intent = far.captured("pm_card_createDispute")
    (dispute,) = far.client.v1.disputes.list({"payment_intent": intent.id}).data
    before = far.mark()
    sent = far.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert sent.status == "under_review"
    assert far.events(before) == ["charge.dispute.updated", "charge.updated"]
    before = far.mark()
    far.simulator.advance(5)

    decided = far.client.v1.disputes.retrieve(dispute.id)
    assert decided.status == status
    assert far.events(before) == ending
    kept = sum(moved.net for moved in decided.balance_transactions)
    assert kept == (-1500 if status == "won" else -2700), "the fee is kept on a win, too"


def test_row_close(far: RemoteStage):
    intent = far.captured("pm_card_createDispute")
    (dispute,) = far.client.v1.disputes.list({"payment_intent": intent.id}).data
    before = far.mark()

    assert far.client.v1.disputes.close(dispute.id).status == "lost"
    assert far.events(before) == ["charge.dispute.closed", "charge.updated"]


def test_row_inquiry(far: RemoteStage):
    intent = far.captured("pm_card_createDisputeInquiry")
    (dispute,) = far.client.v1.disputes.list({"payment_intent": intent.id}).data

    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert [kind for kind in far.events() if "dispute" in kind] == ["charge.dispute.created"]


def test_capture_before_tells_who_began(far: RemoteStage):
    by_customer = far.charge_of(far.hold(far.card()).id)
    by_merchant = far.charge_of(far.hold(far.card(), off_session=True).id)
    others = [far.charge_of(far.hold(far.card(f"pm_card_{brand}"), off_session=True).id) for brand in
              ("mastercard", "amex", "discover")]  # fmt: skip

    def window(charge: dict[str, Any]) -> int:
        deadline: int = charge["payment_method_details"]["card"]["capture_before"]
        return deadline - int(charge["created"])

    assert (window(by_customer), window(by_merchant)) == (7 * DAY, 4 * DAY + 18 * 3600)
    assert {window(charge) for charge in others} == {7 * DAY}


def test_setup_goes_its_way(far: RemoteStage):
    """Confirming attaches, mints an attempt, asks nobody about defaults, and usage is always off_session."""
    saved = far.card()
    far.client.v1.customers.update(far.customer, {"invoice_settings": {"default_payment_method": saved}})
    setups = far.client.v1.setup_intents
    bare = setups.create({"customer": far.customer, "usage": "on_session"})
    assert (bare.status, bare.usage) == ("requires_payment_method", "off_session")
    assert refused(setups.confirm, bare.id)["code"] == "setup_intent_unexpected_state"
    chosen = setups.update(bare.id, {"payment_method": "pm_card_threeDSecure2Required"})
    assert (chosen.status, chosen.latest_attempt) == ("requires_confirmation", None)
    asked = setups.confirm(bare.id)
    assert asked.status == "requires_action"
    assert str(asked.latest_attempt).startswith("setatt_")
    far.process.control("POST", f"setup_intents/{bare.id}/authenticate", {"outcome": "succeeded"})

    done = setups.retrieve(bare.id, {"expand": ["payment_method", "latest_attempt"]}).to_dict()
    assert (done["status"], done["latest_attempt"]["status"]) == ("succeeded", "succeeded")
    assert done["payment_method"]["customer"] == far.customer
    told = [kind for kind in far.events() if kind.startswith(("setup_intent", "payment_method"))]
    assert told[1:3] == ["setup_intent.created", "setup_intent.requires_action"]
    assert sorted(told[3:]) == ["payment_method.attached", "setup_intent.succeeded"]
