"""Cancelling: who still can, the wish and its line, what is quoted where there is no hold, and the terms of a quote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.booking import HoldState, Kind, Outcome, RefundStatus
from holdfast.cancellation import quoted, refuse_closed, terms, wish_entry
from holdfast.cancellation_quotes import CancelQuote, fingerprint
from holdfast.errors import Conflict
from holdfast.log import Entry
from holdfast.movements import Begin, Close, Write, cancellation, waits_until
from holdfast.policy import DEFAULT
from tests.unit.builders import (
    BOOKED,
    HELD,
    HOUR,
    NO_SHOW,
    SECOND,
    START,
    booking,
    captured,
    dispute,
    ended,
    held,
    hold,
    refund,
    refused,
    waiting_for_3ds,
)

LATE = START - HOUR
FULL = "cancelled less than 24 hours before the start: 100 percent of the price"
DERIVED = {
    "clause": FULL,
    "evaluated_at": "2026-11-23T19:00:00Z",
    "starts_at": "2026-11-23T20:00:00Z",
    "booked_at": "2026-11-20T20:00:00Z",
    "moved_at": None,
    "price": 5000,
    "hold": HELD,
    "policy_hash": DEFAULT.policy_hash,
}


# --- who still can ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_staff", [False, True])
@pytest.mark.parametrize(
    ("of", "why"),
    [
        (ended(HoldState.RELEASED), "closed: cancelled"),
        (captured(), "closed: completed"),
        (held(checked_in_at=START), "checked in"),
    ],
)
def test_what_is_over_cannot_be_cancelled_by_anybody_and_says_why(of, why, by_staff):
    with pytest.raises(Conflict, match=why):
        refuse_closed(of, LATE, by_staff=by_staff)


def test_customers_cancel_until_the_grace_ends_and_staff_also_after_it():
    refuse_closed(held(), NO_SHOW - SECOND, by_staff=False)
    refuse_closed(held(), NO_SHOW, by_staff=True)

    with pytest.raises(Conflict, match="has begun"):
        refuse_closed(held(), NO_SHOW, by_staff=False)


def test_whoever_wished_it_in_time_may_say_so_again_after_the_grace():
    refuse_closed(held(cancel_requested_at=LATE), NO_SHOW, by_staff=False)


# --- the wish ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("actor", "named"), [("customer", "customer"), ("staff", "staff"), (None, "customer")])
def test_the_line_of_a_wish_says_whose_it_is(actor, named):
    line = wish_entry(held(cancel_requested_at=LATE, cancel_actor=actor, cancel_charges_fee=True))

    details = {"charges_fee": True, "requested_at": "2026-11-23T19:00:00Z"}
    assert line == Entry(kind="cancel_request", status="succeeded", actor=named, details=details)


@pytest.mark.parametrize(("actor", "named"), [("staff", "staff"), (None, "customer")])
def test_whoever_wished_it_lets_go_of_an_authorization_that_nobody_confirmed(actor, named):
    step = cancellation(waiting_for_3ds(cancel_requested_at=LATE, cancel_actor=actor, cancel_request_key="key#1"), LATE)

    assert step == Begin(
        kind=Kind.RELEASE,
        amount=HELD,
        reason="cancelled_before_authentication",
        actor=named,
        outcome=Outcome.CANCELLED,
        payment_intent_id="pi_1",
        request_key="key#1",
    )


def test_an_authorization_that_nobody_confirmed_in_time_goes_and_its_card_is_not_asked_again():
    waited = hold(HoldState.ACTION_REQUIRED)
    wish = {"cancel_requested_at": LATE, "mend_by": LATE}
    of = refused(hold=waited, refused_card=None, superseded=("pi_0",), next_try_at=START, **wish)

    step = cancellation(of, LATE)

    assert isinstance(step, Write)
    assert step.unless == "pi_1"
    assert step.booking.hold == hold(HoldState.DECLINED, charge_id=None, expires_at=None, placed_at=None)
    assert (step.booking.superseded, step.booking.refused_card) == (("pi_0", "pi_1"), "pm_1")
    assert step.booking.next_try_at is None
    assert step.entries == (
        Entry(
            kind="authorize",
            status="canceled",
            actor="clock",
            amount=HELD,
            operation_id="op_authorize",
            reason="authentication_deadline",
            stripe_id="pi_1",
        ),
    )


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        (
            {"captured": 5001},
            Begin(
                kind=Kind.REFUND,
                amount=1,
                reason="cancelled_after_outside_capture",
                actor="customer",
                outcome=Outcome.CANCELLED,
                fee=5000,
                payment_intent_id="pi_1",
                details=DERIVED,
            ),
        ),
        (
            {"captured": 5000},
            Close(Outcome.CANCELLED, "cancelled_after_outside_capture", fee=5000, details=DERIVED),
        ),
        ({"captured": 1}, Close(Outcome.CANCELLED, "cancelled_after_outside_capture", fee=1, details=DERIVED)),
    ],
    ids=str,
)
def test_of_a_capture_outside_what_is_not_owed_goes_back(changes, step):
    assert cancellation(captured_outside(**changes), LATE) == step


@pytest.mark.parametrize(
    "changes",
    [
        {"disputes": (dispute(),)},
        {"refunds": (replace(refund(1000, RefundStatus.FAILED), reason="cancelled_after_outside_capture"),)},
    ],
    ids=str,
)
def test_where_it_cannot_go_back_by_itself_a_person_is_told(changes):
    assert cancellation(captured_outside(captured=6000, **changes), LATE) == Close(
        Outcome.CANCELLED, "cancelled_after_outside_capture", fee=5000, attention="refund_owed", details=DERIVED
    )


def captured_outside(**changes):
    return captured(outcome=Outcome.OPEN, cancel_requested_at=LATE, cancel_actor="customer", **changes)


def test_nothing_is_waited_for_once_the_smallest_amount_was_captured():
    assert waits_until(captured_outside(captured=1, hold=None, mend_by=START, refused_card="pm_1")) is None


# --- quotes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "of",
    [
        held(),
        refused(created_at=BOOKED, refused_card=None),  # the bank is asked at once
        refused(created_at=BOOKED, mend_by=START),  # the customer has time for another card
        refused(created_at=BOOKED),  # they had it: the fee is owed all the same
    ],
    ids=["held", "asked at once", "time to mend", "owed"],
)
def test_a_fee_is_quoted_also_where_there_is_no_hold_to_take_it_from(of):
    assert quoted(of, LATE, charges_fee=True) == CancelQuote(amount=5000, clause=FULL, charges_fee=True, issued_at=LATE)


def test_where_staff_charge_no_fee_the_quote_says_so_also_without_a_hold():
    assert quoted(refused(), LATE, charges_fee=False) == CancelQuote(
        amount=0, clause="staff_cancellation", charges_fee=False, issued_at=LATE
    )


NAMED = {
    "event_id": "yoga",
    "starts_at": "2026-11-23T20:00:00Z",
    "fees_count_from": "2026-11-23T20:00:00Z",
    "booked_at": "2026-11-20T20:00:00Z",
    "moved_at": None,
    "price": [5000, "eur"],
    "hold": [6000, "live"],
    "captured": 0,
    "refunded": 0,
    "policy": DEFAULT.policy_hash,
    "wished": None,
}


@pytest.mark.parametrize(
    ("of", "named"),
    [
        (held(), {}),
        (booking(), {"hold": [6000, None]}),
        (held(moved_at=LATE), {"moved_at": "2026-11-23T19:00:00Z"}),
        (held(window_starts_at=LATE), {"fees_count_from": "2026-11-23T19:00:00Z"}),
        (captured(refunds=(refund(1000),)), {"hold": [6000, "captured"], "captured": 5000, "refunded": 1000}),
        (
            held(cancel_requested_at=LATE, cancel_charges_fee=False),
            {"wished": ["2026-11-23T19:00:00Z", False]},
        ),
    ],
)
def test_the_terms_of_a_quote_have_the_same_names_in_every_version(of, named):
    """Quotes are out while another version is deployed: a term that is called otherwise would end them all."""
    assert terms(of) == fingerprint(NAMED | named)
