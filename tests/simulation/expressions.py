"""DynamoDB's expressions, as far as Holdfast speaks them: a parser and evaluator of exactly that grammar.

An expression is parsed once and kept. What the grammar does not know raises UnknownCall, which nothing of Holdfast can
catch: whoever writes a new kind of expression has to teach it here, and to hold it against moto, first. What DynamoDB
itself would refuse (a placeholder that is not given or not used, a reserved word) raises Refusal.

Values are in wire format ({"S": "x"}) and never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from tests.simulation.expression_tokens import Refusal, Tokens, UnknownCall

Value = Mapping[str, Any]
Item = Mapping[str, Value]
Values = Mapping[str, Value]
Operand = Callable[[Item, Values], Value | None]
Holds = Callable[[Item, Values], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether an item (empty: there is none) is as the expression says. `names` and `values` are what it uses."""

    holds: Holds
    names: frozenset[str]
    values: frozenset[str]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """One partition and perhaps a range in it: pairs of attribute and placeholder, and the range's comparison."""

    equal: tuple[tuple[str, str], ...]
    between: tuple[str, str, tuple[str, ...]] | None
    names: frozenset[str]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Update:
    """The item after it. Everything on the right-hand sides is read before anything is written."""

    sets: tuple[tuple[str, Operand], ...]
    removes: tuple[str, ...]
    adds: tuple[tuple[str, str], ...]
    names: frozenset[str]
    values: frozenset[str]

    @property
    def written(self) -> tuple[str, ...]:
        return (*(name for name, _ in self.sets), *self.removes, *(name for name, _ in self.adds))

    def apply(self, item: Item, values: Values) -> dict[str, Value]:
        after = dict(item)
        for name, operand in self.sets:
            after[name] = _present(operand(item, values))
        for name in self.removes:
            after.pop(name, None)
        for name, placeholder in self.adds:
            after[name] = _sum(item.get(name, {"N": "0"}), values[placeholder], 1)
        return after


@dataclass(frozen=True, slots=True)
class Projection:
    attributes: tuple[str, ...]
    names: frozenset[str]
    values: frozenset[str] = frozenset()


# --- values ----------------------------------------------------------------------------------------------------------

_ORDERED: Final = frozenset({"S", "N", "B"})
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip


def number(text: str) -> int | Decimal:
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def plain(value: Value) -> tuple[str, Any]:
    """Its type, and the value as Python compares it as DynamoDB does: numbers by size, text by its code points."""
    ((kind, inner),) = value.items()
    return kind, number(inner) if kind == "N" else inner


def _compare(left: Value | None, sign: str, right: Value | None) -> bool:
    """A missing attribute equals nothing; values of two types differ and have no order."""
    if left is None or right is None:
        return sign == "<>"
    (kind, one), (other_kind, other) = plain(left), plain(right)
    if kind != other_kind:
        return sign == "<>"
    if sign not in ("=", "<>") and kind not in _ORDERED:
        return False
    return _COMPARISONS[sign](one, other)


def _present(value: Value | None) -> Value:
    if value is None:
        raise Refusal("The provided expression refers to an attribute that does not exist in the item")
    return value


def _sum(left: Value | None, right: Value | None, sign: int) -> Value:
    (kind, one), (other_kind, other) = plain(_present(left)), plain(_present(right))
    if (kind, other_kind) != ("N", "N"):
        raise Refusal("An operand in the update expression has an incorrect data type")
    return {"N": str(one + sign * other)}


# --- conditions ------------------------------------------------------------------------------------------------------


def _operand(tokens: Tokens) -> Operand:
    if tokens.next.startswith(":"):
        placeholder = tokens.placeholder()
        return lambda _, values: values[placeholder]
    first, *rest = tokens.path()
    if not rest:
        return lambda item, _: item.get(first)

    def walk(item: Item, _: Values) -> Value | None:
        value = item.get(first)
        for part in rest:
            value = value["M"].get(part) if value is not None and "M" in value else None
        return value

    return walk


def _either(tokens: Tokens) -> Holds:
    parts = [_both(tokens)]
    while tokens.accept("OR"):
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else lambda item, values: any(part(item, values) for part in parts)


def _both(tokens: Tokens) -> Holds:
    parts = [_negated(tokens)]
    while tokens.accept("AND"):
        parts.append(_negated(tokens))
    return parts[0] if len(parts) == 1 else lambda item, values: all(part(item, values) for part in parts)


def _negated(tokens: Tokens) -> Holds:
    if tokens.accept("NOT"):
        inner = _negated(tokens)
        return lambda item, values: not inner(item, values)
    if tokens.accept("("):
        inner = _either(tokens)
        tokens.expect(")")
        return inner
    if function := tokens.accept("attribute_exists", "attribute_not_exists", "begins_with"):
        return _function(tokens, function)
    return _comparison(tokens)


