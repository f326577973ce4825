"""Holds that the clock places, renews, tries again and gives up; when it comes for them, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, HoldTerms, Initiator, Kind, Outcome, SetupState, Status
from holdfast.coverage import HOLD_SAFETY, SHORTEST_WINDOW, place_at, renew_at
from holdfast.log import Entry
from holdfast.movements import Begin, Close, Write
from holdfast.next_step import due_at, next_step
from holdfast.placing import (
    card_was_not_saved,
    places_at,
    renewal_dropped,
    renews_at,
    renews_for_nothing,
    step,
)
from holdfast.policy import resolve
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    MINUTE,
    PLACES,
    PRICE,
    SECOND,
    START,
    captured,
    event,
    held,
    hold,
    lapsed,
    refused,
    saving,
    scheduled,
    setup,
)

UNKNOWN = hold(expires_at=None, placed_at=None)
KEEP = resolve({"on_unplaceable_hold": "keep"})
RENEWAL = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", operation_id="op_renew", payment_method_id="pm_1")


def soft(**changes):
    """The bank said not now, and is asked again in an hour; the customer can mend it until the first fee."""
    return refused(**({"refused_card": None, "next_try_at": PLACES + HOUR} | changes))


def long(**changes):
    """An event of ten days, which outlives the hold."""
    return held(**({"ends_at": END + 10 * DAY} | changes))


RENEWS = LAPSES - DAY


# --- a hold whose time comes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (scheduled(), PLACES),
        (scheduled(next_try_at=PLACES + HOUR), PLACES + HOUR),
        (scheduled(next_try_at=PLACES - HOUR), PLACES),
        (scheduled(hold_terms=HoldTerms(lead_hours=100)), START - 100 * HOUR),
        # Whose card was refused, before its time or after: the deadline is set at once, and then it is the customer's.
        (scheduled(refused_card="pm_1"), scheduled().updated_at),
        (scheduled(refused_card="pm_1", mend_by=START - DAY), START - DAY),
        (scheduled(refused_card="pm_2"), PLACES),
        (refused(), START - DAY),
        (refused(mend_by=None), PLACES),
        (soft(), PLACES + HOUR),
        (soft(next_try_at=START), START - DAY),
        (soft(next_try_at=None), PLACES),
        (lapsed(), BOOKED),
        (lapsed(next_try_at=START), START),
        (lapsed(refused_card="pm_1", mend_by=END), END),
        (refused(kept_without_hold_at=START, mend_by=None), None),
        (lapsed(kept_without_hold_at=START), None),
    ],
)
def test_when_a_booking_without_a_hold_needs_the_clock(of, at):
    assert places_at(of) == at


@pytest.mark.parametrize(
    ("of", "at", "reason"),
    [
        (scheduled(), PLACES, "scheduled"),
        (soft(), PLACES + HOUR, "retry"),
        (lapsed(), BOOKED, "hold_expired"),
        (lapsed(declines=2, next_try_at=BOOKED + HOUR), BOOKED + HOUR, "retry"),
    ],
)
def test_a_hold_is_placed_when_its_time_has_come_and_not_before(of, at, reason):
    assert step(of, at - SECOND) is None

    placed = step(of, at)

    assert isinstance(placed, Begin)
    assert (placed.kind, placed.amount, placed.off_session, placed.actor) == (Kind.AUTHORIZE, HELD, True, "clock")
    assert (placed.reason, placed.outcome, placed.payment_method_id) == (reason, None, None)


def test_a_hold_is_placed_for_the_price_as_it_is_by_then():
    placed = step(scheduled(hold_amount=9600), PLACES)

    assert isinstance(placed, Begin)
    assert placed.amount == 9600


# --- a card that was refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "deadline"),
    [
        (PLACES, "2026-11-22T20:00:00Z"),
        (START - 30 * HOUR, "2026-11-23T14:00:00Z"),
        (START - HOUR, "2026-11-23T20:00:00Z"),
        (START + HOUR, "2026-11-24T21:00:00Z"),
    ],
)
@pytest.mark.parametrize("of", [scheduled, refused, lapsed])
def test_a_card_that_may_not_be_asked_again_sets_the_customer_a_deadline(of, now, deadline):
    told = step(of(refused_card="pm_1", mend_by=None), now)

    assert isinstance(told, Write)
    (line,) = told.entries
    assert line == Entry(
        kind="mend", status="pending", actor="clock", reason="new_payment_method", details={"deadline": deadline}
    )
    assert told.booking.mend_by is not None
    assert told.booking.mend_by.strftime("%Y-%m-%dT%H:%M:%SZ") == deadline
    assert step(told.booking, now) is None


@pytest.mark.parametrize("now", [START - DAY, START, START + 30 * DAY])
@pytest.mark.parametrize("of", [refused(), soft(), lapsed(refused_card="pm_1", mend_by=START - DAY)])
def test_a_hold_that_nobody_mended_ends_the_booking_at_the_deadline(of, now):
    assert not isinstance(step(of, START - DAY - SECOND), Close)
    assert step(of, now) == Close(Outcome.DECLINED, "hold_unplaceable")


@pytest.mark.parametrize(
    "of",
    [
        refused(policy=KEEP),
        refused(checked_in_at=START - 2 * DAY),
        refused(mend_by=START + SECOND),
        soft(policy=KEEP),
    ],
)
def test_who_is_there_already_or_whose_event_has_begun_is_kept_without_a_hold_and_so_is_everybody_by_policy(of):
    deadline = of.mend_by

    kept = step(of, deadline)

    assert isinstance(kept, Write)
    assert kept.entries == (Entry(kind="mend", status="failed", actor="clock", reason="kept_without_hold"),)
    after = kept.booking
    assert (after.kept_without_hold_at, after.mend_by, after.next_try_at) == (deadline, None, None)
    assert (after.attention, after.attention_since) == ("kept_without_hold", deadline)
    assert after.refused_card == after.payment_method_id
    assert (places_at(after), step(after, deadline + DAY)) == (None, None)
    assert (after.is_open, after.payment_status) == (True, Status.DECLINED)


def test_a_deadline_at_the_very_start_still_ends_the_booking():
    assert step(refused(mend_by=START), START) == Close(Outcome.DECLINED, "hold_unplaceable")


def test_what_is_before_staff_already_stays_there():
    kept = step(refused(policy=KEEP, attention="hold_refused", attention_since=PLACES), START - DAY)

    assert isinstance(kept, Write)
    assert (kept.booking.attention, kept.booking.attention_since) == ("hold_refused", PLACES)


# --- renewals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (held(), None),
        (long(), RENEWS),
        (long(next_try_at=RENEWS + HOUR), RENEWS + HOUR),
        (long(next_try_at=RENEWS - HOUR), RENEWS),
        (long(refused_card="pm_1"), None),
        (long(refused_card="pm_2"), RENEWS),
        (long(renewal=RENEWAL), LAPSES - HOLD_SAFETY),
        (held(renewal=RENEWAL), LAPSES - HOLD_SAFETY),
        # Nobody knows how long this one lives, or since when: as long as the shortest of them, since the booking.
        (held(hold=UNKNOWN, renewal=RENEWAL), BOOKED + SHORTEST_WINDOW - HOLD_SAFETY),
        (long(hold_terms=HoldTerms(mend_hours=48)), LAPSES - 2 * DAY),
        # A price that was raised: a larger hold, at once.
        (held(hold_amount=HELD + 1), BOOKED),
        (held(hold_amount=HELD + 1, next_try_at=START), START),
        (held(hold_amount=HELD + 1, refused_card="pm_1"), None),
        (held(hold_amount=HELD - 1), None),
        # An event that was moved far away: another hold when its time comes, whatever became of the card.
        (held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY), BOOKED),
        (held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, refused_card="pm_1"), BOOKED),
    ],
)
def test_when_a_hold_that_stands_needs_the_clock(of, at):
    assert renews_at(of) == at


@pytest.mark.parametrize(
    ("of", "at", "amount", "reason"),
    [
        (long(), RENEWS, HELD, "renewal"),
        (long(next_try_at=RENEWS + HOUR, declines=1), RENEWS + HOUR, HELD, "renewal"),
        (held(hold_amount=9600), BOOKED, 9600, "repriced"),
        (long(hold_amount=9600, price=replace(PRICE, amount=8000)), BOOKED, 9600, "repriced"),
        # A smaller price leaves the hold as it is until it has to be renewed anyway.
        (long(hold_amount=3600), RENEWS, 3600, "renewal"),
    ],
)
def test_a_hold_that_would_lapse_or_is_too_small_is_followed_by_another_one(of, at, amount, reason):
    assert step(of, at - SECOND) is None

    renewed = step(of, at)

    assert isinstance(renewed, Begin)
    assert (renewed.kind, renewed.amount, renewed.off_session) == (Kind.RENEW, amount, True)
    assert (renewed.reason, renewed.actor, renewed.payment_intent_id) == (reason, "clock", None)


def test_a_hold_that_outlives_the_last_charge_is_left_alone():
    assert step(held(), LAPSES - SECOND) is None


def test_a_refused_renewal_leaves_the_hold_that_stands():
    assert step(long(refused_card="pm_1"), LAPSES) is None


@pytest.mark.parametrize("of", [held, long])
def test_a_renewal_that_nobody_authenticates_is_dropped_in_time_and_the_old_hold_stands(of):
    waiting = of(renewal=RENEWAL)
    assert step(waiting, LAPSES - HOLD_SAFETY - SECOND) is None

    dropped = step(waiting, LAPSES - HOLD_SAFETY)

    assert isinstance(dropped, Write)
    assert dropped.booking == of(superseded=("pi_2",), refused_card="pm_1")
    (line,) = dropped.entries
    assert line == Entry(
        kind="renew",
        status="canceled",
        actor="clock",
        amount=HELD,
        operation_id="op_renew",
        reason="authentication_deadline",
        stripe_id="pi_2",
    )


def test_a_renewal_with_another_card_that_nobody_authenticates_says_nothing_about_the_card_of_the_hold():
    """The customer wanted to change cards and never came back: the card that they have is still good."""
    waiting = long(renewal=replace(RENEWAL, payment_method_id="pm_2"))

    dropped = step(waiting, LAPSES - HOLD_SAFETY)

    assert isinstance(dropped, Write)
    assert dropped.booking == long(superseded=("pi_2",))
    again = step(replace(dropped.booking, superseded=()), LAPSES - HOLD_SAFETY)
    assert isinstance(again, Begin)
    assert again.kind is Kind.RENEW


def test_what_is_dropped_joins_what_has_to_go_already():
    dropped = renewal_dropped(held(renewal=RENEWAL, superseded=("pi_0",)), "closed")

    assert dropped.booking.superseded == ("pi_0", "pi_2")
    assert dropped.entries[0].reason == "closed"


@pytest.mark.parametrize(
    ("of", "nothing"),
    [
        (held(renewal=RENEWAL), False),
        (held(), False),
        (captured(renewal=RENEWAL), True),
        (held(renewal=RENEWAL, outcome=Outcome.WAIVED), True),
        (captured(), False),
    ],
)
def test_a_renewal_of_a_booking_that_is_over_is_dropped_at_once(of, nothing):
    assert renews_for_nothing(of) is nothing
    if nothing:
        dropped = next_step(of, event(), of.updated_at)
        assert due_at(of) == of.updated_at
        assert isinstance(dropped, Write)
        assert dropped.booking.superseded == ("pi_2",)
        assert dropped.booking.payment_status is of.payment_status
        assert [(line.kind, line.status, line.reason) for line in dropped.entries] == [("renew", "canceled", "closed")]


# --- events that move far away ----------------------------------------------------------------------------------------


def test_a_hold_that_lapses_before_another_is_placed_for_the_new_date_is_let_go_and_placed_again_later():
    moved = held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, card_brand="visa", renewal=None, reminded=("x",))

    again = step(moved, BOOKED)

    assert isinstance(again, Write)
    after = again.booking
    assert (after.payment_status, after.hold, after.superseded) == (Status.SCHEDULED, None, ("pi_1",))
    assert (after.setup, after.reminded) == (setup(setup_intent_id=None, operation_id=None), ())
    assert places_at(after) == place_at(after.policy, after.hold_terms, after.starts_at) == START + 57 * DAY
    (line,) = again.entries
    assert line == Entry(
        kind="schedule",
        status="succeeded",
        actor="clock",
        amount=HELD,
        reason="event_moved",
        details={"hold_at": "2027-01-19T20:00:00Z"},
    )


def test_a_hold_that_could_not_be_dropped_yet_is_still_to_be_dropped_when_another_one_follows_it():
    """Its release waits for its next try, and keeps nothing else waiting: not the event's move either."""
    moved = held(
        starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, superseded=("pi_0",), drop_after=BOOKED + 30 * MINUTE
    )

    again = next_step(moved, event(), BOOKED)

    assert isinstance(again, Write)
    assert (again.booking.hold, again.booking.superseded) == (None, ("pi_0", "pi_1"))
    assert again.booking.drop_after == BOOKED + 30 * MINUTE


