"""Cards refused, webhooks lost, holds taken back, releases stuck: the booking and what it owes come through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.coverage import Planned, coverage
from holdfast.no_show import no_show_at
from tests.customs import (
    another_card,
    asked_for,
    authenticate,
    booked,
    confirm,
    lapse,
    live,
    seen,
    taken,
    the_card_next,
    time_passes,
    to_the_hold,
)
from tests.world import World, wire

FAR = timedelta(days=60)
HALF_AN_HOUR = timedelta(minutes=30)


# --- customers who authenticate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(minutes=45)], ids=["in time", "late"])
def test_a_booking_is_held_by_any_authentication_that_the_clock_has_not_given_up(
    world: World, after: timedelta
) -> None:
    world.event()
    world.card("alice", "pm_card_threeDSecure2Required")
    answer = world.hold()
    assert (answer.status, answer.body["next_action"]["type"]) == (202, "confirm_payment")
    world.advance(seconds=after.total_seconds())
    authenticate(world, asked_for(answer.body))

    time_passes(world, timedelta(hours=1), every=HALF_AN_HOUR, webhooks=False)

    kept = seen(world, answer.body["booking_id"])
    assert (kept["payment_status"], kept["outcome"]) == ("held", "open")
    assert live(world) == [asked_for(answer.body)]


def test_a_hold_that_was_authenticated_in_time_is_kept_though_no_webhook_came(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "authentication_required", when="off_session")
    to_the_hold(far, booking_id)
    waiting = seen(far, booking_id)
    deadline = far.time().fromisoformat(waiting["action_required_by"])
    authenticate(far, asked_for(waiting))

    time_passes(far, deadline - far.time() + timedelta(hours=1), every=timedelta(hours=8), webhooks=False)

    kept = seen(far, booking_id)
    assert (kept["payment_status"], kept["outcome"], kept["next_action"]) == ("held", "open", None)


def test_a_renewal_that_was_authenticated_in_time_is_kept_though_no_webhook_came(world: World) -> None:
    world.event(starts_in=FAR, policy={"free_cancellation_hours": 240})
    world.card()
    booking_id = booked(world)
    to_the_hold(world, booking_id)  # eleven days before the start
    hold = world.booking(booking_id).hold
    assert hold is not None
    assert hold.expires_at is not None
    the_card_next(world, booking_id, "authentication_required", when="off_session")
    world.move_to(hold.expires_at - timedelta(hours=24))
    world.sweep()
    renewal = world.booking(booking_id).renewal
    assert renewal is not None
    authenticate(world, renewal.payment_intent_id)

    time_passes(world, timedelta(hours=23), every=timedelta(hours=4), webhooks=False)

    renewed = world.booking(booking_id).hold
    assert renewed is not None
    assert renewed.payment_intent_id == renewal.payment_intent_id
    assert live(world) == [renewal.payment_intent_id]


def test_a_card_whose_saving_was_authenticated_in_time_is_kept_though_no_webhook_came(world: World) -> None:
    world.event(starts_in=FAR)
    world.card("alice", "pm_card_threeDSecure2Required")
    answer = world.hold()
    authenticate(world, asked_for(answer.body))

    time_passes(world, timedelta(hours=1), every=HALF_AN_HOUR, webhooks=False)

    kept = seen(world, answer.body["booking_id"])
    assert (kept["payment_status"], kept["outcome"]) == ("scheduled", "open")


def test_whoever_fails_to_authenticate_a_hold_of_the_clocks_is_told_and_can_try_again(far: World) -> None:
    booking_id = booked(far)
    the_card_next(far, booking_id, "authentication_required", when="off_session")
    to_the_hold(far, booking_id)
    waiting = seen(far, booking_id)
    assert waiting["next_action"]["type"] == "confirm_payment"
    authenticate(far, asked_for(waiting), "failed")

    failed = confirm(far, booking_id)

    assert (failed.status, failed.problem, failed.body["decline_code"]) == (
        402,
        "card-declined",
        "authentication_required",
    )
    again = seen(far, booking_id)
    assert (again["payment_status"], again["outcome"]) == ("action_required", "open")
    assert again["action_required_by"] == waiting["action_required_by"]
    far.stripe.v1.payment_intents.confirm(
        asked_for(again), {"payment_method": far.booking(booking_id).payment_method_id}
    )
    authenticate(far, asked_for(again))
    confirmed = confirm(far, booking_id, "confirm-2")
    assert (confirmed.status, confirmed.body["payment_status"]) == (200, "held")


# --- other cards ------------------------------------------------------------------------------------------------------


def test_another_card_that_is_saved_while_a_hold_waits_for_its_customer_takes_the_holds_place(far: World) -> None:
    booking_id = booked(far)
    hold_at = far.time().fromisoformat(seen(far, booking_id)["hold_at"])
    the_card_next(far, booking_id, "authentication_required", when="off_session")
    far.move_to(hold_at - timedelta(minutes=10))
    far.sweep()
    answer = another_card(far, booking_id, "pm_card_threeDSecure2Required", key="c")
    assert (answer.status, answer.body["next_action"]["type"]) == (202, "confirm_setup")
    far.move_to(hold_at)
    far.sweep()
    waiting = seen(far, booking_id)
    assert waiting["payment_status"] == "action_required"

    authenticate(far, asked_for(answer.body))
    time_passes(far, timedelta(minutes=10), every=timedelta(minutes=2))

    booking = far.booking(booking_id)
    assert (booking.outcome, booking.superseded) == ("open", ())
    assert booking.card_brand == "visa"
    (first,) = [intent for intent in far.intents() if intent.id == asked_for(waiting)]
    assert first.status == "canceled"


def test_a_booking_whose_hold_was_declined_is_to_be_held_again_once_another_card_is_saved(far: World) -> None:
    booking_id = booked(far)
    hold_at = far.time().fromisoformat(seen(far, booking_id)["hold_at"])
    the_card_next(far, booking_id, "lost_card")
    far.move_to(hold_at - timedelta(minutes=10))
    far.sweep()
    answer = another_card(far, booking_id, "pm_card_threeDSecure2Required", key="c")
    far.move_to(hold_at)
    far.sweep()
    assert seen(far, booking_id)["payment_status"] == "declined"

    authenticate(far, asked_for(answer.body))
    far.deliver()

    assert coverage(far.booking(booking_id), far.time()) == Planned("place again", far.time())


# --- holds that end early ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["insufficient_funds", "expired_card"])
def test_a_hold_that_lapses_during_an_event_ends_nobodys_booking(world: World, code: str) -> None:
    starts = world.time() + timedelta(days=2)
    world.event(ends_at=wire(starts + timedelta(days=10)))
    booking_id = world.held()
    hold = world.booking(booking_id).hold
    assert hold is not None
    assert hold.expires_at is not None
    the_card_next(world, booking_id, code)

    time_passes(world, hold.expires_at - timedelta(hours=3) - world.time(), every=timedelta(hours=6))
    time_passes(world, timedelta(hours=4), every=HALF_AN_HOUR)

    # Five days in, five to go: the customer may come, and the venue may speak, until the end.
    assert world.time() < world.booking(booking_id).ends_at - timedelta(days=4)
    assert (seen(world, booking_id)["outcome"], live(world)) == ("open", [])
    mended = another_card(world, booking_id)
    assert (mended.status, mended.body["payment_status"]) == (200, "held")


def test_a_hold_is_renewed_that_would_end_before_a_fee_that_was_announced_late(world: World) -> None:
    """The venue may speak until the booking settles; the time to contest counts from then on."""
    world.event(
        starts_in=timedelta(days=3), policy={"no_show_capture": "staff", "no_show_contest_minutes": 3 * 24 * 60}
    )
    booking_id = world.held()
    first = live(world)
    world.move_to(world.booking(booking_id).ends_at + timedelta(hours=23))
    world.sweep()
    world.call("charge_no_shows", "POST", "/events/{event_id}/no-shows", staff="sam", event_id="yoga")
    world.drain("steps", "take_next_step")
    booking = world.booking(booking_id)
    assert booking.no_show_noticed_at is not None
    assert isinstance(coverage(booking, world.time()), Planned)
    charged_at = no_show_at(booking)

    time_passes(world, charged_at - world.time() - timedelta(hours=2), every=timedelta(hours=4))
    assert "hold_expired" not in [line["reason"] for line in world.log(booking_id)]
    assert len(live(world)) == 1
    assert live(world) != first
    time_passes(world, timedelta(hours=2))

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 5000)


def test_a_bank_that_takes_back_every_hold_is_asked_after_the_waits_of_a_soft_decline_and_then_no_more(
    world: World,
) -> None:
    world.event()
    booking_id = world.held()
    minutes = world.booking(booking_id).hold_terms.retry_minutes
    waits = [timedelta(0), *(timedelta(minutes=each) for each in minutes)]

    for placed, wait in enumerate(waits, start=1):
        lapse(world, booking_id)
        if wait:
            world.sweep()
            world.advance(seconds=wait.total_seconds() - 60)
            world.sweep()
            assert len(world.intents()) == placed
            world.advance(minutes=1)
        world.sweep()
        assert (len(world.intents()), seen(world, booking_id)["payment_status"]) == (placed + 1, "held")
    lapse(world, booking_id)
    time_passes(world, timedelta(hours=8))

    assert len(world.intents()) == 1 + 1 + len(minutes)
    waiting = seen(world, booking_id)
    assert (waiting["outcome"], waiting["payment_status"]) == ("open", "expired")
    assert waiting["next_action"] == {"type": "new_payment_method", "client_secret": None}
    assert world.time() < world.time().fromisoformat(waiting["action_required_by"])
    assert world.booking(booking_id).attention == "hold_expired"
    mended = another_card(world, booking_id)
    assert (mended.status, mended.body["payment_status"]) == (200, "held")
    assert world.booking(booking_id).attention is None


def test_a_replaced_hold_that_cannot_be_let_go_keeps_the_fee_from_nobody(world: World) -> None:
    world.event(policy={"no_show_capture": "always"})
    booking_id = world.held()
    old = world.booking(booking_id).hold
    assert old is not None
    price = {"price": {"amount": 6000, "currency": "eur"}, "consent": "by phone"}
    assert world.on("reprice", booking_id, staff="sam", body=price).status == 200
    # Stripe does not cancel this one PaymentIntent; everything else works.
    cancel = f"/v1/payment_intents/{old.payment_intent_id}/cancel"
    world.simulator.add_fault("fail_before", match={"path": cancel}, times=0)

    time_passes(world, timedelta(days=2, minutes=31), every=timedelta(hours=8))
    time_passes(world, timedelta(minutes=1))  # the try to let it go comes first, and the fee with the next minute

    assert (seen(world, booking_id)["outcome"], taken(world)) == ("no_show", 6000)
    assert world.stripe.v1.payment_intents.retrieve(old.payment_intent_id).status == "requires_capture"
