"""Events as staff put, move, cancel and settle them; and the clock that carries out what follows, however often it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from holdfast import bootstrap
from tests.world import Answer, Context, World, handler, wire


def event(world: World, verb: str = "", event_id: str = "yoga", method: str = "POST") -> Answer:
    function = {"": "get_event", "/cancel": "cancel_event", "/no-shows": "charge_no_shows"}[verb]
    return world.call(function, method if verb else "GET", "/events/{event_id}" + verb, staff="sam", event_id=event_id)


def put(world: World, event_id: str = "yoga", **changes: Any) -> Answer:
    body = {
        "title": "Yoga",
        "price": {"amount": 5000, "currency": "eur"},
        "starts_at": wire(world.time() + timedelta(days=2)),
        "ends_at": wire(world.time() + timedelta(days=2, hours=2)),
        "timezone": "Europe/Berlin",
    } | changes
    return world.call("put_event", "PUT", "/events/{event_id}", staff="sam", body=body, event_id=event_id)


def step(world: World, booking_id: str) -> dict[str, Any]:
    record = {"messageId": "m", "body": json.dumps({"booking_id": booking_id}), "attributes": {}}
    answer: dict[str, Any] = handler("take_next_step")({"Records": [record]}, Context())
    return answer


def waiting(world: World) -> int:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="steps")["QueueUrl"]
    names: Any = ["ApproximateNumberOfMessages"]
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]])


def captures(world: World, booking_id: str) -> int:
    return world.story(booking_id).count("capture started")


def paid(world: World, booking_id: str) -> tuple[str, str, int]:
    booking = world.booking(booking_id)
    return str(booking.payment_status), str(booking.outcome), booking.captured


@pytest.fixture
def held(world: World) -> str:
    world.event()
    return world.held()


def somebody_comes(world: World, key: str = "somebody") -> str:
    """The venue speaks: one customer is checked in."""
    booking_id = str(world.hold(key=key).body["booking_id"])
    assert world.on("check-in", booking_id, staff="sam").status == 200
    return booking_id


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_event_is_created_changed_and_put_again_unchanged(world: World) -> None:
    starts, ends = world.time() + timedelta(days=2), world.time() + timedelta(days=2, hours=2)
    times = {"starts_at": wire(starts), "ends_at": wire(ends)}

    created, same, changed = put(world, **times), put(world, **times), put(world, **times, title="Chess")

    assert [answer.status for answer in (created, same, changed)] == [201, 200, 200]
    assert same.body == created.body
    assert (changed.body["title"], changed.body["version"]) == ("Chess", created.body["version"] + 1)
    assert event(world).body == changed.body


def test_an_event_tells_what_is_blocked_and_the_policy_in_full(world: World) -> None:
    partial = {"hold_ratio": "1.5", "cancellation_tiers": [{"hours_before": 6, "amount": 1000}]}

    body = put(world, policy=partial).body

    assert (body["hold_amount"], body["policy"]["hold_ratio"]) == (7500, "1.5")
    assert body["policy"]["cancellation_tiers"] == [{"hours_before": 6, "amount": 1000}]
    assert (body["policy"]["no_show_grace_minutes"], body["policy"]["settle_hours"]) == (30, 24)
    assert "75.00" in body["policy"]["text"] or "50.00" in body["policy"]["text"]
    assert len(body["policy_hash"]) == 64
    assert put(world, "plain").body["policy_hash"] != body["policy_hash"]


def test_the_deployment_s_policy_fills_in_what_an_event_leaves_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_POLICY", '{"no_show_grace_minutes": 5, "free_cancellation_hours": 48}')
    bootstrap._default_policy.cache_clear()

    policy = put(world, policy={"free_cancellation_hours": 12}).body["policy"]

    assert (policy["no_show_grace_minutes"], policy["free_cancellation_hours"]) == (5, 12)
    bootstrap._default_policy.cache_clear()


def test_a_new_price_and_policy_are_for_new_bookings(world: World, held: str) -> None:
    put(world, price={"amount": 9000, "currency": "eur"}, policy={"no_show_fee": {"percent": 10}})

    booking = world.booking(held)
    assert (booking.price.amount, booking.hold_amount, booking.policy.no_show_fee.of(booking.price)) == (
        5000,
        6000,
        5000,
    )
    assert world.hold(key="later").body["hold"]["amount"] == 10800


def test_a_policy_that_was_not_shown_is_not_accepted(world: World) -> None:
    shown = put(world).body["policy_hash"]
    world.card()
    put(world, policy={"free_cancellation_hours": 48})

    refused, taken = world.hold(accepted_policy_hash=shown), world.hold(key="again")

    assert (refused.status, refused.problem, taken.status) == (409, "conflict", 201)


def test_cancelling_an_event_twice_is_once(world: World, held: str) -> None:
    first = event(world, "/cancel")
    world.drain("steps", "take_next_step")
    world.advance(minutes=5)
    second = event(world, "/cancel")
    world.drain("steps", "take_next_step")

    assert (first.status, second.status) == (202, 202)
    assert second.body["cancelled_at"] == first.body["cancelled_at"]
    assert paid(world, held) == ("released", "event_cancelled", 0)
    assert world.story(held).count("release started") == 1
    assert put(world).status == 409
    assert event(world, "/no-shows").status == 409


def test_nobody_is_a_no_show_before_the_start(world: World, held: str) -> None:
    world.advance(days=2, seconds=-1)
    early = event(world, "/no-shows")
    world.advance(seconds=1)
    on_time = event(world, "/no-shows")
    world.drain("steps", "take_next_step")

    assert (early.status, early.problem, on_time.status) == (422, "rule-refused", 202)
    assert world.booking(held).payment_status == "held"  # its grace lasts


def test_an_order_given_during_the_grace_is_carried_out_after_it(world: World, held: str) -> None:
    world.advance(days=2)
    event(world, "/no-shows")
    world.sweep()
    world.advance(minutes=29, seconds=59)
    world.sweep()
    assert world.booking(held).payment_status == "held"

    world.advance(seconds=1)
    world.sweep()

    assert paid(world, held) == ("captured", "no_show", 5000)


def test_a_moved_event_moves_the_clock_with_it(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=1)
    world.event(starts_in=timedelta(days=3))
    world.sweep()
    world.advance(days=1, hours=1)  # the old start and its grace are over
    world.sweep()
    assert world.booking(held).payment_status == "held"

    world.advance(days=1, hours=23, minutes=30)
    world.sweep()

    assert paid(world, held) == ("captured", "no_show", 5000)


def test_a_capture_that_is_due_looks_at_the_event_as_it_is_now(world: World, held: str) -> None:
    """The step was queued before the event was moved, and is taken after it."""
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    handler("sweep_due")({}, Context())
    world.event(starts_in=timedelta(hours=4))

    world.drain("steps", "take_next_step")

    assert paid(world, held) == ("held", "open", 0)
    assert "event_moved succeeded" in world.story(held)


def test_bookings_that_the_index_had_not_heard_of_follow_in_the_second_pass(world: World, held: str) -> None:
    """An index lags: this one shows a booking only after the event's bookings were gone through."""
    event(world, "/cancel")
    world.drain("steps", "take_next_step")
    world.sweep()
    (hidden,) = world.copies(str(world_before_cancelling(world, held)), 1)
    world.advance(minutes=2)
    world.sweep()

    assert paid(world, hidden) == ("released", "event_cancelled", 0)


