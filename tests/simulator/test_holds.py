"""Holds: placed, captured, cancelled, expired, with their objects and events in order."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_simulator import Simulator
from local.stripe_simulator.in_process import InProcessHTTPClient
from tests.simulator.stage import Stage, refused

DAY = 86_400


def test_a_hold_takes_nothing_yet(stage: Stage):
    intent = stage.hold(amount=1200)

    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1200, 0)
    charge = stage.charge(intent.latest_charge)
    assert (charge["status"], charge["paid"], charge["captured"]) == ("succeeded", True, False)
    assert (charge["amount_captured"], charge["balance_transaction"]) == (0, None)


def test_a_hold_tells_of_itself_in_order(stage: Stage):
    before = stage.mark() + (stage.customer is None)
    stage.hold()

    assert stage.events(before)[-3:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
    ]


def test_without_confirm_a_payment_intent_waits_for_it(stage: Stage):
    given: Any = {"amount": 1200, "currency": "usd", "payment_method": "pm_card_visa"}
    intent = stage.client.v1.payment_intents.create(given)

    assert (intent.status, intent.capture_method) == ("requires_confirmation", "automatic_async")
    assert intent.payment_method != "pm_card_visa"
    bare = stage.client.v1.payment_intents.create({"amount": 1200, "currency": "usd"})
    assert bare.status == "requires_payment_method"


def test_confirm_needs_a_payment_method(stage: Stage):
    bare = stage.client.v1.payment_intents.create({"amount": 1200, "currency": "usd"})

    error = refused(stage.client.v1.payment_intents.confirm, bare.id)

    assert (error["status"], error["code"]) == (400, "payment_intent_unexpected_state")
    confirmed = stage.client.v1.payment_intents.confirm(bare.id, {"payment_method": "pm_card_visa"})
    assert confirmed.status == "succeeded"


def test_automatic_capture_receives_at_once(stage: Stage):
    _, before = stage.customer, stage.mark()
    intent = stage.pay(amount=900)

    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 900, 0)
    charge = stage.charge(intent.latest_charge)
    assert (charge["captured"], charge["amount_captured"]) == (True, 900)
    assert stage.events(before) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_charge_copies_the_metadata_of_its_moment(stage: Stage):
    intent = stage.hold(metadata={"booking": "b1"})
    stage.client.v1.payment_intents.update(intent.id, {"metadata": {"booking": "b2"}})

    assert stage.charge(intent.latest_charge)["metadata"] == {"booking": "b1"}


@pytest.mark.parametrize(("taken", "asked"), [(1200, None), (1200, 1200), (1000, 1000), (1, 1)])
def test_a_capture_takes_all_or_part_and_frees_the_rest_silently(stage: Stage, taken: int, asked: int | None):
    intent, before = stage.hold(amount=1200), stage.mark()

    params = {} if asked is None else {"amount_to_capture": asked}
    intent = stage.client.v1.payment_intents.capture(intent.id, params)  # type: ignore[arg-type]

    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 1200, taken)
    assert intent.amount_capturable == 0
    charge = stage.charge(intent.latest_charge)
    assert (charge["captured"], charge["amount_captured"]) == (True, taken)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert charge["balance_transaction"]
    assert stage.events(before) == ["charge.captured", "payment_intent.succeeded"]
    assert stage.client.v1.refunds.list({"payment_intent": intent.id}).data == []


def test_a_capture_moves_the_balance_less_the_fee(stage: Stage):
    charge = stage.charge_of(stage.captured(amount=10_000).id)
    moved = stage.client.v1.balance_transactions.retrieve(charge["balance_transaction"])

    assert (moved.amount, moved.fee, moved.net, moved.type) == (10_000, 320, 9_680, "charge")
    assert moved.source == charge["id"]
    assert moved.status == "pending"
    stage.simulator.advance(3 * DAY)
    assert stage.client.v1.balance_transactions.retrieve(moved.id).status == "available"


def test_capture_again_after_capture_names_the_released_remainder(stage: Stage):
    intent = stage.captured()

    error = refused(stage.client.v1.payment_intents.capture, intent.id)

    assert (error["status"], error["raised"]) == (400, "InvalidRequestError")
    assert error["code"] == "payment_intent_unexpected_state"
    assert error["message"] == (
        "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized "
        "amount has been released."
    )
    assert error["payment_intent"]["id"] == intent.id
    assert error["doc_url"].endswith("/payment-intent-unexpected-state")


def test_capture_after_cancel_is_refused_by_status(stage: Stage):
    intent = stage.hold()
    stage.client.v1.payment_intents.cancel(intent.id)

    error = refused(stage.client.v1.payment_intents.capture, intent.id)

    assert error["code"] == "payment_intent_unexpected_state"
    assert error["message"] == (
        "This PaymentIntent could not be captured because it has a status of canceled. Only a PaymentIntent with one "
        "of the following statuses may be captured: requires_capture."
    )


def test_more_than_the_hold_cannot_be_captured(stage: Stage):
    intent = stage.hold(amount=1200)

    error = refused(stage.client.v1.payment_intents.capture, intent.id, {"amount_to_capture": 1201})

    assert (error["status"], error["code"]) == (400, "amount_too_large")
    assert stage.intent(intent.id)["status"] == "requires_capture"


def test_capturing_zero_and_less_than_zero_are_refused_differently(stage: Stage):
    intent = stage.hold()

    zero = refused(stage.client.v1.payment_intents.capture, intent.id, {"amount_to_capture": 0})
    negative = refused(stage.client.v1.payment_intents.capture, intent.id, {"amount_to_capture": -1})

    assert (zero["status"], zero["code"], zero["param"]) == (400, "parameter_invalid_integer", "amount")
    assert (negative["status"], negative.get("code"), negative["param"]) == (400, None, "amount_to_capture")


@pytest.mark.parametrize("reason", [None, "duplicate", "fraudulent", "requested_by_customer", "abandoned"])
def test_cancelling_a_hold_releases_it_as_a_refund_that_never_was_a_capture(stage: Stage, reason: str | None):
    intent = stage.hold(amount=1200)
    params = {} if reason is None else {"cancellation_reason": reason}

    intent = stage.client.v1.payment_intents.cancel(intent.id, params)  # type: ignore[arg-type]

    assert (intent.status, intent.canceled_at) == ("canceled", stage.now())
    assert (intent.cancellation_reason, intent.amount_capturable, intent.amount_received) == (reason, 0, 0)
    charge = stage.charge(intent.latest_charge)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    assert (charge["amount_captured"], charge["status"]) == (0, "succeeded")
    (refund,) = stage.client.v1.refunds.list({"payment_intent": intent.id}).data
    assert (refund.status, refund.amount, refund.balance_transaction) == ("succeeded", 1200, None)
    assert refund.reason is None


def test_cancelling_a_hold_emits_charge_refunded_with_captured_false(stage: Stage):
    intent, before = stage.hold(), stage.mark()
    stage.client.v1.payment_intents.cancel(intent.id)

    assert {"charge.refunded", "payment_intent.canceled"} <= set(stage.events(before))
    (event,) = stage.client.v1.events.list({"type": "charge.refunded"}).data
    told = event.to_dict()["data"]["object"]
    assert (told["captured"], told["refunded"], told["amount_refunded"]) == (False, True, 1200)


def test_the_order_of_a_release_is_inferred_and_a_switch(stage: Stage):
    intent, before = stage.hold(), stage.mark()
    stage.client.v1.payment_intents.cancel(intent.id)
    assert stage.events(before) == ["refund.created", "charge.refunded", "payment_intent.canceled"]

    stage.simulator.control(
        "PATCH",
        "/_simulator/switches",
        {"release_emits_canceled_first": True, "release_emits_refund_created": False},
    )
    intent, before = stage.hold(), stage.mark()
    stage.client.v1.payment_intents.cancel(intent.id)
    assert stage.events(before) == ["payment_intent.canceled", "charge.refunded"]


def test_before_a_hold_there_is_nothing_to_release(stage: Stage):
    intent = stage.client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    before = stage.mark()
    stage.client.v1.payment_intents.cancel(intent.id)

    assert stage.events(before) == ["payment_intent.canceled"]


@pytest.mark.parametrize("end", ["capture", "cancel"])
def test_what_has_ended_cannot_be_cancelled(stage: Stage, end: str):
    intent = stage.hold()
    getattr(stage.client.v1.payment_intents, end)(intent.id)

    error = refused(stage.client.v1.payment_intents.cancel, intent.id)

    assert (error["status"], error["code"]) == (400, "payment_intent_unexpected_state")
    assert "requires_reauthorization" in error["message"]
    assert "expired" in error["message"]
    assert error["payment_intent"]["id"] == intent.id


def test_an_unknown_cancellation_reason_is_refused(stage: Stage):
    intent = stage.hold()

    error = refused(stage.client.v1.payment_intents.cancel, intent.id, {"cancellation_reason": "bored"})

    assert (error["status"], error["param"]) == (400, "cancellation_reason")
    assert "must be one of duplicate, fraudulent, requested_by_customer, or abandoned" in error["message"]


@pytest.mark.parametrize(
    ("method", "off_session", "seconds"),
    [
        ("pm_card_visa", False, 7 * DAY),
        ("pm_card_visa", True, 4 * DAY + 18 * 3600),
        ("pm_card_mastercard", False, 7 * DAY),
        ("pm_card_mastercard", True, 7 * DAY),
        ("pm_card_amex", True, 7 * DAY),
        ("pm_card_discover", True, 7 * DAY),
    ],
)
def test_how_long_a_hold_lasts_depends_on_who_began_it(stage: Stage, method: str, off_session: bool, seconds: int):
    intent = stage.hold(stage.card(method), off_session=off_session)

    card = stage.charge(intent.latest_charge)["payment_method_details"]["card"]
    assert card["capture_before"] == stage.now() + seconds


def test_a_hold_expires_a_second_after_its_deadline(stage: Stage):
    intent, began = stage.hold(), stage.now()

    stage.simulator.advance(604_800)
    assert stage.intent(intent.id)["status"] == "requires_capture"
    stage.simulator.advance(1)

    ended = stage.intent(intent.id)
    assert (ended["status"], ended["canceled_at"]) == ("canceled", began + 604_801)
    assert (ended["cancellation_reason"], ended["amount_capturable"]) == ("automatic", 0)
    charge = stage.charge_of(intent.id)
    assert (charge["captured"], charge["refunded"], charge["amount_refunded"]) == (False, True, 1200)
    (refund,) = stage.client.v1.refunds.list({"charge": charge["id"]}).data
    assert (refund.reason, refund.created) == ("expired_uncaptured_charge", began + 604_801)
    assert refund.balance_transaction is None


def test_expiry_happens_in_nobodys_request_and_at_its_own_time(stage: Stage):
    intent, before, began = stage.hold(), stage.mark(), stage.now()
    stage.simulator.advance(30 * DAY)

    assert stage.events(before) == ["charge.expired", "payment_intent.canceled"]
    for event in stage.client.v1.events.list({"types": ["charge.expired", "payment_intent.canceled"]}).data:
        assert event.request is not None
        assert (event.request.id, event.request.idempotency_key) == (None, None)
        assert event.created == began + 604_801
    error = refused(stage.client.v1.payment_intents.capture, intent.id)
    assert error["code"] == "payment_intent_unexpected_state"


def test_several_holds_expire_in_the_order_of_their_deadlines(stage: Stage):
    late = stage.hold()
    early = stage.hold(stage.card(), off_session=True)
    before = stage.mark()
    stage.simulator.advance(8 * DAY)

    expired = list(stage.simulator.store.rows("event").values())[before:]
    ended = [event["data"]["object"]["id"] for event in expired if event["type"] == "payment_intent.canceled"]
    assert ended == [early.id, late.id]


def test_captured_and_cancelled_holds_never_expire(stage: Stage):
    stage.captured()
    stage.client.v1.payment_intents.cancel(stage.hold().id)
    before = stage.mark()
    assert stage.simulator.store.rows("timer") == {}
    stage.simulator.advance(30 * DAY)

    assert stage.events(before) == []


def test_a_hold_expires_by_the_mere_passing_of_time():
    moment = [1_795_464_000.0]
    simulator = Simulator(clock=lambda: moment[0])
    client = stripe.StripeClient("sk_test_x", http_client=InProcessHTTPClient(simulator))
    stage = Stage(simulator, client)
    intent = stage.hold()
    moment[0] += 604_801

    assert stage.intent(intent.id)["status"] == "canceled"
    simulator.close()


def test_a_capture_may_change_the_metadata_but_is_always_the_last(stage: Stage):
    intent = stage.hold(metadata={"a": "1"})
    assert refused(stage.client.v1.payment_intents.capture, intent.id, {"final_capture": False})["status"] == 400
    done = stage.client.v1.payment_intents.capture(intent.id, {"metadata": {"b": "2"}, "final_capture": True})

    assert done.to_dict()["metadata"] == {"a": "1", "b": "2"}


def test_what_else_expiry_says_is_inferred_and_a_switch(stage: Stage):
    switches = {"expiry_emits_charge_refunded": True, "expiry_cancellation_reason": "expired"}
    stage.simulator.control("PATCH", "/_simulator/switches", switches)
    intent, before = stage.hold(), stage.mark()
    stage.simulator.advance(8 * DAY)

    assert stage.events(before) == ["charge.expired", "charge.refunded", "payment_intent.canceled"]
    assert stage.intent(intent.id)["cancellation_reason"] == "expired"


def test_a_test_can_expire_a_hold_before_its_time(stage: Stage):
    intent, before = stage.hold(), stage.mark()
    stage.simulator.control("POST", f"/_simulator/payment_intents/{intent.id}/expire")

    assert stage.intent(intent.id)["status"] == "canceled"
    assert stage.events(before) == ["charge.expired", "payment_intent.canceled"]
    with pytest.raises(ValueError, match="holds nothing"):
        stage.simulator.control("POST", f"/_simulator/payment_intents/{intent.id}/expire")
