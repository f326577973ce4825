"""Policies end to end in one process: quotes that are honoured, texts that are kept, moves that reset nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from holdfast import bootstrap
from holdfast.booking import Booking
from holdfast.log import wire_time
from holdfast.money import Money
from holdfast.policy import cancellation_fee, from_json
from holdfast.store import Commit
from holdfast.store.bookings import Bookings
from tests.crash import Died, When, boundary
from tests.routes import EVENT
from tests.world import Answer, World

LADDER = {
    "free_cancellation_hours": 24,
    "cancellation_tiers": [{"hours_before": 24, "percent": 50}, {"hours_before": 2, "percent": 100}],
}


@pytest.fixture
def yoga(world: World) -> World:
    """In two days; 50.00 EUR, and the half of it from a day before on."""
    world.event(policy=LADDER)
    return world


def in_a_week(world: World, event_id: str = "pilates", **changes: Any) -> str:
    described: dict[str, Any] = {"starts_in": timedelta(days=4), "policy": LADDER} | changes
    world.event(event_id, **described)
    return event_id


def quoted(world: World, booking_id: str, user: str = "alice") -> str:
    answer = world.quote(booking_id, user=user)
    assert answer.status == 200, answer.body
    return str(answer.body["quote"])


def cancel(world: World, booking_id: str, quote: str, *, key: str = "k", user: str = "alice", **more: Any) -> Answer:
    return world.on("cancel", booking_id, user=user, key=key, body={"quote": quote, **more})


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.problem


# --- quotes -----------------------------------------------------------------------------------------------------------


def test_a_quote_says_what_cancelling_costs_and_until_when(yoga: World) -> None:
    booking_id = yoga.held()

    answer = yoga.quote(booking_id, user="alice")

    start = datetime(2026, 11, 25, 20, tzinfo=UTC)
    assert answer.status == 200
    assert answer.body == {
        "amount": 0,
        "currency": "eur",
        "clause": "cancelled within the free window",
        "deadline": wire_time(start - timedelta(days=1)),
        "venue_deadline": "2026-11-24T21:00:00+01:00",
        "expires_at": wire_time(yoga.time() + timedelta(minutes=5)),
        "quote": answer.body["quote"],
    }
    yoga.advance(days=1, seconds=1)
    late = yoga.quote(booking_id, user="alice").body
    assert (late["amount"], late["deadline"]) == (2500, wire_time(start - timedelta(hours=2)))
    assert late["clause"] == "cancelled less than 24 hours before the start: 50 percent of the price"


@pytest.mark.parametrize(
    ("start", "zone", "deadline"),
    [
        # A day before 02:30, local time, is an hour that Berlin skips; 24 hours before it is 01:30.
        (datetime(2027, 3, 29, 0, 30, tzinfo=UTC), "Europe/Berlin", "2027-03-28T01:30:00+01:00"),
        # A day before 01:30 there are 25 hours; 24 hours before it is 02:30, for the first of two times.
        (datetime(2027, 11, 1, 0, 30, tzinfo=UTC), "Europe/Berlin", "2027-10-31T02:30:00+02:00"),
        (datetime(2027, 3, 15, 6, 30, tzinfo=UTC), "America/New_York", "2027-03-14T01:30:00-05:00"),
        (datetime(2028, 3, 1, 10, 0, tzinfo=UTC), "Asia/Kathmandu", "2028-02-29T15:45:00+05:45"),
    ],
)
def test_the_deadline_quoted_is_right_on_the_venues_clock_and_charged_to_the_second(
    world: World, start: datetime, zone: str, deadline: str
) -> None:
    world.move_to(start - timedelta(days=3))
    world.event(starts_in=timedelta(days=3), timezone=zone, policy=LADDER)
    on_time, late = world.held(), world.hold(key="hold-2").body["booking_id"]

    quote = world.quote(on_time, user="alice").body

    assert (quote["venue_deadline"], quote["deadline"]) == (deadline, wire_time(start - timedelta(hours=24)))
    assert datetime.fromisoformat(quote["venue_deadline"]) == datetime.fromisoformat(quote["deadline"])
    world.move_to(datetime.fromisoformat(quote["venue_deadline"]))
    assert world.on("cancel", on_time, user="alice").body["fee"] == 0
    world.advance(seconds=1)
    assert world.on("cancel", late, user="alice").body["fee"] == 2500


def test_the_amount_quoted_is_what_is_charged_though_a_tier_has_begun_since(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, seconds=-1)
    quote = quoted(yoga, booking_id)
    yoga.advance(minutes=5)

    answer = cancel(yoga, booking_id, quote)

    assert (answer.status, answer.body["payment_status"], answer.body["fee"]) == (200, "released", 0)
    request = yoga.log(booking_id)[2]
    assert (request["kind"], request["details"]["quote"]["amount"]) == ("cancel_request", 0)
    assert request["details"]["quote"]["issued_at"] == "2026-11-24T19:59:59Z"
    assert request["details"]["quote"]["clause"] == "cancelled within the free window"
    assert yoga.intents()[0].amount_received == 0


def test_between_two_tiers_the_quoted_fee_is_captured_and_the_rest_goes_back(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=2, hours=-2, seconds=-1)
    quote = quoted(yoga, booking_id)
    yoga.advance(minutes=4)
    without = yoga.quote(booking_id, user="alice").body["amount"]

    answer = cancel(yoga, booking_id, quote)

    assert without == 5000
    assert (answer.body["captured"], answer.body["fee"], answer.body["outcome"]) == (2500, 2500, "cancelled")
    assert yoga.intents()[0].amount_received == 2500
    capture = next(line for line in yoga.log(booking_id) if line["kind"] == "capture")
    assert capture["details"]["clause"] == "cancelled less than 24 hours before the start: 50 percent of the price"


def test_a_quote_expires_after_five_minutes(yoga: World) -> None:
    booking_id = yoga.held()
    quote = quoted(yoga, booking_id)
    yoga.advance(minutes=5, seconds=1)
    before = yoga.everything()

    answer = cancel(yoga, booking_id, quote)

    assert problem(answer) == (422, "rule-refused")
    assert [fault["pointer"] for fault in answer.body["errors"]] == ["/quote"]
    assert "expired" in answer.body["detail"]
    assert yoga.everything() == before
    again = cancel(yoga, booking_id, quote)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (422, "true")
    assert cancel(yoga, booking_id, quoted(yoga, booking_id), key="another").status == 200


def test_a_quote_is_for_one_customer_and_one_booking(yoga: World) -> None:
    booking_id, second = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    others = yoga.held("bob", key="hold-3")
    quote = quoted(yoga, booking_id)
    before = yoga.everything()

    for target, who in ((second, {"user": "alice"}), (others, {"user": "bob"}), (booking_id, {"staff": "sam"})):
        answer = yoga.on("cancel", target, key="q", body={"quote": quote}, **who)
        assert problem(answer) == (422, "rule-refused")
    assert problem(yoga.quote(booking_id, user="bob")) == (404, "not-found")
    assert yoga.everything() == before


@pytest.mark.parametrize("forged", ["q1", "q1.AAAAAAAA.1795512600.1.0.AAAAAAAAAAAAAAAA." + "A" * 43, "x" * 200])
def test_a_forged_quote_is_refused_and_moves_nothing(yoga: World, forged: str) -> None:
    booking_id = yoga.held()
    before = yoga.everything()

    assert problem(cancel(yoga, booking_id, forged)) == (422, "rule-refused")
    assert yoga.everything() == before


def test_an_amount_cannot_be_written_into_a_quote(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)
    quote = quoted(yoga, booking_id)
    assert ".2500." in quote

    assert problem(cancel(yoga, booking_id, quote.replace(".2500.", ".0."))) == (422, "rule-refused")


def test_a_quote_and_charge_fee_contradict_each_other(yoga: World) -> None:
    booking_id = yoga.held()

    answer = cancel(yoga, booking_id, quoted(yoga, booking_id), charge_fee=False)

    assert problem(answer) == (400, "invalid-request")


def test_a_booking_that_was_moved_since_needs_a_new_quote(yoga: World) -> None:
    booking_id = yoga.held()
    quote = quoted(yoga, booking_id)
    yoga.on("move", booking_id, user="alice", body={"event_id": in_a_week(yoga)})

    assert problem(cancel(yoga, booking_id, quote)) == (409, "conflict")
    assert yoga.booking(booking_id).is_open


def test_an_organiser_who_moves_the_event_ends_the_quotes_for_it(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)
    dear = quoted(yoga, booking_id)
    yoga.event(starts_in=timedelta(hours=30), policy=LADDER)

    answer = cancel(yoga, booking_id, dear)

    assert problem(answer) == (409, "conflict")
    assert yoga.quote(booking_id, user="alice").body["amount"] == 0


def test_once_the_organiser_cancelled_nothing_is_charged_whatever_was_quoted(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)
    quote = quoted(yoga, booking_id)
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")

    answer = cancel(yoga, booking_id, quote)

    assert (answer.status, answer.body["payment_status"], answer.body["fee"]) == (200, "released", 0)


def test_a_closed_or_checked_in_booking_has_no_quote(yoga: World) -> None:
    cancelled, arrived = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    first, second = quoted(yoga, cancelled), quoted(yoga, arrived)
    yoga.on("cancel", cancelled, user="alice", key="plain")
    yoga.on("check-in", arrived, staff="sam")

    for booking_id, quote in ((cancelled, first), (arrived, second)):
        assert problem(yoga.quote(booking_id, user="alice")) == (409, "conflict")
        assert problem(cancel(yoga, booking_id, quote)) == (409, "conflict")


def test_staff_are_quoted_nothing_unless_they_say_that_they_charge(yoga: World) -> None:
    kind, strict = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    yoga.advance(days=1, hours=12)
    free = yoga.quote(kind, staff="sam").body
    dear = yoga.quote(strict, staff="sam", query={"charge_fee": "true"}).body

    released = yoga.on("cancel", kind, staff="sam", body={"quote": free["quote"]})
    charged = yoga.on("cancel", strict, staff="sam", body={"quote": dear["quote"]})

    assert (free["amount"], dear["amount"]) == (0, 2500)
    assert (released.body["payment_status"], released.body["fee"]) == ("released", 0)
    assert (charged.body["payment_status"], charged.body["fee"]) == ("captured", 2500)


def test_customers_are_quoted_the_fee_whatever_they_say(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, hours=12)

    assert yoga.quote(booking_id, user="alice", query={"charge_fee": "false"}).body["amount"] == 2500


def test_asking_for_a_quote_changes_nothing(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.event(starts_in=timedelta(days=3), policy=LADDER)  # news that the booking has not heard of
    before = yoga.everything()

    assert yoga.quote(booking_id, user="alice").body["deadline"] == wire_time(yoga.time() + timedelta(days=2))
    assert yoga.everything() == before


def test_while_money_moves_there_is_no_quote(yoga: World) -> None:
    yoga.card()
    yoga.simulator.add_fault("timeout_after", match={"path": "/v1/payment_intents"}, times=50)
    booking_id = yoga.hold().body["booking_id"]

    answer = yoga.quote(booking_id, user="alice")

    assert problem(answer) == (409, "operation-in-progress")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_wish_whose_release_was_lost_is_finished_at_the_quoted_price_by_the_same_key(yoga: World) -> None:
    booking_id = yoga.held()
    yoga.advance(days=1, seconds=-1)
    quote = quoted(yoga, booking_id)
    yoga.advance(minutes=2)
    yoga.simulator.add_fault("timeout_before", match={"path": "/v1/payment_intents/*/cancel"}, times=50)
    lost = cancel(yoga, booking_id, quote)
    yoga.simulator.control("DELETE", "/_simulator/faults")
    yoga.advance(hours=5)

    again = cancel(yoga, booking_id, quote)

    assert lost.status == 202
    assert (again.status, again.body["payment_status"], again.body["fee"]) == (200, "released", 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_dying_anywhere_a_quoted_cancellation_is_the_quoted_one_or_none(yoga: World, when: When) -> None:
    """Ten minutes later the quote has expired and a tier has begun: what was begun keeps its price all the same."""
    for number in range(14):
        user = f"user{number}"
        yoga.event(f"yoga-{number}", policy=LADDER)
        booking_id = yoga.held(user, f"yoga-{number}")
        yoga.advance(days=1, seconds=-1)
        quote = quoted(yoga, booking_id, user)
        yoga.advance(minutes=2)
        died = False
        try:
            with boundary(number, when):
                cancel(yoga, booking_id, quote, user=user)
        except Died:
            died = True
        yoga.advance(minutes=10)

        again = cancel(yoga, booking_id, quote, user=user)

        booking = yoga.booking(booking_id)
        yoga.log(booking_id)
        begun = booking.cancel_requested_at is not None
        assert again.status == (200 if begun else 422)
        assert (booking.payment_status, booking.fee) == (("released", 0) if begun else ("held", 0))
        if not died:
            assert number > 3
            return
    pytest.fail("the cancellation never ran undisturbed")


def test_a_quote_survives_an_exchange_of_its_key(yoga: World) -> None:
    first, second = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    old = quoted(yoga, first)
    boto3.client("secretsmanager").put_secret_value(
        SecretId="quote-key", SecretString=json.dumps({"quote_key": "another"})
    )
    bootstrap.quote_keys.cache_clear()
    new = quoted(yoga, second)

    assert new.split(".")[1] != old.split(".")[1]
    assert cancel(yoga, first, old).status == 200
    assert cancel(yoga, second, new).status == 200


# --- what was accepted ------------------------------------------------------------------------------------------------


def get_event(world: World, **asked: Any) -> Answer:
    return world.call("get_event", "GET", "/events/{event_id}", user="alice", event_id="yoga", **asked)


def get_booking(world: World, booking_id: str, **who: str) -> dict[str, Any]:
    who = who or {"user": "alice"}
    answer = world.call("get_booking", "GET", "/bookings/{booking_id}", booking_id=booking_id, **who)  # type: ignore[arg-type]
    assert answer.status == 200, answer.body
    return dict(answer.body)


@pytest.mark.parametrize(
    ("asked", "locale"),
    [
        ({}, "en"),
        ({"query": {"locale": "de-AT"}}, "de"),
        ({"headers": {"Accept-Language": "fr-CH, de;q=0.5"}}, "fr"),
        ({"query": {"locale": "it"}, "headers": {"Accept-Language": "fr"}}, "it"),
        ({"query": {"locale": "pt"}, "headers": {"accept-language": "es"}}, "es"),
        ({"headers": {"Accept-Language": ";;q="}}, "en"),
    ],
)
def test_an_event_is_read_in_the_customers_language(yoga: World, asked: dict[str, Any], locale: str) -> None:
    plain, answer = get_event(yoga), get_event(yoga, **asked)

    assert (answer.status, answer.body["policy_locale"], answer.headers["Content-Language"]) == (200, locale, locale)
    assert answer.body["policy_hash"] == plain.body["policy_hash"]
    assert (answer.body["policy"]["text"] == plain.body["policy"]["text"]) == (locale == "en")


@pytest.mark.parametrize("locale", ["", "x", "de AT", "deutsch-österreich", "a" * 36])
def test_a_malformed_locale_is_400(yoga: World, locale: str) -> None:
    yoga.card()

    assert problem(get_event(yoga, query={"locale": locale})) == (400, "invalid-request")
    assert problem(yoga.hold(locale=locale)) == (400, "invalid-request")


def test_a_price_that_changes_between_reading_and_booking_is_noticed(yoga: World) -> None:
    shown = get_event(yoga).body["price"]
    yoga.card()
    yoga.event(price={"amount": 9000, "currency": "eur"})

    assert problem(yoga.hold(accepted_price=shown)) == (409, "conflict")
    assert yoga.intents() == []
    booked = yoga.hold(key="again", accepted_price={"amount": 9000, "currency": "eur"})
    assert (booked.status, booked.body["hold"]["amount"]) == (201, 10800)


def test_the_text_that_was_accepted_is_kept_word_for_word_and_survives_later_edits(yoga: World) -> None:
    shown = get_event(yoga, query={"locale": "de"}).body
    yoga.card()
    booking_id = yoga.hold(locale="de-DE", accepted_policy_hash=shown["policy_hash"]).body["booking_id"]
    accepted_at = wire_time(yoga.time())
    yoga.advance(hours=3)
    yoga.event(
        starts_in=timedelta(days=2, hours=-3),
        policy={"cancellation_tiers": [{"hours_before": 24, "percent": 1}], "no_show_fee": {"percent": 1}},
    )

    booking, line = get_booking(yoga, booking_id), yoga.log(booking_id)[0]

    assert booking["policy"] == {
        "hash": shown["policy_hash"],
        "locale": "de",
        "accepted_at": accepted_at,
        "text": shown["policy"]["text"],
    }
    assert get_booking(yoga, booking_id, staff="sam")["policy"] == booking["policy"]
    assert "60,00\u00a0EUR" in booking["policy"]["text"]
    assert "Europe/Berlin" in booking["policy"]["text"]
    assert line["details"] | {"before": None} == {
        "before": None,
        "after": "authorizing",
        "outcome": "open",
        "request_id": line["details"]["request_id"],
        "title": "Yoga",
        "price": 5000,
        "hold": 6000,
        "policy": shown["policy"] | {"text": None} and {k: v for k, v in shown["policy"].items() if k != "text"},
        "policy_hash": shown["policy_hash"],
        "policy_text": shown["policy"]["text"],
        "policy_locale": "de",
        "accepted_at": accepted_at,
        "starts_at": shown["starts_at"],
        "timezone": "Europe/Berlin",
        "event_version": 1,
    }
    assert get_event(yoga).body["policy_hash"] != shown["policy_hash"]
    yoga.move_to(yoga.booking(booking_id).starts_at - timedelta(hours=23))
    assert yoga.on("cancel", booking_id, user="alice").body["fee"] == 2500  # by the policy that was accepted


def test_without_a_word_the_language_of_the_phone_is_kept(yoga: World) -> None:
    yoga.card()
    booked = yoga.call(
        "place_hold", "POST", "/holds", user="alice", body={"event_id": "yoga"}, key="h",
        headers={"Accept-Language": "es-MX,es;q=0.9"},
    )  # fmt: skip

    assert booked.body["policy"] == {
        "hash": booked.body["policy"]["hash"],
        "locale": "es",
        "accepted_at": booked.body["created_at"],
    }
    assert "Bloqueamos" in get_booking(yoga, booked.body["booking_id"])["policy"]["text"]


def test_lists_leave_the_text_out(yoga: World) -> None:
    yoga.held()

    [booking] = yoga.call("list_bookings", "GET", "/bookings", user="alice").body["items"]

    assert "text" not in booking["policy"]


# --- before and after booking -----------------------------------------------------------------------------------------


def test_what_is_shown_before_booking_is_what_the_booking_shows(yoga: World) -> None:
    before = get_event(yoga).body
    booking_id = yoga.held()
    after = get_booking(yoga, booking_id)

    for field in ("free_cancellation_until", "venue_free_cancellation_until", "next_tier", "no_show_fee"):
        assert before[field] == after[field]
    assert [each["amount"] for each in after["cancellation_schedule"]] == [0, 2500, 5000]
    assert before["cancellation_schedule"][1:] == after["cancellation_schedule"][1:]
    assert after["next_tier"] == {
        "from": "2026-11-24T20:00:00Z",
        "venue_from": "2026-11-24T21:00:00+01:00",
        "amount": 2500,
    }
    yoga.advance(days=1, hours=1)
    assert get_booking(yoga, booking_id)["next_tier"]["amount"] == 5000


@pytest.mark.parametrize("period", [0, 1, 2])
def test_each_period_of_the_schedule_costs_what_it_says_to_its_last_second(yoga: World, period: int) -> None:
    booking_id = yoga.held()
    shown = get_booking(yoga, booking_id)["cancellation_schedule"][period]
    last = shown["until"] or "2026-11-25T20:29:59Z"  # from the end of the grace on it is a no-show
    yoga.move_to(datetime.fromisoformat(last))

    assert yoga.on("cancel", booking_id, user="alice").body["fee"] == shown["amount"]


def test_every_late_fee_follows_again_from_the_log_alone(yoga: World) -> None:
    """With nothing but the lines: the policy of the first, the times of the last."""
    plain = yoga.held()
    moved = yoga.hold(key="hold-2").body["booking_id"]
    quoted_one = yoga.hold(key="hold-3").body["booking_id"]
    yoga.advance(days=1, hours=12, minutes=34)
    yoga.on("move", moved, user="alice", body={"event_id": in_a_week(yoga)})
    for booking_id in (plain, moved):
        assert yoga.on("cancel", booking_id, user="alice").body["fee"] == 2500
    yoga.advance(hours=9, minutes=25)
    quote = quoted(yoga, quoted_one)
    yoga.advance(minutes=4)
    assert cancel(yoga, quoted_one, quote).body["fee"] == 2500

    for booking_id in (plain, moved, quoted_one):
        lines = yoga.log(booking_id)
        accepted = lines[0]["details"]
        capture = next(line for line in lines if (line["kind"], line["status"]) == ("capture", "started"))
        why = capture["details"]
        again = cancellation_fee(
            from_json(accepted["policy"]),
            Money(why["price"], capture["currency"]),
            why["hold"],
            now=datetime.fromisoformat(why["evaluated_at"]),
            starts_at=datetime.fromisoformat(why.get("fees_count_from", why["starts_at"])),
            created_at=datetime.fromisoformat(why["booked_at"]),
            moved_at=datetime.fromisoformat(why["moved_at"]) if why["moved_at"] else None,
        )
        assert (again.amount, again.clause) == (capture["amount"], why["clause"])


# --- moving -----------------------------------------------------------------------------------------------------------


def test_rescheduling_an_hour_before_and_cancelling_costs_the_same(yoga: World) -> None:
    stays, moves = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    in_a_week(yoga)
    yoga.advance(days=2, hours=-1)

    moved = yoga.on("move", moves, user="alice", body={"event_id": "pilates"})
    cancelled = [yoga.on("cancel", booking_id, user="alice").body for booking_id in (stays, moves)]

    assert (moved.status, moved.body["event_id"], moved.body["payment_status"]) == (200, "pilates", "held")
    assert moved.body["free_cancellation_until"] == "2026-11-24T20:00:00Z"
    assert moved.body["starts_at"] == "2026-11-27T20:00:00Z"
    assert [each["fee"] for each in cancelled] == [5000, 5000]
    assert yoga.story(moves)[2] == "moved succeeded"


def test_a_moved_booking_is_a_no_show_of_the_new_date_only(yoga: World) -> None:
    booking_id, other = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    in_a_week(yoga)
    there = yoga.hold(event_id="pilates", key="hold-3").body["booking_id"]
    yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})
    yoga.on("check-in", other, staff="sam")
    yoga.advance(days=2, hours=1)
    yoga.sweep()
    assert yoga.booking(booking_id).payment_status == "held"

    yoga.on("check-in", there, staff="sam")
    yoga.advance(days=2)
    yoga.sweep()

    assert (yoga.booking(booking_id).outcome, yoga.booking(booking_id).fee) == ("no_show", 5000)


def test_moving_to_where_one_is_changes_nothing_and_needs_no_key(yoga: World) -> None:
    booking_id = yoga.held()
    in_a_week(yoga)
    first = yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})
    before = yoga.everything()

    again = yoga.call(
        "move_booking", "POST", "/bookings/{booking_id}/move", user="alice", body={"event_id": "pilates"},
        booking_id=booking_id,
    )  # fmt: skip

    assert (again.status, again.body["version"]) == (200, first.body["version"])
    assert yoga.everything() == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": {"amount": 5001, "currency": "eur"}}, (422, "rule-refused")),
        ({"price": {"amount": 5000, "currency": "usd"}}, (422, "rule-refused")),
        ({"policy": {"no_show_fee": {"percent": 1}}}, (422, "rule-refused")),
        ({"starts_in": timedelta(hours=-1)}, (422, "rule-refused")),
    ],
)
def test_a_rule_forbids_the_move(yoga: World, changes: dict[str, Any], expected: tuple[int, str]) -> None:
    booking_id = yoga.held()
    in_a_week(yoga, **changes)
    before = yoga.everything()

    assert problem(yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})) == expected
    assert yoga.everything() == before


def test_the_state_forbids_the_move(yoga: World) -> None:
    booking_id, arrived = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    in_a_week(yoga, "cancelled")
    in_a_week(yoga)
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="cancelled")
    yoga.on("check-in", arrived, staff="sam")

    assert problem(yoga.on("move", booking_id, user="alice", body={"event_id": "cancelled"})) == (409, "conflict")
    assert problem(yoga.on("move", booking_id, user="alice", body={"event_id": "absent"})) == (404, "not-found")
    assert problem(yoga.on("move", arrived, user="alice", body={"event_id": "pilates"})) == (409, "conflict")
    assert problem(yoga.on("move", booking_id, user="bob", body={"event_id": "pilates"})) == (404, "not-found")
    yoga.advance(days=2)
    assert problem(yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})) == (422, "rule-refused")


def test_staff_move_for_a_customer_and_may_give_a_fresh_window(yoga: World) -> None:
    strict, kind = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    in_a_week(yoga, policy={"no_show_fee": {"percent": 1}})
    yoga.advance(days=2, hours=-1)
    body = {"event_id": "pilates"}

    yoga.on("move", strict, staff="sam", body=body)
    fresh = yoga.on("move", kind, staff="sam", body=body | {"fresh_window": True})

    assert fresh.status == 200
    assert "attention" in fresh.body
    assert yoga.on("cancel", strict, user="alice").body["fee"] == 5000
    assert yoga.on("cancel", kind, user="alice").body["fee"] == 0


def test_customers_cannot_give_themselves_a_fresh_window(yoga: World) -> None:
    booking_id = yoga.held()
    in_a_week(yoga)
    yoga.advance(days=2, hours=-1)

    yoga.on("move", booking_id, user="alice", body={"event_id": "pilates", "fresh_window": True})

    assert yoga.on("cancel", booking_id, user="alice").body["fee"] == 5000


def test_an_organiser_who_moves_the_event_gives_a_moved_booking_a_fresh_window(yoga: World) -> None:
    booking_id = yoga.held()
    in_a_week(yoga)
    yoga.advance(days=2, hours=-1)
    yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})
    in_a_week(yoga, starts_in=timedelta(days=3))
    yoga.sweep()

    booking = get_booking(yoga, booking_id)

    assert booking["free_cancellation_until"] == wire_time(yoga.time() + timedelta(days=2))
    assert yoga.on("cancel", booking_id, user="alice").body["fee"] == 0


def test_the_list_of_an_event_follows_a_moved_booking(yoga: World) -> None:
    booking_id = yoga.held()
    in_a_week(yoga)
    yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})

    def listed(event_id: str) -> list[str]:
        items = yoga.call("list_bookings", "GET", "/bookings", staff="sam", query={"event_id": event_id}).body["items"]
        return [each["booking_id"] for each in items]

    assert (listed("yoga"), listed("pilates")) == ([], [booking_id])


def test_a_cancelled_event_releases_who_moved_to_it_and_leaves_who_moved_away(yoga: World) -> None:
    away, back = yoga.held(), yoga.hold(key="hold-2").body["booking_id"]
    in_a_week(yoga)
    yoga.on("move", away, user="alice", body={"event_id": "pilates"})
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="yoga")
    yoga.drain("steps", "take_next_step")

    assert (yoga.booking(away).payment_status, yoga.booking(back).payment_status) == ("held", "released")
    yoga.call("cancel_event", "POST", "/events/{event_id}/cancel", staff="sam", event_id="pilates")
    yoga.drain("steps", "take_next_step")
    assert yoga.booking(away).outcome == "event_cancelled"


def test_those_who_move_at_once_and_one_who_cancels_leave_one_story(yoga: World) -> None:
    booking_id = yoga.held()
    targets = [in_a_week(yoga, f"pilates-{number}") for number in range(4)]

    def act(number: int) -> int:
        if number == 4:
            return yoga.on("cancel", booking_id, user="alice").status
        return yoga.on("move", booking_id, user="alice", body={"event_id": targets[number]}).status

    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(act, range(5)))

    assert set(statuses) <= {200, 409}
    assert statuses[4] == 200
    booking, lines = yoga.booking(booking_id), yoga.log(booking_id)
    moves = [line for line in lines if line["kind"] == "moved"]
    assert len(moves) == statuses[:4].count(200)
    assert booking.event_id == (moves[-1]["details"]["to"]["event_id"] if moves else "yoga")
    assert (booking.payment_status, booking.fee) == ("released", 0)


def test_an_event_that_is_cancelled_while_one_moves_to_it_is_seen(yoga: World) -> None:
    """After the event was read and before the booking is written: the write is refused, and the move decided again."""
    booking_id = yoga.held()
    in_a_week(yoga)
    commit = Bookings.commit

    def cancelled_meanwhile(self: Bookings, change: Commit) -> Booking:
        events = bootstrap.store().events
        event = events.get("pilates")
        assert event is not None
        if event.cancelled_at is None:
            cancelled = replace(event, cancelled_at=yoga.time(), version=event.version + 1)
            with ThreadPoolExecutor(1) as organiser:
                organiser.submit(events.put, cancelled, before=event).result()
        return commit(self, change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bookings, "commit", cancelled_meanwhile)
        answer = yoga.on("move", booking_id, user="alice", body={"event_id": "pilates"})

    assert problem(answer) == (409, "conflict")
    assert yoga.booking(booking_id).event_id == "yoga"


# --- a policy as a whole ----------------------------------------------------------------------------------------------


def test_a_policy_that_does_not_fit_together_is_422_and_every_fault_is_named(world: World) -> None:
    policy = {
        "free_cancellation_hours": 48,
        "cancellation_tiers": [{"hours_before": 24, "percent": 130}, {"hours_before": 2, "percent": 100}],
    }

    answer = world.call(
        "put_event", "PUT", "/events/{event_id}", staff="sam", body=EVENT | {"policy": policy}, event_id="yoga"
    )

    assert problem(answer) == (422, "rule-refused")
    assert [fault["pointer"] for fault in answer.body["errors"]] == [
        "/policy/cancellation_tiers/0/percent",
        "/policy/cancellation_tiers/0/hours_before",
        "/policy/cancellation_tiers/1/percent",
    ]


def test_a_default_that_cannot_be_used_is_our_fault_and_says_so_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DEFAULT_POLICY", '{"no_show_fee": {"percent": 130}}')
    bootstrap._default_policy.cache_clear()

    answer = world.call("put_event", "PUT", "/events/{event_id}", staff="sam", body=EVENT, event_id="yoga")

    assert problem(answer) == (500, "internal")
    assert "DefaultPolicy" not in json.dumps(answer.body)
    assert "the template's DefaultPolicy) is refused: /no_show_fee/percent: A fee cannot exceed the hold" in caplog.text


# --- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "price", "hold"),
    [("eur", 3333, 4000), ("jpy", 1001, 1202), ("kwd", 5130, 6160), ("isk", 10_100, 12_200), ("ugx", 50_000, 60_000)],
)
def test_a_fee_that_equals_the_hold_takes_all_of_it(world: World, currency: str, price: int, hold: int) -> None:
    policy = {"cancellation_tiers": [{"hours_before": 24, "amount": hold}], "no_show_fee": {"amount": hold}}
    world.event(price={"amount": price, "currency": currency}, policy=policy)
    booking_id = world.held()
    world.advance(days=1, hours=12)

    answer = world.on("cancel", booking_id, user="alice")

    assert (answer.body["captured"], answer.body["fee"], answer.body["hold"]["amount"]) == (hold, hold, hold)
    intent = world.intents()[0]
    assert (intent.amount, intent.amount_received, intent.amount_capturable) == (hold, hold, 0)


def test_a_part_of_the_hold_is_taken_and_the_rest_is_released_without_a_word(world: World) -> None:
    world.event(policy=LADDER)
    booking_id = world.held()
    world.advance(days=1, hours=12)
    world.on("cancel", booking_id, user="alice")

    for event in world.stripe_events():
        assert world.apply_event(event)
    charge = world.stripe.v1.charges.retrieve(str(world.booking(booking_id).hold.charge_id))  # type: ignore[union-attr]

    assert (charge.amount, charge.amount_captured, charge.amount_refunded, charge.refunded) == (6000, 2500, 0, False)
    assert "charge.refunded" not in {event["type"] for event in world.stripe_events()}
    booking = world.booking(booking_id)
    assert (booking.captured, booking.refunded, booking.payment_status) == (2500, 0, "captured")


@pytest.mark.parametrize(
    ("currency", "price"), [("idr", 150_000_000_00), ("cop", 400_000_000), ("jpy", 123_456_789), ("huf", 123_456_789)]
)
def test_what_is_dear_in_small_units_can_be_booked(world: World, currency: str, price: int) -> None:
    world.event(price={"amount": price, "currency": currency})
    booking_id = world.held()

    answer = world.on("complete", booking_id, staff="sam")

    assert (answer.status, answer.body["captured"]) == (200, price)


@pytest.mark.parametrize(
    ("currency", "price", "ratio"),
    [
        ("eur", 83_333_333, "1.2"),
        ("eur", 50_000_000, "2"),
        ("inr", 833_333_333, "1.2"),
        ("jpy", 8_333_333_333, "1.2"),
        ("krw", 49, "1"),
        ("kwd", 5125, "1.2"),
        ("isk", 50, "2"),
    ],
)
def test_a_price_whose_hold_stripe_could_not_place_is_refused(
    world: World, currency: str, price: int, ratio: str
) -> None:
    body = EVENT | {"price": {"amount": price, "currency": currency}, "policy": {"hold_ratio": ratio}}

    answer = world.call("put_event", "PUT", "/events/{event_id}", staff="sam", body=body, event_id="yoga")

    assert problem(answer) == (422, "rule-refused")
    assert [fault["pointer"] for fault in answer.body["errors"]] == ["/price/amount"]