def test_an_event_with_250_bookings_is_cancelled_to_the_last(world: World, held: str) -> None:
    """Three pages of an event's bookings, of which every fifth still holds money."""
    completed = str(world.hold(key="done").body["booking_id"])
    world.on("complete", completed, staff="sam", key="done")
    open_ones = world.copies(held, 40)
    cancelled = str(world.hold(key="cancelled").body["booking_id"])
    world.on("cancel", cancelled, user="alice", key="cancelled")
    world.copies(cancelled, 208, age=timedelta(minutes=1))
    assert len(list(_every_booking())) == 251

    answer = event(world, "/cancel")
    world.drain("steps", "take_next_step")

    assert answer.status == 202
    for booking_id in (held, *open_ones):
        assert paid(world, booking_id) == ("released", "event_cancelled", 0)
    assert paid(world, completed) == ("refunded", "event_cancelled", 5000)
    assert paid(world, cancelled) == ("released", "cancelled", 0)
    assert {str(intent["status"]) for intent in world.simulator.store.rows("payment_intent").values()} == {
        "canceled",
        "succeeded",
    }
    world.advance(minutes=3)
    before = world.everything()["BookingsTable"]
    world.sweep()
    world.advance(minutes=3)
    assert world.sweep()["events"] == 0
    assert world.everything()["BookingsTable"] == before


