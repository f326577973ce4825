"""The OpenAPI document: up to date, whole, and true to what is served."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from holdfast.fields import Limit
from holdfast.policy import DEFAULT, resolve
from holdfast.policy_schema import PARTIAL_POLICY, SERVED_POLICY
from holdfast.views import BookingView, EventView
from local import openapi

WHO_NEEDS_A_KEY = {
    "place_hold",
    "confirm_hold",
    "cancel_booking",
    "complete_booking",
    "create_refund",
    "submit_dispute_evidence",
    "accept_dispute",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def operations(document):
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_the_document_in_docs_is_what_the_functions_say(document):
    assert list(openapi.differences(json.loads(openapi.DOCUMENT.read_text("utf-8")), document)) == []


def test_every_route_of_the_contract_is_described_and_no_other(document):
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}

    assert routes == {
        "PUT /events/{event_id}",
        "POST /bookings/{booking_id}/resolve",
        "GET /events/{event_id}",
        "POST /events/{event_id}/cancel",
        "POST /events/{event_id}/no-shows",
        "POST /payment-methods/setup",
        "POST /payment-methods",
        "GET /payment-methods",
        "PUT /payment-methods/{payment_method_id}/default",
        "DELETE /payment-methods/{payment_method_id}",
        "POST /holds",
        "POST /holds/{booking_id}/confirm",
        "PUT /bookings/{booking_id}/payment-method",
        "GET /bookings",
        "GET /bookings/{booking_id}",
        "GET /bookings/{booking_id}/transactions",
        "GET /bookings/{booking_id}/cancellation-quote",
        "POST /bookings/{booking_id}/cancel",
        "POST /bookings/{booking_id}/check-in",
        "POST /bookings/{booking_id}/complete",
        "POST /bookings/{booking_id}/move",
        "POST /bookings/{booking_id}/waive",
        "POST /bookings/{booking_id}/contest",
        "POST /bookings/{booking_id}/no-show",
        "POST /bookings/{booking_id}/reprice",
        "POST /refunds",
        "GET /disputes",
        "GET /bookings/{booking_id}/dispute",
        "PUT /bookings/{booking_id}/dispute/evidence",
        "POST /bookings/{booking_id}/dispute/submit",
        "POST /bookings/{booking_id}/dispute/accept",
    }


def test_the_idempotency_key_is_required_exactly_where_the_contract_wants_it(document):
    with_key = {
        operation["operationId"]
        for operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key" and parameter["required"] and parameter["in"] == "header"
    }

    assert with_key == WHO_NEEDS_A_KEY


def test_every_failure_is_a_problem(document):
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)


def test_every_reference_leads_somewhere(document):
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]


def test_all_routes_want_a_bearer_token(document):
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_drift_is_named_by_pointer(document):
    other = copy.deepcopy(document)
    del other["paths"]["/holds"]
    other["info"]["title"] = "Another"
    other["new/part"] = 1

    assert list(openapi.differences(document, other)) == [
        "/info/title: differs",
        "/new~1part: in the functions, but not in the document",
        "/paths/~1holds: in the document, but no longer in the functions",
    ]


def test_the_command_writes_the_document_and_then_finds_no_drift(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(openapi, "ROOT", openapi.ROOT)
    monkeypatch.setattr(openapi, "DOCUMENT", openapi.ROOT / ".local" / "openapi-of-a-test.json")
    openapi.DOCUMENT.parent.mkdir(exist_ok=True)
    try:
        assert openapi.main([]) == 1
        assert "is not what the functions say" in capsys.readouterr().err
        assert openapi.main(["--write"]) == 0
        assert openapi.main([]) == 0
        openapi.DOCUMENT.write_text("{}")
        assert openapi.main([]) == 1
    finally:
        openapi.DOCUMENT.unlink(missing_ok=True)


def test_the_schema_of_a_policy_has_all_terms_and_accepts_the_default():
    assert set(PARTIAL_POLICY["properties"]) == set(DEFAULT.to_json())
    for terms in ({}, DEFAULT.to_json(), {"no_show_fee": {"amount": 500}}):
        jsonschema.validate(terms, PARTIAL_POLICY)
        jsonschema.validate(resolve(terms).to_json() | {"text": "x"}, SERVED_POLICY)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"no_show_fee": {"amount": 5, "percent": 5}}, PARTIAL_POLICY)


def test_the_shapes_of_the_contract_are_the_fields_of_the_views():
    booking = (
        "booking_id user_id event_id payment_status outcome price hold captured refunded fee starts_at "
        "free_cancellation_until checked_in_at cancelled_at next_action created_at updated_at version"
    )
    assert set(booking.split()) <= set(BookingView.model_fields)
    assert {"hold_amount", "policy", "policy_hash"} <= set(EventView.model_fields)


def test_a_limit_is_documented_with_its_bounds_and_keeps_them():
    adapter: TypeAdapter[int] = TypeAdapter(Limit)
    assert adapter.json_schema() == {"type": "integer", "minimum": 1, "maximum": 100}
    with pytest.raises(ValidationError):
        adapter.validate_python("101")
