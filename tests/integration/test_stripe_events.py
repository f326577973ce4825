"""Stripe's events: doubled, late, out of order, forged about others, and about what somebody did in the dashboard."""

from __future__ import annotations

import itertools

import pytest

from tests.world import World


@pytest.fixture
def held(world: World) -> str:
    world.event()
    return world.held()


def intent_of(world: World, booking_id: str) -> str:
    hold = world.booking(booking_id).hold
    assert hold is not None
    return hold.payment_intent_id


def test_our_own_events_tell_the_book_nothing_new(world: World, held: str) -> None:
    world.on("complete", held, staff="sam", body={"amount": 4000})
    world.refund(held, amount=1000)
    before = world.booking(held)

    for event in world.stripe_events():
        assert world.apply_event(event)

    assert world.booking(held) == before


def test_a_capture_in_the_dashboard_is_adopted(world: World, held: str) -> None:
    world.stripe.v1.payment_intents.capture(intent_of(world, held), {"amount_to_capture": 1234})

    for event in world.stripe_events():
        world.apply_event(event)

    booking = world.booking(held)
    assert (booking.payment_status, booking.captured, booking.outcome) == ("captured", 1234, "completed")
    assert world.log(held)[-1]["actor"] == "stripe"


def test_a_refund_in_the_dashboard_is_adopted_and_counts(world: World, held: str) -> None:
    world.on("complete", held, staff="sam")
    world.stripe.v1.refunds.create({"payment_intent": intent_of(world, held), "amount": 2000})

    for event in world.stripe_events():
        world.apply_event(event)

    assert (world.booking(held).payment_status, world.booking(held).refunded) == ("partially_refunded", 2000)
    assert world.refund(held, amount=3001).status == 422


def test_the_release_of_a_hold_is_never_booked_as_a_refund(world: World, held: str) -> None:
    world.on("cancel", held, user="alice")

    events = world.stripe_events()
    assert any(event["type"] == "charge.refunded" and not event["data"]["object"]["captured"] for event in events)
    for event in events:
        world.apply_event(event)

    assert (world.booking(held).payment_status, world.booking(held).refunded) == ("released", 0)


def test_a_hold_that_stripe_let_lapse_is_expired_and_staff_hear_of_it(world: World, held: str) -> None:
    world.advance(days=7, seconds=2)

    for event in world.stripe_events():
        world.apply_event(event)

    booking = world.booking(held)
    assert (booking.payment_status, booking.attention) == ("expired", "hold_expired")


def test_a_refund_that_fails_later_gives_its_money_back_to_the_book(world: World) -> None:
    world.event()
    booking_id = world.held(card="pm_card_4000000000005126")
    world.on("complete", booking_id, staff="sam")
    first = world.refund(booking_id, amount=2000)
    assert world.booking(booking_id).refunded == 2000
    world.simulator.control("POST", f"/_simulator/refunds/{first.body['refund_id']}", {"status": "failed"})

    for event in world.stripe_events():
        world.apply_event(event)

    booking = world.booking(booking_id)
    assert (booking.payment_status, booking.refunded, booking.attention) == ("captured", 0, "refund_failed")
    assert world.refund(booking_id, key="again", amount=5000).status == 201


def test_a_pending_refund_is_refunding_until_stripe_says_more(world: World) -> None:
    world.event()
    booking_id = world.held(card="pm_card_4000000000007726")
    world.on("complete", booking_id, staff="sam")
    answer = world.refund(booking_id, amount=2000)
    assert (answer.body["status"], world.booking(booking_id).payment_status) == ("pending", "refunding")
    assert world.booking(booking_id).refunded == 2000
    world.simulator.control("POST", f"/_simulator/refunds/{answer.body['refund_id']}", {"status": "succeeded"})

    for event in world.stripe_events():
        world.apply_event(event)

    assert world.booking(booking_id).payment_status == "partially_refunded"


def test_a_dispute_shows_in_the_status_and_blocks_refunds(world: World) -> None:
    world.event()
    booking_id = world.held(card="pm_card_createDispute")
    world.on("complete", booking_id, staff="sam")

    for event in world.stripe_events():
        world.apply_event(event)

    assert world.booking(booking_id).payment_status == "disputed"
    assert world.refund(booking_id).status == 409
    assert "dispute needs_response" in world.story(booking_id)


