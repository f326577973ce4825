"""Writes docs/openapi.json, one document of the whole API, from the functions themselves; or says where it has drifted.

Each function's resolver describes its own route, Powertools merges them, and what all routes share is added here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, SecurityScheme

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "openapi.json"
VERSION: Final = "1.0.0"
_MOST_DIFFERENCES: Final = 20

# Powertools describes its own validation errors, which this API never answers with: ours are problems.
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "description": "true where this is the answer that the same key was given before.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_REPLAYABLE: Final = frozenset({"200", "201", "402", "404", "409", "422"})

Schema = dict[str, Any]


def document() -> Schema:
    """The OpenAPI 3.1 document of all API functions."""
    sys.path.insert(0, str(ROOT / "layers" / "holdfast"))
    bearer: dict[str, SecurityScheme] = {
        "bearer": HTTPBearer(bearerFormat="JWT", description="A customer's Privy access token, or a staff token.")
    }
    merge = OpenAPIMerge(
        title="Holdfast",
        version=VERSION,
        description="Holds on cards for bookings: placed, captured, released and refunded by rules on the server.",
        security_schemes=bearer,
        security=[{"bearer": []}],
        on_conflict="error",
    )
    for function in sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py")):
        app = getattr(importlib.import_module(f"functions.{function}.handler"), "app", None)
        if app is not None:
            merge.add_schema(_described(function, app))
    merged: Schema = json.loads(merge.get_openapi_json_schema())
    for name in _NOT_OURS:
        merged["components"]["schemas"].pop(name, None)
    return merged


def _described(function: str, app: Any) -> Schema:
    schema: Schema = json.loads(app.get_openapi_json_schema())
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            operation["operationId"] = function
            operation["tags"] = [path.split("/")[1]]
            operation["description"] = "For " + " and ".join(sorted(role.value for role in app.roles)) + "."
            _name_the_key(operation)
            if method == "get":
                operation["responses"].pop("422", None)  # reading breaks no rule
    return schema


def _name_the_key(operation: Schema) -> None:
    """Powertools writes header names in lower case; and an answer to a key can be given again."""
    for parameter in operation.get("parameters", []):
        if parameter["name"] == "idempotency-key":
            parameter["name"] = "Idempotency-Key"
            for status, response in operation["responses"].items():
                if status in _REPLAYABLE:
                    response["headers"] = {**response.get("headers", {}), **_REPLAYED}


def differences(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Where two documents differ, as JSON pointers with a word on how."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            pointer = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in new:
                yield f"{pointer}: in the document, but no longer in the functions"
            elif name not in old:
                yield f"{pointer}: in the functions, but not in the document"
            else:
                yield from differences(old[name], new[name], pointer)
    elif old != new:
        yield f"{at}: differs"


def text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.openapi", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the document instead of checking it")
    wanted = document()
    if parser.parse_args(arguments).write:
        DOCUMENT.write_text(text(wanted), encoding="utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text(wanted):
        return 0
    known = json.loads(DOCUMENT.read_text(encoding="utf-8")) if DOCUMENT.exists() else {}
    drift = list(differences(known, wanted)) or ["the document is formatted otherwise"]
    print(f"{DOCUMENT.relative_to(ROOT)} is not what the functions say (make openapi writes it):", file=sys.stderr)
    for difference in drift[:_MOST_DIFFERENCES]:
        print(f"  {difference}", file=sys.stderr)
    if len(drift) > _MOST_DIFFERENCES:
        print(f"  … and {len(drift) - _MOST_DIFFERENCES} more", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
