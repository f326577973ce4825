"""Never silently uncovered: four brands, both initiators, lead times of 0 to 180 days, clock changes, long events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.booking import Booking, HoldState, HoldTerms, Initiator, Kind, Status
from holdfast.coverage import (
    HOLD_SAFETY,
    SHORTEST_WINDOW,
    Alert,
    Covered,
    Over,
    Planned,
    comes_too_early,
    coverage,
    first_fee_at,
    is_held_at_once,
    lapses_at,
    mend_by,
    needed_until,
    needs_saved_card,
    place_at,
    planned_at,
    renew_at,
    window,
)
from holdfast.policy import DEFAULT, resolve
from holdfast.settlement import Declined
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HOUR,
    LAPSES,
    LONG_AGO,
    PLACES,
    START,
    booking,
    decline,
    ended,
    event,
    held,
    hold,
    lapsed,
    operation,
    refused,
    saving,
    scheduled,
    setup,
    waiting_for_3ds,
)
from tests.unit.virtual import Life, days

BRANDS = ("visa", "mastercard", "amex", "discover")
TERMS = HoldTerms()
# A spring and an autumn in which clocks change, on both sides of the equator.
BERLIN, SYDNEY, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Sydney"), ZoneInfo("America/New_York")
CLOCK_CHANGES = (
    datetime(2027, 3, 28, 2, 30, tzinfo=BERLIN),  # a time that does not exist
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),  # the second of two
    datetime(2027, 4, 4, 2, 30, tzinfo=SYDNEY),
    datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK),
    datetime(2028, 2, 29, 20, 0, tzinfo=BERLIN),
)


def life(lead: timedelta, *, brand: str = "visa", lasts: timedelta = 2 * HOUR, starts: datetime = START, **changes):
    """A booking made so long before an event, and never attended."""
    starts = starts.astimezone(UTC)
    made = starts - lead
    policy = changes.pop("policy", DEFAULT)
    plain = booking(
        created_at=made,
        updated_at=made,
        starts_at=starts,
        ends_at=starts + lasts,
        card_brand=brand,
        reminded=(),
        policy=policy,
    )
    happening = event(starts_at=starts, ends_at=starts + lasts, policy=policy)
    return Life(plain, happening, **changes)


def assert_never_silent(each: Life) -> None:
    """Every instant at which something changes, and the one just before it."""
    before = each.booking
    said = coverage(before, each.now)
    assert said is not None, (each.now, before)
    match said:
        case Covered(until):
            assert until >= needed_until(before)
            assert each.holds[-1][1] >= needed_until(before)
        case Planned(_, at):
            assert at >= each.now
            # Either a hold stands until then, or the time for one has not come.
            stands = before.is_held and each.holds[-1][1] >= at
            assert stands or at <= place_at(before.policy, before.hold_terms, before.starts_at) or before.declines
        case Alert(owner, _, deadline):
            assert owner in ("customer", "staff")
            assert deadline >= each.now
        case Over():
            assert not before.is_open


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("known", [True, False], ids=["Stripe says until when", "Stripe does not say"])
@pytest.mark.parametrize("lead", [*range(15), 20, 29, 30, 31, 45, 59, 60, 61, 90, 120, 150, 180])
def test_a_booking_is_covered_from_the_day_it_is_made_until_it_is_charged(brand, known, lead):
    each = life(days(lead) + 3 * HOUR, brand=brand, known=known)
    each.book()
    assert_never_silent(each)

    for _ in each.visits_until(each.booking.starts_at + HOUR):
        assert_never_silent(each)
    booked = each.booking
    assert booked.payment_status is Status.HELD
    each.event = replace(each.event, no_shows_ordered_at=each.now)
    each.booking = replace(each.booking, look_again_at=None)
    while each.booking.is_open:
        assert each.visit()
        assert_never_silent(each)

    assert each.captured == [(each.now, booked.price.amount)]
    assert each.booking.payment_status is Status.CAPTURED
    assert len(each.holds) <= 2


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("lead", [1, 3, 6, 10, 60])
@pytest.mark.parametrize("lasts", [3, 10, 30])
def test_an_event_of_many_days_is_covered_until_a_day_after_its_end_by_renewals(brand, lead, lasts):
    """Attended, and settled by the clock a day after the end."""
    each = life(days(lead), brand=brand, lasts=days(lasts))
    each.book()
    for _ in each.visits_until(each.booking.starts_at + HOUR):
        assert_never_silent(each)
    each.booking = replace(each.booking, checked_in_at=each.now, look_again_at=None)

    while each.booking.is_open:
        assert each.visit()
        assert_never_silent(each)

    assert each.captured == [(each.booking.ends_at + DAY, each.booking.price.amount)]
    gaps = [later - lapses for (_, lapses), (later, _) in pairwise(each.holds)]
    assert all(gap < -12 * HOUR for gap in gaps)  # the new one first, with time to spare
    assert each.booking.superseded == ()


@pytest.mark.parametrize("starts", CLOCK_CHANGES, ids=str)
@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("lead", [0.1, 2, 7, 33, 180])
def test_clock_changes_move_no_deadline(starts, brand, lead):
    each = life(days(lead), brand=brand, starts=starts, policy=resolve({"no_show_capture": "always"}, DEFAULT))
    each.book()
    assert_never_silent(each)

    while each.booking.is_open:
        assert each.visit()
        assert_never_silent(each)

    assert each.captured == [(starts.astimezone(UTC) + timedelta(minutes=30), each.booking.price.amount)]


@pytest.mark.parametrize("lead", [7, 14, 60])
@pytest.mark.parametrize(
    ("code", "asked"),
    [("insufficient_funds", 4), ("lost_card", 1), ("a_word_of_next_year", 1)],
)
def test_a_card_that_is_refused_leaves_an_alert_with_a_deadline_and_then_the_policy(lead, code, asked):
    tries: list[datetime] = []

    def bank(_booking, operation, now):
        tries.append(now)
        return Declined(decline(decline_code=code), None) if operation.off_session else None

    each = life(days(lead), bank=bank)
    each.book()
    while each.booking.is_open:
        assert each.visit()
        assert_never_silent(each)

    assert each.booking.outcome == "declined"
    assert len(tries) == asked
    assert all(later - earlier >= HOUR for earlier, later in pairwise(tries))
    assert each.now <= first_fee_at(DEFAULT, each.booking.starts_at)


@settings(max_examples=300, deadline=None)
@given(
    lead=st.floats(0.02, 180),
    lasts=st.floats(0.05, 20),
    brand=st.sampled_from([*BRANDS, "unionpay", None]),
    hours=st.integers(0, 24 * 40),
    hold_lead=st.integers(48, 24 * 20),
    mend=st.integers(2, 96),
    attends=st.booleans(),
    known=st.booleans(),
)
def test_whatever_the_event_and_the_terms_no_instant_is_silent(
    lead, lasts, brand, hours, hold_lead, mend, attends, known
):
    policy = resolve(
        {
            "no_show_capture": "always",
            "free_cancellation_hours": hours,
            "cancellation_tiers": [{"hours_before": hours, "percent": 50}],
        },
        DEFAULT,
    )
    each = life(days(lead), brand=brand, lasts=days(lasts), policy=policy, known=known)
    each.booking = replace(each.booking, hold_terms=HoldTerms(lead_hours=hold_lead, mend_hours=mend))
    each.book()
    assert_never_silent(each)
    if attends:
        for _ in each.visits_until(each.booking.starts_at):
            assert_never_silent(each)
        if each.booking.is_open:
            each.booking = replace(each.booking, checked_in_at=each.now, look_again_at=None)
    rounds = 0
    while each.booking.is_open:
        assert each.visit()
        assert_never_silent(each)
        rounds += 1
        assert rounds < 200

    assert sum(amount for _, amount in each.captured) == each.booking.price.amount


# --- the pieces -------------------------------------------------------------------------------------------------------


def test_only_visa_gives_a_merchant_less_than_a_week_and_what_is_unknown_counts_as_the_shortest():
    assert {brand: window(brand, Initiator.CUSTOMER) for brand in BRANDS} == dict.fromkeys(BRANDS, days(7))
    assert window("visa", Initiator.MERCHANT) == SHORTEST_WINDOW == timedelta(days=4, hours=18)
    assert {window(brand, Initiator.MERCHANT) for brand in BRANDS[1:]} == {days(7)}
    assert window(None, Initiator.CUSTOMER) == window("unionpay", Initiator.CUSTOMER) == SHORTEST_WINDOW


def test_stripes_own_word_is_the_truth_and_the_table_only_fills_in():
    assert lapses_at(hold(expires_at=LAPSES), BOOKED) == LAPSES
    assert lapses_at(hold(expires_at=None, brand="visa"), BOOKED) == BOOKED + days(7)
    assert lapses_at(hold(expires_at=None), BOOKED) == BOOKED + SHORTEST_WINDOW
    assert lapses_at(hold(expires_at=None, placed_at=None), BOOKED + HOUR) == BOOKED + HOUR + SHORTEST_WINDOW


@pytest.mark.parametrize(
    ("policy", "hours"),
    [
        ({}, 24),
        ({"free_cancellation_hours": 12}, 12),
        ({"cancellation_tiers": []}, 0),
        ({"cancellation_tiers": [{"hours_before": 24, "percent": 0}]}, 0),
        ({"free_cancellation_hours": 168, "cancellation_tiers": [{"hours_before": 168, "percent": 10}]}, 168),
    ],
)
def test_the_first_fee_is_that_of_the_earliest_tier_with_one_after_the_free_window(policy, hours):
    assert first_fee_at(resolve(policy, DEFAULT), START) == START - hours * HOUR


def test_a_later_hold_comes_three_days_before_and_a_day_before_the_first_fee():
    early = resolve(
        {"free_cancellation_hours": 720, "cancellation_tiers": [{"hours_before": 720, "percent": 50}]}, DEFAULT
    )

    assert place_at(DEFAULT, TERMS, START) == START - days(3)
    assert place_at(early, TERMS, START) == START - days(31)


@pytest.mark.parametrize(
    ("lead", "at_once"),
    [(days(3), True), (days(5) + 22 * HOUR, False), (days(5) + 20 * HOUR, True), (days(60), False)],
)
def test_a_hold_that_reaches_the_last_charge_is_placed_at_once(lead, at_once):
    now = START - lead

    assert is_held_at_once(DEFAULT, TERMS, brand="visa", now=now, starts_at=START, ends_at=END) is at_once


def test_a_hold_is_renewed_a_day_before_it_lapses_but_not_in_the_first_half_of_its_life():
    assert renew_at(held()) is None
    longer = held(ends_at=END + days(10))
    assert renew_at(longer) == LAPSES - DAY
    tiny = held(ends_at=END + days(10), hold=hold(expires_at=BOOKED + 10 * HOUR))
    assert renew_at(tiny) == BOOKED + 5 * HOUR
    assert renew_at(booking()) is None


def test_a_customer_has_until_the_first_fee_but_at_least_a_day_and_not_beyond_the_start():
    waiting = booking()
    assert mend_by(waiting, START - days(3)) == START - DAY
    assert mend_by(waiting, START - 30 * HOUR) == START - 6 * HOUR
    assert mend_by(waiting, START - 2 * HOUR) == START
    assert mend_by(waiting, START) == START + DAY
    assert mend_by(waiting, START + HOUR) == START + HOUR + DAY


NEEDED = END + DAY + HOLD_SAFETY


@pytest.mark.parametrize(
    ("brand", "now", "needed"),
    [
        ("visa", NEEDED - days(7), False),
        ("visa", NEEDED - days(7) - timedelta(seconds=1), True),
        ("diners", NEEDED - SHORTEST_WINDOW, False),
        ("diners", NEEDED - SHORTEST_WINDOW - timedelta(seconds=1), True),
        (None, NEEDED - days(7), True),
    ],
)
def test_a_card_is_saved_where_its_hold_may_not_live_to_the_last_charge(brand, now, needed):
    of = booking(policy=resolve({"off_session_fees": False}))

    assert needs_saved_card(of, brand, now) is needed


def test_a_card_is_saved_where_the_policy_charges_a_fee_without_a_hold():
    assert needs_saved_card(booking(policy=resolve({"off_session_fees": True})), "visa", NEEDED - days(7))


def test_a_hold_for_an_event_that_was_moved_far_away_comes_too_early():
    assert not comes_too_early(held())
    assert comes_too_early(held(starts_at=START + days(60), ends_at=END + days(60)))
    assert not comes_too_early(booking(starts_at=START + days(60)))


LONG = {"ends_at": END + days(10)}  # outlives the hold
RENEWS = LAPSES - DAY
WAITS = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", operation_id="op_renew")
BEGUN = operation(Kind.RENEW)
LATER = {"starts_at": START + days(60), "ends_at": END + days(60)}
AUTHENTICATES, NEW_CARD = ("customer", "authentication"), ("customer", "new_payment_method")
KEPT = Alert("staff", "kept_without_hold", NEEDED)


@pytest.mark.parametrize(
    ("of", "now", "said"),
    [
        (held(operation=BEGUN), BOOKED, Planned("finish renew", BEGUN.lease_until)),
        (ended(HoldState.RELEASED), BOOKED, Over()),
        (held(captured=1), END, Planned("refund what is not owed", END)),
        # With a hold.
        (held(), BOOKED, Covered(LAPSES)),
        (held(hold=hold(expires_at=NEEDED)), BOOKED, Covered(NEEDED)),
        (held(**LONG), BOOKED, Planned("renew", RENEWS)),
        (held(**LONG, hold=hold(expires_at=None, placed_at=None)), BOOKED, Planned("renew", BOOKED + days(3.75))),
        (held(**LONG, next_try_at=RENEWS - HOUR), BOOKED, Planned("renew", RENEWS)),
        (held(**LONG, next_try_at=LAPSES - HOUR), BOOKED, Planned("renew", LAPSES - HOUR)),
        (held(**LONG, next_try_at=LAPSES), BOOKED, Alert(*NEW_CARD, LAPSES)),
        (held(**LONG, refused_card="pm_1"), BOOKED, Alert(*NEW_CARD, LAPSES)),
        (held(**LONG, refused_card="pm_2"), BOOKED, Planned("renew", RENEWS)),
        (held(**LONG, renewal=WAITS), BOOKED, Alert(*AUTHENTICATES, LAPSES - HOLD_SAFETY)),
        # The bank wants the customer.
        (waiting_for_3ds(), BOOKED, Alert(*AUTHENTICATES, BOOKED + HOUR / 2)),
        (waiting_for_3ds(mend_by=START), BOOKED, Alert(*AUTHENTICATES, START)),
        (waiting_for_3ds(action_deadline=None), BOOKED, Alert(*AUTHENTICATES, NEEDED)),
        (saving(), LONG_AGO, Alert(*AUTHENTICATES, LONG_AGO + HOUR / 2)),
        (saving(action_deadline=None), LONG_AGO, Alert(*AUTHENTICATES, LONG_AGO)),
        # Without a hold.
        (refused(), PLACES, Alert(*NEW_CARD, START - DAY)),
        (refused(mend_by=None, kept_without_hold_at=START), START, KEPT),
        (lapsed(attention="kept_without_hold"), START, KEPT),
        (scheduled(), LONG_AGO, Planned("place", PLACES)),
        (scheduled(next_try_at=PLACES - HOUR), LONG_AGO, Planned("place", PLACES)),
        (scheduled(next_try_at=PLACES + HOUR), LONG_AGO, Planned("place", PLACES + HOUR)),
        (lapsed(), START, Planned("place again", START)),
        (lapsed(setup=setup()), START, Planned("place again", START)),
        (lapsed(next_try_at=END), START, Planned("place again", END)),
        (lapsed(next_try_at=BOOKED), START, Planned("place again", START)),
        (lapsed(**LATER), START, Planned("place again", PLACES + days(60))),
        (refused(mend_by=None), PLACES + HOUR, Planned("place again", PLACES + HOUR)),
        (booking(), BOOKED, None),
    ],
)
def test_it_is_said_which_of_the_three_it_is_and_when(of, now, said):
    assert coverage(of, now) == said


@pytest.mark.parametrize(
    ("contest", "until"),
    [
        ({"contested_at": END, "no_show_noticed_at": START}, END + DAY),
        ({"contested_at": END + HOUR, "no_show_noticed_at": START}, END + HOUR + DAY),
        ({"contested_at": END + HOUR, "no_show_noticed_at": START, "no_show_upheld_at": END + 2 * HOUR}, END + DAY),
    ],
)
def test_a_contest_that_staff_have_to_decide_makes_the_hold_needed_for_a_day_from_then_on(contest, until):
    assert needed_until(held(**contest)) == until + HOLD_SAFETY


def test_a_hold_for_fees_that_count_from_an_earlier_start_is_planned_for_that_start():
    moved = scheduled(starts_at=START + days(10), ends_at=END + days(10), window_starts_at=START)

    assert planned_at(scheduled(hold_terms=HoldTerms(lead_hours=100))) == START - 100 * HOUR
    assert planned_at(moved) == START - 3 * DAY


def test_the_time_for_a_hold_has_come_at_its_very_second():
    due = place_at(DEFAULT, TERMS, START)

    def at_once(now: datetime) -> bool:
        return is_held_at_once(DEFAULT, TERMS, brand="visa", now=now, starts_at=START, ends_at=END + days(30))

    assert at_once(due)
    assert not at_once(due - timedelta(seconds=1))


def test_a_hold_without_a_known_end_may_come_too_early_as_well():
    unknown = hold(expires_at=None, placed_at=None)

    assert not comes_too_early(held(hold=unknown))
    assert comes_too_early(held(hold=unknown, starts_at=START + days(60), ends_at=END + days(60)))


def test_what_nobody_looks_after_is_none():
    """The one answer that no booking may ever give: open, no hold, no plan and no alert."""
    forgotten: Booking = booking(hold=hold(HoldState.RELEASED))

    assert coverage(forgotten, BOOKED) is None


def test_needed_until_leaves_time_for_a_capture_to_reach_stripe():
    assert needed_until(held()) == END + DAY + HOLD_SAFETY
