"""How bookings, events and refunds look on the wire: the fields of the contract, and nothing more."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from holdfast.booking import HoldState, HoldTerms, Kind, Outcome, RefundStatus, SetupState
from holdfast.policy import DEFAULT, Percent, Tier
from holdfast.served import booking_view, event_view, refund_view, staff_booking_view
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    MINUTE,
    START,
    booking,
    captured,
    ended,
    event,
    held,
    hold,
    lapsed,
    operation,
    refund,
    refused,
    saving,
    scheduled,
    setup,
    stripe_refund,
    under_way,
    waiting_for_3ds,
)


def test_a_booking_as_the_contract_has_it():
    assert booking_view(held(version=3, cancelled_at=START, checked_in_at=START)) == {
        "booking_id": "bk_1",
        "user_id": "did:privy:alice",
        "event_id": "yoga",
        "payment_status": "held",
        "outcome": "open",
        "price": {"amount": 5000, "currency": "eur"},
        "hold": {"amount": 6000, "expires_at": "2026-11-27T20:00:00Z", "payment_intent_id": "pi_1"},
        "captured": 0,
        "refunded": 0,
        "fee": 0,
        "starts_at": "2026-11-23T20:00:00Z",
        "timezone": "Europe/Berlin",
        "policy": {"hash": DEFAULT.policy_hash, "locale": "en", "accepted_at": "2026-11-20T20:00:00Z"},
        "free_cancellation_until": "2026-11-22T20:00:00Z",
        "venue_free_cancellation_until": "2026-11-22T21:00:00+01:00",
        "next_tier": {"from": "2026-11-22T20:00:00Z", "venue_from": "2026-11-22T21:00:00+01:00", "amount": 5000},
        "cancellation_schedule": [
            {
                "from": "2026-11-20T20:00:00Z",
                "venue_from": "2026-11-20T21:00:00+01:00",
                "until": "2026-11-22T20:00:00Z",
                "venue_until": "2026-11-22T21:00:00+01:00",
                "amount": 0,
                "clause": "cancelled within the free window",
            },
            {
                "from": "2026-11-22T20:00:00Z",
                "venue_from": "2026-11-22T21:00:00+01:00",
                "until": None,
                "venue_until": None,
                "amount": 5000,
                "clause": "cancelled less than 24 hours before the start: 100 percent of the price",
            },
        ],
        "no_show_fee": 5000,
        "checked_in_at": "2026-11-23T20:00:00Z",
        "cancelled_at": "2026-11-23T20:00:00Z",
        "next_action": None,
        "action_required_by": None,
        "hold_at": None,
        "created_at": "2026-11-20T20:00:00Z",
        "updated_at": "2026-11-20T20:00:00Z",
        "version": 3,
        "refunds": [],
    }


@pytest.mark.parametrize(
    ("of", "shown"),
    [
        (booking(), False),
        (under_way(Kind.AUTHORIZE), False),
        (scheduled(), False),
        (saving(), False),
        (refused(), False),
        (waiting_for_3ds(), False),
        (ended(HoldState.DECLINED, hold=hold(HoldState.DECLINED, placed_at=None)), False),
        (held(), True),
        (captured(), True),
        (ended(HoldState.RELEASED), True),
        (ended(HoldState.EXPIRED), True),
        (lapsed(), True),
        (lapsed(declines=1, refused_card="pm_1"), True),
    ],
)
def test_the_hold_is_null_until_one_is_placed_and_then_stays(of, shown):
    assert (booking_view(of)["hold"] is not None) is shown


def test_a_hold_without_a_known_deadline_says_so():
    assert booking_view(held(hold=hold(expires_at=None)))["hold"]["expires_at"] is None


RENEWAL = hold(HoldState.ACTION_REQUIRED, payment_intent_id="pi_2", client_secret="pi_2_secret_2")
CONFIRM = {"type": "confirm_payment", "client_secret": "pi_1_secret_1"}
CONFIRM_RENEWAL = {"type": "confirm_payment", "client_secret": "pi_2_secret_2"}
CONFIRM_CARD = {"type": "confirm_setup", "client_secret": "seti_1_secret_1"}
ANOTHER_CARD = {"type": "new_payment_method", "client_secret": None}
UNKNOWN = hold(expires_at=None, placed_at=None)  # since the booking, and as long as the shortest
FIRST_FEE, WHEN, LAPSE = "2026-11-22T20:00:00Z", "2026-11-23T20:00:00Z", "2026-11-27T20:00:00Z"


@pytest.mark.parametrize(
    ("of", "action", "by"),
    [
        (waiting_for_3ds(), CONFIRM, "2026-11-20T20:30:00Z"),
        (waiting_for_3ds(mend_by=START - DAY), CONFIRM, FIRST_FEE),
        (replace(waiting_for_3ds(), operation=operation(Kind.RELEASE)), None, None),
        (saving(), CONFIRM_CARD, "2026-09-24T20:30:00Z"),
        (scheduled(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=START), CONFIRM_CARD, WHEN),
        (held(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=START), CONFIRM_CARD, WHEN),
        (scheduled(new_card=setup(SetupState.ACTION_REQUIRED), action_deadline=START, mend_by=END), CONFIRM_CARD, WHEN),
        # The clock gives it up two hours before the hold that stands lapses.
        (held(renewal=RENEWAL), CONFIRM_RENEWAL, "2026-11-27T18:00:00Z"),
        (held(renewal=RENEWAL, hold=hold(expires_at=None, brand="visa")), CONFIRM_RENEWAL, "2026-11-27T18:00:00Z"),
        (held(renewal=RENEWAL, hold=UNKNOWN), CONFIRM_RENEWAL, "2026-11-25T12:00:00Z"),
        (held(refused_card="pm_1"), ANOTHER_CARD, LAPSE),
        (held(declines=1, next_try_at=START), ANOTHER_CARD, LAPSE),
        (refused(), ANOTHER_CARD, FIRST_FEE),
        (refused(refused_card=None, next_try_at=START), ANOTHER_CARD, FIRST_FEE),
        (lapsed(refused_card="pm_1", mend_by=START - DAY), ANOTHER_CARD, FIRST_FEE),
        (refused(mend_by=None, kept_without_hold_at=START), None, None),
        (scheduled(), None, None),
        (held(), None, None),
        (lapsed(), None, None),
        (ended(HoldState.DECLINED), None, None),
        (refused(outcome=Outcome.DECLINED), None, None),
        (held(outcome=Outcome.WAIVED, renewal=RENEWAL), None, None),
    ],
)
def test_the_customer_is_asked_to_act_only_while_they_can_and_until_when(of, action, by):
    view = booking_view(of)

    assert (view["next_action"], view["action_required_by"]) == (action, by)


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (scheduled(), "2026-11-20T20:00:00Z"),
        (scheduled(hold_terms=HoldTerms(lead_hours=96)), "2026-11-19T20:00:00Z"),
        (saving(), None),
        (refused(), None),
        (held(), None),
        (scheduled(outcome=Outcome.CANCELLED), None),
    ],
)
def test_a_booking_whose_card_is_only_saved_tells_when_its_hold_comes(of, at):
    assert booking_view(of)["hold_at"] == at


def test_amounts_are_gross_and_pending_refunds_count():
    view = booking_view(captured(fee=5000, refunds=(refund(1500, RefundStatus.PENDING),)))

    assert (view["captured"], view["refunded"], view["fee"]) == (5000, 1500, 5000)
    assert view["refunds"] == [{"refund_id": "re_1", "amount": 1500, "status": "pending"}]


def test_a_move_by_the_organiser_is_in_the_time_until_which_cancelling_is_free():
    moved = held(moved_at=START - 30 * HOUR)

    assert booking_view(held())["free_cancellation_until"] == "2026-11-22T20:00:00Z"
    assert booking_view(moved)["free_cancellation_until"] == "2026-11-23T14:00:00Z"


def test_what_is_said_is_json():
    assert json.loads(json.dumps(booking_view(held()))) == booking_view(held())


@pytest.mark.parametrize(
    ("changes", "attention"),
    [
        ({}, None),
        (
            {"attention": "refund_failed", "attention_since": BOOKED},
            {"reason": "refund_failed", "since": "2026-11-20T20:00:00Z"},
        ),
    ],
)
def test_staff_see_what_needs_them_and_customers_do_not(changes, attention):
    of = held(**changes)

    assert staff_booking_view(of) == booking_view(of) | {"attention": attention}
    assert "attention" not in booking_view(of)


def test_an_event_tells_its_hold_and_its_policy_in_words_and_numbers():
    view = event_view(event(cancelled_at=START), BOOKED)

    assert (view["event_id"], view["hold_amount"]) == ("yoga", HELD)
    assert view["policy_hash"] == DEFAULT.policy_hash
    assert view["policy"] == DEFAULT.to_json() | {"text": view["policy"]["text"]}
    assert view["policy"]["text"]
    assert view["cancelled_at"] == view["starts_at"] == "2026-11-23T20:00:00Z"
    assert json.loads(json.dumps(view)) == view


def test_an_event_tells_what_cancelling_a_booking_made_now_would_cost_when():
    early, late, begun = (event_view(event(), now) for now in (BOOKED, START - 90 * MINUTE, START))

    assert early["free_cancellation_until"] == "2026-11-22T20:00:00Z"
    assert late["free_cancellation_until"] == "2026-11-23T19:30:00Z"  # an hour of grace after booking
    assert late["venue_free_cancellation_until"] == "2026-11-23T20:30:00+01:00"
    assert late["next_tier"] == {
        "from": "2026-11-23T19:30:00Z",
        "venue_from": "2026-11-23T20:30:00+01:00",
        "amount": 5000,
    }
    assert [(each["from"], each["amount"]) for each in early["cancellation_schedule"]] == [
        (None, 0),
        ("2026-11-22T20:00:00Z", 5000),
    ]
    assert (begun["free_cancellation_until"], begun["next_tier"], begun["cancellation_schedule"]) == (None, None, [])
    assert early["no_show_fee"] == begun["no_show_fee"] == 5000


def test_the_next_tier_is_the_one_that_is_still_to_come_while_the_booking_is_open():
    ladder = replace(DEFAULT, cancellation_tiers=(Tier(24, Percent(Decimal(50))), Tier(2, Percent(Decimal(100)))))
    of = held(policy=ladder)

    assert booking_view(of)["next_tier"]["amount"] == 2500
    assert booking_view(of, START - 24 * HOUR)["next_tier"]["amount"] == 2500
    assert booking_view(of, START - 23 * HOUR)["next_tier"]["amount"] == 5000
    assert staff_booking_view(of, START - 23 * HOUR)["next_tier"]["amount"] == 5000
    assert booking_view(of, START)["next_tier"] is None
    assert booking_view(captured(policy=ladder))["next_tier"] is None


def test_an_event_speaks_the_language_that_is_asked_for_and_means_the_same():
    english, german = event_view(event(), BOOKED), event_view(event(), BOOKED, "de")

    assert (english["policy_locale"], german["policy_locale"]) == ("en", "de")
    assert english["policy"]["text"] != german["policy"]["text"]
    assert "Europe/Berlin" in english["policy"]["text"]
    assert english["policy_hash"] == german["policy_hash"]


def test_a_refund_as_the_contract_has_it():
    assert refund_view(captured(), operation(Kind.REFUND), stripe_refund(1000)) == {
        "refund_id": "re_1",
        "booking_id": "bk_1",
        "amount": 1000,
        "currency": "eur",
        "status": "succeeded",
    }
