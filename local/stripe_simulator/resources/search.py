"""Search over PaymentIntents: the few clauses that a payments backend needs."""

from __future__ import annotations

import re
from typing import Any

from local.stripe_simulator.errors import refused
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

_CLAUSE = re.compile(r"""(-?)(status|customer|currency|metadata\[["']([^"']+)["']\]):["']([^"']*)["']""")


def payment_intents(world: World, params: dict[str, Any]) -> Body:
    """Real search lags behind by up to a minute; this one does not, so nothing may rely on it."""
    clauses = [_parsed(clause.strip()) for clause in re.split(r"\s+AND\s+", params["query"], flags=re.IGNORECASE)]
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise refused("This value must be between 1 and 100.", "limit", code="parameter_invalid_integer")
    found = [
        row
        for row in reversed(world.store.rows("payment_intent").values())
        if all(_value(row, field, key) == value for field, key, value in clauses)
    ]
    offset = int(params["page"]) if params.get("page", "").isdigit() else 0
    more = len(found) > offset + limit
    return {
        "object": "search_result",
        "data": found[offset : offset + limit],
        "has_more": more,
        "next_page": str(offset + limit) if more else None,
        "url": "/v1/payment_intents/search",
    }


def _parsed(clause: str) -> tuple[str, str | None, str]:
    parsed = _CLAUSE.fullmatch(clause)
    if parsed is None or parsed[1]:
        raise refused(f"We were unable to parse your search query near: {clause}", "query")
    return parsed[2].partition("[")[0], parsed[3], parsed[4]


def _value(row: Body, field: str, key: str | None) -> Any:
    return row["metadata"].get(key) if field == "metadata" else row[field]
