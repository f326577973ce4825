"""The final answer of a request: what it is, which are kept, and that a kept one is given again as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from holdfast import errors
from holdfast.answers import FINAL, answer_to, error_answer, error_of, is_final
from holdfast.booking import HoldState, Kind, Outcome, RefundStatus
from holdfast.errors import (
    CardDeclined,
    Conflict,
    FieldError,
    HoldfastError,
    NotFound,
    OperationInProgress,
    RuleRefused,
    TooFarAhead,
)
from holdfast.served import booking_view
from holdfast.settlement import (
    Abandoned,
    Authorized,
    Captured,
    CardNeedsAction,
    CardSaved,
    Declined,
    NeedsAction,
    Refunded,
    Refused,
    Released,
    settled,
)
from holdfast.stripe_objects import Decline
from tests.unit.builders import (
    BOOKED,
    START,
    captured,
    decline,
    dispute,
    ended,
    held,
    hold,
    intent,
    operation,
    refund,
    refused,
    scheduled,
    seen,
    setup_intent,
    stripe_refund,
    under_way,
)


def told(of, verdict):
    """The answer, and the booking after it."""
    after, _ = settled(of, of.operation, verdict, BOOKED)
    return answer_to(of.operation, verdict, after), after


@pytest.mark.parametrize(
    ("of", "verdict"),
    [
        (under_way(Kind.AUTHORIZE), Authorized(intent())),
        (under_way(Kind.AUTHORIZE), NeedsAction(intent("requires_action"))),
        (under_way(Kind.SCHEDULE), CardSaved(setup_intent())),
        (under_way(Kind.SCHEDULE), CardNeedsAction(setup_intent("requires_action"))),
        (under_way(Kind.RENEW, off_session=False), Authorized(intent(id="pi_2"))),
        (under_way(Kind.RENEW, off_session=False), NeedsAction(intent("requires_action", id="pi_2"))),
        (under_way(Kind.CAPTURE, outcome=Outcome.COMPLETED), Captured(intent("succeeded"))),
        (under_way(Kind.RELEASE, outcome=Outcome.CANCELLED), Released(intent("canceled"))),
        (under_way(Kind.REFUND, outcome=Outcome.CANCELLED), Refunded(stripe_refund())),
        (
            under_way(Kind.RELEASE, outcome=Outcome.CANCELLED),
            Refused("canceled", "It is canceled.", seen("canceled")),
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_who_got_what_they_wanted_is_told_the_booking(of, verdict):
    answer, after = told(of, verdict)

    assert answer == {"body": booking_view(after)}
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("status", list(RefundStatus))
def test_whoever_asked_for_a_refund_is_told_the_refund(status):
    answer, _ = told(under_way(Kind.REFUND, amount=1000), Refunded(stripe_refund(1000, status)))

    assert answer == {
        "body": {
            "refund_id": "re_1",
            "booking_id": "bk_1",
            "amount": 1000,
            "currency": "eur",
            "status": str(status),
        }
    }


@pytest.mark.parametrize(
    ("why", "shown", "message"),
    [
        (decline(), "insufficient_funds", "Your card has insufficient funds."),
        (decline("expired_card", None), "expired_card", "Your card has insufficient funds."),
        (
            Decline(code="card_declined", decline_code="lost_card", message="Your card was reported lost."),
            "generic_decline",
            "The card was declined.",
        ),
    ],
)
@pytest.mark.parametrize(
    "of", [under_way(Kind.AUTHORIZE), under_way(Kind.SCHEDULE), under_way(Kind.RENEW, off_session=False)]
)
def test_a_decline_tells_what_the_customer_may_know(of, why, shown, message):
    answer, _ = told(of, Declined(why, None))

    error = error_of(answer)
    assert isinstance(error, CardDeclined)
    assert (error.decline_code, error.detail, error.booking_id) == (shown, message, "bk_1")
    assert "lost" not in json.dumps(answer)


@pytest.mark.parametrize("kind", [Kind.AUTHORIZE, Kind.SCHEDULE, Kind.RENEW])
def test_an_abandoned_hold_is_a_conflict(kind):
    answer, _ = told(under_way(kind), Abandoned(None))

    assert type(error_of(answer)) is Conflict
    assert "nothing is blocked on the card" in error_of(answer).detail


@pytest.mark.parametrize(
    "of", [under_way(Kind.AUTHORIZE), under_way(Kind.SCHEDULE), under_way(Kind.RENEW, off_session=False)]
)
def test_a_card_that_stripe_does_not_take_is_a_decline(of):
    answer, _ = told(of, Refused("resource_missing", "No such payment_method: 'pm_1'", None))

    error = error_of(answer)
    assert isinstance(error, CardDeclined)
    assert (error.decline_code, error.booking_id) == (None, "bk_1")
    assert error.detail == "This card cannot be used."


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [("charge_disputed", Conflict, "disputed"), ("amount_too_large", RuleRefused, "4500 is left")],
)
def test_a_refused_refund_says_what_is_left(code, kind, words):
    of = captured(refunds=(refund(500, refund_id="re_0"),), operation=operation(Kind.REFUND))

    answer, _ = told(of, Refused(code, "no", None))

    error = error_of(answer)
    assert type(error) is kind
    assert words in error.detail
    assert [fault.pointer for fault in getattr(error, "errors", ())] == ["/amount"] * (kind is RuleRefused)


def test_a_refused_refund_names_the_dispute_that_stands_in_its_way():
    of = captured(disputes=(dispute(),), operation=operation(Kind.REFUND))

    answer, _ = told(of, Refused("charge_disputed", "no", None))

    assert type(error_of(answer)) is Conflict
    assert "dispute du_1, needs_response" in error_of(answer).detail


def test_a_cancellation_whose_refund_was_refused_has_no_answer_yet():
    of = captured(outcome=Outcome.OPEN, cancel_requested_at=START)
    sent = operation(Kind.REFUND, outcome=Outcome.CANCELLED)

    assert answer_to(sent, Refused("charge_disputed", "no", None), of) is None


def test_a_hold_that_changed_outside_leaves_an_open_booking_without_what_was_wanted():
    of = held(hold=hold(HoldState.EXPIRED))

    answer = answer_to(operation(Kind.CAPTURE, outcome=Outcome.COMPLETED), Refused("canceled", "no", None), of)

    assert answer is not None
    assert type(error_of(answer)) is Conflict
    assert error_of(answer).detail == "The hold was changed outside (canceled): the booking is expired now."


def test_a_wish_that_goes_on_with_another_operation_has_no_answer_yet():
    captured_outside = Refused("succeeded", "It is succeeded.", seen("succeeded"))
    of = replace(under_way(Kind.RELEASE, outcome=Outcome.CANCELLED), cancel_requested_at=BOOKED)

    assert told(of, captured_outside)[0] is None


def test_a_cancellation_whose_refund_failed_has_no_answer_yet():
    open_still = captured(outcome=Outcome.OPEN, cancel_requested_at=START)
    of = replace(open_still, operation=operation(Kind.REFUND, outcome=Outcome.CANCELLED))

    assert told(of, Refunded(stripe_refund(5000, RefundStatus.FAILED)))[0] is None
    assert told(of, Refunded(stripe_refund(5000)))[0] is not None


@pytest.mark.parametrize(
    "verdict",
    [
        Declined(decline(), None),
        NeedsAction(intent("requires_action")),
        Refused("resource_missing", "No such payment_method: 'pm_1'", None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_fee_that_the_card_was_asked_for_without_its_customer_is_not_the_end_of_their_wish(verdict):
    asked = operation(Kind.AUTHORIZE, off_session=True, reason="late_cancellation", request_key="request#1")
    of = scheduled(cancel_requested_at=START, operation=asked)

    assert told(of, verdict)[0] is None


def test_a_fee_that_is_authorized_is_captured_next_before_whoever_cancelled_is_told():
    asked = operation(Kind.AUTHORIZE, amount=5000, off_session=True, request_key="request#1")
    of = refused(cancel_requested_at=START, operation=asked)

    answer, after = told(of, Authorized(intent(amount=5000)))

    assert answer is None
    assert after.is_held


def test_whoever_booked_is_told_of_their_hold_although_somebody_cancelled_meanwhile():
    """The request that placed the hold is another one than the one that cancels: nobody else would answer it."""
    of = replace(under_way(Kind.AUTHORIZE, request_key="request#place"), cancel_requested_at=BOOKED)

    answer, after = told(of, Authorized(intent()))

    assert answer == {"body": booking_view(after)}


def test_a_completion_that_somebody_else_was_faster_than_is_a_conflict():
    of = under_way(Kind.CAPTURE, outcome=Outcome.COMPLETED)

    answer, after = told(of, Refused("canceled", "It is canceled.", seen("canceled")))

    assert type(error_of(answer)) is Conflict
    assert after.hold == ended(HoldState.RELEASED).hold


# --- kept and given again ---------------------------------------------------------------------------------------------

KEPT = [
    CardDeclined("No.", decline_code="insufficient_funds", booking_id="bk_1"),
    CardDeclined("No."),
    NotFound("There is no such booking."),
    Conflict("The booking is closed."),
    RuleRefused.at("/amount", "Only 6000 is held."),
    RuleRefused("Several.", [FieldError("/a", "x"), FieldError("/b", "y")]),
    TooFarAhead.at("/event_id", "Too far."),
]


@pytest.mark.parametrize("error", KEPT, ids=lambda error: type(error).__name__)
def test_a_kept_error_comes_back_as_it_was(error):
    again = error_of(json.loads(json.dumps(error_answer(error))))

    assert type(again) is type(error)
    assert again.detail == error.detail
    assert vars(again) == vars(error)


def every(kind: type[HoldfastError]) -> set[type[HoldfastError]]:
    return {kind}.union(*(every(child) for child in kind.__subclasses__()))


def test_final_are_402_404_409_by_state_and_422_by_rule_and_nothing_else():
    made = {kind: kind(1) if kind is errors.RateLimited else kind("x") for kind in every(HoldfastError)}

    assert {kind for kind, error in made.items() if is_final(error)} == set(FINAL.values())
    assert set(FINAL.values()) == {CardDeclined, NotFound, Conflict, RuleRefused, TooFarAhead}


def test_in_flight_is_never_final():
    assert not is_final(OperationInProgress())
    assert held().is_open
