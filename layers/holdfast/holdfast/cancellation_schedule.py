"""What a cancellation costs at which time: a policy applied to one start, as a timetable that people can read.

Pure. Made by asking `policy.cancellation_fee`, the rule that charges, so that the two cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.money import Money
from holdfast.policy import Fee, Policy, cancellation_fee, free_cancellation_until, to_second

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Whoever cancels later than `after` (None: from the booking on) and not later than `until` (None: without end)
    pays `fee`.
    """

    after: datetime | None
    until: datetime | None
    fee: Fee

    def covers(self, moment: datetime) -> bool:
        moment = to_second(moment)
        return (self.after is None or moment > self.after) and (self.until is None or moment <= self.until)


Schedule = tuple[Period, ...]


def cancellation_schedule(
    policy: Policy,
    price: Money,
    hold: int,
    *,
    starts_at: datetime,
    created_at: datetime,
    moved_at: datetime | None = None,
) -> Schedule:
    """The periods of a booking made at `created_at`, without gap or overlap; the last has no end."""
    created, starts = to_second(created_at), to_second(starts_at)
    free = free_cancellation_until(policy, starts_at=starts, created_at=created, moved_at=moved_at)
    begins = {starts - timedelta(hours=tier.hours_before) for tier in policy.cancellation_tiers}
    turns = sorted(turn for turn in {free, *begins} if turn >= created)

    def fee(now: datetime) -> Fee:
        return cancellation_fee(policy, price, hold, now=now, starts_at=starts, created_at=created, moved_at=moved_at)

    # Between two turns the fee is one: what it is at the end of a period, it is in all of it.
    periods = [Period(after, until, fee(until)) for after, until in zip([None, *turns], turns, strict=False)]
    last = turns[-1] if turns else None
    periods.append(Period(last, None, fee((last or max(created, starts)) + _SECOND)))
    return _joined(periods)


def _joined(periods: list[Period]) -> Schedule:
    """Neighbours that cost the same for the same reason are one period."""
    joined: list[Period] = []
    for period in periods:
        if joined and joined[-1].fee == period.fee:
            joined[-1] = Period(joined[-1].after, period.until, period.fee)
        else:
            joined.append(period)
    return tuple(joined)


def period_at(schedule: Schedule, moment: datetime) -> Period:
    return next(period for period in schedule if period.covers(moment))


def next_tier(schedule: Schedule, moment: datetime) -> Period | None:
    """The next period that costs something else than cancelling at `moment`; None where nothing changes any more."""
    present = period_at(schedule, moment)
    coming = schedule[schedule.index(present) + 1 :]
    return next((period for period in coming if period.fee.amount != present.fee.amount), None)
