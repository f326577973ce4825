"""What a flow leaves behind where nothing goes wrong: every line of every booking's log, and the bookings as they end.

`python -m tests.simulation.what_is_written` writes it into `tests/simulation/written/`, a page for each flow: for
whoever wants to know what the log says of a late cancellation or a lost dispute, and for `test_what_is_written.py` to
compare with. Ids are numbered in the order in which they appear, and hashes left out: neither says anything.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from holdfast.booking import Booking
from holdfast.log import Line, wire_time
from tests.simulation.crash_points import Watched, stand
from tests.simulation.deployment import Deployment
from tests.simulation.flows import FLOWS

FOLDER: Final = Path(__file__).parent / "written"
_ID: Final = re.compile(r"\b(?!staff)([a-z]{2,5})_(?=[a-z]*[0-9A-Z])[0-9A-Za-z]{10,}\b")
_REQUEST: Final = re.compile(r"\brequest(-[0-9]+|#[0-9a-f]{64})")
# Long, the same in every flow and proved elsewhere, or changing with every change of anything.
_LEFT_OUT: Final = frozenset({"chain_head", "version", "sequence", "policy", "policy_hash", "policy_text"})


def page(name: str) -> Path:
    return FOLDER / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.txt"


def written(name: str) -> str:
    """The flow, played undisturbed, as its page tells it."""
    told: list[str] = []
    for here in stand(name):
        end, wrong = here.played(Watched())
        assert not wrong, f"{name}: {end}: {wrong}"
        told = [name, "=" * len(name), *_bookings(here.deployment)]
    return _numbered("\n".join(told)) + "\n"


def _bookings(deployment: Deployment) -> Iterator[str]:
    for booking in deployment.bookings():
        yield f"\n{booking.booking_id} of {booking.user_id}"
        yield from map(_line, deployment.log(booking.booking_id))
        yield "ends as"
        yield from _fields(booking)


def _line(line: Line) -> str:
    amount = "" if line["amount"] is None else f" {line['amount']} {line['currency']}"
    ids = " ".join(str(line[name]) for name in ("operation_id", "stripe_id") if line[name])
    head = f"{line['created_at']}  {line['kind']} {line['status']}{amount} by {line['actor']}, reason {line['reason']}"
    details = {name: value for name, value in line["details"].items() if name not in _LEFT_OUT}
    return "\n    ".join(part for part in (head, ids, json.dumps(details, sort_keys=True)) if part)


def _fields(booking: Booking) -> Iterator[str]:
    for field in dataclasses.fields(booking):
        value = getattr(booking, field.name)
        if field.name not in _LEFT_OUT and value not in (None, (), {}):
            yield f"    {field.name}: {json.dumps(_plain(value), sort_keys=True)}"


def _plain(value: Any) -> Any:
    """JSON of anything that a booking is made of, without what is not there."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {name: _plain(part) for name, part in parts.items() if part not in (None, (), {})}
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _numbered(text: str) -> str:
    """Each id by its kind and the place in which it first appears."""
    known: dict[str, str] = {}
    count: dict[str, int] = {}

    def named(found: re.Match[str]) -> str:
        if found[0] not in known:
            count[found[1]] = count.get(found[1], 0) + 1
            known[found[0]] = f"{found[1]}_{count[found[1]]}"
        return known[found[0]]

    return _REQUEST.sub("request", _ID.sub(named, text))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in FLOWS:
        page(name).write_text(written(name), "utf-8")


if __name__ == "__main__":
    main()
