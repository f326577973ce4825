"""What becomes of a booking when a card was asked: at booking, by the clock, or because the customer offers another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, HoldTerms, Initiator, Kind, Outcome, SetupState, Status
from holdfast.coverage import HOLD_SAFETY, SHORTEST_WINDOW, coverage
from holdfast.hold_settlement import (
    MENDED_BY_HOLD,
    abandoned,
    card_needs_action,
    card_saved,
    declined,
    entry_of,
    needs_action,
    new_hold,
    placed,
    refused,
    with_live_hold,
    with_saved_card,
)
from holdfast.log import wire_time
from holdfast.next_step import due_at, next_step
from holdfast.placing import places_at
from tests.unit import builders
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    LAPSES,
    LONG_AGO,
    MINUTE,
    PLACES,
    SECOND,
    START,
    booking,
    captured,
    decline,
    event,
    held,
    hold,
    intent,
    lapsed,
    operation,
    saving,
    scheduled,
    setup,
    setup_intent,
    waiting_for_3ds,
)

NOW = PLACES + SECOND
SOFT, HARD = decline(), decline(decline_code="lost_card")
WANTS_ITS_CUSTOMER = decline("authentication_required", None)

BOOKS = operation(Kind.AUTHORIZE)
SAVES = operation(Kind.SCHEDULE)
CHANGES = operation(Kind.AUTHORIZE, payment_method_id="pm_2", brand="amex", reason="new_payment_method")
CHANGES_HELD = replace(CHANGES, kind=Kind.RENEW)
PLACES_IT = operation(Kind.AUTHORIZE, off_session=True, actor="clock", reason="scheduled", brand="visa")
RENEWS = operation(Kind.RENEW, brand="visa")

WAITING_RENEWAL = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_0", operation_id="op_0")


# --- holds that stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "initiator"), [(BOOKS, Initiator.CUSTOMER), (PLACES_IT, Initiator.MERCHANT)])
def test_a_live_hold_is_what_stripe_shows_and_knows_who_asked_for_it(asked, initiator):
    live = new_hold(intent(amount=5999, brand="amex"), asked, HoldState.LIVE, NOW)

    assert live == hold(amount=5999, placed_at=NOW, brand="amex", initiator=initiator, payment_method_id="pm_1")


def test_a_hold_that_waits_for_its_customer_has_a_secret_and_no_end_and_no_other_hold_has_one():
    waiting = new_hold(intent("requires_action", capture_before=LAPSES), PLACES_IT, HoldState.ACTION_REQUIRED, NOW)
    lost = new_hold(intent("requires_payment_method", capture_before=LAPSES), PLACES_IT, HoldState.DECLINED, NOW)

    assert (waiting.client_secret, waiting.expires_at, waiting.placed_at) == ("pi_1_secret_1", None, None)
    assert (lost.client_secret, lost.expires_at, lost.placed_at) == (None, None, None)
    assert (waiting.brand, lost.brand) == ("visa", "visa")


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (booking(), BOOKS),
        (scheduled(), PLACES_IT),
        (builders.refused(), CHANGES),
        (lapsed(), PLACES_IT),
        (held(), RENEWS),
        (waiting_for_3ds(), CHANGES),
    ],
)
def test_a_hold_that_comes_forgets_every_failure_before_it(before, asked):
    troubled = replace(
        before,
        declines=3,
        next_try_at=START,
        refused_card="pm_1",
        mend_by=START,
        kept_without_hold_at=START,
        attention="kept_without_hold",
        attention_since=START,
    )

    after, (line,) = placed(troubled, asked, intent(id="pi_7"), NOW)

    assert (after.payment_status, after.outcome) == (Status.HELD, Outcome.OPEN)
    assert after.hold == new_hold(intent(id="pi_7"), asked, HoldState.LIVE, NOW)
    assert (after.declines, after.next_try_at, after.refused_card, after.mend_by) == (0, None, None, None)
    assert (after.kept_without_hold_at, after.attention, after.attention_since) == (None, None, None)
    assert (after.action_deadline, after.payment_method_id) == (None, asked.payment_method_id)
    assert (line.kind, line.status, line.stripe_id) == (str(asked.kind), "succeeded", "pi_7")
    assert line.details["expires_at"] == "2026-11-27T20:00:00Z"


@pytest.mark.parametrize(
    ("before", "dropped"),
    [
        (booking(), ()),
        (scheduled(), ()),
        (held(), ("pi_1",)),
        (waiting_for_3ds(), ("pi_1",)),
        (held(renewal=WAITING_RENEWAL), ("pi_1", "pi_0")),
        (held(renewal=WAITING_RENEWAL, superseded=("pi_0", "pi_9")), ("pi_0", "pi_9", "pi_1")),
        (lapsed(renewal=WAITING_RENEWAL), ("pi_0",)),
        (lapsed(), ()),
        (builders.refused(), ()),
        (booking(hold=hold(HoldState.RELEASED)), ()),
    ],
)
def test_whatever_could_still_take_money_beside_the_new_hold_has_to_go_once(before, dropped):
    after = with_live_hold(before, hold(payment_intent_id="pi_7"))

    assert (after.superseded, after.renewal) == (dropped, None)


def test_a_hold_does_not_drop_itself():
    waiting = waiting_for_3ds()

    assert with_live_hold(waiting, hold()).superseded == ()
    assert with_live_hold(held(renewal=WAITING_RENEWAL), hold(payment_intent_id="pi_0")).superseded == ("pi_1",)


@pytest.mark.parametrize("reason", ["hold_expired", "kept_without_hold", "renewal_failed", "hold_refused"])
def test_a_hold_that_stands_is_how_staff_are_done_with_one_that_did_not(reason):
    assert reason in MENDED_BY_HOLD
    after = with_live_hold(lapsed(attention=reason, attention_since=BOOKED), hold())
    assert (after.attention, after.attention_since) == (None, None)


@pytest.mark.parametrize("reason", ["refund_failed", "no_show_contested", "unused_authorization_captured"])
def test_what_staff_have_to_decide_besides_stays_before_them(reason):
    after = with_live_hold(lapsed(attention=reason, attention_since=BOOKED), hold())
    assert (after.attention, after.attention_since) == (reason, BOOKED)


def test_another_card_that_is_being_saved_meanwhile_keeps_its_deadline():
    saving_too = lapsed(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=START)

    assert with_live_hold(saving_too, hold()).action_deadline == START


def test_a_hold_of_an_unknown_card_leaves_the_booking_its_own():
    after = with_live_hold(lapsed(card_brand="visa"), hold(brand=None, payment_method_id=None))

    assert (after.payment_method_id, after.card_brand) == ("pm_1", "visa")


@pytest.mark.parametrize(("before", "replaces"), [(held(), {"replaces": "pi_1"}), (held(hold=None), {})])
def test_a_renewals_line_says_which_hold_it_follows(before, replaces):
    _, (line,) = placed(before, RENEWS, intent(id="pi_7", charge_id="ch_7", capture_before=None), NOW)

    assert line.details == {"charge_id": "ch_7", "expires_at": None} | replaces


# --- the bank wants its customer --------------------------------------------------------------------------------------


def test_whoever_books_has_half_an_hour_to_authenticate():
    after, (line,) = needs_action(booking(), BOOKS, intent("requires_action"), NOW)

    assert (after.payment_status, after.action_deadline, after.mend_by) == (
        Status.ACTION_REQUIRED,
        NOW + 30 * MINUTE,
        None,
    )
    assert after.waits_for_its_first_card
    assert (line.status, line.reason) == ("pending", "requires_action")
    assert line.details == {"deadline": wire_time(NOW + 30 * MINUTE)}


def test_what_waits_already_is_not_let_go_for_itself_and_its_line_names_it():
    for before, asked in ((waiting_for_3ds(), BOOKS), (waiting_for_3ds(mend_by=START), CHANGES)):
        after, (line,) = needs_action(before, asked, intent("requires_action"), NOW)

        assert (after.superseded, line.stripe_id) == ((), "pi_1")


def test_a_renewal_of_a_hold_without_a_known_end_waits_as_long_as_the_shortest_hold_lives():
    unknown = held(hold=hold(expires_at=None, placed_at=None))

    _, (line,) = needs_action(unknown, RENEWS, intent("requires_action", id="pi_7"), NOW)

    assert line.details == {"deadline": wire_time(BOOKED + SHORTEST_WINDOW - HOLD_SAFETY)}


def test_whoever_changes_cards_before_they_ever_authenticated_has_half_an_hour_again_and_no_booking_before():
    before = waiting_for_3ds()

    after, _ = needs_action(before, CHANGES, intent("requires_action", id="pi_7"), NOW)

    assert (after.action_deadline, after.mend_by) == (NOW + 30 * MINUTE, None)
    assert after.waits_for_its_first_card
    assert after.hold is not None
    assert (after.hold.payment_intent_id, after.superseded) == ("pi_7", ("pi_1",))
    assert due_at(replace(after, superseded=())) == NOW + 30 * MINUTE


@pytest.mark.parametrize(
    ("before", "now", "deadline"),
    [
        (scheduled(), NOW, START - DAY),
        (lapsed(), START - 30 * HOUR, START - 6 * HOUR),
        (lapsed(), START + HOUR, START + 25 * HOUR),
        (builders.refused(mend_by=START - 2 * HOUR), NOW, START - 2 * HOUR),
    ],
)
@pytest.mark.parametrize("asked", [PLACES_IT, CHANGES])
def test_later_the_customer_has_the_time_that_there_is_to_mend_it(before, asked, now, deadline):
    after, (line,) = needs_action(replace(before, next_try_at=START), asked, intent("requires_action", id="pi_7"), now)

    assert (after.payment_status, after.mend_by, after.next_try_at) == (Status.ACTION_REQUIRED, deadline, None)
    assert after.outcome is Outcome.OPEN
    assert after.hold == new_hold(intent("requires_action", id="pi_7"), asked, HoldState.ACTION_REQUIRED, now)
    assert line.details == {"deadline": deadline.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert due_at(after) == deadline


def test_another_authorization_that_waited_has_to_go():
    before = waiting_for_3ds(mend_by=START - DAY)

    after, _ = needs_action(before, CHANGES, intent("requires_action", id="pi_7"), NOW)

    assert after.superseded == ("pi_1",)


def test_a_renewal_that_waited_for_a_hold_that_lapsed_has_to_go_and_is_waited_for_no_more():
    before = lapsed(renewal=WAITING_RENEWAL)

    after, _ = needs_action(before, PLACES_IT, intent("requires_action", id="pi_7"), NOW)

    assert (after.renewal, after.superseded) == (None, ("pi_0",))


@pytest.mark.parametrize("asked", [RENEWS, CHANGES_HELD])
@pytest.mark.parametrize(
    ("before", "dropped"), [(held(), ()), (held(renewal=WAITING_RENEWAL, superseded=("pi_9",)), ("pi_9", "pi_0"))]
)
def test_a_renewal_that_waits_leaves_the_hold_that_stands(before, asked, dropped):
    after, (line,) = needs_action(before, asked, intent("requires_action", id="pi_7"), NOW)

    assert (after.payment_status, after.hold, after.mend_by) == (Status.HELD, before.hold, None)
    assert after.renewal == new_hold(intent("requires_action", id="pi_7"), asked, HoldState.ACTION_REQUIRED, NOW)
    assert after.superseded == dropped
    assert (line.kind, line.status, line.reason) == ("renew", "pending", "requires_action")


# --- declined, with the customer there --------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [SOFT, HARD, WANTS_ITS_CUSTOMER])
@pytest.mark.parametrize("asked", [BOOKS, SAVES])
def test_a_card_that_is_declined_at_booking_ends_it(asked, why):
    there = intent("requires_payment_method") if asked is BOOKS else None

    after, (line,) = declined(booking(), asked, why, there, NOW)

    assert (after.payment_status, after.outcome) == (Status.DECLINED, Outcome.DECLINED)
    assert after.declined_because == (why.decline_code or why.code)
    assert (line.status, line.reason, line.stripe_id) == ("failed", why.shown, "pi_1" if there else None)
    assert line.details == {"code": why.code, "decline_code": why.shown}
    assert due_at(after) is None


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (scheduled(), operation(Kind.SCHEDULE, payment_method_id="pm_2")),
        (held(), CHANGES_HELD),
        (lapsed(mend_by=START), CHANGES),
        (builders.refused(), CHANGES),
        (waiting_for_3ds(), CHANGES),
    ],
)
@pytest.mark.parametrize("why", [SOFT, HARD, WANTS_ITS_CUSTOMER])
def test_a_new_card_that_is_declined_leaves_the_booking_what_it_has(before, asked, why):
    after, (line,) = declined(before, asked, why, intent("requires_payment_method", id="pi_7"), NOW)

    assert after == before
    assert (line.kind, line.status, line.reason) == (str(asked.kind), "failed", why.shown)


def test_what_stripe_asks_to_hide_is_kept_for_us_and_never_shown():
    after, (line,) = declined(booking(), BOOKS, HARD, None, NOW)

    assert after.declined_because == "lost_card"
    assert line.reason == line.details["decline_code"] == "generic_decline"


# --- declined, and nobody there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before_it", "minutes"),
    [(0, 60), (1, 360), (2, 1440), (3, None), (7, None)],
)
def test_a_soft_decline_is_tried_again_on_schedule_until_the_schedule_ends(before_it, minutes):
    before = scheduled(declines=before_it)

    after, (line,) = declined(before, PLACES_IT, SOFT, intent("requires_payment_method"), NOW)

    again = NOW + minutes * MINUTE if minutes else None
    assert (after.declines, after.next_try_at) == (before_it + 1, again)
    assert after.refused_card == (None if minutes else "pm_1")
    assert (after.payment_status, after.outcome, after.mend_by) == (Status.DECLINED, Outcome.OPEN, START - DAY)
    assert line.details == {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "will_retry_at": again.strftime("%Y-%m-%dT%H:%M:%SZ") if again else None,
        "deadline": "2026-11-22T20:00:00Z",
    }
    assert places_at(after) == min(again or START, START - DAY)


def test_without_a_schedule_nothing_is_tried_again():
    before = scheduled(hold_terms=HoldTerms(retry_minutes=()))

    after, _ = declined(before, PLACES_IT, SOFT, None, NOW)

    assert (after.next_try_at, after.refused_card) == (None, "pm_1")


@pytest.mark.parametrize("why", [HARD, decline("expired_card", None), decline(decline_code="a_word_from_next_year")])
def test_a_hard_decline_waits_for_another_card(why):
    after, _ = declined(scheduled(), PLACES_IT, why, intent("requires_payment_method"), NOW)

    assert (after.declines, after.next_try_at, after.refused_card) == (1, None, "pm_1")
    assert (after.mend_by, after.attention) == (START - DAY, None)


def test_a_later_decline_does_not_move_the_deadline():
    after, _ = declined(builders.refused(mend_by=START - 2 * HOUR), PLACES_IT, SOFT, None, NOW)

    assert after.mend_by == START - 2 * HOUR


def test_a_bank_that_wants_its_customer_without_being_able_to_say_where_is_a_hard_decline():
    asked, _ = declined(scheduled(), PLACES_IT, WANTS_ITS_CUSTOMER, intent("requires_payment_method"), NOW)
    lost, _ = declined(scheduled(), PLACES_IT, WANTS_ITS_CUSTOMER, None, NOW)

    assert (asked.payment_status, asked.refused_card, asked.declines) == (Status.ACTION_REQUIRED, None, 0)
    assert (lost.payment_status, lost.refused_card, lost.declines) == (Status.SCHEDULED, "pm_1", 1)


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (scheduled(), HoldState.DECLINED),
        (builders.refused(), HoldState.DECLINED),
        (lapsed(), HoldState.EXPIRED),
    ],
)
def test_the_last_hold_that_did_come_goes_on_being_shown(before, shown):
    after, _ = declined(before, PLACES_IT, HARD, intent("requires_payment_method", id="pi_7"), NOW)

    assert after.hold is not None
    assert after.hold.state is shown
    assert after.hold.payment_intent_id == ("pi_1" if shown is HoldState.EXPIRED else "pi_7")


def test_a_decline_without_a_payment_intent_leaves_the_card_saved_and_the_hold_to_come():
    after, (line,) = declined(scheduled(), PLACES_IT, SOFT, None, NOW)

    assert (after.payment_status, after.hold, line.stripe_id) == (Status.SCHEDULED, None, None)
    assert places_at(after) == NOW + HOUR


@pytest.mark.parametrize(
    ("why", "declines", "attention"),
    [(SOFT, 0, None), (SOFT, 2, None), (SOFT, 3, "renewal_failed"), (HARD, 0, "renewal_failed")],
)
def test_a_renewal_that_is_refused_leaves_the_hold_and_in_the_end_reaches_staff(why, declines, attention):
    before = held(declines=declines, ends_at=END + 10 * DAY)

    after, (line,) = declined(before, RENEWS, why, intent("requires_payment_method", id="pi_7"), NOW)

    assert (after.payment_status, after.hold, after.mend_by) == (Status.HELD, before.hold, None)
    assert after.attention == attention
    assert (after.refused_card == "pm_1") is (attention is not None)
    assert line.details["deadline"] is None
    assert coverage(after, NOW) is not None


def test_a_failed_renewal_does_not_push_aside_what_is_before_staff_already():
    after, _ = declined(held(attention="no_show_contested", attention_since=BOOKED), RENEWS, HARD, None, NOW)

    assert (after.attention, after.attention_since) == ("no_show_contested", BOOKED)


# --- refused by Stripe ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [BOOKS, SAVES])
def test_what_stripe_will_not_do_at_all_ends_a_booking_that_has_nothing_yet(asked):
    after, (line,) = refused(booking(), asked, "resource_missing", "No such card", NOW)

    assert (after.hold, after.outcome, after.payment_status) == (None, Outcome.DECLINED, Status.DECLINED)
    assert (line.status, line.reason, line.details) == ("failed", "resource_missing", {"message": "No such card"})


@pytest.mark.parametrize(
    ("before", "asked"), [(held(), CHANGES_HELD), (builders.refused(), CHANGES), (scheduled(), SAVES)]
)
def test_a_customer_who_offers_what_stripe_does_not_know_loses_nothing(before, asked):
    after, (line,) = refused(before, asked, "resource_missing", "No such card", NOW)

    assert after == before
    assert (line.status, line.reason) == ("failed", "resource_missing")


@pytest.mark.parametrize(
    ("before", "asked", "status", "attention", "mend_by"),
    [
        (scheduled(), PLACES_IT, Status.SCHEDULED, "hold_refused", START - DAY),
        (lapsed(), PLACES_IT, Status.EXPIRED, "hold_refused", START - DAY),
        (lapsed(attention="hold_expired"), PLACES_IT, Status.EXPIRED, "hold_expired", START - DAY),
        (held(), RENEWS, Status.HELD, "renewal_failed", None),
    ],
)
def test_a_card_that_stripe_knows_no_more_waits_for_another_one_and_staff_know(
    before, asked, status, attention, mend_by
):
    after, (line,) = refused(before, asked, "resource_missing", "No such card", NOW)

    assert (after.payment_status, after.attention, after.mend_by) == (status, attention, mend_by)
    assert (after.refused_card, after.next_try_at, after.outcome) == ("pm_1", None, Outcome.OPEN)
    assert (line.status, line.reason) == ("failed", "resource_missing")
    assert due_at(after) is not None


# --- abandoned --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("found", "superseded"), [(None, ("pi_9",)), (intent(id="pi_7"), ("pi_9", "pi_7"))])
@pytest.mark.parametrize(
    ("before", "asked", "outcome"),
    [
        (booking(), BOOKS, Outcome.DECLINED),
        (booking(), SAVES, Outcome.DECLINED),
        (held(), CHANGES_HELD, Outcome.OPEN),
        (builders.refused(), CHANGES, Outcome.OPEN),
        (scheduled(), SAVES, Outcome.OPEN),
        (waiting_for_3ds(), CHANGES, Outcome.OPEN),
    ],
)
def test_what_nobody_waits_for_has_to_go_and_ends_only_a_booking_that_has_nothing_else(
    before, asked, outcome, found, superseded
):
    burdened = replace(before, superseded=("pi_9",))

    after, (line,) = abandoned(burdened, asked, found)

    assert after == replace(burdened, superseded=superseded, outcome=outcome)
    assert (line.status, line.reason, line.stripe_id) == ("failed", "abandoned", found.id if found else None)


# --- cards that are saved for later -----------------------------------------------------------------------------------


def test_a_saved_card_is_a_booking_whose_hold_has_a_date():
    after, (line,) = card_saved(booking(created_at=LONG_AGO), replace(SAVES, brand="visa"), setup_intent(), PLACES)

    assert (after.payment_status, after.setup) == (Status.SCHEDULED, setup())
    assert (after.payment_method_id, after.card_brand, after.outcome) == ("pm_1", "visa", Outcome.OPEN)
    assert line.details == {"hold_at": "2026-11-20T20:00:00Z", "payment_method_id": "pm_1"}
    assert (line.kind, line.status, line.stripe_id) == ("schedule", "succeeded", "seti_1")
    assert due_at(after) == PLACES


def test_a_card_that_needs_its_customer_waits_half_an_hour_and_keeps_the_secret_for_the_phone():
    after, (line,) = card_needs_action(booking(), replace(SAVES, brand="visa"), setup_intent("requires_action"), NOW)

    assert (after.payment_status, after.setup) == (Status.ACTION_REQUIRED, None)
    assert after.new_card == setup(SetupState.ACTION_REQUIRED)
    assert due_at(after) == after.action_deadline == NOW + 30 * MINUTE
    assert (line.kind, line.status, line.reason) == ("schedule", "pending", "requires_action")


def test_the_card_that_a_booking_has_is_good_until_another_one_is_saved():
    after, _ = card_needs_action(scheduled(), SAVES, setup_intent("requires_action", id="seti_2"), LONG_AGO + DAY)

    assert (after.payment_status, after.setup) == (Status.SCHEDULED, setup())
    assert due_at(after) == LONG_AGO + DAY + 30 * MINUTE


def test_a_saved_card_forgets_what_was_refused_of_the_one_before():
    other = setup(payment_method_id="pm_2", brand=None)

    after = with_saved_card(
        saving(setup=setup(), declines=2, next_try_at=START, refused_card="pm_1", card_brand="visa"), other
    )

    assert (after.setup, after.new_card, after.action_deadline) == (other, None, None)
    assert (after.payment_method_id, after.card_brand) == ("pm_2", "visa")
    assert (after.declines, after.next_try_at, after.refused_card) == (0, None, None)


def test_a_new_card_is_what_the_customer_had_a_deadline_for():
    """The clock places its hold when the time comes, and the deadline of the refused card ends nothing any more."""
    later = START + 60 * DAY
    told = scheduled(refused_card="pm_1", mend_by=later - DAY, starts_at=later, ends_at=later + 2 * HOUR)

    after = with_saved_card(told, setup(payment_method_id="pm_2"))

    assert after.mend_by is None
    assert places_at(after) == later - 3 * DAY


def test_a_booking_that_was_kept_without_a_hold_gets_one_once_its_customer_saves_another_card():
    """Its event was moved far away meanwhile, so that the card is only saved for now."""
    later = START + 60 * DAY
    kept = scheduled(
        kept_without_hold_at=START - DAY,
        refused_card="pm_1",
        starts_at=later,
        ends_at=later + 2 * HOUR,
    )
    assert places_at(kept) is None

    after = with_saved_card(kept, setup(payment_method_id="pm_2"))

    assert places_at(after) == later - 3 * DAY
    step = next_step(after, event(starts_at=later, ends_at=later + 2 * HOUR), later - 3 * DAY)
    assert getattr(step, "kind", None) is Kind.AUTHORIZE


# --- lines ------------------------------------------------------------------------------------------------------------


def test_a_line_says_what_its_operation_is_unless_told_otherwise():
    plain = entry_of(PLACES_IT, "succeeded")
    changed = entry_of(PLACES_IT, "failed", amount=1, reason="x", stripe_id="pi_7", details={"a": 1})
    unchanged = entry_of(operation(Kind.CAPTURE), "failed", amount=None, reason=None, stripe_id=None, details=None)

    assert (plain.kind, plain.status, plain.actor, plain.amount) == ("authorize", "succeeded", "clock", HELD)
    assert (plain.operation_id, plain.reason, plain.stripe_id) == ("op_authorize", "scheduled", None)
    assert (changed.amount, changed.reason, changed.stripe_id, changed.details) == (1, "x", "pi_7", {"a": 1})
    assert (unchanged.amount, unchanged.reason, unchanged.stripe_id) == (5000, "wanted", "pi_1")
    assert captured().captured == unchanged.amount
