"""What a person has to look at: one reason at a time, and behind it whatever the facts leave to decide.

Pure. The first reason stays until it is seen to; then the facts say whether there is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from holdfast.booking import Booking

# What staff are told when a customer contests.
CONTESTED: Final = "no_show_contested"


def noticed(booking: Booking, attention: str | None, now: datetime) -> Booking:
    """The booking on the staff's list, if there is something to notice and it is not there already."""
    if attention is None or booking.attention is not None:
        return booking
    return replace(booking, attention=attention, attention_since=now)


def cleared(booking: Booking, reasons: frozenset[str]) -> Booking:
    """Off the list for these reasons, as the booking is now; what is left to decide takes their place."""
    return _with(booking, next(_left(booking), None)) if booking.attention in reasons else booking


def resolved(booking: Booking) -> Booking:
    """A person has seen to the reason that the booking is listed for, whatever the facts say of it."""
    return _with(booking, next((each for each in _left(booking) if each != booking.attention), None))


def _left(booking: Booking) -> Iterator[str]:
    if booking.is_open and booking.contest_undecided:
        yield CONTESTED
    if booking.owed_back and not booking.owes_refund:
        yield "refund_failed" if booking.refund_failed else "refund_owed"


def _with(booking: Booking, left: str | None) -> Booking:
    return replace(booking, attention=left, attention_since=booking.attention_since if left else None)