def test_the_card_that_was_saved_for_it_stays_saved():
    moved = held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, setup=setup())

    again = step(moved, BOOKED)

    assert isinstance(again, Write)
    assert again.booking.setup == setup()


def test_a_renewal_that_waits_when_the_event_is_moved_is_waited_for_and_then_both_are_let_go():
    moved = held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, renewal=RENEWAL)
    assert step(moved, BOOKED) is None

    dropped = step(moved, LAPSES - HOLD_SAFETY)
    assert isinstance(dropped, Write)
    again = step(replace(dropped.booking, superseded=()), LAPSES - HOLD_SAFETY)

    assert isinstance(again, Write)
    assert (again.booking.payment_status, again.booking.superseded) == (Status.SCHEDULED, ("pi_1",))


def test_a_hold_whose_card_was_refused_meanwhile_is_let_go_too_and_the_customer_has_until_the_new_first_fee():
    moved = held(starts_at=START + 60 * DAY, ends_at=END + 60 * DAY, refused_card="pm_1")

    again = step(moved, BOOKED)
    assert isinstance(again, Write)
    told = step(replace(again.booking, superseded=()), BOOKED)

    assert isinstance(told, Write)
    assert told.booking.mend_by == START + 59 * DAY


# --- cards that are being saved ---------------------------------------------------------------------------------------


