"""Whether a body could have come from Stripe: unknown, missing, mistyped and misspelt fields are all faults."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import stripe

SCHEMA = json.loads((Path(__file__).parent / "stripe-openapi-trimmed.json").read_text())
COMPONENTS = SCHEMA["components"]["schemas"]
WIRE_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
# Left open by the trimmed schema and too close to the money to stay unchecked: the SDK's own annotations decide.
FIELDS_OF_SDK = {
    ("charge", "payment_method_details", "card"): set(stripe.Charge.PaymentMethodDetails.Card.__annotations__),
    ("dispute", "payment_method_details", "card"): set(stripe.Dispute.PaymentMethodDetails.Card.__annotations__),
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def faults(value: Any, schema: dict[str, Any], where: str) -> list[str]:
    if value is None:
        return [] if schema.get("nullable") or not schema else [f"{where}: null"]
    if "$ref" in schema:
        return faults_of_component(value, schema["$ref"].rpartition("/")[2], where)
    if "anyOf" in schema:
        branches = [faults(value, branch, where) for branch in schema["anyOf"]]
        named = [found for found, branch in zip(branches, schema["anyOf"], strict=True) if "$ref" in branch]
        # Of an expanded object the useful complaint is the one about that object, not "not a string".
        return [] if [] in branches else (named[0] if named and isinstance(value, dict) else branches[0])
    found = _type_faults(value, schema, where)
    if found or not schema:
        return found
    if "enum" in schema and not schema.get("x-open-enum") and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    if schema.get("type") == "array":
        return [each for n, item in enumerate(value) for each in faults(item, schema["items"], f"{where}[{n}]")]
    if "properties" in schema:
        return _object_faults(value, schema, where)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return [each for name, item in value.items() for each in faults(item, extra, f"{where}.{name}")]
    return []


def _type_faults(value: Any, schema: dict[str, Any], where: str) -> list[str]:
    wanted = schema.get("type")
    if wanted is None:
        return []
    fits = isinstance(value, _TYPES[wanted]) and not (isinstance(value, bool) and wanted != "boolean")
    return [] if fits else [f"{where}: {value!r} is no {wanted}"]


def _object_faults(value: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    properties = schema["properties"]
    found = [f"{where}.{name}: unknown" for name in value if name not in properties]
    for name in schema.get("x-non-optional-in-sdk", []):
        if value.get(name) is None:
            found.append(f"{where}.{name}: missing")
    for name, item in value.items():
        if name in properties:
            found += faults(item, properties[name], f"{where}.{name}")
    return found


def faults_of_component(value: Any, component: str, where: str) -> list[str]:
    if isinstance(value, dict) and value.get("deleted") is True:
        extra = set(value) - {"id", "object", "deleted"}
        return [f"{where}.{name}: unknown on something deleted" for name in extra]
    found = faults(value, COMPONENTS[component], where)
    for (owner, *path), known in FIELDS_OF_SDK.items():
        if owner == component and not found:
            inner = functools.reduce(lambda at, name: (at or {}).get(name), path, value) or {}
            found += [f"{where}.{'.'.join(path)}.{name}: unknown" for name in inner if name not in known]
    if component == "event" and not found:
        subject = value["data"]["object"]
        found += faults_of_component(subject, subject["object"], f"{where}.data.object")
        previous = value["data"].get("previous_attributes") or {}
        found += [f"{where}.previous_attributes.{name}: unknown" for name in previous if name not in subject]
    return found


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    literal_first = sorted(SCHEMA["paths"], key=lambda path: "{" in path.rpartition("/")[2])
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in literal_first]


def operation(method: str, path: str) -> dict[str, Any] | None:
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method.lower() in SCHEMA["paths"][template]:
            found: dict[str, Any] = SCHEMA["paths"][template][method.lower()]
            return found
    return None


def faults_of_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    where = f"{method} {path} {status}"
    if status >= 400:
        if set(body) != {"error"}:
            return [f"{where}: the envelope is {sorted(body)}"]
        wrong_type = [] if body["error"].get("type") in WIRE_TYPES else [f"{where}: type {body['error'].get('type')!r}"]
        nulls = [f"{where}: {name} is null" for name, value in body["error"].items() if value is None]
        return [*wrong_type, *nulls, *faults_of_component(body["error"], "api_errors", f"{where} error")]
    if path.endswith("/search"):
        component = path.split("/")[2].removesuffix("s")
        return [each for row in body["data"] for each in faults_of_component(row, component, where)]
    known = operation(method, path)
    if known is None:
        return [f"{where}: not in the schema"]
    schema = known["responses"]["200"]
    found = faults(body, schema, where)
    if body.get("object") == "event" or path.startswith("/v1/events"):
        rows = body["data"] if body["object"] == "list" else [body]
        found += [each for row in rows for each in faults_of_component(row, "event", where)]
    return found
