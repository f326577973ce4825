"""Who did not come: grace, notice, a window to contest, then the fee, and never because the venue was silent.

Pure. Whoever was not checked in when the grace is over is absent; whether that may be charged is the venue's word, and
the customer's to contest where the policy gives time for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from holdfast.booking import Booking, Outcome
from holdfast.coverage import HOLD_SAFETY, TIME_TO_DECIDE, lapses_at
from holdfast.event import Event
from holdfast.log import Entry, wire_time
from holdfast.movements import (
    Begin,
    Close,
    Write,
    capture,
    derivation,
    fee_without_hold,
    may_ask,
    release,
    waits_until,
)
from holdfast.policy import Fee, NoShowCapture, no_show_fee


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be charged before this instant."""

    at: datetime


def grace_ends_at(booking: Booking) -> datetime:
    """From here on, whoever was not checked in is absent."""
    return booking.starts_at + timedelta(minutes=booking.policy.no_show_grace_minutes)


def no_show_at(booking: Booking) -> datetime:
    """The fee is not captured before: the contest window counts from the notice, which a late clock gives late."""
    contest = timedelta(minutes=booking.policy.no_show_contest_minutes)
    if booking.no_show_noticed_at is not None:
        return booking.no_show_noticed_at + contest
    return grace_ends_at(booking) + (contest if _is_worth_a_notice(booking) else timedelta(0))


def _is_worth_a_notice(booking: Booking) -> bool:
    """A fee that is nothing, that the policy forbids to charge without a hold, or that no card can be asked for any
    more, is announced to nobody.
    """
    if not _fee(booking).amount:
        return False
    return booking.is_held or (booking.policy.off_session_fees and (may_ask(booking) or booking.mend_by is not None))


def settles_at(booking: Booking) -> datetime:
    """Attended and never completed: the clock settles then, or earlier where the authorization would
    not live so long.
    """
    moment = silence_ends_at(booking)
    if not booking.is_held or booking.hold is None:
        return moment
    return min(moment, lapses_at(booking.hold, booking.created_at) - HOLD_SAFETY)


def silence_ends_at(booking: Booking) -> datetime:
    """The venue can speak until then, whatever becomes of the hold: a long event may outlive the authorization."""
    return booking.ends_at + timedelta(hours=booking.policy.settle_hours)


def looked_at(booking: Booking) -> datetime:
    """When the clock has to look whether something is to be charged."""
    moment = settles_at(booking) if booking.checked_in_at is not None else _absent_looked_at(booking)
    waits = waits_until(booking)
    return moment if waits is None else max(moment, waits)


def _absent_looked_at(booking: Booking) -> datetime:
    first = grace_ends_at(booking) if booking.no_show_noticed_at is None else no_show_at(booking)
    if booking.waived_at is not None or _was_decided(booking):
        return grace_ends_at(booking)
    if booking.look_again_at is None:
        return first
    if booking.no_show_noticed_at is not None or booking.contested_at is not None:
        return max(grace_ends_at(booking), booking.look_again_at)
    return max(first, min(booking.look_again_at, silence_ends_at(booking)))


def _was_decided(booking: Booking) -> bool:
    """Staff have answered a contest with the venue's word against the customer's: nothing is left to wait for."""
    return booking.contested_at is not None and not booking.contest_undecided


def step(booking: Booking, event: Event | None, now: datetime) -> Begin | Close | Write | Wait:
    """What becomes of somebody who is absent when the grace is over."""
    if booking.waived_at is not None:
        return _let_go(booking, reason="waived", outcome=Outcome.WAIVED)
    if booking.contest_undecided:
        return _contested(booking, now)
    if venue_spoke(booking, event):
        return _charged(booking, now)
    silent_until = silence_ends_at(booking)
    if now >= silent_until:
        # The venue checked in nobody and gave no order: silence is not a no-show, and a hold may not be kept for
        # nothing.
        return _let_go(booking, reason="venue_silent", outcome=Outcome.NO_SHOW)
    return Wait(silent_until if now >= booking.ends_at else booking.ends_at)


def _charged(booking: Booking, now: datetime) -> Begin | Close | Write | Wait:
    decided = _was_decided(booking)
    announced = booking.no_show_noticed_at is not None or decided
    if booking.policy.no_show_contest_minutes and not announced and _is_worth_a_notice(booking):
        return _notice(booking, now)
    if now < no_show_at(booking) and not decided:
        return Wait(no_show_at(booking))
    fee = _fee(booking)
    details = derivation(booking, fee.clause, now if decided else no_show_at(booking))
    if booking.is_held:
        return capture(booking, fee.amount, reason="no_show", outcome=Outcome.NO_SHOW, fee=fee.amount, details=details)
    unheld = fee_without_hold(booking, fee.amount, reason="no_show", outcome=Outcome.NO_SHOW, details=details, now=now)
    return Wait(waits_until(booking) or now) if unheld is None else unheld


def _notice(booking: Booking, now: datetime) -> Write:
    """The customer hears that a fee is coming, and until when they can contest it."""
    noticed = replace(booking, no_show_noticed_at=now, look_again_at=None)
    entry = Entry(
        kind="no_show_notice",
        status="succeeded",
        actor="clock",
        amount=_fee(booking).amount,
        details={"charge_at": wire_time(no_show_at(noticed))},
    )
    return Write(noticed, (entry,))


def _fee(booking: Booking) -> Fee:
    """What is announced is what is charged."""
    return no_show_fee(booking.policy, booking.price, booking.most_chargeable)


def _contested(booking: Booking, now: datetime) -> Begin | Close | Wait:
    """Only staff decide a contest (a check-in, a waiver, or that it stands); who keeps silent charges nobody."""
    assert booking.contested_at is not None
    decided_by = max(silence_ends_at(booking), no_show_at(booking), booking.contested_at + TIME_TO_DECIDE)
    if now < decided_by:
        return Wait(decided_by)
    return _let_go(booking, reason="contest_undecided", outcome=Outcome.NO_SHOW)


def _let_go(booking: Booking, *, reason: str, outcome: Outcome) -> Begin | Close:
    return release(booking, reason=reason, outcome=outcome) if booking.is_held else Close(outcome, reason)


def venue_spoke(booking: Booking, event: Event | None) -> bool:
    """Silence of the venue is not a no-show: which word of the venue's is needed is the policy's to say."""
    if booking.no_show_upheld_at is not None:
        return True
    if event is not None and event.no_shows_ordered_at is not None:
        return True
    match booking.policy.no_show_capture:
        case NoShowCapture.ALWAYS:
            return True
        case NoShowCapture.AFTER_ANY_CHECK_IN:
            return event is not None and event.arrivals > 0
        case _:
            return False