def _every_booking() -> Iterator[str]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName="BookingsTable")
    for page in pages:
        for item in page["Items"]:
            yield item["booking_id"]["S"]


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch, world: World) -> list[int]:
    """The index gives three items a page, and not a megabyte; how many items each page had."""
    make_api_call = BaseClient._make_api_call  # type: ignore[attr-defined]
    seen: list[int] = []

    def small(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "Query" and parameters.get("IndexName") == "by_due":
            answer = make_api_call(self, operation, {"Limit": 3, **parameters})
            seen.append(len(answer["Items"]))
            return answer
        return make_api_call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", small)
    return seen


def test_the_sweep_queues_everything_that_is_due_page_after_page(
    world: World, held: str, small_pages: list[int]
) -> None:
    everybody = [held, *world.copies(held, 44)]
    somebody_comes(world)
    world.advance(days=2, minutes=30)

    swept = handler("sweep_due")({}, Context())

    assert (swept["bookings"], waiting(world)) == (45, 45)
    assert max(small_pages) == 3
    assert len(small_pages) > 15  # eight shards, more than one page in each
    world.drain("steps", "take_next_step")
    assert {paid(world, each) for each in everybody} == {("captured", "no_show", 5000)}
    assert handler("sweep_due")({}, Context())["bookings"] == 0


def test_the_lag_is_that_of_the_oldest(world: World, held: str) -> None:
    assert handler("sweep_due")({}, Context()) == {"bookings": 0, "events": 0, "lag_seconds": 0.0}
    world.advance(days=2, minutes=42)

    assert handler("sweep_due")({}, Context())["lag_seconds"] == 12 * 60


def test_sweeping_twice_at_once_captures_once(world: World, held: str) -> None:
    everybody = [held, *world.copies(held, 9)]
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: handler("sweep_due")({}, Context()), range(2)))
        list(pool.map(lambda _: world.drain("steps", "take_next_step"), range(4)))

    for booking_id in everybody:
        assert paid(world, booking_id) == ("captured", "no_show", 5000)
        assert captures(world, booking_id) == 1
    assert waiting(world) == 0


def test_a_clock_that_stood_still_for_a_day_loses_nothing_and_doubles_nothing(world: World, held: str) -> None:
    present = somebody_comes(world)
    waived = str(world.hold(key="waived").body["booking_id"])
    world.on("waive", waived, staff="sam", body={"reason": "ill"})
    world.card("carol", "pm_card_threeDSecure2Required")
    asked = str(world.hold("carol", key="asked").body["booking_id"])

    world.advance(days=4)
    world.sweep()
    world.sweep()

    assert paid(world, held) == ("captured", "no_show", 5000)
    assert paid(world, present) == ("captured", "completed", 5000)
    assert paid(world, waived) == ("released", "waived", 0)
    assert paid(world, asked) == ("declined", "declined", 0)
    details = next(line for line in world.log(held) if line["kind"] == "capture")["details"]
    assert details["evaluated_at"] == wire(world.booking(held).starts_at + timedelta(minutes=30))
    assert world.sweep()["bookings"] == 0


def test_the_same_step_delivered_again_and_at_once_is_one_step(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: step(world, held), range(8)))

    assert all(answer == {"batchItemFailures": []} for answer in answers)
    assert (paid(world, held), captures(world, held)) == (("captured", "no_show", 5000), 1)
    before = world.everything()
    step(world, held)
    assert world.everything() == before


def test_a_step_too_early_or_for_nobody_does_nothing(world: World, held: str) -> None:
    before = world.everything()

    for booking_id in (held, "bk_absent"):
        assert step(world, booking_id) == {"batchItemFailures": []}
    record = {"messageId": "m", "body": '{"event_id": "absent", "after": null}', "attributes": {}}
    assert handler("take_next_step")({"Records": [record]}, Context()) == {"batchItemFailures": []}

    assert world.everything() == before


