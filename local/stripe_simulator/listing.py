"""How a list is cut into pages: newest first, exclusive cursors, 1 to 100."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.stripe_simulator.errors import no_such, refused
from local.stripe_simulator.identifiers import SPOKEN
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

DEFAULT_LIMIT, MAXIMUM_LIMIT = 10, 100
Matches = Callable[[Body], bool]


def plain_list(data: list[Body], url: str, *, has_more: bool = False) -> Body:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def listed(world: World, table: str, params: dict[str, Any], url: str, matches: Matches = lambda _: True) -> Body:
    """The bodies are the stored ones: whoever answers renders them."""
    limit = params.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAXIMUM_LIMIT:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MAXIMUM_LIMIT}"
        raise refused(f"This value must be {bound}.", "limit", code="parameter_invalid_integer")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise refused("You may only specify one of these parameters: ending_before, starting_after.")
    rows = world.store.rows(table)
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in rows:
            raise no_such(SPOKEN.get(table, table), cursor, name, in_path=False)
    created = params.get("created")
    # Backwards from newest, or upwards from `ending_before`: the page is what lies next to the cursor.
    ordered = iter(rows.values()) if before is not None else reversed(rows.values())
    cursor, passed = after or before, (after or before) is None
    page: list[Body] = []
    for row in ordered:
        if not passed:
            passed = row["id"] == cursor
            continue
        if not row.get("_deleted") and _within(row, created) and matches(row):
            page.append(row)
            if len(page) > limit:
                break
    has_more, page = len(page) > limit, page[:limit]
    return plain_list(page[::-1] if before is not None else page, url, has_more=has_more)


def _within(row: Body, created: dict[str, int] | None) -> bool:
    if not created:
        return True
    moment: int = row["created"]
    lowest = max(created.get("gte", moment), created.get("gt", moment - 1) + 1)
    highest = min(created.get("lte", moment), created.get("lt", moment + 1) - 1)
    return lowest <= moment <= highest


def equal_to(params: dict[str, Any], *names: str) -> Matches:
    """Rows whose fields equal the parameters that were given."""
    wanted = {name: params[name] for name in names if name in params}
    return lambda row: all(row.get(name) == value for name, value in wanted.items())
