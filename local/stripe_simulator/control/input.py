"""What a control accepts: an object with known fields of known types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ControlRefused(ValueError):
    """A control was given what it does not take."""


def fields(body: Any, known: Mapping[str, type | tuple[type, ...]], required: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ControlRefused("the body must be a JSON object")
    for name, value in body.items():
        if name not in known:
            raise ControlRefused(f"unknown field: {name}; there are {', '.join(sorted(known))}")
        kind = known[name]
        wanted = kind if isinstance(kind, tuple) else (kind,)
        # True is an int to Python and to nobody else.
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise ControlRefused(f"{name} does not take {value!r}")
    for name in required:
        if name not in body:
            raise ControlRefused(f"missing field: {name}")
    return body
