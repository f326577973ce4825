"""A night's comparison: the other direction, killed and doubled runs, long days, and what is not ours to conclude."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import boto3
import pytest

from holdfast import bootstrap
from holdfast.booking import HoldState
from holdfast.desk import comparing, reconciling
from holdfast.desk.comparing import AnotherAccount
from holdfast.log import Entry, append
from holdfast.reconciliation import State, begun, midnight
from holdfast.store import Commit, ConcurrentChange
from tests.crash import Boundary, boundary
from tests.nights import DAY, authorized, intent_of, named, report, the_night_after
from tests.world import Context, World, handler


@pytest.fixture
def today(world: World) -> World:
    """The days before are compared already, so that a night is one day."""
    world.move_to(midnight(DAY) + timedelta(hours=2))
    world.reconcile()
    world.advance(hours=7)
    world.event(starts_in=timedelta(days=4))
    return world


def tampered(world: World, booking_id: str, **changes: Any) -> None:
    """The booking's item, changed by hand: neither a line nor a transaction of ours."""
    booking = world.booking(booking_id)
    bootstrap.store().bookings.commit(
        Commit(
            after=replace(booking, version=booking.version + 1, **changes),
            lines=[],
            before_version=booking.version,
            now=world.time(),
        )
    )


def forgotten_by_stripe(world: World, booking_id: str) -> None:
    """As if another account's key had been used that day, or a sandbox emptied."""
    intent = intent_of(world, booking_id)
    rows = world.simulator.store
    charge = rows.get("payment_intent", intent)["latest_charge"]  # type: ignore[index]
    gone = {intent, charge}
    with rows.transaction():
        rows.delete("payment_intent", intent)
        rows.delete("charge", charge)
        for table in ("balance_transaction", "refund", "event"):
            for key, row in list(rows.rows(table).items()):
                about = {row.get("source"), row.get("payment_intent"), row.get("data", {}).get("object", {}).get("id")}
                if gone & about:
                    rows.delete(table, key)


# --- the other direction: the book says what Stripe does not ----------------------------------------------------------


def test_a_hold_and_a_capture_that_stripe_does_not_know_are_named(today: World) -> None:
    held, paid = today.held("alice"), today.held("bob")
    today.on("complete", paid, staff="sam")
    for booking_id in (held, paid):
        forgotten_by_stripe(today, booking_id)
    the_night_after(today)

    today.reconcile()

    assert named() == {"intent_missing": {held, paid}}
    assert {today.booking(each).attention for each in (held, paid)} == {"intent_missing"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"captured": 4000}, {"captured_amount_differs", "log_differs"}),
        ({"hold": None}, {"log_differs"}),
    ],
)
def test_a_booking_that_was_tampered_with_is_named_and_not_written_to(
    today: World, changes: dict[str, Any], expected: set[str]
) -> None:
    booking_id = today.held()
    today.on("complete", booking_id, staff="sam")
    tampered(today, booking_id, **changes)
    the_night_after(today)

    today.reconcile()

    assert set(named()) == expected
    assert today.booking(booking_id).attention in expected
    assert {name: getattr(today.booking(booking_id), name) for name in changes} == changes


def test_a_booking_that_lost_its_payment_intent_keeps_its_hold_at_stripe(today: World) -> None:
    """To the rules it would be an authorization that nobody uses; releasing it is not theirs to decide here."""
    booking_id = today.held()
    intent = intent_of(today, booking_id)
    tampered(today, booking_id, hold=None)
    the_night_after(today)

    today.reconcile()
    today.sweep()

    assert named() == {"log_differs": {booking_id}}
    assert today.booking(booking_id).superseded == ()
    assert today.stripe.v1.payment_intents.retrieve(intent).status == "requires_capture"


def test_a_booking_that_says_released_while_stripe_holds_the_money_is_named(today: World) -> None:
    booking_id = today.held()
    hold = today.booking(booking_id).hold
    assert hold is not None
    tampered(today, booking_id, hold=replace(hold, state=HoldState.RELEASED))
    the_night_after(today)

    today.reconcile()

    assert named() == {"hold_state_differs": {booking_id}}


def test_a_log_without_its_booking_is_named(today: World) -> None:
    booking_id = today.held()
    boto3.client("dynamodb").delete_item(TableName="BookingsTable", Key={"booking_id": {"S": booking_id}})
    the_night_after(today)

    today.reconcile()

    assert named() == {"log_differs": {booking_id}, "orphan_intent": {booking_id}}


def test_a_capture_that_was_logged_twice_shows_in_the_sums(today: World) -> None:
    booking_id = today.held()
    today.on("complete", booking_id, staff="sam")
    booking = today.booking(booking_id)
    doubled = Entry(
        kind="capture", status="succeeded", actor="clock", amount=5000, stripe_id=intent_of(today, booking_id)
    )
    after, lines = append(booking, booking, [doubled], now=today.time())
    bootstrap.store().bookings.commit(
        Commit(after=after, lines=lines, before_version=booking.version, now=today.time())
    )
    the_night_after(today)

    today.reconcile()

    [finding] = report().findings
    assert (finding.difference.drift, finding.difference.book, finding.difference.stripe) == (
        "sums_differ",
        10000,
        5000,
    )
    assert finding.state is State.LEFT


