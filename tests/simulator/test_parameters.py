"""What a request may say: names, types, limits, and the words of a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stripe_simulator import form
from local.stripe_simulator.errors import ApiError
from local.stripe_simulator.params import EXPAND
from local.stripe_simulator.routes import ROUTES, Route
from tests.simulator import schema
from tests.simulator.stage import Stage, refused


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.template}")
def test_every_route_and_parameter_exists_at_stripe(route: Route):
    known = schema.operation(route.method, route.template)

    assert known is not None
    accepted = set(known["params"].get("properties", {}))
    assert set(route.kinds) - set(EXPAND) <= accepted
    assert set(route.required) <= set(route.kinds)
    assert set(known["params"].get("required", [])) <= set(route.required) | {"type"}


def test_an_unknown_parameter_is_named(stage: Stage):
    error = refused(stage.client.v1.customers.create, {"colour": "red"})
    assert (error["status"], error["code"], error["param"]) == (400, "parameter_unknown", "colour")
    assert error["message"] == "Received unknown parameter: colour"

    nested = refused(stage.client.v1.customers.create, {"address": {"planet": "Mars"}})
    assert nested["message"] == "Received unknown parameter: address[planet]"
    several = refused(stage.client.v1.customers.create, {"a": "1", "b": "2"})
    assert several["message"] == "Received unknown parameters: a, b"


def test_parameters_may_come_in_the_query_of_a_post_and_in_any_bytes(raw):
    status, body, _ = raw("POST", "/v1/customers", "name=n", query="email=a@b.c")
    assert (status, body["name"], body["email"]) == (200, "n", "a@b.c")
    assert raw("POST", "/v1/customers", "name=%FF%FE")[0] == 200


def test_a_missing_parameter_is_named(stage: Stage):
    error = refused(stage.client.v1.payment_intents.create, {"amount": 100})

    assert (error["status"], error["code"], error["param"]) == (400, "parameter_missing", "currency")
    assert error["message"] == "Missing required param: currency."
    assert error["doc_url"].endswith("/parameter-missing")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "many"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": {"a": 1}}, None, "amount"),
        ({"confirm": "maybe"}, None, "confirm"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"currency": "zzz"}, None, "currency"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"metadata": "text"}, None, "metadata"),
        ({"off_session": True}, None, "off_session"),
        ({"description": "x" * 5001}, "parameter_invalid_string", "description"),
        ({"automatic_payment_methods": {"allow_redirects": "never"}}, "parameter_missing", None),
    ],
)
def test_a_wrong_value_is_refused(stage: Stage, params: dict[str, object], code: str | None, param: str | None):
    error = refused(stage.client.v1.payment_intents.create, {"amount": 1200, "currency": "usd", **params})

    assert (error["status"], error.get("code")) == (400, code)
    assert param is None or error["param"] == param


def test_metadata_merges_and_an_empty_text_unsets(stage: Stage):
    update = stage.client.v1.customers.update
    made = stage.client.v1.customers.create({"metadata": {"a": "1", "b": "2"}}).id

    assert update(made, {"metadata": {"b": "", "c": "3"}}).to_dict()["metadata"] == {"a": "1", "c": "3"}
    assert update(made, {"metadata": ""}).to_dict()["metadata"] == {}


@pytest.mark.parametrize(
    ("metadata", "fits"),
    [
        ({str(n): "v" for n in range(50)}, True),
        ({str(n): "v" for n in range(51)}, False),
        ({"k" * 40: "v"}, True),
        ({"k" * 41: "v"}, False),
        ({"k": "v" * 500}, True),
        ({"k": "v" * 501}, False),
        ({"a[b]": "v"}, False),
    ],
)
def test_metadata_has_limits(stage: Stage, metadata: dict[str, str], fits: bool):
    if fits:
        assert stage.client.v1.customers.create({"metadata": metadata}).to_dict()["metadata"] == metadata
    else:
        assert refused(stage.client.v1.customers.create, {"metadata": metadata})["status"] == 400


def test_the_limit_of_metadata_counts_what_is_there_already(stage: Stage):
    made = stage.client.v1.customers.create({"metadata": {str(n): "v" for n in range(50)}}).id

    assert refused(stage.client.v1.customers.update, made, {"metadata": {"more": "v"}})["status"] == 400
    assert stage.client.v1.customers.update(made, {"metadata": {"0": "", "more": "v"}}).id


@pytest.mark.parametrize(
    ("encoded", "tree"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[1]=y&a[0]=x", {"a": ["x", "y"]}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a%5Bb%5D=%C3%A9+%26", {"a": {"b": "é &"}}),
        ("a=", {"a": ""}),
        ("", {}),
    ],
)
def test_forms_nest_like_stripes(encoded: str, tree: object):
    assert form.decode(encoded) == tree


@given(st.text(alphabet="ab[]=&01%", max_size=40))
def test_no_form_is_a_bug(encoded: str):
    try:
        tree: object = form.decode(encoded)
    except ApiError as refusal:
        tree = {"refused": refusal.status}

    assert isinstance(tree, dict)
    assert tree.get("refused", 400) == 400


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (50, "usd", None),
        (29, "gbp", "amount_too_small"),
        (30, "gbp", None),
        (49, "jpy", "amount_too_small"),
        (50, "jpy", None),
        (99_999_999, "usd", None),
        (100_000_000, "usd", "amount_too_large"),
        (12_340, "kwd", None),
        (12_345, "kwd", "refused"),
    ],
)
def test_amounts_have_limits_by_currency(stage: Stage, amount: int, currency: str, code: str | None):
    params = {"amount": amount, "currency": currency}
    if code is None:
        assert stage.client.v1.payment_intents.create(params).amount == amount  # type: ignore[arg-type]
    else:
        error = refused(stage.client.v1.payment_intents.create, params)
        assert (error["status"], error["param"]) == (400, "amount")
        assert error.get("code", "refused") == code


def test_the_minimum_is_inferred_and_a_switch(stage: Stage):
    stage.simulator.switches.change({"enforce_minimum_amount": False})

    assert stage.pay(amount=40).status == "succeeded"


def test_the_special_currencies_are_inferred_and_a_switch(stage: Stage):
    params = {"amount": 5050, "currency": "ugx"}
    assert refused(stage.client.v1.payment_intents.create, params)["param"] == "amount"
    stage.simulator.switches.change({"special_case_currencies": False})

    assert stage.client.v1.payment_intents.create({"amount": 5050, "currency": "ugx"}).amount == 5050


def test_amounts_are_written_by_currency(stage: Stage):
    for currency, amount, words in (("jpy", 1200, "¥1,300"), ("eur", 1200, "€13.00"), ("kwd", 1200, "1.300 kwd")):
        intent = stage.captured(currency=currency, amount=amount)
        error = refused(stage.client.v1.refunds.create, {"payment_intent": intent.id, "amount": amount + 100})
        assert f"({words})" in error["message"]


def test_a_currency_is_lower_case_afterwards(stage: Stage):
    assert stage.client.v1.payment_intents.create({"amount": 100, "currency": "USD"}).currency == "usd"
