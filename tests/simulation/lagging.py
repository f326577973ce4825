"""Indexes that are behind their tables: for a while after an item was written, an index shows nothing of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

_KEYS: Final = {"BookingsTable": "booking_id", "EventsTable": "event_id"}


class Lagging:
    """Each write is heard of after a share of the longest lag that its key and its instant decide."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, str], float] = {}

    def written(self, name: str, given: Mapping[str, Any], now: float) -> None:
        for table, item in _items(name, given):
            key = _KEYS.get(table)
            if key is not None and key in item:
                self._written[table, item[key]["S"]] = now

    def behind(self, table: str, answer: Any, now: float, longest: float) -> Any:
        """The index's answer without what it has not heard of yet."""
        key = _KEYS.get(table)
        if key is None or not longest:
            return answer
        items = [item for item in answer["Items"] if self._heard(table, item[key]["S"], now, longest)]
        return {**answer, "Items": items, "Count": len(items)}

    def _heard(self, table: str, value: str, now: float, longest: float) -> bool:
        written = self._written.get((table, value))
        if written is None:
            return True
        share = zlib.crc32(f"{value} {written}".encode()) % 100 / 100
        return now - written >= share * longest

    def snapshot(self) -> Any:
        return dict(self._written)

    def restore(self, kept: Any) -> None:
        self._written = dict(kept)


def _items(name: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if name == "transact_write_items":
        for action in given["TransactItems"]:
            for each in action.values():
                yield each["TableName"], each.get("Item") or each.get("Key") or {}
    else:
        yield given["TableName"], given.get("Item") or given.get("Key") or {}
