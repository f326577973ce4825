"""Metadata: 50 keys of 40 characters, values of 500, an empty string unsets a key or all of it."""

from __future__ import annotations

from typing import Any

from local.stripe_simulator.errors import refused

MAXIMUM_KEYS, MAXIMUM_NAME, MAXIMUM_VALUE = 50, 40, 500


def metadata(name: str, value: Any) -> dict[str, str]:
    """The parameter's kind; an empty result stands for "unset everything"."""
    if value == "":
        return {}
    if isinstance(value, list):
        value = {str(index): each for index, each in enumerate(value)}
    if not isinstance(value, dict):
        raise refused("Invalid object", name)
    for key, each in value.items():
        if not isinstance(each, str):
            raise refused("Metadata values must be strings.", f"{name}[{key}]")
        if len(key) > MAXIMUM_NAME:
            raise refused(
                f"Metadata keys can be up to {MAXIMUM_NAME} characters long, but you passed in a key that is "
                f"{len(key)} "
                f"characters. Invalid key: {key}",
                name,
            )
        if len(each) > MAXIMUM_VALUE:
            raise refused(
                f"Metadata values can have up to {MAXIMUM_VALUE} characters, but you passed in a value that is "
                f"{len(each)} characters. Invalid value: {each}",
                f"{name}[{key}]",
            )
    return value


def merged(existing: dict[str, str], given: dict[str, str] | None) -> dict[str, str]:
    if given is None:
        return existing
    if not given:
        return {}
    result = {key: value for key, value in {**existing, **given}.items() if value != ""}
    if len(result) > MAXIMUM_KEYS:
        raise refused(f"You can only have up to {MAXIMUM_KEYS} metadata keys.", "metadata")
    return result