def test_events_about_other_people_s_objects_are_dropped(world: World, held: str) -> None:
    stranger = world.stripe.v1.payment_intents.create(
        {"amount": 700, "currency": "eur", "metadata": {"deployment": "another"}}
    )
    nobody = world.stripe.v1.payment_intents.create({"amount": 700, "currency": "eur"})
    before = world.booking(held)

    for event in world.stripe_events():
        assert world.apply_event(event)

    assert world.booking(held) == before
    assert {stranger.id, nobody.id}.isdisjoint({intent_of(world, held)})


def test_an_event_of_ours_that_is_not_yet_known_goes_back(world: World) -> None:
    metadata = {"deployment": "holdfast-test", "booking_id": "bk_unknown", "operation_id": "op_1"}
    world.stripe.v1.payment_intents.create({"amount": 700, "currency": "eur", "metadata": metadata})

    assert not world.apply_event(world.stripe_events()[-1])


@pytest.mark.parametrize("body", ["not json", "{}", "[]", '{"id": "evt_1"}', '{"id": "evt_1", "data": {"object": {}}}'])
def test_a_failing_record_goes_back_alone(world: World, held: str, body: str) -> None:
    from tests.world import Context, handler

    world.stripe.v1.payment_intents.cancel(intent_of(world, held))
    good = [{"messageId": "good", "body": __import__("json").dumps(event)} for event in world.stripe_events()]

    answer = handler("apply_stripe_event")({"Records": [{"messageId": "bad", "body": body}, *good]}, Context())

    assert {failure["itemIdentifier"] for failure in answer["batchItemFailures"]} <= {"bad"}
    assert world.booking(held).payment_status == "released"


def _dashboard_capture_and_refund(world: World, held: str) -> None:
    intent = intent_of(world, held)
    world.stripe.v1.payment_intents.capture(intent, {"amount_to_capture": 4000})
    world.stripe.v1.refunds.create({"payment_intent": intent, "amount": 1500})


def test_every_order_of_the_events_of_a_flow_ends_in_one_state(world: World, held: str) -> None:
    _dashboard_capture_and_refund(world, held)
    flow = [event for event in world.stripe_events() if intent_of(world, held) in str(event)]
    ends = set()

    for number, order in enumerate(itertools.islice(itertools.permutations(flow), 0, None, 97)):
        for event in [*order, order[0]]:
            # A fresh id, so that neither the order nor an earlier round hides behind "seen before".
            assert world.apply_event(event | {"id": f"{event['id']}_{number}"})
        booking = world.booking(held)
        ends.add((str(booking.payment_status), booking.captured, booking.refunded, booking.sequence))

    assert ends == {("partially_refunded", 4000, 1500, 4)}


def test_a_cancel_in_the_dashboard_ends_the_booking(world: World, held: str) -> None:
    world.stripe.v1.payment_intents.cancel(intent_of(world, held))

    for event in world.stripe_events():
        world.apply_event(event)

    assert (world.booking(held).payment_status, world.booking(held).outcome) == ("released", "cancelled")


def test_cancelling_a_hold_that_was_captured_in_the_dashboard_refunds_what_is_not_owed(world: World, held: str) -> None:
    world.stripe.v1.payment_intents.capture(intent_of(world, held))

    answer = world.on("cancel", held, user="alice")

    booking = world.booking(held)
    assert answer.status == 200, answer.body
    assert (booking.payment_status, booking.outcome, booking.captured, booking.refunded) == (
        "refunded",
        "cancelled",
        6000,
        6000,
    )
    assert world.story(held)[2:] == [
        "cancel_request succeeded",
        "release started",
        "release failed",
        "external succeeded",
        "refund started",
        "refund succeeded",
    ]


def test_a_webhook_finishes_an_operation_whose_process_died(world: World, held: str) -> None:
    from tests.crash import Died, boundary

    with boundary() as seen:
        pass
    assert seen.calls == []
    died = False
    for number in range(14):
        try:
            with boundary(number, "after") as crossed:
                world.on("complete", held, staff="sam", body={"amount": 4000})
        except Died:
            died = crossed.calls[-1].endswith("/capture")
            if died:
                break
            world.advance(seconds=61)
            continue
    assert died
    event = next(e for e in world.stripe_events() if e["type"] == "payment_intent.succeeded")
    assert world.apply_event(event)
    assert world.booking(held).payment_status == "capturing"  # its lease still lasts: the event was put off

    world.advance(seconds=61)
    assert world.apply_event(event)

    assert (world.booking(held).payment_status, world.booking(held).captured) == ("captured", 4000)
