"""Both sides of the books at one instant, and what a rule that does not hold is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.simulation.sides import BookSide, Intent, Kept, StripeSide


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, for which booking (None: for the books as a whole), and how."""

    rule: str
    booking_id: str | None
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.booking_id or 'the books'}: {self.what}"


@dataclass(frozen=True, slots=True)
class Books:
    """Both sides at one instant at which nothing is under way."""

    stripe: StripeSide
    book: BookSide
    now: datetime

    def at_rest(self) -> Iterator[Kept]:
        """The bookings of which no money is moving."""
        return (kept for kept in self.book.bookings.values() if kept.booking.operation is None)

    def intents(self, kept: Kept) -> list[Intent]:
        """What Stripe holds under this booking's name."""
        return self.stripe.of_booking(kept.booking.booking_id)
