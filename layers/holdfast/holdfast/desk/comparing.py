"""Compares Stripe's side with the book: reads a stretch of time from both, looks at a booking, and mends what may be
mended.

Looks are consistent: a booking whose version is the same before and after Stripe was asked cannot have moved meanwhile
by our own doing, because an operation is written down before it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.booking import Booking, TransitionRefused
from holdfast.call_failures import CallRefused
from holdfast.desk.desk import Desk
from holdfast.desk.finishing import write
from holdfast.desk.outside import take_in
from holdfast.differences import Difference, Drift, differences, has_news, orphan, without_a_booking
from holdfast.errors import OperationInProgress
from holdfast.log import Line, Logged
from holdfast.sightings import Seen, Source, Span
from holdfast.staffs_list import noticed
from holdfast.store import ConcurrentChange
from holdfast.store.log import Position
from holdfast.stripe_lists import StripeLists, TooMany
from holdfast.stripe_objects import Observation
from holdfast.sums import ByCurrency, totals
from holdfast.suspects import suspects

_TRIES: Final = 4
_NOT_FOUND: Final = 404
# A stretch that Stripe's lists leave short may still have many lines: a hold and its capture alone make four.
_LINES_AN_OBJECT: Final = 4
_PAGE: Final = 100
# So many bookings of which Stripe knows nothing at all are no coincidence.
_PROBED: Final = 20


class UnderWay(Exception):
    """Money of this booking is moving. What comes of it is written later, and compared with that day."""


class AnotherAccount(Exception):
    """Stripe knows none of our PaymentIntents: the key is most likely another account's, so nothing is concluded."""


@dataclass(frozen=True, kw_only=True)
class Comparer:
    """What comparing works with. `desk` makes a fresh one, with a budget of its own, for each look.

    `turn(n)` is waited for before n calls to Stripe, and raises where no time is left for them.
    """

    desk: Callable[[], Desk]
    lists: StripeLists
    turn: Callable[[int], None]
    most: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Both sides of one span, and whom to look at there: bookings by id, each with PaymentIntents."""

    seen: Seen
    lines: Sequence[Logged]
    suspects: Mapping[str, frozenset[str]]
    totals: ByCurrency
    fees: Mapping[str, int]

    @property
    def objects(self) -> int:
        return len(self.seen.sightings) + len(self.seen.movements)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One booking (None: there is none) and what Stripe holds for it, at one moment."""

    booking_id: str
    booking: Booking | None
    lines: Sequence[Line] = ()
    observations: Sequence[Observation] = ()
    missing: frozenset[str] = field(default_factory=frozenset)


def read(comparer: Comparer, span: Span) -> Stretch:
    """What Stripe and the log show of the span. Raises TooMany where it has to be shorter."""
    seen = comparer.lists.between(span, comparer.most)
    lines = _lines(comparer, span)
    owners = dict(seen.owners) | _owners(comparer, seen)
    ids = {*owners.values(), *(logged.booking_id for logged in lines)}
    bookings = comparer.desk().store.bookings.several(sorted(ids))
    ours = [each for each in seen.movements if each.payment_intent_id in owners]
    return Stretch(
        seen=seen,
        lines=lines,
        suspects=suspects(bookings, seen, owners, lines),
        totals=totals(lines, ours),
        fees={each.source_id: each.fee for each in ours if each.source is Source.DISPUTE and each.fee > 0},
    )


def _lines(comparer: Comparer, span: Span) -> list[Logged]:
    log = comparer.desk().store.log
    lines: list[Logged] = []
    position: Position | None = None
    while True:
        page, position = log.between(span.since, span.until, position=position, limit=_PAGE)
        lines += page
        if position is None:
            return lines
        if len(lines) > comparer.most * _LINES_AN_OBJECT and span.seconds > 1:
            raise TooMany


def _owners(comparer: Comparer, seen: Seen) -> dict[str, str]:
    """Whose PaymentIntents these are, where no listed object says so: by the book's index, else by their metadata."""
    found: dict[str, str] = {}
    for intent_id in sorted(seen.strangers):
        desk = comparer.desk()
        booking_id = desk.store.bookings.by_payment_intent(intent_id)
        if booking_id is None:
            comparer.turn(1)
            booking_id = _named_by_stripe(desk, intent_id)
        if booking_id is not None:
            found[intent_id] = booking_id
    return found