def test_a_capture_before_midnight_that_was_booked_after_it_is_no_difference_of_either_day(today: World) -> None:
    booking_id = today.held()
    today.move_to(midnight(DAY) + timedelta(hours=23, minutes=59, seconds=50))
    today.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    today.on("complete", booking_id, staff="sam")
    today.simulator.control("DELETE", "/_simulator/faults")
    today.advance(minutes=2)
    today.sweep()
    tomorrow = DAY + timedelta(days=1)
    for day in (DAY, tomorrow):
        the_night_after(today, day)
        today.reconcile()

    sums = {day: report(day).totals["eur"].captured for day in (DAY, tomorrow)}
    assert (named(), named(tomorrow)) == ({}, {})
    assert (sums[DAY].stripe, sums[DAY].stripe_elsewhere, sums[DAY].log) == (5000, 5000, 0)
    assert (sums[tomorrow].log, sums[tomorrow].log_elsewhere, sums[tomorrow].stripe) == (5000, 5000, 0)


def test_a_booking_whose_money_moves_is_left_to_its_own_recovery(today: World) -> None:
    booking_id = today.held()
    the_night_after(today)
    today.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents/*/capture"}, times=50)
    assert today.on("complete", booking_id, staff="sam").body["payment_status"] == "capturing"
    today.simulator.control("DELETE", "/_simulator/faults")

    today.reconcile()

    assert (named(), report().under_way) == ({}, 1)
    assert today.booking(booking_id).operation is not None


# --- killed, doubled, long --------------------------------------------------------------------------------------------


def drift_today(world: World, number: int, event_id: str = "yoga") -> dict[str, set[str | None]]:
    """One that is adopted and one for staff; what the night has to name."""
    missed, currency = (world.held(f"{what}-{number}", event_id) for what in ("missed", "currency"))
    world.stripe.v1.payment_intents.capture(intent_of(world, missed), {"amount_to_capture": 1234})
    authorized(world, currency, currency="usd")
    return {"missed_capture": {missed}, "wrong_currency": {currency}}


def test_two_runs_at_once_adopt_once_and_the_later_one_stops(
    today: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = drift_today(today, 0)
    the_night_after(today)
    caplog.set_level("INFO")
    look, others = comparing.look, [0]

    def look_while_another_runs(*args: Any) -> Any:
        others[0] += 1
        if others[0] == 1:
            quiet: Any = {"tell": lambda *_: None, "report": lambda _: None}
            reconciling.nightly(bootstrap.reconciler("another", seconds_left=lambda: 300, **quiet))
        return look(*args)

    monkeypatch.setattr(comparing, "look", look_while_another_runs)
    handler("reconcile_day")({}, Context(remaining_ms=300_000))

    assert named() == expected
    (missed,) = expected["missed_capture"]
    assert today.story(str(missed))[2:] == ["external succeeded"]
    assert "another run is further" in {getattr(record, "stopped", None) for record in caplog.records}


def test_a_day_that_takes_longer_than_an_invocation_goes_on_by_one_message(today: World) -> None:
    expected: dict[str, set[str | None]] = {}
    for number in range(2):
        for drift, bookings in drift_today(today, number).items():
            expected.setdefault(drift, set()).update(bookings)
    the_night_after(today)
    invocations = 0
    messages = [{"day": DAY.isoformat()}]
    while messages:
        invocations += 1
        # Time for the five lists and one look, then no more.
        run_with(itertools.chain([300.0] * 6, itertools.repeat(60.0)))
        messages = queued()
        assert len(messages) <= 1
        assert invocations < 20

    assert invocations > 2
    assert named() == expected
    assert all(message == {"day": DAY.isoformat()} for message in messages)


def run_with(clock: Iterator[float]) -> None:
    class Running(Context):
        def get_remaining_time_in_millis(self) -> int:
            return round(next(clock) * 1000)

    handler("reconcile_day")({}, Running())


def queued() -> list[dict[str, Any]]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="reconcile")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in found]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of at most three objects a list, so that a small day takes many."""
    make = bootstrap.reconciler

    def made(*args: Any, **kwargs: Any) -> Any:
        reconciler = make(*args, **kwargs)
        return replace(reconciler, comparer=replace(reconciler.comparer, most=3))

    monkeypatch.setattr(bootstrap, "reconciler", made)


def test_a_full_day_is_compared_in_stretches_that_are_short_enough(today: World, narrow: None) -> None:
    expected: dict[str, set[str | None]] = {}
    for number in range(3):
        for drift, bookings in drift_today(today, number).items():
            expected.setdefault(drift, set()).update(bookings)
        today.advance(minutes=50)
    the_night_after(today)

    today.reconcile()

    assert named() == expected
    assert report().width < 86_400
    assert report().objects > 15
    assert report().totals["eur"].captured.unexplained == 0


# --- what it costs ----------------------------------------------------------------------------------------------------


def asked(crossed: Boundary) -> list[str]:
    """Calls to Stripe."""
    return [call for call in crossed.calls if "/v1/" in call]


def test_bookings_that_agree_cost_a_page_of_a_list_and_no_question_each(today: World) -> None:
    original = today.held()
    today.copies(original, 105)
    the_night_after(today)

    with boundary() as crossed:
        handler("reconcile_day")({}, Context(remaining_ms=300_000))

    assert (named(), report().looks) == ({}, 0)
    assert len(asked(crossed)) == 6  # five lists, one of them two pages long
    assert all("created" in call for call in asked(crossed))
    assert len([call for call in crossed.calls if call == "BatchGetItem"]) < 20


def test_payments_of_others_on_the_same_account_cost_no_question_each(today: World) -> None:
    for _ in range(5):
        today.stripe.v1.payment_intents.create(
            {
                "amount": 777,
                "currency": "eur",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
    the_night_after(today)

    with boundary() as crossed:
        handler("reconcile_day")({}, Context(remaining_ms=300_000))

    assert len(asked(crossed)) == 5
    assert report().totals == {}


def test_calls_to_stripe_are_spaced(today: World) -> None:
    drift_today(today, 0)
    the_night_after(today)
    before = today.waiting.now

    with boundary() as crossed:
        handler("reconcile_day")({}, Context(remaining_ms=300_000))

    calls = len(asked(crossed))
    assert calls > 5
    assert today.waiting.now - before >= (calls - 3) / 5


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rate_limit", "unavailable"])
def test_a_few_refusals_of_stripe_s_are_waited_out(today: World, kind: str) -> None:
    expected = drift_today(today, 0)
    the_night_after(today)
    today.simulator.add_fault(kind, match={"method": "GET"}, times=3)

    today.reconcile()

    assert named() == expected


def test_while_stripe_is_down_the_night_fails_loudly_and_a_later_one_goes_on(today: World) -> None:
    expected = drift_today(today, 0)
    the_night_after(today)
    today.simulator.add_fault("unavailable", match={"path": "/v1/payment_intents/*"}, times=0)
    with pytest.raises(Exception, match=r"unavailable|not be reached"):
        handler("reconcile_day")({}, Context(remaining_ms=300_000))
    today.simulator.control("DELETE", "/_simulator/faults")

    today.reconcile()

    assert named() == expected


def test_with_another_account_s_key_nothing_is_concluded(today: World) -> None:
    held = [today.held(f"user-{number}") for number in range(20)]
    for booking_id in held:
        forgotten_by_stripe(today, booking_id)
    the_night_after(today)

    with pytest.raises(AnotherAccount):
        handler("reconcile_day")({}, Context(remaining_ms=300_000))

    assert {today.booking(booking_id).attention for booking_id in held} == {None}


def test_days_that_were_left_are_made_up_for_oldest_first(today: World) -> None:
    expected = drift_today(today, 0)
    the_night_after(today, DAY + timedelta(days=4))

    today.reconcile()

    assert named() == expected
    for back in range(5):
        assert report(DAY + timedelta(days=back)).finished


def test_a_finished_day_is_not_compared_again(today: World) -> None:
    the_night_after(today)
    today.reconcile()

    with boundary() as crossed:
        handler("reconcile_day")({}, Context(remaining_ms=300_000))

    assert asked(crossed) == []


def test_progress_that_somebody_else_has_saved_is_not_overwritten(today: World) -> None:
    progress = bootstrap.store().reconciliations
    run = progress.save(begun(date(2026, 1, 1), today.time()))

    progress.save(run)

    for stale in (run, replace(run, version=0)):
        with pytest.raises(ConcurrentChange):
            progress.save(stale)


def test_what_is_found_is_counted_by_kind_and_what_is_left_rings(
    today: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    expected = drift_today(today, 0)
    the_night_after(today)
    capsys.readouterr()

    today.reconcile()

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    counted = {metric["kind"]: metric["Differences"] for metric in metrics if "Differences" in metric}
    assert counted == {"missed_capture": [1.0], "wrong_currency": [1.0]}
    assert [metric["DifferencesLeft"] for metric in metrics if "DifferencesLeft" in metric] == [[1.0]]
    lines = {message: [vars(each) for each in caplog.records if each.message == message] for message in MESSAGES}
    assert {line["kind"]: {line["booking_id"]} for line in lines["difference"]} == expected
    [summary] = lines["reconciled"]
    assert (summary["day"], summary["left"]) == (DAY.isoformat(), 1)


MESSAGES = ("difference", "reconciled")
