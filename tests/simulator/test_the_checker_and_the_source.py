"""The schema check must catch what it is there for; the source keeps the house's rules."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import schema
from tests.simulator.stage import Stage

SOURCE = Path(__file__).parents[2] / "local" / "stripe_simulator"
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"surprise": 1}, "surprise: unknown"),
        ({"amount": None}, "amount: null"),
        ({"amount": "12"}, "is no integer"),
        ({"amount": True}, "is no integer"),
        ({"object": "intent"}, "is none of"),
        ({"metadata": {"a": 1}}, "is no string"),
        ({"metadata": None}, "metadata: null"),
        ({"next_action": {}}, "next_action.type: missing"),
        ({"customer": {"id": "cus_x", "object": "customer"}}, "customer.created: missing"),
        ({"latest_charge": 5}, "is no string"),
        ({"payment_method_types": ["card", 1]}, "is no string"),
    ],
)
def test_a_body_that_stripe_would_not_send_is_caught(stage: Stage, change: dict[str, Any], complaint: str):
    body = stage.intent(stage.hold().id)
    assert schema.faults_of_answer("GET", "/v1/payment_intents/pi_x", 200, body) == []

    found = schema.faults_of_answer("GET", "/v1/payment_intents/pi_x", 200, {**body, **change})

    assert any(complaint in each for each in found), found


@pytest.mark.parametrize("name", schema.COMPONENTS["payment_intent"]["x-non-optional-in-sdk"])
def test_a_missing_field_is_caught(stage: Stage, name: str):
    body = stage.intent(stage.hold().id)
    del body[name]

    assert schema.faults_of_answer("GET", "/v1/payment_intents/pi_x", 200, body)


def test_fields_deep_inside_are_caught(stage: Stage):
    charge = stage.charge_of(stage.hold().id)
    for path in (["payment_method_details", "card"], ["outcome"], ["billing_details"]):
        broken = copy.deepcopy(charge)
        inner = broken
        for name in path:
            inner = inner[name]
        inner["surprise"] = 1
        assert schema.faults_of_answer("GET", "/v1/charges/ch_x", 200, broken), path


def test_broken_events_lists_and_errors_are_caught(stage: Stage):
    stage.hold()
    page = stage.client.v1.events.list().to_dict()
    assert schema.faults_of_answer("GET", "/v1/events", 200, page) == []
    page["data"][0]["data"]["object"]["surprise"] = 1
    assert schema.faults_of_answer("GET", "/v1/events", 200, page)
    page["data"][0]["type"] = "booking.created"
    assert schema.faults_of_answer("GET", "/v1/events", 200, page)

    good = {"error": {"type": "card_error", "message": "no", "code": "card_declined"}}
    assert schema.faults_of_answer("POST", "/v1/refunds", 402, good) == []
    for broken in ({"type": "no_error"}, {"type": "api_error", "code": None}, {"type": "api_error", "why": "x"}, {}):
        assert schema.faults_of_answer("POST", "/v1/refunds", 400, {"error": broken})
    assert schema.faults_of_answer("POST", "/v1/refunds", 400, {"message": "no"})


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_short_says_what_it_decides_and_names_no_drawer(module: Path):
    text = module.read_text()
    lines = text.splitlines()

    assert len(lines) <= 400
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert "\n" not in docstring
    assert not {"utils", "helpers", "common", "misc"} & set(module.relative_to(SOURCE).with_suffix("").parts)
