"""Customers, their payment methods, and the keys their phones get."""

from __future__ import annotations

import pytest

from tests.simulator.stage import Stage, refused


def test_a_customer_lives_and_is_deleted(stage: Stage):
    made = stage.client.v1.customers.create({"email": "a@b.c", "name": "A", "metadata": {"user": "u1"}})
    changed = stage.client.v1.customers.update(made.id, {"name": "B"})
    assert (changed.email, changed.name) == ("a@b.c", "B")
    assert [each.id for each in stage.client.v1.customers.list({"email": "a@b.c"}).data] == [made.id]
    gone = stage.client.v1.customers.delete(made.id)

    assert gone.to_dict() == {"id": made.id, "object": "customer", "deleted": True}
    assert stage.client.v1.customers.retrieve(made.id).to_dict()["deleted"] is True
    assert refused(stage.client.v1.customers.update, made.id, {"name": "C"})["status"] == 404
    params = {"amount": 100, "currency": "usd", "customer": made.id}
    assert refused(stage.client.v1.payment_intents.create, params)["code"] == "resource_missing"
    assert stage.client.v1.customers.list().data == []
    assert stage.events() == ["customer.created", "customer.updated", "customer.deleted"]


def test_an_update_tells_what_was_before(stage: Stage):
    stage.client.v1.customers.update(stage.customer, {"email": "new@example.com"})
    (event,) = stage.client.v1.events.list({"type": "customer.updated"}).data

    assert event.to_dict()["data"]["previous_attributes"] == {"email": "alice@example.com"}


def test_attaching_a_test_card_makes_a_card_of_ones_own(stage: Stage):
    first, second = stage.card(), stage.card()

    assert len({first, second, "pm_card_visa"}) == 3
    method = stage.client.v1.payment_methods.retrieve(first)
    assert method.customer == stage.customer
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("visa", "4242")
    assert [each.id for each in stage.client.v1.payment_methods.list({"customer": stage.customer})] == [second, first]
    of_customer = stage.client.v1.customers.payment_methods
    assert [each.id for each in of_customer.list(stage.customer, {"type": "card"})] == [second, first]
    assert of_customer.retrieve(stage.customer, first).id == first


def test_attaching_again_to_the_same_customer_is_inferred_to_change_nothing(stage: Stage):
    card, before = stage.card(), stage.mark()
    assert stage.card(card) == card
    assert stage.events(before) == []

    stage.simulator.switches.change({"reattach_refused": True})
    assert "already been attached" in refused(stage.card, card)["message"]


def test_a_card_belongs_to_one_customer(stage: Stage):
    card, other = stage.card(), stage.client.v1.customers.create().id

    error = refused(stage.client.v1.payment_methods.attach, card, {"customer": other})

    assert (error["status"], "already been attached" in error["message"]) == (400, True)
    assert refused(stage.client.v1.customers.payment_methods.retrieve, other, card)["status"] == 404


def test_a_detached_card_is_gone_for_good(stage: Stage):
    card = stage.card()
    stage.client.v1.customers.update(stage.customer, {"invoice_settings": {"default_payment_method": card}})
    before = stage.mark()
    assert stage.client.v1.payment_methods.detach(card).customer is None

    assert stage.events(before) == ["payment_method.detached"]
    customer = stage.client.v1.customers.retrieve(stage.customer).to_dict()
    assert customer["invoice_settings"]["default_payment_method"] is None
    assert stage.client.v1.payment_methods.list({"customer": stage.customer}).data == []
    assert refused(stage.card, card)["status"] == 400
    assert refused(stage.hold, card)["status"] == 400
    assert refused(stage.client.v1.payment_methods.detach, card)["status"] == 400


def test_the_default_card_must_be_the_customers(stage: Stage):
    mine, update = stage.card(), stage.client.v1.customers.update
    other = stage.client.v1.customers.create().id
    chosen = update(stage.customer, {"invoice_settings": {"default_payment_method": mine}}).to_dict()
    assert chosen["invoice_settings"]["default_payment_method"] == mine

    error = refused(update, other, {"invoice_settings": {"default_payment_method": mine}})

    assert (error["status"], error["param"]) == (400, "invoice_settings[default_payment_method]")
    cleared = update(stage.customer, {"invoice_settings": {"default_payment_method": ""}}).to_dict()
    assert cleared["invoice_settings"]["default_payment_method"] is None


def test_deleting_a_customer_detaches_the_cards(stage: Stage):
    card = stage.card()
    stage.client.v1.customers.delete(stage.customer)

    assert stage.client.v1.payment_methods.retrieve(card).customer is None


def test_a_customer_can_begin_with_a_card(stage: Stage):
    made = stage.client.v1.customers.create({"payment_method": "pm_card_visa"})

    assert len(stage.client.v1.payment_methods.list({"customer": made.id}).data) == 1
    declined = {"payment_method": "pm_card_visa_chargeDeclined"}
    assert refused(stage.client.v1.customers.create, declined)["status"] == 402
    assert len(stage.client.v1.customers.list().data) == 1


def test_a_saved_card_can_be_corrected_an_unsaved_one_cannot(stage: Stage):
    card = stage.card()
    update = stage.client.v1.payment_methods.update
    changed = update(
        card, {"billing_details": {"name": "Alice", "address": {"city": "Bern"}}, "card": {"exp_year": 2040}}
    )

    assert changed.billing_details.name == "Alice"
    assert changed.billing_details.address is not None
    assert changed.billing_details.address.city == "Bern"
    assert changed.card is not None
    assert changed.card.exp_year == 2040
    unsaved = stage.numbered("4242424242424242")
    assert refused(update, unsaved, {"metadata": {"a": "b"}})["status"] == 400


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "type"),
        ({"type": "card"}, "card"),
        ({"type": "card", "card": {"number": "4242424242424242"}}, "card[exp_month]"),
        ({"type": "card", "card": {"token": "tok_nonsense"}}, "card[token]"),
        ({"type": "sepa_debit"}, "type"),
    ],
)
def test_a_payment_method_needs_its_card(stage: Stage, params: dict[str, object], param: str):
    error = refused(stage.client.v1.payment_methods.create, params)

    assert (error["status"], error["param"]) == (400, param)


def test_a_phone_gets_an_ephemeral_key_for_an_hour(stage: Stage, raw):
    key = stage.client.v1.ephemeral_keys.create({"customer": stage.customer}, {"stripe_version": "2025-01-27.acacia"})

    assert str(key.secret).startswith("ek_test_")
    assert key.expires == stage.now() + 3600
    assert stage.client.v1.ephemeral_keys.delete(key.id).id == key.id
    status, body, _ = raw("POST", "/v1/ephemeral_keys", f"customer={stage.customer}")
    assert (status, "Stripe-Version" in body["error"]["message"]) == (400, True)