def test_a_card_that_nobody_authenticated_ends_a_booking_that_has_no_other():
    assert card_was_not_saved(saving()) == Close(Outcome.DECLINED, "authentication_deadline", unless="seti_1")


@pytest.mark.parametrize("of", [scheduled, held, refused])
def test_a_booking_that_has_another_card_goes_on_with_it(of):
    before = of(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=START)

    dropped = card_was_not_saved(before)

    assert isinstance(dropped, Write)
    line = Entry(kind="schedule", status="canceled", actor="clock", reason="authentication_deadline")
    assert dropped == Write(of(), (line,), unless="seti_1")


@pytest.mark.parametrize(
    "of", [saving(), scheduled(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=PLACES)]
)
def test_the_clock_comes_for_it_half_an_hour_later(of):
    deadline = of.action_deadline
    assert due_at(of) == deadline
    assert next_step(of, event(), deadline - SECOND) is None
    assert next_step(of, event(), deadline) == card_was_not_saved(of)


# --- fees that wait for the bank --------------------------------------------------------------------------------------


@pytest.mark.parametrize("brand", ["visa", "amex", None])
@pytest.mark.parametrize("initiator", list(Initiator))
def test_a_hold_without_a_known_end_is_renewed_by_what_the_networks_give(brand, initiator):
    unknown = long(hold=hold(expires_at=None, brand=brand, initiator=initiator))

    due = renew_at(unknown)

    assert due is not None
    assert renews_at(unknown) == due
    assert BOOKED < due <= LAPSES - DAY
    assert step(unknown, due - MINUTE) is None
    assert isinstance(step(unknown, due), Begin)
