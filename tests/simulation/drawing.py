"""Draws a history from a seed: events, the lives of their bookings, bad weather, and everybody at once.

Nothing here knows what will come of it: an action may find that its booking is closed, or was never made. The shares
are chosen so that every state of a booking is reached often and every trouble meets every flow.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from tests.simulation.climate import CALM, Climate
from tests.simulation.history import Action, History
from tests.simulation.lives import draw_life
from tests.simulation.plan import DAY, HOUR, MEDDLING, MINUTE, Event, Plan
from tests.simulation.postbox import Manner
from tests.simulation.troubles import TROUBLES
from tests.simulation.weather import SPELLS

# Into the two changes of Berlin's clocks, a leap day, the turn of a year; and any day.
_BEGINNINGS: Final = (
    datetime(2026, 11, 23, 20, tzinfo=UTC),
    datetime(2026, 12, 29, 9, tzinfo=UTC),
    datetime(2027, 3, 24, 12, tzinfo=UTC),
    datetime(2027, 10, 27, 6, tzinfo=UTC),
    datetime(2028, 2, 25, 17, tzinfo=UTC),
)
_CLIMATES: Final = (
    CALM,
    Climate(Manner(late=0.3, longest=2 * HOUR, doubled=0.2, dropped=0.05), trouble=0.03, parallel=0.1, skew=5, lag=1),
    Climate(Manner(late=0.7, longest=2 * DAY, doubled=0.4, dropped=0.3), trouble=0.12, parallel=0.3, skew=90, lag=5),
    Climate(Manner(late=1.0, longest=12 * HOUR, doubled=0.1), trouble=0.3, parallel=0.5, skew=200, lag=30),
    Climate(Manner(late=0.3, longest=DAY, doubled=0.1, gone=0.3), trouble=0.05, parallel=0.1, skew=20, nights=True),
)
_PRICES: Final = (
    ("eur", 5000),
    ("eur", 5000),
    ("eur", 9999),
    ("usd", 4321),
    ("jpy", 4800),
    ("kwd", 12340),
    ("huf", 490000),
    ("gbp", 31),
)
_POLICIES: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    {},
    {
        "free_cancellation_hours": 48,
        "cancellation_tiers": [{"hours_before": 48, "percent": 50}, {"hours_before": 12, "percent": 100}],
    },
    {"cancellation_tiers": [{"hours_before": 72, "percent": "33.3"}, {"hours_before": 24, "percent": 70}]},
    {"no_show_capture": "always"},
    {"no_show_capture": "always", "no_show_contest_minutes": 240},
    {"no_show_capture": "always", "no_show_contest_minutes": 120, "on_unplaceable_hold": "keep"},
    {"no_show_capture": "always", "no_show_contest_minutes": 1440, "no_show_fee": {"percent": 50}},
    {"capture_on_attendance": False},
    {"self_refund_until_hours": 24, "settle_hours": 2},
    {"self_refund_until_hours": 0, "settle_hours": 0, "no_show_capture": "always"},
    {"on_unplaceable_hold": "keep"},
    {"off_session_fees": False},
    {"hold_ratio": "1", "booking_grace_minutes": 0},
    {"free_cancellation_hours": 0, "cancellation_tiers": []},
)
# A request that moves money makes about so many calls; most of the others make fewer.
_CALLS: Final = 12


def draw(seed: str) -> History:
    rng = random.Random(f"history {seed}")
    climate = rng.choices(_CLIMATES, (15, 43, 22, 14, 6))[0]
    plan = Plan(rng, trouble=rng.choice((0.0, 0.1, 0.3, 0.6)), rush=rng.choice((0.1, 0.3, 0.6)))
    plan.meddling = rng.choice((0.0, 0.03, 0.15))
    # Bookings can be moved between events of one price.
    alike = (rng.choice(_PRICES), rng.choice(_POLICIES)) if plan.happens(0.5) else None
    events = [_draw_event(plan, f"e{number}", alike) for number in range(1, rng.choice((1, 2, 2, 3)) + 1)]
    for number in range(1, rng.randint(3, 9) + 1):
        draw_life(plan, rng.choice(events), events, f"b{number}")
    _draw_weather(plan, events)
    return History(seed=seed, begins=rng.choice(_BEGINNINGS), climate=climate, actions=_in_order(plan))


def _draw_event(plan: Plan, label: str, alike: tuple[tuple[str, int], Mapping[str, Any]] | None) -> Event:
    rng = plan.rng
    lead = rng.choice((rng.uniform(2 * HOUR, 3 * DAY), rng.uniform(3 * DAY, 12 * DAY), rng.uniform(12 * DAY, 60 * DAY)))
    (currency, amount), policy = alike or (rng.choice(_PRICES), rng.choice(_POLICIES))
    event = Event(
        label=label,
        starts=float(round(lead / MINUTE) * MINUTE),
        lasts=rng.choice((2 * HOUR, 2 * HOUR, 8 * HOUR, 3 * DAY, 9 * DAY)),
        currency=currency,
        amount=amount,
        policy=policy,
    )
    plan.add(0, "put an event", event.described())
    if plan.happens(0.12):
        moved = replace(
            event, starts=max(event.starts + rng.choice((-1, 1, 1)) * rng.uniform(HOUR, 10 * DAY), 2 * HOUR)
        )
        plan.add(rng.uniform(0.3, 1.0) * event.starts, "put an event", moved.described())
    if plan.happens(0.05):
        dearer = replace(event, amount=event.amount * rng.choice((1, 2, 4)), policy=rng.choice(_POLICIES))
        plan.add(rng.uniform(0.1, 1.0) * event.starts, "put an event", dearer.described())
    if plan.happens(0.1):
        plan.add(event.starts + rng.uniform(-1, 0.2) * event.starts, "cancel an event", {"event": label})
    if plan.happens(0.3):
        plan.add(event.starts + rng.uniform(0, 2 * DAY), "say who did not come", {"event": label})
    return event


def _draw_weather(plan: Plan, events: list[Event]) -> None:
    rng = plan.rng
    while plan.happens(0.3):
        event = rng.choice(events)
        moment = rng.choice((rng.uniform(0, event.starts), event.starts + 29 * MINUTE, event.ends + 24 * HOUR))
        what = {"spell": rng.choice(list(SPELLS)), "minutes": rng.choice((5, 30, 60, 60, 300, 1700))}
        plan.add(moment, "a spell of", what)
    for _ in range(rng.randint(0, 2)):
        plan.add(rng.uniform(0, 1.3) * max(event.ends for event in events), "everybody waits", {})


def _in_order(plan: Plan) -> tuple[Action, ...]:
    """By time, with some of what concerns one booking pushed to the same instant; numbered, with their troubles. While
    a request in trouble is in doubt, somebody outside may do something of their own.
    """
    last: dict[str, float] = {}
    timed: list[tuple[float, int]] = []
    drawn = sorted(plan.drawn, key=lambda each: each[0])
    for place, (at, _, what) in enumerate(drawn):
        about = what.get("booking")
        if about in last and at - last[about] < 12 * HOUR and plan.happens(plan.rush):
            at = last[about]
        if about is not None:
            last[about] = at
        timed.append((round(at, 3), place))
    actions: list[Action] = []
    ambushes: list[Action] = []
    for number, (at, place) in enumerate(sorted(timed), start=1):
        _, do, what = drawn[place]
        actions.append(Action(number, at, do, what, _draw_troubles(plan, do)))
        if actions[-1].troubles and "booking" in what and plan.happens(0.15):
            moment = round(at + plan.rng.uniform(3, 40), 3)
            meddling = plan.rng.choice(MEDDLING)
            ambushes.append(Action(len(drawn) + number, moment, meddling, {"booking": what["booking"]}))
    return tuple(sorted([*actions, *ambushes], key=lambda action: (action.at, action.number)))


def _draw_troubles(plan: Plan, do: str) -> dict[int, str]:
    if do == "put an event" or not plan.happens(plan.trouble):
        return {}
    if plan.happens(0.4):
        return {-1: plan.rng.choice(list(TROUBLES))}
    places = [plan.rng.randrange(_CALLS) for _ in range(plan.rng.choice((1, 1, 2)))]
    return {place: plan.rng.choice(list(TROUBLES)) for place in places}
