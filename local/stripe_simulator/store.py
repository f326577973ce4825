"""Where everything is kept: tables of JSON in memory, changed all together or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from local.stripe_simulator.wire import Body, duplicate

Address = tuple[str, str]


class Journal(Protocol):
    """Something that outlives the process."""

    def load(self) -> Iterator[tuple[str, str, Body]]: ...

    def write(self, changes: list[tuple[str, str, Body | None]]) -> None: ...


class Store:
    """Read with `get` and `rows`, change only through `insert`, `edit` and `delete`: they remember how to undo."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.lock = threading.RLock()
        self._journal = journal
        self._tables: dict[str, dict[str, Body]] = {}
        self._before: dict[Address, Body | None] = {}
        self._depth = 0
        if journal is not None:
            for table, id, body in journal.load():
                self._tables.setdefault(table, {})[id] = body

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What happens inside is seen, and written through, whole or not at all."""
        with self.lock:
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._commit()
            except BaseException:
                if self._depth == 1:
                    self._roll_back()
                raise
            finally:
                self._depth -= 1

    def get(self, table: str, id: str) -> Body | None:
        return self._tables.get(table, {}).get(id)

    def rows(self, table: str) -> dict[str, Body]:
        """Oldest first."""
        return self._tables.get(table, {})

    def tables(self) -> dict[str, dict[str, Body]]:
        return self._tables

    def insert(self, table: str, id: str, body: Body) -> Body:
        self._remember(table, id)
        self._tables.setdefault(table, {})[id] = body
        return body

    def edit(self, table: str, id: str) -> Body:
        self._remember(table, id)
        return self._tables[table][id]

    def delete(self, table: str, id: str) -> None:
        if id in self._tables.get(table, {}):
            self._remember(table, id)
            del self._tables[table][id]

    def _remember(self, table: str, id: str) -> None:
        if self._depth == 0:
            raise RuntimeError("changes belong in a transaction")
        if (table, id) not in self._before:
            self._before[table, id] = duplicate(self.get(table, id))

    def _commit(self) -> None:
        if self._journal is not None and self._before:
            self._journal.write([(table, id, self.get(table, id)) for table, id in self._before])
        self._before = {}

    def _roll_back(self) -> None:
        for (table, id), body in self._before.items():
            if body is None:
                self._tables.get(table, {}).pop(id, None)
            else:
                self._tables.setdefault(table, {})[id] = body
        self._before = {}