def _named_by_stripe(desk: Desk, intent_id: str) -> str | None:
    try:
        metadata = desk.gateway.retrieve(intent_id).metadata
    except CallRefused:
        return None
    return metadata["booking_id"] if desk.gateway.is_ours(metadata) else None


def check_account(comparer: Comparer, stretch: Stretch) -> None:
    """A wrong key must not put every booking on the staff's list. Raises AnotherAccount."""
    intents = [intent for each in stretch.suspects.values() for intent in sorted(each)][:_PROBED]
    if stretch.seen.owners or len(intents) < _PROBED:
        return
    _, missing = _observed(comparer, frozenset(intents))
    if missing == frozenset(intents):
        raise AnotherAccount


def look(comparer: Comparer, booking_id: str, intents: frozenset[str]) -> View:
    """The booking, its log and what Stripe holds for these PaymentIntents. Raises UnderWay, and a CallFailed where
    Stripe cannot be asked.
    """
    for _ in range(_TRIES):
        desk = comparer.desk()
        booking = desk.store.bookings.get(booking_id)
        if booking is not None and booking.operation is not None:
            raise UnderWay
        if booking is not None and booking.hold is not None:
            intents = intents or frozenset({booking.hold.payment_intent_id})
        observations, missing = _observed(comparer, intents)
        lines = list(desk.store.bookings.all_lines(booking_id))
        again = desk.store.bookings.get(booking_id)
        if (again.version if again else None) == (booking.version if booking else None):
            return View(booking_id=booking_id, booking=booking, lines=lines, observations=observations, missing=missing)
    raise UnderWay


def _observed(comparer: Comparer, intents: frozenset[str]) -> tuple[list[Observation], frozenset[str]]:
    observations: list[Observation] = []
    missing: set[str] = set()
    for intent_id in sorted(intents):
        comparer.turn(3)  # the PaymentIntent, its refunds, its disputes
        try:
            observations.append(comparer.desk().gateway.observe(intent_id))
        except CallRefused as refused:
            if refused.status != _NOT_FOUND:
                raise
            missing.add(intent_id)
    return observations, frozenset(missing)


def compare(comparer: Comparer, view: View, fees: Mapping[str, int]) -> list[Difference]:
    """Everything that differs in this view."""
    booking = view.booking
    if booking is None:
        orphans = [found for seen in view.observations if (found := orphan(view.booking_id, seen)) is not None]
        return [*orphans, *([without_a_booking(view.booking_id)] if view.lines else [])]
    return differences(
        booking, view.lines, view.observations, missing=view.missing, fees=fees, now=comparer.desk().clock()
    )


def mend(comparer: Comparer, view: View, found: Sequence[Difference], fees: Mapping[str, int]) -> list[Difference]:
    """Take in what the rules allow; what then still differs, looked at again."""
    booking = view.booking
    if booking is None or not any(each.adoptable for each in found):
        return list(found)
    for seen in view.observations:
        desk = comparer.desk()
        if not has_news(booking, seen, desk.clock()):
            continue
        comparer.turn(3)
        try:
            take_in(desk, desk.booking(booking.booking_id), payment_intent_id=seen.intent.id)
        except OperationInProgress as busy:
            raise UnderWay from busy
        except TransitionRefused as refused:
            return [*found, _not_compared(booking, seen, str(refused))]
    after = look(comparer, view.booking_id, frozenset(each.intent.id for each in view.observations) | view.missing)
    return [each for each in compare(comparer, after, fees) if each.left or each.adoptable]


def _not_compared(booking: Booking, seen: Observation, why: str) -> Difference:
    return Difference(
        drift=Drift.NOT_COMPARED,
        booking_id=booking.booking_id,
        object_id=seen.intent.id,
        currency=booking.currency,
        detail=f"the table of states forbids what was to be taken in: {why}",
        left=True,
    )


def put_on_the_staff_s_list(comparer: Comparer, booking_id: str, drift: Drift) -> None:
    """A reason that is there already stays: the report has them all."""
    for _ in range(_TRIES):
        desk = comparer.desk()
        booking = desk.store.bookings.get(booking_id)
        if booking is None or booking.attention is not None:
            return
        try:
            write(desk, booking, noticed(booking, str(drift), desk.clock()), [])
        except ConcurrentChange:
            continue
        return
