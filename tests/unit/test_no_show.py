"""Grace, notice, a window to contest, then the fee; never by the venue's silence, nor while a contest is undecided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.booking import HoldState, Kind, Outcome
from holdfast.coverage import Covered, coverage, needed_until
from holdfast.money import Money
from holdfast.movements import Begin, Close, Write
from holdfast.next_step import HOLD_SAFETY, LookAgain, due_at, next_step
from holdfast.no_show import Wait, grace_ends_at, looked_at, no_show_at, settles_at, step, venue_spoke
from holdfast.policy import NoShowCapture, resolve
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    MINUTE,
    NO_SHOW,
    PRICE,
    SECOND,
    SETTLES,
    START,
    event,
    held,
    hold,
    lapsed,
    refused,
    scheduled,
)

SPOKE = event(checked_in=1)
CONTESTABLE = resolve({"no_show_contest_minutes": 120})
NOTICED = NO_SHOW + 7 * MINUTE
CHARGED_AT = NOTICED + 2 * HOUR


def absent(**changes):
    """Not checked in, and the policy gives two hours to contest."""
    return held(**({"policy": CONTESTABLE} | changes))


def noticed(**changes):
    """The clock came seven minutes late with its notice."""
    return absent(**({"no_show_noticed_at": NOTICED} | changes))


def contested(**changes):
    return noticed(**({"contested_at": NOTICED + HOUR} | changes))


# --- the venue's word -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "of_event", "spoke"),
    [
        (NoShowCapture.ALWAYS, None, True),
        (NoShowCapture.ALWAYS, event(), True),
        (NoShowCapture.AFTER_ANY_CHECK_IN, None, False),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(), False),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(checked_in=1), True),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(checked_in=3, checked_in_before_move=3), False),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(checked_in=4, checked_in_before_move=3), True),
        (NoShowCapture.AFTER_ANY_CHECK_IN, event(no_shows_ordered_at=START), True),
        (NoShowCapture.STAFF, None, False),
        (NoShowCapture.STAFF, event(checked_in=99), False),
        (NoShowCapture.STAFF, event(no_shows_ordered_at=START), True),
    ],
)
def test_which_word_of_the_venues_is_needed_is_the_policys_to_say(rule, of_event, spoke):
    of = held(policy=resolve({"no_show_capture": rule.value}))

    assert venue_spoke(of, of_event) is spoke
    assert venue_spoke(replace(of, no_show_upheld_at=NO_SHOW), of_event) is True


# --- the instants -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0, 1, 30, 6720])
def test_whoever_was_not_checked_in_is_absent_when_the_grace_is_over(minutes):
    assert grace_ends_at(held(policy=resolve({"no_show_grace_minutes": minutes}))) == START + minutes * MINUTE


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (held(), NO_SHOW),
        (absent(), NO_SHOW + 2 * HOUR),
        (noticed(), CHARGED_AT),
        (noticed(no_show_noticed_at=NO_SHOW), NO_SHOW + 2 * HOUR),
    ],
)
def test_the_time_to_contest_counts_from_the_notice(of, at):
    assert no_show_at(of) == at


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (held(), SETTLES),
        (held(policy=resolve({"settle_hours": 0})), END),
        (held(hold=hold(expires_at=SETTLES + HOLD_SAFETY)), SETTLES),
        (held(hold=hold(expires_at=SETTLES + HOLD_SAFETY - SECOND)), SETTLES - SECOND),
        (held(hold=hold(expires_at=None, brand="visa")), SETTLES),
        (held(ends_at=END + DAY, hold=hold(expires_at=None)), BOOKED + timedelta(days=4, hours=16)),
        (held(ends_at=END + DAY, hold=hold(expires_at=None, placed_at=None)), BOOKED + timedelta(days=4, hours=16)),
        (lapsed(), SETTLES),
        (lapsed(ends_at=END + 10 * DAY), SETTLES + 10 * DAY),
        (scheduled(), SETTLES),
    ],
)
def test_it_is_settled_a_day_after_the_end_or_two_hours_before_the_hold_lapses(of, at):
    assert settles_at(of) == at


# --- when the clock looks ---------------------------------------------------------------------------------------------

VERY_LATE = SETTLES + DAY


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (held(), NO_SHOW),
        (held(checked_in_at=START), SETTLES),
        (absent(), NO_SHOW),
        (noticed(), CHARGED_AT),
        (noticed(look_again_at=CHARGED_AT), CHARGED_AT),
        # A venue that is silent is looked at again, but not after the booking is settled.
        (held(look_again_at=END), END),
        (held(look_again_at=BOOKED), NO_SHOW),
        (held(look_again_at=VERY_LATE), SETTLES),
        # Staff said so: nothing is waited for but the grace.
        (held(waived_at=START, look_again_at=END), NO_SHOW),
        (contested(no_show_upheld_at=END, look_again_at=SETTLES), NO_SHOW),
        # A contest is decided by staff, or at the end.
        (contested(), CHARGED_AT),
        (contested(look_again_at=SETTLES), SETTLES),
        (contested(look_again_at=VERY_LATE), VERY_LATE),
        (contested(look_again_at=BOOKED), NO_SHOW),
        # The bank is not asked sooner than it may be, unless a hold came meanwhile.
        (lapsed(next_try_at=VERY_LATE), VERY_LATE),
        (lapsed(next_try_at=BOOKED), NO_SHOW),
        (lapsed(checked_in_at=START, next_try_at=VERY_LATE), VERY_LATE),
        (held(next_try_at=VERY_LATE), NO_SHOW),
    ],
)
def test_the_clock_looks_when_something_can_be_decided(of, at):
    assert looked_at(of) == at


# --- notice and charge ------------------------------------------------------------------------------------------------


def test_without_a_time_to_contest_the_fee_is_captured_when_the_grace_is_over():
    charged = step(held(), SPOKE, NO_SHOW)

    assert isinstance(charged, Begin)
    assert (charged.kind, charged.amount, charged.fee) == (Kind.CAPTURE, PRICE.amount, PRICE.amount)
    assert (charged.outcome, charged.reason) == (Outcome.NO_SHOW, "no_show")
    assert charged.details["evaluated_at"] == "2026-11-23T20:30:00Z"


@pytest.mark.parametrize("now", [NO_SHOW, NOTICED, SETTLES - SECOND, SETTLES])
def test_where_there_is_time_to_contest_the_customer_hears_first(now):
    told = step(absent(look_again_at=END), SPOKE, now)

    assert isinstance(told, Write)
    assert told.booking == absent(no_show_noticed_at=now)
    (line,) = told.entries
    assert (line.kind, line.status, line.actor, line.amount) == ("no_show_notice", "succeeded", "clock", 5000)
    assert line.details == {"charge_at": (now + 2 * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert looked_at(told.booking) == now + 2 * HOUR


@pytest.mark.parametrize(
    ("of", "fee"),
    [
        (absent(), 5000),
        (absent(hold=hold(amount=3000)), 3000),
        (lapsed(policy=CONTESTABLE), 5000),
        # A price that was raised after the hold that is gone by now.
        (lapsed(policy=CONTESTABLE, price=Money(8000, "eur"), hold_amount=9600), 8000),
        (scheduled(policy=CONTESTABLE), 5000),
        (absent(policy=replace(CONTESTABLE, no_show_fee=resolve({"no_show_fee": {"amount": 700}}).no_show_fee)), 700),
    ],
)
def test_the_notice_says_what_is_charged(of, fee):
    told = step(of, SPOKE, NO_SHOW)

    assert isinstance(told, Write)
    assert told.entries[0].amount == fee
    charged = step(told.booking, SPOKE, NO_SHOW + 2 * HOUR)
    assert isinstance(charged, Begin)
    assert charged.amount == fee


@pytest.mark.parametrize("now", [NOTICED, CHARGED_AT - SECOND])
def test_nothing_is_charged_while_there_is_time_to_contest(now):
    assert step(noticed(), SPOKE, now) == Wait(CHARGED_AT)


def test_who_does_not_contest_in_time_pays():
    charged = step(noticed(), SPOKE, CHARGED_AT)

    assert isinstance(charged, Begin)
    assert (charged.kind, charged.amount, charged.outcome) == (Kind.CAPTURE, 5000, Outcome.NO_SHOW)
    assert charged.details["evaluated_at"] == "2026-11-23T22:37:00Z"


def test_nobody_hears_of_a_fee_while_the_venue_is_silent():
    assert step(absent(), event(), NO_SHOW) == Wait(END)
    assert step(noticed(), event(), CHARGED_AT) == Wait(SETTLES)


# --- a venue that says nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "now", "again"),
    [
        (held(), NO_SHOW, END),
        (held(), END - SECOND, END),
        (held(), END, SETTLES),
        (held(), SETTLES - SECOND, SETTLES),
        # The hold may lapse meanwhile: that ends nobody's event, nor the venue's time to speak.
        (held(hold=hold(expires_at=END + HOUR)), NO_SHOW, END),
        (held(hold=hold(expires_at=END + HOUR)), END, SETTLES),
        (lapsed(), END, SETTLES),
    ],
)
def test_it_is_waited_for_until_the_end_and_then_until_it_is_settled(of, now, again):
    assert step(of, event(), now) == Wait(again)


@pytest.mark.parametrize("now", [SETTLES, SETTLES + 30 * DAY])
def test_silence_to_the_end_charges_nobody(now):
    let_go = step(held(), event(), now)

    assert isinstance(let_go, Begin)
    assert (let_go.kind, let_go.amount, let_go.reason, let_go.fee) == (Kind.RELEASE, HELD, "venue_silent", 0)
    assert let_go.outcome is Outcome.NO_SHOW
    assert step(lapsed(), event(), now) == Close(Outcome.NO_SHOW, "venue_silent")


# --- spared, contested, upheld ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [held, absent, noticed, contested])
def test_whoever_is_spared_gets_the_hold_back_whatever_else_was_said(of):
    spared = step(of(waived_at=START, no_show_upheld_at=START), event(no_shows_ordered_at=START), NO_SHOW)

    assert isinstance(spared, Begin)
    assert (spared.kind, spared.outcome, spared.reason) == (Kind.RELEASE, Outcome.WAIVED, "waived")


def test_whoever_is_spared_and_has_no_hold_is_simply_done_with():
    assert step(lapsed(waived_at=START), SPOKE, NO_SHOW) == Close(Outcome.WAIVED, "waived")


@pytest.mark.parametrize(
    ("of", "decided_by"),
    [
        # Staff have a day from the contest on, and to the end of every other window.
        (contested(), SETTLES),
        (contested(policy=resolve({"settle_hours": 0})), NOTICED + HOUR + DAY),
        (contested(policy=resolve({"settle_hours": 48})), END + 2 * DAY),
        (contested(hold=hold(expires_at=END + DAY)), SETTLES),
        (contested(hold=hold(state=HoldState.EXPIRED)), SETTLES),
        (contested(policy=resolve({"no_show_contest_minutes": 3 * 24 * 60})), NOTICED + 3 * DAY),
        (contested(contested_at=CHARGED_AT - SECOND), CHARGED_AT - SECOND + DAY),
    ],
)
def test_a_contest_is_staffs_to_decide_and_who_keeps_silent_charges_nobody(of, decided_by):
    for now in (NOTICED + HOUR, decided_by - SECOND):
        assert step(of, event(no_shows_ordered_at=START), now) == Wait(decided_by)

    let_go = step(of, event(no_shows_ordered_at=START), decided_by)

    if of.is_held:
        assert isinstance(let_go, Begin)
        assert (let_go.kind, let_go.outcome, let_go.fee) == (Kind.RELEASE, Outcome.NO_SHOW, 0)
        assert let_go.reason == "contest_undecided"
    else:
        assert let_go == Close(Outcome.NO_SHOW, "contest_undecided")


@pytest.mark.parametrize("now", [NOTICED + 2 * HOUR, CHARGED_AT, VERY_LATE])
def test_a_contest_that_staff_decide_against_the_customer_is_charged_at_once(now):
    charged = step(contested(no_show_upheld_at=NOTICED + HOUR), event(), now)

    assert isinstance(charged, Begin)
    assert (charged.kind, charged.amount, charged.outcome) == (Kind.CAPTURE, 5000, Outcome.NO_SHOW)
    assert charged.details["evaluated_at"] == now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_venues_word_on_one_customer_replaces_neither_the_notice_nor_the_time_to_contest():
    """What they accepted says that they are told before, and until when they can object."""
    assert isinstance(step(absent(no_show_upheld_at=NO_SHOW), event(), NO_SHOW), Write)

    waiting = noticed(no_show_upheld_at=NO_SHOW)
    assert looked_at(waiting) == CHARGED_AT
    assert step(waiting, event(), CHARGED_AT - SECOND) == Wait(CHARGED_AT)
    assert isinstance(step(waiting, event(), CHARGED_AT), Begin)
    at_once = step(held(no_show_upheld_at=NO_SHOW), event(), NO_SHOW)
    assert isinstance(at_once, Begin)  # this policy has no time to contest


def test_a_contest_after_the_venues_word_is_staffs_to_decide_again():
    again = contested(no_show_upheld_at=NO_SHOW)

    assert again.contest_undecided
    assert isinstance(step(again, event(), CHARGED_AT), Wait)


# --- without a hold ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [lapsed, scheduled, refused])
def test_a_fee_without_a_hold_is_asked_of_the_saved_card(of):
    asked = step(of(refused_card=None), SPOKE, NO_SHOW)

    assert isinstance(asked, Begin)
    assert (asked.kind, asked.amount, asked.off_session) == (Kind.AUTHORIZE, PRICE.amount, True)
    assert (asked.reason, asked.outcome, asked.fee) == ("no_show", None, 0)


def test_the_card_is_asked_for_no_more_than_the_hold_would_have_been():
    dear = resolve({"hold_ratio": "1.2", "no_show_fee": {"amount": 99_000}})

    asked = step(lapsed(policy=dear), SPOKE, NO_SHOW)

    assert isinstance(asked, Begin)
    assert asked.amount == HELD


def test_the_log_says_which_hold_the_fee_was_capped_by_not_the_smaller_one_that_lapsed():
    dear = resolve({"no_show_fee": {"amount": 99_000}})

    asked = step(lapsed(policy=dear, hold_amount=2 * HELD), SPOKE, NO_SHOW)

    assert isinstance(asked, Begin)
    assert (asked.amount, asked.details["hold"]) == (2 * HELD, 2 * HELD)


@pytest.mark.parametrize(
    ("changes", "closed"),
    [
        ({"policy": resolve({"off_session_fees": False})}, Close(Outcome.NO_SHOW, "no_show")),
        ({"policy": resolve({"no_show_fee": {"percent": 0}})}, Close(Outcome.NO_SHOW, "nothing_held")),
        ({"refused_card": "pm_1"}, Close(Outcome.NO_SHOW, "no_show", attention="fee_not_collected")),
        ({"refused_card": "pm_1", "policy": resolve({"off_session_fees": False})}, Close(Outcome.NO_SHOW, "no_show")),
    ],
)
def test_a_fee_that_may_not_or_cannot_be_collected_ends_the_booking_and_staff_know_which(changes, closed):
    ended = step(lapsed(**changes), SPOKE, NO_SHOW)

    assert isinstance(ended, Close)
    assert replace(ended, details={}) == closed
    allowed = lapsed(**changes).policy.off_session_fees
    assert ended.details["clause"].startswith("no-show" if allowed else "nothing held")


@pytest.mark.parametrize(
    ("next_try_at", "asks"), [(NO_SHOW - SECOND, True), (NO_SHOW, True), (NO_SHOW + SECOND, False)]
)
def test_a_bank_that_said_not_now_is_asked_when_it_may_be(next_try_at, asks):
    answer = step(lapsed(next_try_at=next_try_at, declines=1), SPOKE, NO_SHOW)

    if asks:
        assert isinstance(answer, Begin)
    else:
        assert answer == Wait(next_try_at)
        assert next_step(lapsed(next_try_at=next_try_at, declines=1), SPOKE, NO_SHOW) == LookAgain(next_try_at)


# --- as the clock sees it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [held, absent, noticed, contested, lapsed])
@pytest.mark.parametrize("venue", [event(), SPOKE, event(no_shows_ordered_at=START), None])
@pytest.mark.parametrize("now", [NO_SHOW, NOTICED, END, CHARGED_AT, SETTLES - SECOND])
def test_whoever_waits_is_looked_at_again_when_it_was_said_and_not_before(of, venue, now):
    waits = step(of(), venue, now)

    if isinstance(waits, Wait):
        assert waits.at > now
        again = looked_at(replace(of(), look_again_at=waits.at))
        assert again == waits.at
        assert due_at(replace(of(), look_again_at=waits.at)) is not None


# --- a fee that nobody will pay is announced to nobody ----------------------------------------------------------------

ALWAYS = {"no_show_contest_minutes": 120, "no_show_capture": "always"}


def unheld(**changes):
    return lapsed(**({"policy": resolve(ALWAYS)} | changes))


@pytest.mark.parametrize(
    "nobody_pays",
    [
        unheld(policy=resolve(ALWAYS | {"off_session_fees": False})),
        unheld(refused_card="pm_1"),
        unheld(policy=resolve(ALWAYS | {"no_show_fee": {"percent": 0}})),
    ],
    ids=["the policy forbids it", "the card was refused", "it is nothing"],
)
def test_a_fee_that_cannot_be_collected_is_not_announced_and_the_booking_ends_with_the_grace(nobody_pays):
    assert looked_at(nobody_pays) == no_show_at(nobody_pays) == NO_SHOW

    found = step(nobody_pays, event(), NO_SHOW)

    assert isinstance(found, Close)
    assert (found.outcome, found.fee) == (Outcome.NO_SHOW, 0)


def test_a_fee_that_a_customer_can_still_pay_with_another_card_is_announced_like_any_other():
    mendable = unheld(refused_card="pm_1", mend_by=NO_SHOW + DAY)

    assert isinstance(step(mendable, event(), NO_SHOW), Write)


def test_a_notice_that_was_given_keeps_its_window_when_the_hold_lapses_afterwards():
    """What was announced for an instant is not charged before it, nor asked for in circles until then."""
    lost = noticed(policy=resolve(ALWAYS), hold=hold(HoldState.EXPIRED), refused_card="pm_1")

    assert looked_at(lost) == no_show_at(lost) == CHARGED_AT
    assert step(lost, event(), CHARGED_AT - SECOND) == Wait(CHARGED_AT)
    assert isinstance(step(lost, event(), CHARGED_AT), Close)


def test_a_late_notice_makes_the_hold_needed_for_longer():
    """The clock was away for days: what the hold covers is counted from the notice that it gave in the end."""
    late = noticed(no_show_noticed_at=LAPSES - HOUR)

    assert needed_until(late) == LAPSES - HOUR + 2 * HOUR + HOLD_SAFETY
    assert not isinstance(coverage(late, LAPSES - HOUR), Covered)
    assert isinstance(coverage(absent(), START), Covered)
