"""What docs/architecture.md says about functions, tables and indexes, read from its own tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tests.template.deployed import ROOT

TABLES = {"users", "events", "bookings", "payment_methods", "transactions", "idempotency"}


@dataclass(frozen=True)
class Function:
    folder: str
    trigger: str
    tables: dict[str, str]
    """Table to `r` or `rw`."""
    indexes: frozenset[tuple[str, str]]
    stripe: bool
    secret: bool
    quote_key: bool
    queues: frozenset[str]

    @property
    def name(self) -> str:
        return "".join(word.capitalize() for word in self.folder.split("_"))

    @property
    def route(self) -> tuple[str, str] | None:
        found = re.fullmatch(r"(GET|PUT|POST|DELETE) (/\S+)", self.trigger)
        return (found[1], found[2]) if found else None


@dataclass(frozen=True)
class Table:
    variable: str
    key: tuple[str, ...]
    indexes: dict[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        return "".join(word.capitalize() for word in self.variable.lower().split("_"))


@cache
def functions() -> dict[str, Function]:
    rows = _rows("| function | trigger | class, role | touches |")
    return {row[0]: _function(row[0], row[1], row[3]) for row in rows}


@cache
def tables() -> dict[str, Table]:
    found = {}
    for variable, key, indexes, _ in _rows("| table (environment variable) | key | indexes | other |"):
        found[variable] = Table(
            variable=variable,
            key=tuple(each.split()[0] for each in key.split(", ")),
            indexes={
                name: tuple(part.split()[0] for part in parts.split(", "))
                for name, parts in re.findall(r"(by_\w+) \(([^)]*)\)", indexes)
            },
        )
    return found


def _function(folder: str, trigger: str, touches: str) -> Function:
    rights = {}
    indexes = set()
    queues = set()
    for table, right, named in re.findall(r"(\w+) (rw|r)\b(?: \(([^)]*)\))?", touches):
        if table in TABLES:
            rights[table] = right
            indexes |= {(table, each) for each in re.findall(r"by_\w+", named)}
    for queue in re.findall(r"(steps|stripe events|reconcile) queue send", touches):
        queues.add(queue)
    stripe = bool(re.search(r"(^|, )Stripe$", touches))
    return Function(
        folder=folder,
        trigger=trigger,
        tables=rights,
        indexes=frozenset(indexes),
        stripe=stripe,
        secret=stripe or "secret r" in touches,
        quote_key="quote key" in touches,
        queues=frozenset(queues),
    )


def _rows(header: str) -> list[list[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    rows = []
    for line in text[text.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