def _function(tokens: Tokens, function: str) -> Holds:
    tokens.expect("(")
    operand = _operand(tokens)
    if function == "begins_with":
        tokens.expect(",")
        beginning = _operand(tokens)
        tokens.expect(")")
        return lambda item, values: _begins(operand(item, values), _present(beginning(item, values)))
    tokens.expect(")")
    wanted = function == "attribute_exists"
    return lambda item, values: (operand(item, values) is not None) is wanted


def _begins(value: Value | None, beginning: Value) -> bool:
    return value is not None and "S" in value and "S" in beginning and value["S"].startswith(beginning["S"])


def _comparison(tokens: Tokens) -> Holds:
    left = _operand(tokens)
    if tokens.accept("BETWEEN"):
        low = _operand(tokens)
        tokens.expect("AND")
        high = _operand(tokens)
        return lambda item, values: (
            _compare(left(item, values), ">=", low(item, values))
            and _compare(left(item, values), "<=", high(item, values))
        )
    sign = tokens.accept(*_COMPARISONS)
    if sign is None:
        raise tokens.unknown()
    right = _operand(tokens)
    return lambda item, values: _compare(left(item, values), sign, right(item, values))


@cache
def condition(text: str, names: tuple[tuple[str, str], ...] = ()) -> Condition:
    """A ConditionExpression or a FilterExpression."""
    tokens = Tokens(text, dict(names))
    holds = _either(tokens)
    tokens.end()
    return Condition(holds, frozenset(tokens.names), frozenset(tokens.values), frozenset(tokens.attributes))


@cache
def key_condition(text: str, names: tuple[tuple[str, str], ...] = ()) -> KeyCondition:
    tokens = Tokens(text, dict(names))
    equal: list[tuple[str, str]] = []
    between: list[tuple[str, str, tuple[str, ...]]] = []
    while True:
        if tokens.accept("begins_with"):
            tokens.expect("(")
            name = tokens.attribute()
            tokens.expect(",")
            between.append((name, "begins_with", (tokens.placeholder(),)))
            tokens.expect(")")
        else:
            name = tokens.attribute()
            if tokens.accept("BETWEEN"):
                low = tokens.placeholder()
                tokens.expect("AND")
                between.append((name, "BETWEEN", (low, tokens.placeholder())))
            elif tokens.accept("="):
                equal.append((name, tokens.placeholder()))
            elif sign := tokens.accept("<", "<=", ">", ">="):
                between.append((name, sign, (tokens.placeholder(),)))
            else:
                raise tokens.unknown()
        if not tokens.accept("AND"):
            break
    tokens.end()
    if len(between) > 1:
        raise Refusal("Query key condition not supported")
    return KeyCondition(
        tuple(equal), between[0] if between else None, frozenset(tokens.names), frozenset(tokens.values)
    )


# --- updates and projections -----------------------------------------------------------------------------------------


def _assigned(tokens: Tokens) -> Operand:
    left = _term(tokens)
    if not (sign := tokens.accept("+", "-")):
        return left
    right, factor = _term(tokens), 1 if sign == "+" else -1
    return lambda item, values: _sum(left(item, values), right(item, values), factor)


def _term(tokens: Tokens) -> Operand:
    if not tokens.accept("if_not_exists"):
        return _operand(tokens)
    tokens.expect("(")
    attribute = tokens.attribute()
    tokens.expect(",")
    otherwise = _operand(tokens)
    tokens.expect(")")

    def kept_or(item: Item, values: Values) -> Value | None:
        kept = item.get(attribute)
        return otherwise(item, values) if kept is None else kept

    return kept_or


@cache
def update(text: str, names: tuple[tuple[str, str], ...] = ()) -> Update:
    tokens = Tokens(text, dict(names))
    sets: list[tuple[str, Operand]] = []
    removes: list[str] = []
    adds: list[tuple[str, str]] = []
    used: set[str] = set()
    while clause := tokens.accept("SET", "REMOVE", "ADD"):
        clause = clause.upper()
        if clause in used:
            raise Refusal(f'Invalid UpdateExpression: The "{clause}" section can only be used once')
        used.add(clause)
        while True:
            name = tokens.attribute()
            if clause == "SET":
                tokens.expect("=")
                sets.append((name, _assigned(tokens)))
            elif clause == "REMOVE":
                removes.append(name)
            else:
                adds.append((name, tokens.placeholder()))
            if not tokens.accept(","):
                break
    tokens.end()
    result = Update(tuple(sets), tuple(removes), tuple(adds), frozenset(tokens.names), frozenset(tokens.values))
    if not result.written:
        raise UnknownCall(f"{text!r}: writes nothing")
    if len(set(result.written)) < len(result.written):
        raise Refusal("Invalid UpdateExpression: Two document paths overlap with each other")
    return result


@cache
def projection(text: str, names: tuple[tuple[str, str], ...] = ()) -> Projection:
    tokens = Tokens(text, dict(names))
    attributes = [tokens.attribute()]
    while tokens.accept(","):
        attributes.append(tokens.attribute())
    tokens.end()
    return Projection(tuple(attributes), frozenset(tokens.names))
