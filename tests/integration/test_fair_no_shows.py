"""Nobody pays as a no-show who was not told, not heard or not missed; and nobody who was missed gets out of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast import bootstrap
from holdfast.desk import cancelling
from holdfast.event import Event
from holdfast.movements import cancellation
from holdfast.store import Store
from tests.customs import lapse, seen, stripe_is_well_again, taken, the_card_next, time_passes
from tests.world import Answer, World, wire

TWO_HOURS = timedelta(hours=2)


def told(world: World, contest_minutes: int) -> str:
    """Nobody came; the customer has been told, and has so long to contest."""
    world.event(policy={"no_show_capture": "always", "no_show_contest_minutes": contest_minutes})
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    assert world.story(booking_id)[-1] == "no_show_notice succeeded"
    return booking_id


def contest(world: World, booking_id: str) -> Answer:
    return world.on("contest", booking_id, user="alice", body={"reason": "I was there"})


def uphold(world: World, booking_id: str) -> Answer:
    """Staff say that this customer did not come; the answer, after the clock was woken."""
    answer = world.on("no-show", booking_id, staff="sam", body={})
    world.drain("steps", "take_next_step")
    return answer


# --- notice and contest -----------------------------------------------------------------------------------------------


def test_the_venues_word_on_one_customer_skips_neither_the_notice_nor_the_time_to_contest(world: World) -> None:
    world.event(policy={"no_show_capture": "staff", "no_show_contest_minutes": 120})
    booking_id = world.held()
    assert "120 minutes" in world.log(booking_id)[0]["details"]["policy_text"]
    world.advance(days=2, minutes=31)

    assert uphold(world, booking_id).status == 200
    world.sweep()
    assert (world.story(booking_id)[-1], taken(world)) == ("no_show_notice succeeded", 0)
    world.advance(minutes=119)
    world.sweep()
    assert taken(world) == 0
    world.advance(minutes=1)
    world.sweep()

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_a_contest_after_the_venues_word_is_staffs_to_decide_again(world: World) -> None:
    world.event(policy={"no_show_capture": "staff", "no_show_contest_minutes": 120})
    booking_id = world.held()
    world.advance(days=2, minutes=31)
    uphold(world, booking_id)
    world.advance(minutes=5)

    assert contest(world, booking_id).status == 200
    world.advance(hours=3)
    world.sweep()
    assert (world.booking(booking_id).attention, taken(world)) == ("no_show_contested", 0)
    assert uphold(world, booking_id).status == 200

    assert (world.booking(booking_id).attention, taken(world)) == (None, 5000)


def test_a_contest_is_recorded_whatever_money_moves(world: World) -> None:
    booking_id = told(world, 60)
    # Another price: the clock places a larger hold, and Stripe does not answer for an hour.
    price = {"price": {"amount": 6000, "currency": "eur"}, "consent": "by phone"}
    assert world.on("reprice", booking_id, staff="sam", body=price).status == 200
    world.simulator.add_fault("timeout_before", match={"path": "/v1/payment_intents"}, times=0)
    world.sweep()
    assert world.booking(booking_id).operation is not None

    answer = contest(world, booking_id)
    time_passes(world, timedelta(hours=1), every=timedelta(minutes=15))
    stripe_is_well_again(world)
    time_passes(world, timedelta(hours=8))

    assert (answer.status, taken(world)) == (200, 0)
    assert (seen(world, booking_id)["payment_status"], world.booking(booking_id).attention) == (
        "held",
        "no_show_contested",
    )


def test_staff_have_a_day_to_decide_a_contest_of_the_last_minute(world: World) -> None:
    booking_id = told(world, 2880)
    world.advance(minutes=2879)
    assert contest(world, booking_id).status == 200

    time_passes(world, timedelta(hours=23, minutes=59), every=timedelta(hours=8))
    assert seen(world, booking_id)["payment_status"] == "held"
    assert uphold(world, booking_id).status == 200

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_a_contest_that_staff_did_not_decide_in_a_day_charges_nobody(world: World) -> None:
    booking_id = told(world, 2880)
    world.advance(minutes=2879)
    assert contest(world, booking_id).status == 200

    time_passes(world, timedelta(hours=24), every=timedelta(hours=8))

    ended = seen(world, booking_id)
    assert (ended["payment_status"], ended["outcome"], ended["fee"]) == ("released", "no_show", 0)


def test_the_no_show_fee_that_is_shown_is_the_one_that_is_charged(world: World) -> None:
    world.event(starts_in=TWO_HOURS, policy={"no_show_capture": "always"})
    booking_id = world.held()
    the_card_next(world, booking_id, "insufficient_funds")
    price = {"price": {"amount": 10000, "currency": "eur"}, "consent": "by phone"}
    assert world.on("reprice", booking_id, staff="sam", body=price).status == 200
    world.sweep()
    hold = world.booking(booking_id).hold
    assert hold is not None
    assert hold.amount == 6000  # the larger one was refused
    world.advance(hours=2, minutes=5)
    lapse(world, booking_id)
    shown = seen(world, booking_id)["no_show_fee"]
    the_card_next(world, booking_id, None)

    time_passes(world, timedelta(hours=3))

    ended = seen(world, booking_id)
    assert (ended["outcome"], ended["fee"], taken(world)) == ("no_show", shown, shown)


# --- cancelled after it was missed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tiers", [[], [{"hours_before": 24, "percent": 50}]], ids=["free", "half"])
def test_whoever_was_missed_does_not_pay_less_by_cancelling(world: World, tiers: Sequence[dict[str, Any]]) -> None:
    world.event(
        policy={
            "no_show_capture": "always",
            "no_show_contest_minutes": 120,
            "no_show_fee": {"percent": 100},
            "cancellation_tiers": tiers,
        }
    )
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    assert world.story(booking_id)[-1] == "no_show_notice succeeded"

    assert world.quote(booking_id, user="alice").status == 409
    answer = world.on("cancel", booking_id, user="alice", body={})
    assert (answer.status, answer.problem) == (409, "conflict")
    world.advance(hours=3)
    world.sweep()

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_until_the_grace_is_over_one_can_still_cancel(world: World) -> None:
    world.event(policy={"no_show_capture": "always", "cancellation_tiers": [{"hours_before": 24, "percent": 50}]})
    booking_id = world.held()
    world.advance(days=2, minutes=29, seconds=59)

    answer = world.on("cancel", booking_id, user="alice", body={})

    assert (answer.status, answer.body["outcome"], taken(world)) == (200, "cancelled", 2500)


def test_a_silent_venue_does_not_open_the_way_to_cancel_again(world: World) -> None:
    world.event(policy={"no_show_capture": "staff", "cancellation_tiers": []})
    booking_id = world.held()
    world.advance(days=2, hours=6)  # the event ended four hours ago
    world.sweep()

    assert world.on("cancel", booking_id, user="alice", body={}).status == 409
    world.call("charge_no_shows", "POST", "/events/{event_id}/no-shows", staff="sam", event_id="yoga")
    world.drain("steps", "take_next_step")

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_staff_cancel_for_whoever_was_missed_at_any_time(world: World) -> None:
    booking_id = told(world, 120)

    answer = world.on("cancel", booking_id, staff="sam", body={})

    assert (answer.status, answer.body["outcome"], answer.body["fee"], taken(world)) == (200, "cancelled", 0, 0)


# --- arrivals as the venue's word -------------------------------------------------------------------------------------


def test_who_was_let_go_days_before_the_event_says_nothing_of_who_came(world: World) -> None:
    world.event()
    let_go = world.held("bob", key="b")
    absent = world.held("alice", key="a")
    assert world.on("complete", let_go, staff="sam", body={"amount": 0}).body["payment_status"] == "released"

    world.advance(days=2, minutes=31)
    world.sweep()

    assert (seen(world, absent)["outcome"], taken(world)) == ("open", 0)


@pytest.mark.parametrize(
    ("early", "outcome"), [(timedelta(hours=6, seconds=1), "open"), (timedelta(hours=6), "no_show")]
)
def test_who_is_let_go_once_the_doors_are_open_has_arrived(world: World, early: timedelta, outcome: str) -> None:
    world.event()
    came = world.held("bob", key="b")
    absent = world.held("alice", key="a")
    world.move_to(world.booking(came).starts_at - early)
    assert world.on("complete", came, staff="sam", body={"amount": 0}).status == 200

    world.move_to(world.booking(came).starts_at + timedelta(minutes=31))
    world.sweep()

    assert seen(world, absent)["outcome"] == outcome


@pytest.mark.parametrize(("verb", "body"), [("check-in", None), ("complete", {"amount": 1000})])
def test_whoever_is_checked_in_or_charged_ahead_has_arrived(world: World, verb: str, body: Any) -> None:
    world.event()
    came = world.held("bob", key="b")
    absent = world.held("alice", key="a")
    assert world.on(verb, came, staff="sam", body=body).status == 200

    world.advance(days=2, minutes=31)
    world.sweep()

    assert seen(world, absent)["outcome"] == "no_show"


def test_an_arrival_for_a_date_that_was_moved_says_nothing_of_the_new_one(world: World) -> None:
    starts = world.time() + timedelta(hours=30)
    world.event(starts_at=wire(starts), ends_at=wire(starts + TWO_HOURS))
    came = world.held("bob", key="b")
    absent = world.held("alice", key="a")
    world.move_to(starts - timedelta(minutes=5))
    # Moved to tomorrow, seconds before somebody who has not heard of it is checked in at the door.
    moved = starts + timedelta(hours=24)
    world.event(starts_at=wire(moved), ends_at=wire(moved + TWO_HOURS))
    world.on("check-in", came, staff="sam")
    world.sweep()
    assert world.booking(came).checked_in_at is None  # it was for the old date

    world.move_to(moved + timedelta(minutes=31))
    world.sweep()

    assert (seen(world, absent)["outcome"], taken(world)) == ("open", 0)


# --- events that are moved --------------------------------------------------------------------------------------------


def put(world: World, starts: datetime, lasts: timedelta, policy: dict[str, Any]) -> Answer:
    body = {
        "title": "Yoga",
        "price": {"amount": 5000, "currency": "eur"},
        "starts_at": wire(starts),
        "ends_at": wire(starts + lasts),
        "timezone": "Europe/Berlin",
        "policy": policy,
    }
    return world.call("put_event", "PUT", "/events/{event_id}", staff="sam", body=body, event_id="yoga")


@pytest.mark.parametrize("back", [timedelta(0), timedelta(days=1)], ids=["now", "yesterday"])
def test_an_event_that_has_not_begun_is_not_moved_into_the_past(world: World, back: timedelta) -> None:
    policy = {"no_show_capture": "always"}
    world.event(policy=policy)
    booking_id = world.held()

    answer = put(world, world.time() - back, TWO_HOURS, policy)
    world.sweep()
    world.sweep()

    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/starts_at")
    assert (seen(world, booking_id)["outcome"], taken(world)) == ("open", 0)


def test_a_contest_outlives_a_correction_of_the_end(world: World) -> None:
    policy = {"no_show_capture": "always", "no_show_contest_minutes": 120}
    starts = world.time() + timedelta(days=2)
    assert put(world, starts, TWO_HOURS, policy).status == 201
    booking_id = world.held()
    world.advance(days=2, minutes=30)
    world.sweep()
    assert contest(world, booking_id).status == 200

    assert put(world, starts, timedelta(hours=2, minutes=30), policy).status == 200
    world.sweep()
    time_passes(world, timedelta(hours=5))

    assert (seen(world, booking_id)["payment_status"], taken(world)) == ("held", 0)
    assert world.booking(booking_id).attention == "no_show_contested"


def test_the_venues_word_outlives_a_correction_of_the_end(world: World) -> None:
    policy = {"no_show_capture": "staff", "no_show_contest_minutes": 0}
    starts = world.time() + timedelta(days=2)
    assert put(world, starts, TWO_HOURS, policy).status == 201
    booking_id = world.held()
    world.advance(days=2, minutes=40)
    assert world.on("no-show", booking_id, staff="sam", body={}).status == 200

    # Before the queue's worker comes, the organiser corrects the end.
    assert put(world, starts, timedelta(hours=2, minutes=30), policy).status == 200
    world.drain("steps", "take_next_step")
    time_passes(world, timedelta(hours=30), every=timedelta(hours=3))

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_a_cancellation_is_priced_by_the_date_that_the_event_has_when_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.event()
    booking_id = world.held()
    world.advance(days=1, hours=4)  # 20 hours before the start: everything is due
    moved: list[Event] = []

    def organiser_is_faster(*args: Any, **kwargs: Any) -> Any:
        step = cancellation(*args, **kwargs)
        if not moved:
            with ThreadPoolExecutor(1) as organiser:
                moved.append(organiser.submit(move_by_a_week, bootstrap.store(), world.time()).result())
        return step

    monkeypatch.setattr(cancelling, "cancellation", organiser_is_faster)
    answer = world.on("cancel", booking_id, user="alice", body={})

    # Everybody has a fresh free window from the move on, and it was written before the cancellation was.
    assert len(moved) == 1
    assert (answer.status, answer.body["outcome"], answer.body["fee"], taken(world)) == (200, "cancelled", 0, 0)


def move_by_a_week(store: Store, now: datetime) -> Event:
    before = store.events.get("yoga")
    assert before is not None
    after = replace(
        before,
        version=before.version + 1,
        updated_at=now,
        moved_at=now,
        due_at=now,
        starts_at=before.starts_at + timedelta(days=7),
        ends_at=before.ends_at + timedelta(days=7),
    )
    return store.events.put(after, before=before)
