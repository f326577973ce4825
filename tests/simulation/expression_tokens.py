"""DynamoDB's expressions as a row of tokens, and what is raised over one that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

Names = Mapping[str, str]
"""Placeholder to attribute name."""


class UnknownCall(BaseException):
    """The tables in memory were asked for something that they were never taught."""


class Refusal(Exception):
    """DynamoDB would refuse this request, with this code; `more` stands beside the error in its answer."""

    def __init__(self, message: str, code: str = "ValidationException", **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.more = code, message, more


_TOKEN: Final = re.compile(r"\s*([:#]?[A-Za-z_][A-Za-z0-9_]*|<=|>=|<>|[=<>(),.+-])")
_KEYWORDS: Final = frozenset("AND OR NOT BETWEEN SET REMOVE ADD DELETE IN".split())


@cache
def _reserved() -> frozenset[str]:
    """DynamoDB's reserved words, which may stand in an expression only behind a placeholder; from moto's list."""
    spec = find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    return frozenset((Path(spec.origin).parent / "dynamodb/parsing/reserved_keywords.txt").read_text().split())


class Tokens:
    def __init__(self, text: str, names: Names) -> None:
        self._text, self._given = text, names
        self._tokens: list[str] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise UnknownCall(f"{text!r}, from {text[place:]!r} on")
            self._tokens.append(found[1])
            place = found.end()
        self._place = 0
        self.names: set[str] = set()
        self.values: set[str] = set()
        self.attributes: set[str] = set()

    @property
    def next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def take(self) -> str:
        token = self.next
        self._place += 1
        return token

    def accept(self, *wanted: str) -> str | None:
        """Takes the next token if it is one of these. Keywords may be written small."""
        return self.take() if self.next in wanted or self.next.upper() in _KEYWORDS.intersection(wanted) else None

    def expect(self, wanted: str) -> None:
        if not self.accept(wanted):
            raise UnknownCall(f"{self._text!r}: {wanted!r} instead of {self.next!r}")

    def unknown(self) -> UnknownCall:
        return UnknownCall(f"{self._text!r}, at {self.next!r}")

    def end(self) -> None:
        if self.next:
            raise self.unknown()

    def placeholder(self) -> str:
        if not self.next.startswith(":"):
            raise self.unknown()
        self.values.add(self.next)
        return self.take()

    def name(self) -> str:
        """One attribute name, behind its placeholder or not."""
        token = self.take()
        if token.startswith("#"):
            self.names.add(token)
            if token not in self._given:
                raise Refusal(f"An expression attribute name used in the expression is not defined; name: {token}")
            return self._given[token]
        if not token[:1].isalpha() or token.upper() in _KEYWORDS or self.next == "(":
            self._place -= 1
            raise self.unknown()
        if token.upper() in _reserved():
            raise Refusal(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def path(self) -> tuple[str, ...]:
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        self.attributes.add(parts[0])
        return tuple(parts)

    def attribute(self) -> str:
        """A path of one name: nothing of Holdfast writes inside of a map."""
        parts = self.path()
        if len(parts) > 1:
            raise UnknownCall(f"{self._text!r}: a path")
        return parts[0]
