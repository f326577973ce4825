"""Over HTTP, row by row: the flows as Stripe documents and records them, their objects and their events in order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.remote import FarStage, Mark
from tests.simulator.stage import refused

DAY = 86_400
HELD = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"]
ANSWERED = pytest.mark.simulated("the cardholder answers 3-D Secure")
LATER = pytest.mark.simulated("the clock is moved by days")
SWITCHED = pytest.mark.simulated("a switch is turned")
TO_BE_ASKED = {
    "3155": "pm_card_authenticationRequiredOnSetup",
    "3184": "pm_card_authenticationRequired",
    "3220": "pm_card_threeDSecure2Required",
}


def subjects(stage: FarStage, after: Mark) -> dict[str, Any]:
    return {event["type"]: event for event in stage.told(after)}


def test_without_confirm_it_requires_confirmation_and_captures_automatically_by_default(far: FarStage):
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa", "metadata": far.tag}
    intent = far.client.v1.payment_intents.create(given)

    assert (intent.status, intent.capture_method) == ("requires_confirmation", "automatic_async")
    before = far.mark()
    far.client.v1.payment_intents.update(intent.id, {"amount": 1300, "metadata": {"a": "b"}})
    assert far.events(before) == [], "there is no payment_intent.updated"


@pytest.mark.parametrize("state", ["requires_payment_method", "requires_confirmation", "requires_action"])
def test_the_amount_changes_before_the_hold(far: FarStage, state: str):
    given: Any = {"amount": 1200, "currency": "usd", "metadata": far.tag}
    if state == "requires_confirmation":
        given["payment_method"] = "pm_card_visa"
    intent = far.client.v1.payment_intents.create(given).id
    if state == "requires_action":
        intent = far.hold("pm_card_threeDSecure2Required").id
    assert far.intent(intent)["status"] == state

    assert far.client.v1.payment_intents.update(intent, {"amount": 1300}).amount == 1300


@pytest.mark.parametrize("end", ["nothing", "capture", "cancel"])
def test_after_the_hold_only_the_words_change(far: FarStage, end: str):
    intent = far.hold()
    if end != "nothing":
        getattr(far.client.v1.payment_intents, end)(intent.id)
    update = far.client.v1.payment_intents.update

    error = refused(update, intent.id, {"amount": 1300})

    assert (error["status"], error["code"], error["param"]) == (400, "payment_intent_unexpected_state", "amount")
    assert error["payment_intent"]["id"] == intent.id
    changed = update(intent.id, {"metadata": {"a": "b"}, "description": "d"})
    assert (changed.to_dict()["metadata"], changed.description) == ({**far.tag, "a": "b"}, "d")


def test_a_card_belongs_to_the_customer_of_the_payment(far: FarStage):
    card = far.card()
    create = far.client.v1.payment_intents.create
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": card, "confirm": True, "metadata": far.tag}
    given["allowed_payment_method_types"] = ["card"]
    nobodys = refused(create, given)
    wrong = refused(create, {**given, "customer": far.new_customer()})

    assert (nobodys["status"], nobodys["code"], nobodys["param"]) == (400, "parameter_missing", "source")
    assert (wrong["status"], wrong.get("code"), wrong["param"]) == (400, None, "payment_method")


def test_row_hold_placed(far: FarStage):
    card, before = far.card(), far.mark()
    intent = far.hold(card)

    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1200, 0)
    charge = far.charge(intent.latest_charge)
    assert (charge["status"], charge["paid"], charge["captured"]) == ("succeeded", True, False)
    assert (charge["amount_captured"], charge["balance_transaction"]) == (0, None)
    assert far.events(before) == HELD


def test_row_declined(far: FarStage):
    card, before = far.card("pm_card_chargeCustomerFail"), far.mark()
    error = refused(far.hold, card)

    assert error["status"] == 402
    intent = far.intent(error["payment_intent"]["id"])
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["decline_code"] == "generic_decline"
    assert far.charge(error["charge"])["status"] == "failed"
    assert far.events(before) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_row_3ds_on_session(far: FarStage):
    card, before = far.card("pm_card_threeDSecure2Required"), far.mark()
    intent = far.hold(card)

    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert far.events(before) == ["payment_intent.created", "payment_intent.requires_action"]


@ANSWERED
def test_row_3ds_on_session_passed_inferred(far: FarStage):
    intent = far.hold(far.card("pm_card_threeDSecure2Required"))
    before = far.mark()
    far.authenticate(intent.id)

    assert far.intent(intent.id)["status"] == "requires_capture"
    assert far.events(before) == HELD[1:]


@ANSWERED
def test_row_3ds_on_session_failed_inferred(far: FarStage):
    intent = far.hold(far.card("pm_card_threeDSecure2Required"))
    before = far.mark()
    far.authenticate(intent.id, "failed")

    ended = far.intent(intent.id)
    assert ended["status"] == "requires_payment_method"
    assert ended["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert far.events(before) == ["payment_intent.payment_failed"]


@pytest.mark.parametrize("card", TO_BE_ASKED)
def test_row_3ds_off_session(far: FarStage, card: str):
    error = refused(far.hold, far.card(TO_BE_ASKED[card]), off_session=True)

    assert error["status"] == 402
    assert error["code"] == error["decline_code"] == "authentication_required"
    assert far.intent(error["payment_intent"]["id"])["status"] == "requires_payment_method"


@pytest.mark.parametrize("card", ["3220", "3155_inferred", "3184_inferred"])
def test_row_3ds_off_session_leaves_no_charge(far: FarStage, card: str):
    method, before = far.card(TO_BE_ASKED[card[:4]]), far.mark()
    error = refused(far.hold, method, off_session=True)

    assert "charge" not in error
    assert far.events(before) == ["payment_intent.created", "payment_intent.payment_failed"]


@SWITCHED
@pytest.mark.parametrize(("card", "leaves"), [("3155", True), ("3184", True), ("3220", False)])
def test_row_3ds_off_session_may_leave_a_failed_charge_inferred(far: FarStage, card: str, leaves: bool):
    far.switch(failed_charge_on_off_session_authentication=True)
    method, before = far.card(TO_BE_ASKED[card]), far.mark()
    error = refused(far.hold, method, off_session=True)

    assert ("charge" in error) == leaves
    failed = ["charge.failed"] if leaves else []
    assert far.events(before) == ["payment_intent.created", *failed, "payment_intent.payment_failed"]


@pytest.mark.parametrize("taken", [1200, 1000, 1])
def test_row_capture(far: FarStage, taken: int):
    intent, before = far.hold(), far.mark()
    done = far.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": taken})

    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", taken, 0)
    charge = far.charge(done.latest_charge)
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (taken, 0, False)
    moved = far.client.v1.balance_transactions.retrieve(charge["balance_transaction"])
    assert (moved.amount, moved.source) == (taken, charge["id"])
    assert far.events(before) == ["charge.captured", "payment_intent.succeeded"]


@pytest.mark.parametrize("reason", [None, "requested_by_customer"])
def test_row_cancel_a_hold(far: FarStage, reason: str | None):
    intent, before = far.hold(), far.mark()
    params: Any = {"cancellation_reason": reason} if reason else {}
    done = far.client.v1.payment_intents.cancel(intent.id, params)

    assert (done.status, done.cancellation_reason) == ("canceled", reason)
    assert far.is_now(done.canceled_at or 0)
    charge = far.charge(done.latest_charge)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    (refund,) = far.client.v1.refunds.list({"payment_intent": intent.id}).data
    assert (refund.status, refund.balance_transaction) == ("succeeded", None)
    told = subjects(far, before)
    assert {"charge.refunded", "payment_intent.canceled"} <= set(told)
    assert set(told) <= {"charge.refunded", "payment_intent.canceled", "refund.created"}
    assert told["charge.refunded"]["data"]["object"]["captured"] is False


def test_row_cancel_a_hold_in_this_order_inferred(far: FarStage):
    intent, before = far.hold(), far.mark()
    far.client.v1.payment_intents.cancel(intent.id)

    assert far.events(before) == ["refund.created", "charge.refunded", "payment_intent.canceled"]


@LATER
def test_row_expiry(far: FarStage):
    intent = far.hold()
    began = far.charge_of(intent.id)["created"]
    far.advance(10 * DAY)

    ended = far.intent(intent.id)
    assert (ended["status"], ended["cancellation_reason"]) == ("canceled", "automatic")
    assert ended["canceled_at"] == began + 604_801
    charge = far.charge_of(intent.id)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    (refund,) = far.client.v1.refunds.list({"charge": charge["id"]}).data
    assert (refund.reason, refund.created) == ("expired_uncaptured_charge", began + 604_801)


@LATER
def test_row_expiry_is_told_so_inferred(far: FarStage):
    intent = far.hold()
    before, began = far.mark(), far.charge_of(intent.id)["created"]
    far.advance(10 * DAY)

    told = subjects(far, before)
    assert list(told) == ["charge.expired", "payment_intent.canceled"]
    assert {event["request"]["id"] for event in told.values()} == {None}
    assert {event["created"] for event in told.values()} == {began + 604_801}


def test_row_refund(far: FarStage):
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


def refunded(stage: FarStage, method: str, becomes: str) -> tuple[str, str, str, list[str]]:
    """Captured, refunded at once, and what the bank made of it: the payment, the refund, its first status, and the
    events but for those of every refund. Nothing says when the bank answers, so all are read in the end."""
    intent = stage.captured(method)
    before, retrieve = stage.mark(), stage.client.v1.refunds.retrieve
    refund = stage.client.v1.refunds.create({"payment_intent": intent.id})
    assert stage.becomes(becomes, lambda: retrieve(refund.id).status, within=60) == becomes
    told = [kind for kind in stage.events(before) if kind not in ("refund.created", "charge.refunded")]
    return intent.id, refund.id, str(refund.status), told


def test_row_a_refund_settles_later(far: FarStage):
    _, _, first, told = refunded(far, "pm_card_pendingRefund", "succeeded")

    assert first == "pending"
    assert "refund.updated" in told


def test_row_a_refund_settles_later_and_says_so_twice_inferred(far: FarStage):
    _, _, _, told = refunded(far, "pm_card_pendingRefund", "succeeded")

    assert sorted(told) == ["charge.refund.updated", "refund.updated"]


def test_row_a_refund_fails_later(far: FarStage):
    _, refund, first, told = refunded(far, "pm_card_refundFail", "failed")

    failed = far.client.v1.refunds.retrieve(refund, {"expand": ["failure_balance_transaction"]}).to_dict()
    assert first == "succeeded"
    assert failed["failure_reason"]
    assert failed["failure_balance_transaction"]["amount"] == 1200
    assert "refund.failed" in told


def test_row_a_refund_fails_later_and_is_given_back_inferred(far: FarStage):
    intent, _, _, told = refunded(far, "pm_card_refundFail", "failed")

    charge = far.charge_of(intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert told[:2] == ["refund.failed", "refund.updated"]


def test_capture_before_tells_who_began(far: FarStage):
    by_customer = far.charge_of(far.hold(far.card()).id)
    by_merchant = far.charge_of(far.hold(far.card(), off_session=True).id)
    others = [far.charge_of(far.hold(far.card(f"pm_card_{brand}"), off_session=True).id) for brand in
              ("mastercard", "amex", "discover")]  # fmt: skip

    def window(charge: dict[str, Any]) -> int:
        deadline: int = charge["payment_method_details"]["card"]["capture_before"]
        return deadline - int(charge["created"])

    assert (window(by_customer), window(by_merchant)) == (7 * DAY, 4 * DAY + 18 * 3600)
    assert {window(charge) for charge in others} == {7 * DAY}


def asked_setup(stage: FarStage) -> str:
    """Confirming mints an attempt, asks nobody about defaults, and usage is always off_session."""
    saved = stage.card()
    stage.client.v1.customers.update(stage.customer, {"invoice_settings": {"default_payment_method": saved}})
    setups = stage.client.v1.setup_intents
    given: Any = {"customer": stage.customer, "usage": "on_session", "metadata": stage.tag}
    given["allowed_payment_method_types"] = ["card"]
    bare = setups.create(given)
    assert (bare.status, bare.usage) == ("requires_payment_method", "off_session")
    assert refused(setups.confirm, bare.id)["code"] == "setup_intent_unexpected_state"
    chosen = setups.update(bare.id, {"payment_method": "pm_card_threeDSecure2Required"})
    assert (chosen.status, chosen.latest_attempt) == ("requires_confirmation", None)
    asked = setups.confirm(bare.id)
    assert asked.status == "requires_action"
    assert str(asked.latest_attempt).startswith("setatt_")
    return bare.id


def test_setup_goes_its_way_until_it_asks(far: FarStage):
    asked_setup(far)

    assert {"setup_intent.created", "setup_intent.requires_action"} <= set(far.events())


def test_setup_that_needs_no_question_attaches(far: FarStage):
    done = far.set_up("pm_card_visa")

    assert (done.status, str(done.latest_attempt)[:7]) == ("succeeded", "setatt_")
    card = far.client.v1.payment_methods.retrieve(str(done.payment_method))
    assert card.customer == far.customer
    assert {"setup_intent.created", "payment_method.attached", "setup_intent.succeeded"} <= set(far.events())


def test_setup_tells_in_this_order_inferred(far: FarStage):
    far.set_up("pm_card_visa")

    told = [kind for kind in far.events() if kind.startswith(("setup_intent", "payment_method"))]
    assert told == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]


@ANSWERED
def test_setup_goes_its_way_to_the_end(far: FarStage):
    setup, before = asked_setup(far), far.mark()
    far.authenticate(setup)

    expand = {"expand": ["payment_method", "latest_attempt"]}
    done = far.client.v1.setup_intents.retrieve(setup, expand).to_dict()  # type: ignore[arg-type]
    assert (done["status"], done["latest_attempt"]["status"]) == ("succeeded", "succeeded")
    assert done["payment_method"]["customer"] == far.customer
    assert sorted(far.events(before)) == ["payment_method.attached", "setup_intent.succeeded"]
