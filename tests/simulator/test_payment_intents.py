"""PaymentIntents besides the money: what may change when, and whose card may pay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.stage import Stage, refused


@pytest.mark.parametrize("name", ["amount", "currency", "payment_method"])
def test_money_is_fixed_once_it_is_held(stage: Stage, name: str):
    intent = stage.hold()
    value = {"amount": 1300, "currency": "eur", "payment_method": "pm_card_visa"}[name]

    error = refused(stage.client.v1.payment_intents.update, intent.id, {name: value})

    assert (error["code"], error["param"]) == ("payment_intent_unexpected_state", name)
    assert stage.intent(intent.id)["amount"] == 1200


def test_words_may_change_at_any_time_and_no_event_tells(stage: Stage):
    intent = stage.captured()
    before = stage.mark()
    changed = stage.client.v1.payment_intents.update(intent.id, {"description": "d", "metadata": {"a": "b"}})

    assert (changed.description, changed.metadata.to_dict()) == ("d", {"a": "b"})
    assert stage.events(before) == []


def test_the_amount_may_change_before_the_hold(stage: Stage):
    given: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa"}
    intent = stage.client.v1.payment_intents.create(given)
    stage.client.v1.payment_intents.update(intent.id, {"amount": 2000})

    assert stage.client.v1.payment_intents.confirm(intent.id).amount_received == 2000


def test_a_finished_payment_is_not_confirmed_again(stage: Stage):
    intent = stage.pay()

    error = refused(stage.client.v1.payment_intents.confirm, intent.id)

    assert (error["status"], error["code"]) == (400, "payment_intent_unexpected_state")
    assert "already succeeded" in error["message"]


def test_an_attached_card_pays_only_for_its_customer(stage: Stage):
    card = stage.card()
    other = stage.client.v1.customers.create({}).id
    params: Any = {"amount": 1200, "currency": "usd", "payment_method": card}

    nobody = refused(stage.client.v1.payment_intents.create, params)
    stranger = refused(stage.client.v1.payment_intents.create, {**params, "customer": other})

    assert (nobody["status"], nobody["code"], nobody["param"]) == (400, "parameter_missing", "source")
    assert (stranger["status"], stranger.get("code"), stranger["param"]) == (400, None, "payment_method")
    bare = stage.client.v1.payment_intents.create({"amount": 1200, "currency": "usd"})
    assert refused(stage.client.v1.payment_intents.confirm, bare.id, {"payment_method": card})["param"] == "source"


def test_a_card_that_belongs_to_nobody_pays_once_inferred(stage: Stage):
    card = stage.numbered("4242424242424242")
    stage.pay(card)

    error = refused(stage.pay, card)

    assert (error["status"], error["param"]) == (400, "payment_method")
    assert "may not be used again" in error["message"]


def test_setup_future_usage_saves_the_card(stage: Stage):
    intent = stage.hold(setup_future_usage="off_session")

    saved = stage.client.v1.payment_methods.list({"customer": stage.customer}).data
    assert [method.id for method in saved] == [intent.payment_method]
    assert stage.pay(str(intent.payment_method), off_session=True).status == "succeeded"


def test_a_redirect_needs_an_address_only_under_its_inferred_switch(stage: Stage):
    stage.simulator.control("PATCH", "/_simulator/switches", {"require_return_url_for_redirects": True})

    assert "return_url" in refused(stage.hold)["message"]
    allowed = stage.hold(automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    assert allowed.status == "requires_capture"
