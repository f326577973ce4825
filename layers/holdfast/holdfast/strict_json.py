"""Reads a request's body: its size, its declared type, and JSON without the corners where parsers disagree."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import InvalidRequest, TooLarge, UnsupportedMediaType

BODY_LIMIT: Final = 64 * 1024


def read_body(event: Mapping[str, Any]) -> str | None:
    """The body of a proxy event as text, decoded where API Gateway encoded it; None where there is none.

    Raises TooLarge over 64 KiB, UnsupportedMediaType unless the request says that it is JSON, InvalidRequest if it is
    not UTF-8.
    """
    body = event.get("body")
    if not body:
        return None
    if len(body) > 2 * BODY_LIMIT:
        raise TooLarge("The body is over 64 KiB.")
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        text = raw.decode()
    except ValueError:  # what base64 and UTF-8 refuse with
        raise InvalidRequest.at("", "The body is not UTF-8.") from None
    if len(raw) > BODY_LIMIT:
        raise TooLarge("The body is over 64 KiB.")
    _require_json(event)
    return text


def parse(text: str) -> dict[str, Any]:
    """A JSON object. Raises InvalidRequest for anything else.

    NaN and infinities, duplicate keys (the last would win here, the first elsewhere), lone surrogates (no UTF-8 can
    carry them further) and depths or numbers beyond the parser's limits are refused too.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except InvalidRequest:
        raise
    except (ValueError, RecursionError):
        raise InvalidRequest.at("", "The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidRequest.at("", "The body must be a JSON object.")
    return value


def _require_json(event: Mapping[str, Any]) -> None:
    declared = ""
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == "content-type":
            declared = value or ""
    media_type, _, parameters = declared.partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    charset = parameters.strip().lower().replace('"', "").replace(" ", "")
    if charset.startswith("charset=") and charset not in ("charset=utf-8", "charset=utf8", "charset=us-ascii"):
        raise UnsupportedMediaType("Send the body as UTF-8.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidRequest.at("", "An object in the body names a field twice.")
    return value


def _constant(_name: str) -> Any:
    raise InvalidRequest.at("", "NaN and Infinity are not JSON.")
