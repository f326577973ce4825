"""How the simulator survives SIGKILL: one SQLite transaction per request."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from local.stripe_simulator.wire import Body

_SCHEMA = """
create table if not exists rows (
    sequence integer primary key autoincrement,
    kind text not null, id text not null, body text not null, unique (kind, id)
)
"""
# The sequence of a row that is written again must stay: it is the order of every list.
_WRITE = """
insert into rows (kind, id, body) values (?, ?, ?) on conflict (kind, id) do update set body = excluded.body
"""


class SqliteJournal:
    def __init__(self, path: Path) -> None:
        # Every write happens under the store's lock, so threads may share the connection.
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        # The process may be killed at any time, the machine may not: no fsync per request.
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(_SCHEMA)

    def load(self) -> Iterator[tuple[str, str, Body]]:
        for kind, id, body in self._connection.execute("select kind, id, body from rows order by sequence"):
            yield kind, id, json.loads(body)

    def write(self, changes: list[tuple[str, str, Body | None]]) -> None:
        self._connection.execute("begin immediate")
        try:
            for kind, id, body in changes:
                if body is None:
                    self._connection.execute("delete from rows where kind = ? and id = ?", (kind, id))
                else:
                    self._connection.execute(_WRITE, (kind, id, json.dumps(body)))
            self._connection.execute("commit")
        except BaseException:
            self._connection.execute("rollback")
            raise

    def close(self) -> None:
        self._connection.close()
