"""Where a list goes on: an opaque cursor that carries the position of the last item shown, and nothing of the tables.

A cursor is a position, not a permission: whoever reads it starts there within what the caller may see anyway.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from holdfast.errors import InvalidRequest

DEFAULT_LIMIT: Final = 20
MAXIMUM_LIMIT: Final = 100
_LONGEST: Final = 1024
_LARGEST: Final = 2**53
_WORD: Final = re.compile(r"[A-Za-z0-9_.:#-]{1,255}", re.ASCII)
_TIME: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)

Part = str | int


def encode(listing: str, position: Sequence[Part]) -> str:
    """The cursor for going on behind `position` in `listing`; base64url without padding, safe in a query string."""
    text = json.dumps([listing, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode("ascii")


def decode(listing: str, cursor: str | None, kinds: Sequence[type[str | int | datetime]]) -> tuple[Part, ...] | None:
    """The position in a cursor that `encode` made for the same listing, its parts of the given kinds; None without one.

    A `datetime` is a time as text (it stays text), a `str` an id, an `int` not negative. Raises InvalidRequest for
    anything else, so that a made-up cursor gets no further than here.
    """
    if cursor is None:
        return None
    name, position = _unpack(cursor)
    if name != listing or len(position) != len(kinds):
        raise _bad()
    if not all(_is(part, kind) for part, kind in zip(position, kinds, strict=True)):
        raise _bad()
    return tuple(position)


def _is(part: object, kind: type[str | int | datetime]) -> bool:
    if kind is int:
        return type(part) is int and 0 <= part <= _LARGEST
    if not isinstance(part, str):
        return False
    return bool(_TIME.fullmatch(part) and _exists(part)) if kind is datetime else bool(_WORD.fullmatch(part))


def _exists(time: str) -> bool:
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return False
    return True


def _unpack(cursor: str) -> tuple[object, list[Part]]:
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise _bad()
    try:
        packed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(packed.decode("ascii"))
    except (binascii.Error, ValueError, RecursionError):
        raise _bad() from None
    if not isinstance(parts, list) or not parts:
        raise _bad()
    return parts[0], parts[1:]


def _bad() -> InvalidRequest:
    return InvalidRequest.at("cursor", "This cursor is not one of ours. Start again without it.")
