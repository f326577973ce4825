"""One table in memory and its indexes: items by key, and each partition in the order of its sort key.

An item is never changed in place: a write puts another one in its stead. So a snapshot shares them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.expression_tokens import Refusal
from tests.simulation.expressions import Item, KeyCondition, Value, Values, number, plain

Key = tuple[Any, ...]
"""The values of a table's key, as Python compares them."""
Place = tuple[Any, Key]
"""Where an item stands in an index: its partition, and its sort value (if the index sorts) before the table's key."""
Places = tuple[Place | None, ...]
"""Of one item, in the table and in each index; None where the index has no entry of it."""

Between = tuple[str, Any, Any]
"""A comparison and its bounds, the lower one first; one bound stands for both."""

_LAST: Final = "\U0010ffff"


@dataclass(slots=True)
class Index:
    """`only` None: everything of the item is in it."""

    name: str
    partition: str
    sort: str | None
    only: frozenset[str] | None
    partitions: dict[Any, list[Key]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        return (self.partition,) if self.sort is None else (self.partition, self.sort)

    def add(self, place: Place) -> None:
        insort(self.partitions.setdefault(place[0], []), place[1])

    def drop(self, place: Place) -> None:
        entries = self.partitions[place[0]]
        del entries[bisect_left(entries, place[1])]
        if not entries:
            del self.partitions[place[0]]

    def shown(self, item: Item) -> dict[str, Value]:
        if self.only is None:
            return dict(item)
        return {name: value for name, value in item.items() if name in self.only}


@dataclass(frozen=True, slots=True)
class Page:
    """`behind` is the key after which the next page starts; None where this one ended by itself."""

    items: list[dict[str, Value]]
    behind: dict[str, Value] | None


def schema_key(schema: Sequence[Mapping[str, str]]) -> tuple[str, str | None]:
    names = {each["KeyType"]: each["AttributeName"] for each in schema}
    return names["HASH"], names.get("RANGE")


class Rows:
    """`schema` as CloudFormation and CreateTable write it: AttributeDefinitions, KeySchema, GlobalSecondaryIndexes."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._types = {each["AttributeName"]: each["AttributeType"] for each in schema["AttributeDefinitions"]}
        partition, sort = schema_key(schema["KeySchema"])
        self.primary = Index("", partition, sort, None)
        self.key: Final = self.primary.key
        self.indexes: dict[str, Index] = {}
        for each in schema.get("GlobalSecondaryIndexes", []):
            self.indexes[each["IndexName"]] = self._index(each)
        self._all = (self.primary, *self.indexes.values())
        self._nowhere: Places = (None,) * len(self._all)
        self._items: dict[Key, tuple[Item, Places]] = {}

    def _index(self, schema: Mapping[str, Any]) -> Index:
        partition, sort = schema_key(schema["KeySchema"])
        projection = schema["Projection"]
        only = {*self.key, partition, *([sort] if sort else []), *projection.get("NonKeyAttributes", [])}
        everything = projection["ProjectionType"] == "ALL"
        return Index(schema["IndexName"], partition, sort, None if everything else frozenset(only))

    # --- keys

    def _value(self, item: Item, name: str) -> Any:
        """The value of a key attribute, None if the item has none. Refuses what no key may hold."""
        value = item.get(name)
        if value is None:
            return None
        kind = self._types[name]
        inner = value.get(kind)
        if not inner:
            raise self._unfit(name, value)
        return number(inner) if kind == "N" else inner

    def _unfit(self, name: str, value: Value) -> Refusal:
        kind, inner = plain(value)
        if inner == "":
            return Refusal(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )
        return Refusal(
            f"One or more parameter values were invalid: Type mismatch for key {name} "
            f"expected: {self._types[name]} actual: {kind}"
        )

    def key_of(self, item: Item) -> Key:
        """The key of a whole item."""
        values = tuple(self._value(item, name) for name in self.key)
        if None in values:
            missing = self.key[values.index(None)]
            raise Refusal(f"One or more parameter values were invalid: Missing the key {missing} in the item")
        return values

    def key_from(self, given: Item) -> Key:
        """The key of a request, which holds it and nothing else."""
        if given.keys() != set(self.key):
            raise Refusal("The provided key element does not match the schema")
        return self.key_of(given)

    def places(self, item: Item, key: Key) -> Places:
        """Where the item stands in the table and in each index. Raises Refusal if it could not be put."""
        return tuple([self._place(index, item, key) for index in self._all])

    def _place(self, index: Index, item: Item, key: Key) -> Place | None:
        if index is self.primary:
            return key[0], key[1:]
        partition = self._value(item, index.partition)
        if index.sort is None:
            return None if partition is None else (partition, key)
        sort = self._value(item, index.sort)
        return None if partition is None or sort is None else (partition, (sort, *key))

    # --- items

    def get(self, key: Key) -> Item | None:
        found = self._items.get(key)
        return None if found is None else found[0]

    def put(self, key: Key, item: Item, places: Places) -> None:
        before = self._items.get(key)
        self._items[key] = (item, places)
        self._move(before[1] if before else self._nowhere, places)

    def delete(self, key: Key) -> None:
        before = self._items.pop(key, None)
        if before is not None:
            self._move(before[1], self._nowhere)

    def _move(self, old: Places, new: Places) -> None:
        for index, was, is_now in zip(self._all, old, new, strict=True):
            if was != is_now:
                if was is not None:
                    index.drop(was)
                if is_now is not None:
                    index.add(is_now)

    def __iter__(self) -> Iterator[Item]:
        """In the order of the keys."""
        return (self._items[key][0] for key in sorted(self._items))

    # --- reading in order

    def read(
        self, index: Index, wanted: KeyCondition, values: Values, *, forward: bool, start: Item | None, most: int | None
    ) -> Page:
        """One page of a partition. Items with equal sort values stand in the order of the table's key."""
        partition = self._partition(index, wanted, values)
        entries = index.partitions.get(partition, [])
        between = self._between(index, wanted, values)
        low, high = _span(between, entries)
        if start is not None:
            behind = self._start(index, partition, start)
            if between is not None and not _fits(between, behind[0]):
                raise Refusal("The provided starting key is outside query boundaries based on provided conditions")
            low, high = (max(low, bisect_right(entries, behind)), high) if forward else (
                low, min(high, bisect_left(entries, behind)))  # fmt: skip
        span = range(low, high) if forward else range(high - 1, low - 1, -1)
        chosen = span if most is None else span[:most]
        sorts = index.sort is not None and index is not self.primary
        skip = 1 if sorts else 0
        head = (partition,) if index is self.primary else ()
        items = [self._items[head + entries[place][skip:]][0] for place in chosen]
        # As DynamoDB does and moto does not: a page that is full says so even if nothing comes behind it.
        last = items[-1] if most is not None and items and len(chosen) == most else None
        return Page([index.shown(item) for item in items], None if last is None else self.behind(index, last))

    def behind(self, index: Index, item: Item) -> dict[str, Value]:
        return {name: item[name] for name in (*self.key, *index.key)}

    def _partition(self, index: Index, wanted: KeyCondition, values: Values) -> Any:
        equal = dict(wanted.equal)
        if index.partition not in equal:
            raise Refusal(f"Query condition missed key schema element: {index.partition}")
        others = {*equal, *([wanted.between[0]] if wanted.between else [])} - set(index.key)
        if others or len(wanted.equal) + bool(wanted.between) > len(index.key):
            raise Refusal("Query key condition not supported")
        return self._value({index.partition: values[equal[index.partition]]}, index.partition)

    def _between(self, index: Index, wanted: KeyCondition, values: Values) -> Between | None:
        """What the query asks of the sort key, if it does."""
        sort, equal = index.sort, dict(wanted.equal)
        if sort is not None and sort in equal:
            sign, placeholders = "=", [equal[sort]]
        elif wanted.between is not None and sort is not None:
            sign, placeholders = wanted.between[1], list(wanted.between[2])
        else:
            return None
        low, *rest = [self._value({sort: values[placeholder]}, sort) for placeholder in placeholders]
        if rest and low > rest[0]:
            raise Refusal("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
        return sign, low, rest[0] if rest else low

    def _start(self, index: Index, partition: Any, start: Item) -> Key:
        if start.keys() != {*self.key, *index.key}:
            raise Refusal("The provided starting key is invalid")
        place = self._place(index, start, self.key_of({name: start[name] for name in self.key}))
        if place is None or place[0] != partition:
            raise Refusal("The provided starting key is outside query boundaries based on provided conditions")
        return place[1]

    # --- snapshots

    def snapshot(self) -> Any:
        entries = [{name: list(keys) for name, keys in index.partitions.items()} for index in self._all]
        return dict(self._items), entries

    def restore(self, snapshot: Any) -> None:
        items, entries = snapshot
        self._items = dict(items)
        for index, partitions in zip(self._all, entries, strict=True):
            index.partitions = {name: list(keys) for name, keys in partitions.items()}


def _span(between: Between | None, entries: list[Key]) -> tuple[int, int]:
    """From where to where in a partition; the last is not in it."""
    if between is None:
        return 0, len(entries)
    sign, low, high = between
    if sign == "begins_with":
        return bisect_left(entries, (low,)), bisect_left(entries, (low + _LAST,))
    first = bisect_right(entries, low, key=_sort_value) if sign == ">" else bisect_left(entries, (low,))
    last = bisect_left(entries, (high,)) if sign == "<" else bisect_right(entries, high, key=_sort_value)
    return 0 if sign in ("<", "<=") else first, len(entries) if sign in (">", ">=") else last


def _fits(between: Between, sort: Any) -> bool:
    return _span(between, [(sort,)]) == (0, 1)


def _sort_value(entry: Key) -> Any:
    return entry[0]
