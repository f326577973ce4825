"""Holds that come later: cards saved, holds placed by the clock, renewed, refused, mended, lapsed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.customs import (
    another_card,
    asked_for,
    authenticate,
    booked,
    confirm,
    lapse,
    live,
    seen,
    the_card_next,
    to_the_hold,
)
from tests.world import World

FAR = timedelta(days=60)


# --- booked far ahead -------------------------------------------------------------------------------------------------
def test_a_far_away_booking_saves_the_card_and_holds_nothing_yet(far: World) -> None:
    answer = far.hold()

    assert answer.status == 201
    assert (answer.body["payment_status"], answer.body["hold"]) == ("scheduled", None)
    starts = far.time() + FAR
    assert answer.body["hold_at"] == (starts - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert far.intents() == []
    (setup,) = far.stripe.v1.setup_intents.list({"limit": 10}).data
    assert (setup.status, setup.usage) == ("succeeded", "off_session")
    assert far.story(answer.body["booking_id"]) == ["schedule started", "schedule succeeded"]
    assert far.log(answer.body["booking_id"])[0]["details"]["policy_text"]


def test_the_clock_places_the_hold_three_days_before_and_charges_the_no_show(far: World) -> None:
    far.event(starts_in=FAR, policy={"no_show_capture": "always"})
    booking_id = booked(far)

    to_the_hold(far, booking_id)

    held = seen(far, booking_id)
    assert (held["payment_status"], held["hold_at"]) == ("held", None)
    assert held["hold"]["amount"] == 6000
    (intent,) = far.intents()
    assert far.booking(booking_id).hold.expires_at - far.time() == timedelta(days=4, hours=18)  # type: ignore[union-attr,operator]
    far.move_to(far.booking(booking_id).starts_at + timedelta(minutes=30))
    far.sweep()
    done = seen(far, booking_id)
    assert (done["payment_status"], done["outcome"], done["fee"]) == ("captured", "no_show", 5000)
    assert far.stripe.v1.payment_intents.retrieve(intent.id).amount_received == 5000


def test_nothing_happens_a_second_before_the_time_for_the_hold(far: World) -> None:
    booking_id = booked(far)
    far.move_to(far.booking(booking_id).starts_at - timedelta(days=3, seconds=1))

    far.sweep()

    assert seen(far, booking_id)["payment_status"] == "scheduled"
    assert far.story(booking_id)[2:] == ["reminder succeeded"]


def test_a_scheduled_booking_is_cancelled_free_and_nothing_was_ever_on_the_card(far: World) -> None:
    booking_id = booked(far)

    answer = far.on("cancel", booking_id, user="alice")

    assert answer.status == 200
    assert (answer.body["payment_status"], answer.body["outcome"], answer.body["fee"]) == ("released", "cancelled", 0)
    far.advance(days=61)
    far.sweep()
    assert far.intents() == []


def test_a_cancelled_event_ends_scheduled_bookings(far: World) -> None:
    booking_id = booked(far)
    far.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    far.drain("steps", "take_next_step")

    ended = seen(far, booking_id)

    assert (ended["payment_status"], ended["outcome"]) == ("released", "event_cancelled")


def test_the_bank_may_want_the_customer_before_the_card_is_saved(world: World) -> None:
    world.event(starts_in=FAR)
    world.card("alice", "pm_card_threeDSecure2Required")
    answer = world.hold()
    booking_id = answer.body["booking_id"]
    assert (answer.status, answer.body["payment_status"]) == (202, "action_required")
    assert answer.body["next_action"]["type"] == "confirm_setup"
    setup = asked_for(answer.body)
    assert confirm(world, booking_id).status == 202

    authenticate(world, setup)

    confirmed = confirm(world, booking_id, "confirm-2")
    assert (confirmed.status, confirmed.body["payment_status"]) == (200, "scheduled")
    assert confirmed.body["next_action"] is None


@pytest.mark.parametrize("by", ["webhook", "confirm"])
def test_a_card_that_fails_its_authentication_ends_the_booking(world: World, by: str) -> None:
    world.event(starts_in=FAR)
    world.card("alice", "pm_card_threeDSecure2Required")
    answer = world.hold()
    booking_id = answer.body["booking_id"]
    authenticate(world, asked_for(answer.body), "failed")

    if by == "webhook":
        for each in world.stripe_events():
            assert world.apply_event(each)
    else:
        failed = confirm(world, booking_id)
        assert (failed.status, failed.body["decline_code"]) == (402, "authentication_required")

    assert (seen(world, booking_id)["payment_status"], seen(world, booking_id)["outcome"]) == ("declined", "declined")


def test_a_customer_who_never_authenticates_the_saving_is_declined(world: World) -> None:
    world.event(starts_in=FAR)
    world.card("alice", "pm_card_threeDSecure2Required")
    booking_id = booked(world)
    world.advance(minutes=31)

    world.sweep()

    assert seen(world, booking_id)["outcome"] == "declined"


# --- refused when its time has come -----------------------------------------------------------------------------------
def test_a_soft_decline_is_retried_on_schedule_and_never_sooner(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "insufficient_funds", times=2)
    to_the_hold(far, booking_id)
    refused = seen(far, booking_id)
    assert (refused["payment_status"], refused["outcome"]) == ("declined", "open")
    assert refused["next_action"] == {"type": "new_payment_method", "client_secret": None}
    assert refused["action_required_by"] is not None
    far.advance(minutes=59)
    far.sweep()
    assert len(far.intents()) == 1

    far.advance(minutes=1)
    far.sweep()
    assert (len(far.intents()), seen(far, booking_id)["payment_status"]) == (2, "declined")
    far.advance(hours=6)
    far.sweep()

    held = seen(far, booking_id)
    assert (held["payment_status"], held["next_action"], held["action_required_by"]) == ("held", None, None)
    line = next(each for each in far.log(booking_id) if each["status"] == "failed")
    assert line["details"]["decline_code"] == "insufficient_funds"
    assert line["details"]["will_retry_at"] is not None


def test_a_hard_decline_is_never_retried_and_another_card_mends_it(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "lost_card")
    to_the_hold(far, booking_id)
    far.advance(hours=20)
    far.sweep()
    assert len(far.intents()) == 1

    answer = another_card(far, booking_id)

    assert (answer.status, answer.body["payment_status"], answer.body["next_action"]) == (200, "held", None)
    assert far.booking(booking_id).card_brand == "mastercard"
    far.advance(hours=30)
    far.sweep()
    assert seen(far, booking_id)["payment_status"] == "held"


def test_another_card_that_is_refused_too_leaves_the_booking_as_it_was(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "lost_card")
    to_the_hold(far, booking_id)

    answer = another_card(far, booking_id, "pm_card_4000000000000341", key="c")

    assert (answer.status, answer.body["booking_id"]) == (402, booking_id)
    waiting = seen(far, booking_id)
    assert (waiting["payment_status"], waiting["outcome"]) == ("declined", "open")
    assert another_card(far, booking_id, key="c2").status == 200


@pytest.mark.parametrize(("on_unplaceable_hold", "outcome"), [("cancel", "declined"), ("keep", "open")])
def test_at_the_deadline_the_policy_says_what_happens(world: World, on_unplaceable_hold: str, outcome: str) -> None:
    world.event(starts_in=FAR, policy={"on_unplaceable_hold": on_unplaceable_hold, "no_show_capture": "always"})
    world.card()
    booking_id = booked(world)
    the_card_next(world, booking_id, "stolen_card")
    to_the_hold(world, booking_id)
    deadline = world.time().fromisoformat(seen(world, booking_id)["action_required_by"])
    world.move_to(deadline - timedelta(seconds=1))
    world.sweep()
    assert seen(world, booking_id)["outcome"] == "open"

    world.move_to(deadline)
    world.sweep()

    assert deadline == world.booking(booking_id).starts_at - timedelta(hours=24)
    assert seen(world, booking_id)["outcome"] == outcome
    if outcome == "open":
        assert world.booking(booking_id).attention == "kept_without_hold"
        world.move_to(world.booking(booking_id).starts_at + timedelta(minutes=30))
        world.sweep()
        ended = world.booking(booking_id)
        assert (ended.outcome, ended.captured) == ("no_show", 0)  # a stolen card is not asked again
        assert len(world.intents()) == 1


def test_three_d_secure_off_session_brings_the_customer_back(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "authentication_required")
    to_the_hold(far, booking_id)
    waiting = seen(far, booking_id)
    assert (waiting["payment_status"], waiting["next_action"]["type"]) == ("action_required", "confirm_payment")
    for each in far.stripe_events():
        assert far.apply_event(each)
    assert seen(far, booking_id)["payment_status"] == "action_required"
    assert confirm(far, booking_id).status == 202

    authenticate(far, asked_for(waiting))

    confirmed = confirm(far, booking_id, "confirm-2")
    assert (confirmed.status, confirmed.body["payment_status"]) == (200, "held")
    assert far.booking(booking_id).hold.expires_at - far.time() == timedelta(days=7)  # type: ignore[union-attr,operator]
    assert len(far.intents()) == 1


def test_authentication_that_nobody_comes_for_ends_at_the_deadline_and_a_late_hold_is_dropped(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "authentication_required")
    to_the_hold(far, booking_id)
    intent = asked_for(seen(far, booking_id))
    far.move_to(far.time().fromisoformat(seen(far, booking_id)["action_required_by"]))

    far.sweep()

    assert seen(far, booking_id)["outcome"] == "declined"
    assert far.stripe.v1.payment_intents.retrieve(intent).status == "canceled"


# --- renewed ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def long(world: World) -> str:
    """A hold for an event of ten days, which one authorization cannot outlive."""
    starts = world.time() + timedelta(days=2)
    world.event(ends_at=(starts + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return world.held()


def renewal_due(world: World, booking_id: str) -> None:
    hold = world.booking(booking_id).hold
    assert hold is not None
    assert hold.expires_at is not None
    world.move_to(hold.expires_at - timedelta(hours=24))
    world.sweep()


def test_a_hold_that_would_lapse_is_renewed_the_new_one_first(world: World, long: str) -> None:
    (first,) = live(world)

    renewal_due(world, long)

    (second,) = live(world)
    assert second != first
    assert world.booking(long).hold.payment_intent_id == second  # type: ignore[union-attr]
    assert world.story(long)[-4:] == ["renew started", "renew succeeded", "release started", "release succeeded"]
    for each in world.stripe_events():
        assert world.apply_event(each)
    assert seen(world, long)["payment_status"] == "held"  # our own release is never read as the customer's
    assert seen(world, long)["outcome"] == "open"


def test_a_renewal_that_fails_leaves_the_old_hold_and_tells_everybody(world: World, long: str) -> None:
    (first,) = live(world)
    the_card_next(world, long, "expired_card")

    renewal_due(world, long)

    assert live(world) == [first]
    told = seen(world, long)
    assert (told["payment_status"], told["next_action"]["type"]) == ("held", "new_payment_method")
    assert world.booking(long).attention == "renewal_failed"
    mended = another_card(world, long)
    assert (mended.status, mended.body["next_action"]) == (200, None)
    world.sweep()
    assert len(live(world)) == 1
    assert first not in live(world)
    assert world.booking(long).attention is None


def test_a_renewal_that_wants_the_customer_waits_while_the_old_hold_stands(world: World, long: str) -> None:
    (first,) = live(world)
    the_card_next(world, long, "authentication_required", when="off_session")
    renewal_due(world, long)
    told = seen(world, long)
    assert (told["payment_status"], told["next_action"]["type"]) == ("held", "confirm_payment")
    lapses = world.time().fromisoformat(told["hold"]["expires_at"])
    assert world.time().fromisoformat(told["action_required_by"]) == lapses - timedelta(hours=2)
    assert confirm(world, long).status == 202

    authenticate(world, asked_for(told))

    confirmed = confirm(world, long, "confirm-2")
    assert (confirmed.status, confirmed.body["next_action"]) == (200, None)
    world.sweep()
    assert len(live(world)) == 1
    assert first not in live(world)


def test_a_renewal_that_nobody_authenticates_is_dropped_before_the_old_hold_lapses(world: World, long: str) -> None:
    (first,) = live(world)
    the_card_next(world, long, "authentication_required", when="off_session")
    renewal_due(world, long)
    hold = world.booking(long).hold
    assert hold is not None
    assert hold.expires_at is not None

    world.move_to(hold.expires_at - timedelta(hours=2))
    world.sweep()

    assert world.booking(long).renewal is None
    assert [intent.status for intent in world.intents() if intent.id != first] == ["canceled"]


def test_cancelling_while_a_renewal_waits_leaves_nothing_on_the_card(world: World, long: str) -> None:
    the_card_next(world, long, "authentication_required", when="off_session")
    world.advance(minutes=1)
    renewal_due(world, long)
    answer = world.on("cancel", long, staff="sam")  # the event has begun: customers cannot any more
    assert answer.status == 200

    world.sweep()

    assert {intent.status for intent in world.intents()} <= {"canceled", "succeeded"}
    assert world.booking(long).renewal is None


# --- lapsed -----------------------------------------------------------------------------------------------------------
def test_a_hold_that_lapses_is_placed_again(world: World) -> None:
    world.event()
    booking_id = world.held()
    lapse(world, booking_id)
    assert seen(world, booking_id)["payment_status"] == "expired"
    assert world.booking(booking_id).attention == "hold_expired"

    world.sweep()

    assert seen(world, booking_id)["payment_status"] == "held"
    assert len(live(world)) == 1
    assert world.booking(booking_id).attention is None


@pytest.mark.parametrize("allowed", [True, False])
def test_a_no_show_whose_hold_has_lapsed_pays_the_fee_off_session_if_the_policy_allows_it(
    world: World, allowed: bool
) -> None:
    world.event(policy={"no_show_capture": "always", "off_session_fees": allowed, "no_show_fee": {"percent": 50}})
    booking_id = world.held()
    world.advance(days=2, minutes=40)
    lapse(world, booking_id)

    world.sweep()

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"]) == ("no_show", 2500 if allowed else 0)
    assert sum(intent.amount_received for intent in world.intents()) == (2500 if allowed else 0)
    assert {intent.amount for intent in world.intents()} == ({6000, 2500} if allowed else {6000})


def owes_a_fee(world: World, decline_code: str) -> str:
    """A no-show whose hold has lapsed, and whose bank says no."""
    world.event(policy={"no_show_capture": "always"})
    booking_id = world.held()
    world.advance(days=2, minutes=40)
    lapse(world, booking_id)
    the_card_next(world, booking_id, decline_code)
    world.sweep()
    return booking_id


def test_a_fee_that_nobody_pays_is_given_to_staff_after_a_day(world: World) -> None:
    booking_id = owes_a_fee(world, "lost_card")
    waiting = seen(world, booking_id)
    assert (waiting["outcome"], waiting["next_action"]["type"]) == ("open", "new_payment_method")
    assert world.time().fromisoformat(waiting["action_required_by"]) == world.time() + timedelta(hours=24)
    tries = len(world.intents())

    world.advance(hours=23, minutes=59)
    world.sweep()
    assert seen(world, booking_id)["outcome"] == "open"
    world.advance(minutes=1)
    world.sweep()

    ended = world.booking(booking_id)
    assert (ended.outcome, ended.fee, ended.attention) == ("no_show", 0, "fee_not_collected")
    assert len(world.intents()) == tries


def test_a_no_show_whose_card_is_lost_pays_the_fee_with_another_one(world: World) -> None:
    booking_id = owes_a_fee(world, "lost_card")

    answer = another_card(world, booking_id, key="another")
    assert (answer.status, answer.body["payment_status"]) == (200, "held")
    world.sweep()

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"], ended["captured"]) == ("no_show", 5000, 5000)


def test_a_fee_that_the_bank_puts_off_is_asked_for_to_the_end_of_the_schedule(world: World) -> None:
    booking_id = owes_a_fee(world, "insufficient_funds")
    tries = [len(world.intents())]
    for hours in (1, 6, 24):
        world.advance(hours=hours)
        world.sweep()
        tries.append(len(world.intents()))
        assert seen(world, booking_id)["outcome"] == "open"
    world.advance(hours=24)
    world.sweep()

    assert [later - tries[0] for later in tries] == [0, 1, 2, 3]
    assert world.booking(booking_id).attention == "fee_not_collected"
    assert [line["reason"] for line in world.log(booking_id) if line["kind"] == "close"] == ["no_show"]


def late_and_unheld(world: World, **next_time: Any) -> str:
    world.event()
    booking_id = world.held()
    world.advance(days=1, hours=1)
    lapse(world, booking_id)
    the_card_next(world, booking_id, **next_time)
    return booking_id


def test_a_late_cancellation_that_wants_3ds_waits_for_its_customer_and_is_answered(world: World) -> None:
    booking_id = late_and_unheld(world, decline_code="authentication_required")

    answer = world.on("cancel", booking_id, user="alice")
    assert answer.status == 202, answer.body
    asked = seen(world, booking_id)
    assert (asked["payment_status"], asked["next_action"]["type"]) == ("action_required", "confirm_payment")
    hold = world.booking(booking_id).hold
    assert hold is not None
    assert hold.amount == 5000
    world.sweep()
    assert seen(world, booking_id)["payment_status"] == "action_required"
    authenticate(world, hold.payment_intent_id)
    assert confirm(world, booking_id).status == 200
    world.sweep()

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"], ended["captured"]) == ("cancelled", 5000, 5000)
    again = world.on("cancel", booking_id, user="alice")
    assert (again.status, again.body["outcome"]) == (200, "cancelled")


def test_a_late_cancellation_that_nobody_pays_ends_after_a_day_and_is_answered(world: World) -> None:
    booking_id = late_and_unheld(world, decline_code="lost_card")

    assert world.on("cancel", booking_id, user="alice").status == 202
    world.advance(hours=23, minutes=59)
    world.sweep()
    assert world.booking(booking_id).is_open
    world.advance(minutes=1)
    world.sweep()

    ended = world.booking(booking_id)
    assert (ended.outcome, ended.fee, ended.attention) == ("cancelled", 0, "fee_not_collected")
    assert world.on("cancel", booking_id, user="alice").status == 200
    assert live(world) == []


def test_a_late_cancellation_is_paid_with_another_card_and_only_the_fee_is_asked_for(world: World) -> None:
    booking_id = late_and_unheld(world, decline_code="lost_card")
    assert world.on("cancel", booking_id, user="alice").status == 202

    assert another_card(world, booking_id, key="another").status == 200
    world.sweep()

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"], ended["captured"]) == ("cancelled", 5000, 5000)
    assert sorted(intent.amount for intent in world.intents() if intent.status == "succeeded") == [5000]


def test_a_card_that_is_authenticated_and_then_declined_is_answered_as_declined(world: World) -> None:
    """4000 0084 0000 1629: 3-D Secure is passed, and the bank says no all the same."""
    world.event()
    made = world.stripe.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4000008400001629", "exp_month": 12, "exp_year": 2030, "cvc": "123"}}
    )
    world.card("alice", made.id)
    answer = world.hold()
    assert answer.body["payment_status"] == "action_required", answer.body
    booking_id = answer.body["booking_id"]
    hold = world.booking(booking_id).hold
    assert hold is not None
    authenticate(world, hold.payment_intent_id)

    told = confirm(world, booking_id)

    assert (told.status, told.problem, told.body["decline_code"]) == (402, "card-declined", "generic_decline")
    assert seen(world, booking_id)["payment_status"] == "declined"
    world.sweep()
    assert live(world) == []


def test_a_late_cancellation_without_a_hold_pays_the_fee_off_session(world: World) -> None:
    world.event()
    booking_id = world.held()
    world.advance(days=1, hours=1)
    the_card_next(world, booking_id, "insufficient_funds", times=1)
    lapse(world, booking_id)
    world.sweep()
    assert seen(world, booking_id)["payment_status"] == "expired"

    answer = world.on("cancel", booking_id, user="alice")
    assert answer.status == 202, answer.body
    world.advance(hours=1)
    world.sweep()

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"], ended["captured"]) == ("cancelled", 5000, 5000)
    replay = world.on("cancel", booking_id, user="alice")
    assert (replay.status, replay.body["outcome"]) == (200, "cancelled")


def test_a_late_cancellation_whose_hold_was_just_lost_is_charged_in_one_request(world: World) -> None:
    world.event()
    booking_id = world.held()
    world.advance(days=1, hours=1)
    hold = world.booking(booking_id).hold
    assert hold is not None
    world.simulator.control("POST", f"/_simulator/payment_intents/{hold.payment_intent_id}/expire", {})

    answer = world.on("cancel", booking_id, user="alice")

    assert (answer.status, answer.body["fee"], answer.body["outcome"]) == (200, 5000, "cancelled"), answer.body
    assert sum(intent.amount_received for intent in world.intents()) == 5000


# --- moved, repriced --------------------------------------------------------------------------------------------------
def test_an_event_that_is_moved_far_away_lets_the_hold_go_and_schedules_another(world: World) -> None:
    world.event()
    booking_id = world.held()
    world.event(starts_in=FAR)

    world.sweep()

    scheduled = seen(world, booking_id)
    assert (scheduled["payment_status"], scheduled["outcome"]) == ("scheduled", "open")
    assert live(world) == []
    to_the_hold(world, booking_id)
    assert seen(world, booking_id)["payment_status"] == "held"
    assert len(live(world)) == 1


def test_a_higher_price_needs_consent_and_a_larger_hold(world: World) -> None:
    world.event()
    booking_id = world.held()
    body = {"price": {"amount": 8000, "currency": "eur"}, "consent": "by mail"}

    answer = world.on("reprice", booking_id, staff="sam", body=body)
    world.sweep()

    assert (answer.status, answer.body["price"]["amount"]) == (200, 8000)
    held = seen(world, booking_id)
    assert (held["hold"]["amount"], held["price"]["amount"]) == (9600, 8000)
    assert len(live(world)) == 1
    line = next(each for each in world.log(booking_id) if each["kind"] == "reprice")
    assert (line["details"]["consent"], line["details"]["from"], line["details"]["to"]) == ("by mail", 5000, 8000)


def test_a_lower_price_leaves_the_hold_and_is_what_is_charged(world: World) -> None:
    world.event()
    booking_id = world.held()
    body = {"price": {"amount": 3000, "currency": "eur"}, "consent": "by mail"}
    world.on("reprice", booking_id, staff="sam", body=body)
    world.sweep()
    assert seen(world, booking_id)["hold"]["amount"] == 6000

    answer = world.on("complete", booking_id, staff="sam")

    assert answer.body["captured"] == 3000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"price": {"amount": 8000, "currency": "usd"}, "consent": "x"}, 422),
        ({"price": {"amount": 1, "currency": "eur"}, "consent": "x"}, 422),
        ({"price": {"amount": 8000, "currency": "eur"}}, 400),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_nothing_is_written(
    world: World, body: dict[str, Any], status: int
) -> None:
    world.event()
    booking_id = world.held()
    before = world.log(booking_id)

    assert world.on("reprice", booking_id, staff="sam", body=body).status == status
    assert world.log(booking_id) == before


# --- no-show with a contest -------------------------------------------------------------------------------------------
@pytest.fixture
def noticed(world: World) -> str:
    """Nobody came; the customer has been told, and has two hours to contest."""
    world.event(policy={"no_show_capture": "always", "no_show_contest_minutes": 120})
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    assert world.story(booking_id)[-1] == "no_show_notice succeeded"
    return booking_id


def test_after_the_notice_and_the_window_the_fee_is_captured(world: World, noticed: str) -> None:
    world.advance(minutes=119)
    world.sweep()
    assert seen(world, noticed)["payment_status"] == "held"

    world.advance(minutes=1)
    world.sweep()

    assert (seen(world, noticed)["outcome"], seen(world, noticed)["fee"]) == ("no_show", 5000)


def test_a_contest_stops_the_charge_until_staff_decide(world: World, noticed: str) -> None:
    contested = world.on("contest", noticed, user="alice", body={"reason": "I was there"})
    assert contested.status == 200
    assert world.on("contest", noticed, user="alice", body={}).status == 200
    world.advance(hours=3)
    world.sweep()
    assert (seen(world, noticed)["payment_status"], world.booking(noticed).attention) == ("held", "no_show_contested")

    answer = world.on("no-show", noticed, staff="sam", body={"reason": "seat 12 stayed empty"})
    world.drain("steps", "take_next_step")

    assert answer.status == 200
    assert (seen(world, noticed)["outcome"], seen(world, noticed)["fee"]) == ("no_show", 5000)


def test_a_check_in_before_the_capture_always_wins(world: World, noticed: str) -> None:
    world.on("contest", noticed, user="alice", body={})
    assert world.on("check-in", noticed, staff="sam").status == 200
    world.advance(hours=4)
    world.sweep()

    assert (seen(world, noticed)["payment_status"], world.booking(noticed).attention) == ("held", None)


def test_a_contest_that_nobody_decides_charges_nobody(world: World, noticed: str) -> None:
    world.on("contest", noticed, user="alice", body={})
    world.advance(days=2)

    world.sweep()

    assert (seen(world, noticed)["payment_status"], seen(world, noticed)["fee"]) == ("released", 0)


def test_there_is_nothing_to_contest_before_the_notice_or_after_the_window(world: World) -> None:
    world.event(policy={"no_show_capture": "always", "no_show_contest_minutes": 60})
    booking_id = world.held()
    assert world.on("contest", booking_id, user="alice", body={}).status == 409
    assert world.on("no-show", booking_id, staff="sam", body={}).status == 422
    world.advance(days=2, minutes=30)
    world.sweep()
    world.advance(minutes=60)

    assert world.on("contest", booking_id, user="alice", body={}).status == 409
