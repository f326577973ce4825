"""What people are shown of a policy's money and times, before booking and after; `views` documents the same shapes.

Every deadline comes twice: the instant in UTC, and as the clocks at the venue show it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from holdfast import money
from holdfast.booking import Booking
from holdfast.cancellation import schedule_of
from holdfast.cancellation_schedule import Period, Schedule, cancellation_schedule, next_tier
from holdfast.event import Event
from holdfast.log import wire_time
from holdfast.policy import free_cancellation_until, no_show_fee
from holdfast.venue_time import venue_time

View = dict[str, Any]


def terms_of_booking(booking: Booking, now: datetime) -> View:
    """`next_tier` is the one that comes after `now`, while the booking is open."""
    free = free_cancellation_until(
        booking.policy, starts_at=booking.fees_count_from, created_at=booking.created_at, moved_at=booking.moved_at
    )
    schedule = schedule_of(booking)
    return _view(
        schedule,
        free,
        no_show_fee(booking.policy, booking.price, booking.most_chargeable).amount,
        upcoming=next_tier(schedule, now) if booking.is_open else None,
        booked_at=booking.created_at,
        timezone=booking.timezone,
    )


def terms_of_event(event: Event, now: datetime) -> View:
    """For a booking made at `now`; once the event has begun nobody can make one, and there are no times to show."""
    hold = money.hold_amount(event.price, event.policy.hold_ratio)
    fee = no_show_fee(event.policy, event.price, hold).amount
    if now >= event.starts_at:
        return _view((), None, fee, upcoming=None, booked_at=None, timezone=event.timezone)
    schedule = cancellation_schedule(event.policy, event.price, hold, starts_at=event.starts_at, created_at=now)
    return _view(
        schedule,
        free_cancellation_until(event.policy, starts_at=event.starts_at, created_at=now),
        fee,
        upcoming=next_tier(schedule, now),
        booked_at=None,
        timezone=event.timezone,
    )


def _view(
    schedule: Schedule,
    free: datetime | None,
    no_show: int,
    *,
    upcoming: Period | None,
    booked_at: datetime | None,
    timezone: str,
) -> View:
    def at_venue(moment: datetime | None) -> str | None:
        return venue_time(moment, timezone) if moment else None

    def period(each: Period) -> View:
        after = each.after or booked_at
        return {
            "from": _time(after),
            "venue_from": at_venue(after),
            "until": _time(each.until),
            "venue_until": at_venue(each.until),
            "amount": each.fee.amount,
            "clause": each.fee.clause,
        }

    after = upcoming.after if upcoming else None
    return {
        "free_cancellation_until": _time(free),
        "venue_free_cancellation_until": at_venue(free),
        "next_tier": {"from": _time(after), "venue_from": at_venue(after), "amount": upcoming.fee.amount}
        if upcoming
        else None,
        "cancellation_schedule": [period(each) for each in schedule],
        "no_show_fee": no_show,
    }


def _time(moment: datetime | None) -> str | None:
    return wire_time(moment) if moment else None
