"""Tables in memory with one mistake each: what the comparison with moto has to notice."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.simulation import expressions, memory_tables, rows
from tests.simulation.memory_tables import MemoryTables
from tests.simulation.rows import Index, Page, Rows

Patch = pytest.MonkeyPatch


def _condition_ignored(patch: Patch) -> None:
    parse = expressions.condition
    patch.setattr(expressions, "condition", lambda *asked: replace(parse(*asked), holds=lambda *_: True))


def _condition_on_the_item_to_come(patch: Patch) -> None:
    planned = MemoryTables._planned

    def of_the_new(self: Any, kind: str, asked: Any) -> Any:
        change, item, holds = planned(self, kind, asked)
        if "ConditionExpression" in asked and change[2] is not None:
            names = memory_tables._names(asked)
            condition = expressions.condition(asked["ConditionExpression"], names)
            holds = condition.holds(change[2], asked.get("ExpressionAttributeValues") or {})
        return change, item, holds

    patch.setattr(MemoryTables, "_planned", of_the_new)


def _or_as_and(patch: Patch) -> None:
    patch.setattr(expressions, "any", all, raising=False)


def _numbers_as_text(patch: Patch) -> None:
    patch.setattr(expressions, "plain", lambda value: next(iter(value.items())))


def _between_without_its_ends(patch: Patch) -> None:
    span = rows._span

    def without_ends(between: Any, entries: Any) -> Any:
        low, high = span(between, entries)
        return (low + 1, high) if between and between[0] == "BETWEEN" else (low, high)

    patch.setattr(rows, "_span", without_ends)


def _half_a_transaction(patch: Patch) -> None:
    def each_for_itself(self: Any, asked: Any) -> Any:
        planned = [self._planned(*next(iter(action.items()))) for action in asked["TransactItems"]]
        for action, (change, _, holds) in zip(asked["TransactItems"], planned, strict=True):
            if holds and "ConditionCheck" not in action:
                memory_tables._apply(change)
        whole(self, asked)

    whole = MemoryTables._transact_write_items
    patch.setattr(MemoryTables, "_transact_write_items", each_for_itself)


def _reasons_backwards(patch: Patch) -> None:
    cancelled = memory_tables.cancelled
    patch.setattr(memory_tables, "cancelled", lambda codes, items: cancelled(list(codes)[::-1], list(items)[::-1]))


def _no_item_with_the_refusal(patch: Patch) -> None:
    patch.setattr(memory_tables, "_wants_item", lambda _: False)


def _a_check_writes(patch: Patch) -> None:
    transact = MemoryTables._transact_write_items

    def deleting(self: Any, asked: Any) -> Any:
        answer = transact(self, asked)
        for action in asked["TransactItems"]:
            if check := action.get("ConditionCheck"):
                memory_tables._apply(self._planned("Delete", check)[0])
        return answer

    patch.setattr(MemoryTables, "_transact_write_items", deleting)


def _two_actions_on_one_item(patch: Patch) -> None:
    patch.setattr(memory_tables, "id", lambda _: object(), raising=False)


def _read(change: Callable[..., dict[str, Any]]) -> Callable[[Patch], None]:
    def patched(patch: Patch) -> None:
        read = Rows.read
        patch.setattr(Rows, "read", lambda self, *asked, **how: read(self, *asked, **(how | change(**how))))

    return patched


def _newest_last(patch: Patch) -> None:
    _read(lambda **_: {"forward": True})(patch)


def _always_from_the_beginning(patch: Patch) -> None:
    _read(lambda **_: {"start": None})(patch)


def _limit_ignored(patch: Patch) -> None:
    _read(lambda **_: {"most": None})(patch)


def _start_key_again(patch: Patch) -> None:
    left, right = bisect_left, bisect_right
    patch.setattr(rows, "bisect_right", lambda entries, value, **how: (right if how else left)(entries, value, **how))


def _no_last_key(patch: Patch) -> None:
    read = Rows.read
    patch.setattr(Rows, "read", lambda self, *asked, **how: Page(read(self, *asked, **how).items, None))


def _filter_ignored(patch: Patch) -> None:
    query = MemoryTables._query

    def unfiltered(self: Any, asked: Any) -> Any:
        if "FilterExpression" not in asked:
            return query(self, asked)
        rest = {name: value for name, value in asked.items() if name != "FilterExpression"}
        rest["ExpressionAttributeNames"] = {"#key": asked["ExpressionAttributeNames"]["#key"]}
        rest["ExpressionAttributeValues"] = {":key": asked["ExpressionAttributeValues"][":key"]}
        return query(self, rest)

    patch.setattr(MemoryTables, "_query", unfiltered)


def _index_keeps_what_was(patch: Patch) -> None:
    patch.setattr(Index, "drop", lambda *_: None)


def _keys_only_shows_all(patch: Patch) -> None:
    patch.setattr(Index, "shown", lambda _, item: dict(item))


def _update(change: Callable[[Any, Any, Any], Any]) -> Callable[[Patch], None]:
    def patched(patch: Patch) -> None:
        apply = expressions.Update.apply
        patch.setattr(expressions.Update, "apply", lambda self, item, values: apply(*change(self, item, values)))

    return patched


def _remove_ignored(patch: Patch) -> None:
    _update(lambda update, item, values: (replace(update, removes=()), item, values))(patch)


def _add_sets(patch: Patch) -> None:
    patch.setattr(expressions, "_sum", lambda _, right, __: right)


def _if_not_exists_overwrites(patch: Patch) -> None:
    _update(lambda update, item, values: (update, {} if "customer_requested_at" in item else item, values))(patch)


def _old_values_returned(patch: Patch) -> None:
    update = MemoryTables._update_item

    def old(self: Any, asked: Any) -> Any:
        kept = self._rows(asked["TableName"])
        before = kept.get(kept.key_from(asked["Key"]))
        answer = update(self, asked)
        return {"Attributes": dict(before or asked["Key"])} if "Attributes" in answer else answer

    patch.setattr(MemoryTables, "_update_item", old)


def _delete_does_nothing(patch: Patch) -> None:
    patch.setattr(Rows, "delete", lambda *_: None)


def _batch_leaves_one_out(patch: Patch) -> None:
    batch = MemoryTables._batch_get_item

    def short(self: Any, asked: Any) -> Any:
        answer = batch(self, asked)
        return {**answer, "Responses": {table: items[:-1] for table, items in answer["Responses"].items()}}

    patch.setattr(MemoryTables, "_batch_get_item", short)


MISTAKES: Final = {
    name.removeprefix("_").replace("_", " "): mistake
    for name, mistake in list(globals().items())
    if name.startswith("_") and callable(mistake) and name not in ("_read", "_update") and not name.startswith("__")
}
