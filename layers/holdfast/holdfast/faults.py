"""Says in our own words, with pointers, what a validator found wrong with a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.errors import FieldError, InvalidRequest

# Enough to mend a request by; a hostile one does not get its own size back.
_MOST: Final = 20
_LONGEST_NAME: Final = 64

# What pydantic calls differently from how people who never saw Python would. Its other messages speak for themselves,
# and none of them repeats the input.
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "This is missing.",
        "extra_forbidden": "This field is not known.",
        "int_type": "This must be an integer.",
        "bool_type": "This must be true or false.",
        "string_type": "This must be a string.",
        "dict_type": "This must be an object.",
        "list_type": "This must be a list.",
        "model_type": "This must be an object.",
        "model_attributes_type": "This must be an object.",
        "string_pattern_mismatch": "This has characters, or a length, that are not allowed here.",
    }
)


def invalid_request(errors: Iterable[Mapping[str, Any]]) -> InvalidRequest:
    """From pydantic's errors, whose `loc` starts with where the value stood: body, path, query or header."""
    faults = [FieldError(_pointer(error["loc"]), _words(error)) for error in errors]
    return InvalidRequest("The request is malformed; see errors.", faults[:_MOST])


def _pointer(loc: tuple[str | int, ...]) -> str:
    place, *path = loc or ("body",)
    if place != "body":
        return "/".join(_escaped(part) for part in path[:1])
    return "".join(f"/{_escaped(part)}" for part in path)


def _escaped(part: str | int) -> str:
    """RFC 6901."""
    return str(part)[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")


def _words(error: Mapping[str, Any]) -> str:
    kind = str(error.get("type", ""))
    if kind in _WORDS:
        return _WORDS[kind]
    message = str(error.get("msg", "This is not valid."))
    return message.removeprefix("Value error, ")
