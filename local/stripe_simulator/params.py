"""What a parameter may hold: each kind turns the text of a form into a value, or says why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.stripe_simulator.errors import ApiError, invalid_integer, missing_parameter, refused, unknown_parameter

Kind = Callable[[str, Any], Any]
_INTEGER = re.compile(r"[+-]?\d+")


def _scalar(name: str, value: Any, word: str) -> str:
    if not isinstance(value, str):
        raise refused(f"Invalid {word}: {name}", name)
    if value == "":
        raise ApiError(
            400,
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=name,
        )
    return value


def text_up_to(maximum: int) -> Kind:
    def kind(name: str, value: Any) -> str:
        given = _scalar(name, value, "string")
        if len(given) > maximum:
            words = f"Invalid string: {name} must be at most {maximum} characters"
            raise refused(words, name, code="parameter_invalid_string")
        return given

    return kind


text = text_up_to(5000)


def clearable(kind: Kind) -> Kind:
    """An empty string takes the value away."""
    return lambda name, value: None if value == "" else kind(name, value)


def integer(name: str, value: Any) -> int:
    given = _scalar(name, value, "integer")
    if not _INTEGER.fullmatch(given):
        raise invalid_integer(name, f"Invalid integer: {given}")
    return int(given)


def at_least(minimum: int) -> Kind:
    def kind(name: str, value: Any) -> int:
        number = integer(name, value)
        if number < minimum:
            raise invalid_integer(name, f"This value must be greater than or equal to {minimum}.")
        return number

    return kind


def amount_to_capture(name: str, value: Any) -> int:
    """Zero and negative amounts are refused in two different ways (R)."""
    number = integer(name, value)
    if number == 0:
        raise invalid_integer("amount", "This value must be greater than or equal to 1.")
    if number < 0:
        raise refused("Invalid positive integer", name)
    return number


def boolean(name: str, value: Any) -> bool:
    given = _scalar(name, value, "boolean")
    if given not in {"true", "false"}:
        raise refused(f"Invalid boolean: {given}", name)
    return given == "true"


def choice(*options: str) -> Kind:
    def kind(name: str, value: Any) -> str:
        given = _scalar(name, value, "string")
        if given not in options:
            listed = " or ".join(options) if len(options) < 3 else f"{', '.join(options[:-1])}, or {options[-1]}"
            raise refused(f"Invalid {name}: must be one of {listed}", name)
        return given

    return kind


def either(*kinds: Kind) -> Kind:
    """The first kind that accepts the value wins; if none does, the last one words the refusal."""

    def kind(name: str, value: Any) -> Any:
        for attempt in kinds[:-1]:
            try:
                return attempt(name, value)
            except ApiError:
                continue
        return kinds[-1](name, value)

    return kind


def anything(name: str, value: Any) -> Any:
    """Known to Stripe, without effect here."""
    return value


def list_of(item: Kind) -> Kind:
    def kind(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refused("Invalid array", name)
        return [item(f"{name}[{index}]", each) for index, each in enumerate(value)]

    return kind


def nested(kinds: Mapping[str, Kind], required: tuple[str, ...] = ()) -> Kind:
    def kind(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refused("Invalid object", name)
        return read(value, kinds, required, prefix=name)

    return kind


def read(
    given: Mapping[str, Any], kinds: Mapping[str, Kind], required: tuple[str, ...] = (), prefix: str = ""
) -> dict[str, Any]:
    """Unknown names are refused before missing ones, and both before wrong values."""

    def full(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    unknown = [full(name) for name in given if name not in kinds]
    if unknown:
        raise unknown_parameter(unknown)
    for name in required:
        if name not in given:
            raise missing_parameter(full(name))
    return {name: kinds[name](full(name), value) for name, value in given.items()}


created_range: Kind = either(
    nested({"gt": integer, "gte": integer, "lt": integer, "lte": integer}),
    lambda name, value: dict.fromkeys(("gte", "lte"), integer(name, value)),
)

LIST: Mapping[str, Kind] = {"limit": integer, "starting_after": text, "ending_before": text, "expand": list_of(text)}
EXPAND: Mapping[str, Kind] = {"expand": list_of(text)}