@pytest.mark.parametrize("body", ["", "{", "{}", "[]", '{"booking": 1}'])
def test_a_message_that_cannot_be_read_goes_back_alone(world: World, held: str, body: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    records = [
        {"messageId": "bad", "body": body, "attributes": {}},
        {"messageId": "good", "body": json.dumps({"booking_id": held}), "attributes": {}},
    ]

    answer = handler("take_next_step")({"Records": records}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert world.booking(held).outcome == "no_show"


def test_what_does_not_fit_into_the_time_left_goes_back_untouched(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    record = {"messageId": "m", "body": json.dumps({"booking_id": held}), "attributes": {}}

    answer = handler("take_next_step")({"Records": [record]}, Context(remaining_ms=20_000))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert world.booking(held).payment_status == "held"


def test_while_stripe_is_down_the_step_comes_again_later_and_then_succeeds_once(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    world.simulator.add_fault("unavailable", match={"path": "*/capture"}, times=200)
    for _ in range(5):
        world.sweep()
        world.advance(minutes=1)
    assert world.booking(held).captured == 0
    world.simulator.control("DELETE", "/_simulator/faults")

    for _ in range(4):
        world.advance(minutes=20)
        world.sweep()

    assert (paid(world, held), captures(world, held)) == (("captured", "no_show", 5000), 1)


def test_the_first_check_in_wakes_those_who_waited_for_the_venue_s_word(world: World, held: str) -> None:
    present = str(world.hold(key="present").body["booking_id"])
    world.advance(days=2, hours=1)
    world.sweep()
    assert paid(world, held) == ("held", "open", 0)

    world.on("check-in", present, staff="sam")
    world.drain("steps", "take_next_step")

    assert paid(world, held) == ("captured", "no_show", 5000)
    assert paid(world, present) == ("held", "open", 0)


def test_completing_is_a_first_check_in_too(world: World, held: str) -> None:
    present = str(world.hold(key="present").body["booking_id"])
    world.advance(days=2, hours=1)
    world.sweep()

    world.on("complete", present, staff="sam")
    world.drain("steps", "take_next_step")

    assert paid(world, held) == ("captured", "no_show", 5000)


def test_a_check_in_twice_counts_once_and_is_200_unchanged(world: World, held: str) -> None:
    first = world.on("check-in", held, staff="sam")
    world.advance(minutes=1)
    second = world.on("check-in", held, staff="sam")

    assert (first.status, second.status, second.body) == (200, 200, first.body)
    assert bootstrap.store().events.get("yoga").checked_in == 1  # type: ignore[union-attr]
    assert world.story(held).count("check_in succeeded") == 1


def test_a_check_in_after_the_no_show_fee_moves_no_money_and_goes_to_the_staff_s_list(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    world.sweep()

    late = world.on("check-in", held, staff="sam")

    assert (late.status, late.body["checked_in_at"]) == (200, wire(world.time()))
    assert late.body["attention"]["reason"] == "checked_in_after_no_show_capture"
    assert paid(world, held) == ("captured", "no_show", 5000)
    assert world.refund(held).status == 201


@pytest.mark.parametrize("closed", ["cancel", "complete"])
def test_a_closed_booking_is_not_checked_in(world: World, held: str, closed: str) -> None:
    world.on(closed, held, staff="sam")
    before = world.everything()

    answer = world.on("check-in", held, staff="sam")

    assert answer.status == (200 if closed == "complete" else 409)
    assert world.everything() == before


# --- policies ---------------------------------------------------------------------------------------------------------


def test_a_policy_can_charge_no_shows_always(world: World) -> None:
    world.event(policy={"no_show_capture": "always", "no_show_fee": {"percent": "12.5"}, "no_show_grace_minutes": 0})
    held = world.held()
    world.advance(days=2)

    world.sweep()

    assert paid(world, held) == ("captured", "no_show", 625)
    assert world.booking(held).fee == 625


def test_a_policy_can_leave_no_shows_to_staff_whoever_was_checked_in(world: World) -> None:
    world.event(policy={"no_show_capture": "staff"})
    held = world.held()
    somebody_comes(world)
    world.advance(days=2, hours=1)
    world.sweep()
    assert paid(world, held) == ("held", "open", 0)

    event(world, "/no-shows")
    world.drain("steps", "take_next_step")

    assert paid(world, held) == ("captured", "no_show", 5000)


def test_left_to_staff_who_say_nothing_the_hold_goes_back(world: World) -> None:
    world.event(policy={"no_show_capture": "staff"})
    held = world.held()
    somebody_comes(world)
    for hours in (48.5, 1.5, 24):
        world.advance(hours=hours)
        world.sweep()

    assert paid(world, held) == ("released", "no_show", 0)


def test_contesting_delays_the_fee(world: World) -> None:
    world.event(policy={"no_show_contest_minutes": 60})
    held = world.held()
    somebody_comes(world)
    world.advance(days=2, minutes=89)
    world.sweep()
    assert paid(world, held) == ("held", "open", 0)

    world.advance(minutes=1)
    world.sweep()

    assert paid(world, held) == ("captured", "no_show", 5000)


def test_a_fee_of_nothing_is_a_release(world: World) -> None:
    world.event(policy={"no_show_fee": {"amount": 0}})
    held = world.held()
    somebody_comes(world)
    world.advance(days=2, minutes=30)

    world.sweep()

    assert paid(world, held) == ("released", "no_show", 0)


@pytest.mark.parametrize(("captures_it", "ends"), [(True, ("captured", "completed", 5000)), (False, ("released", "completed", 0))])
def test_attendance_captures_or_releases_as_the_policy_says(
    world: World, captures_it: bool, ends: tuple[str, str, int]
) -> None:
    world.event(policy={"capture_on_attendance": captures_it, "settle_hours": 3})
    present = world.held()
    world.on("check-in", present, staff="sam")
    world.advance(days=2, hours=5, seconds=-1)
    world.sweep()
    assert paid(world, present) == ("held", "open", 0)

    world.advance(seconds=1)
    world.sweep()

    assert paid(world, present) == ends


def test_customers_refund_themselves_only_until_the_policy_s_hour(world: World) -> None:
    world.event(policy={"self_refund_until_hours": 12})
    held = world.held()
    world.on("complete", held, staff="sam")
    world.advance(days=1, hours=12)

    in_time = world.refund(held, amount=100, key="r1", user="alice")
    others = world.refund(held, amount=100, key="r2", user="bob")
    world.advance(seconds=1)
    late = world.refund(held, amount=100, key="r3", user="alice")
    staff = world.refund(held, amount=100, key="r4")

    assert [answer.status for answer in (in_time, others, late, staff)] == [201, 404, 422, 201]
    assert world.booking(held).refunded == 200
    assert [line["actor"] for line in world.log(held) if line["kind"] == "refund" and line["status"] == "started"] == [
        "customer",
        "staff",
    ]


def test_a_waiver_spares_the_fee_and_keeps_its_reason_in_the_log(world: World, held: str) -> None:
    somebody_comes(world)
    first = world.on("waive", held, staff="sam", body={"reason": "train strike"})
    second = world.on("waive", held, staff="sam", body={"reason": "another"})
    world.advance(days=2, minutes=30)
    world.sweep()

    assert (first.status, second.status, second.body) == (200, 200, first.body)
    assert paid(world, held) == ("released", "waived", 0)
    assert [line["reason"] for line in world.log(held) if line["kind"] == "waive"] == ["train strike"]


def test_a_waiver_does_not_spare_who_came(world: World, held: str) -> None:
    world.on("waive", held, staff="sam", body={"reason": "late train"})
    world.on("check-in", held, staff="sam")
    world.advance(days=3, hours=2)

    world.sweep()

    assert paid(world, held) == ("captured", "completed", 5000)


def test_after_the_fee_there_is_nothing_to_waive(world: World, held: str) -> None:
    somebody_comes(world)
    world.advance(days=2, minutes=30)
    world.sweep()

    answer = world.on("waive", held, staff="sam", body={"reason": "too late"})

    assert (answer.status, answer.problem) == (409, "conflict")


def test_booking_ends_when_the_event_begins(world: World, held: str) -> None:
    world.advance(days=2, seconds=-1)
    last = world.hold(key="last")
    world.advance(seconds=1)
    late = world.hold(key="late")

    assert (last.status, late.status, late.problem) == (201, 422, "rule-refused")
