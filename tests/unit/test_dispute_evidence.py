"""Evidence says what the log proves, in the fields that a bank looks at for the dispute's reason, and nothing else."""

from __future__ import annotations

from datetime import datetime

import pytest

from holdfast.booking import Booking, HoldState, Outcome, RefundStatus
from holdfast.dispute_evidence import Case, assembled, fields_for
from holdfast.dispute_story import chronology, elapsed, moment, sentence, span
from holdfast.evidence_fields import TEXT_FIELDS, check
from holdfast.log import Entry, append, wire_time
from holdfast.policy import text
from tests.unit.builders import (
    BOOKED,
    DAY,
    END,
    HELD,
    HOUR,
    MINUTE,
    PRICE,
    SECOND,
    START,
    captured,
    dispute,
    hold,
    refund,
)

ZONE = "Europe/Berlin"
REASONS = [
    "bank_cannot_process",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
    "a_reason_from_next_year",
]


def entry(kind, status="succeeded", actor="customer", **more):
    return Entry(kind=kind, status=status, actor=actor, **more)


def log(*timed: tuple[datetime, Entry]):
    """The lines of a booking's log, as they are served."""
    booking: Booking = captured()
    lines = []
    for at, each in timed:
        booking, new = append(booking, booking, [each], now=at)
        lines += new
    return lines


def accepted(**changes):
    of = captured()
    details = {"price": PRICE.amount, "policy_hash": of.policy.policy_hash, "policy_text": text(of.policy, PRICE)}
    return entry("authorize", "started", amount=HELD, reason="booked", details=details | changes)


BOOK = [
    (BOOKED, accepted()),
    (BOOKED + SECOND, entry("authorize", amount=HELD, stripe_id="pi_1", reason="booked")),
]
ATTENDED = [
    *BOOK,
    (START, entry("check_in", actor="staff")),
    (END, entry("capture", "started", actor="staff", amount=5000, reason="completed", details={"clause": "completed"})),
    (END + SECOND, entry("capture", actor="staff", amount=5000, reason="completed", stripe_id="pi_1")),
]
CLAUSE = "cancelled less than 24 hours before the start: 100 percent of the price"
LATE = [
    *BOOK,
    (START - 5 * HOUR, entry("cancel_request", details={"charges_fee": True})),
    (
        START - 5 * HOUR,
        entry("capture", "started", amount=5000, reason="late_cancellation", details={"clause": CLAUSE}),
    ),
    (START - 5 * HOUR + SECOND, entry("capture", amount=5000, reason="late_cancellation", stripe_id="pi_1")),
]
NO_SHOW = [
    *BOOK,
    (
        START + HOUR,
        entry("capture", "started", "clock", amount=5000, reason="no_show", details={"clause": "no-show: 1"}),
    ),
    (START + HOUR, entry("capture", actor="clock", amount=5000, reason="no_show", stripe_id="pi_1")),
]


def case(lines=ATTENDED, reason="general", *, others=(), title="Yoga", **changes) -> Case:
    usual = {"checked_in_at": START} if lines is ATTENDED else {}
    booking = captured(**(usual | changes))
    return Case(booking=booking, dispute=dispute(reason=reason), lines=log(*lines), title=title, others=tuple(others))


def late_cancellation(reason="general", **changes) -> Case:
    return case(LATE, reason, outcome=Outcome.CANCELLED, fee=5000, cancel_requested_at=START - 5 * HOUR, **changes)


# --- which fields ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_gets_fields_that_stripe_takes_within_their_limits(reason):
    for of in (case(reason=reason), late_cancellation(reason), case(NO_SHOW, reason, outcome=Outcome.NO_SHOW)):
        evidence = assembled(of)

        assert set(evidence) <= set(fields_for(reason)) <= set(TEXT_FIELDS)
        assert {"product_description", "service_date", "uncategorized_text"} <= set(evidence)
        check(evidence)


@pytest.mark.parametrize(
    ("reason", "also"),
    [
        ("fraudulent", set()),
        ("unrecognized", set()),
        ("duplicate", {"duplicate_charge_explanation"}),
        ("product_not_received", {"cancellation_rebuttal", "refund_policy_disclosure", "refund_refusal_explanation"}),
        ("credit_not_processed", {"cancellation_rebuttal", "refund_policy_disclosure", "refund_refusal_explanation"}),
        ("subscription_canceled", {"cancellation_rebuttal", "refund_policy_disclosure", "refund_refusal_explanation"}),
        ("general", {"cancellation_rebuttal", "refund_policy_disclosure", "refund_refusal_explanation"}),
    ],
)
def test_the_reason_decides_what_is_answered(reason, also):
    always = {
        "product_description",
        "service_date",
        "cancellation_policy_disclosure",
        "access_activity_log",
        "uncategorized_text",
    }

    assert set(assembled(case(reason=reason))) == always | also


def test_what_we_do_not_have_is_not_made_up():
    bare = Case(booking=captured(hold=None, captured=0, outcome=Outcome.OPEN), dispute=dispute(), lines=[])

    evidence = assembled(bare)

    assert "cancellation_policy_disclosure" not in evidence
    assert "access_activity_log" not in evidence
    assert not {"customer_name", "customer_email_address", "customer_purchase_ip"} & set(evidence)
    assert "No arrival of the customer is on record." in evidence["uncategorized_text"]


# --- what they say --------------------------------------------------------------------------------------------------


def test_the_terms_are_quoted_word_for_word_with_their_hash_and_the_time_they_were_accepted():
    said = assembled(case())["cancellation_policy_disclosure"]
    of = captured()

    assert text(of.policy, PRICE) in said
    assert of.policy.policy_hash in said
    assert "Friday, 20 November 2026, 21:00 Europe/Berlin time (2026-11-20 20:00 UTC)" in said
    assert "50.00 EUR and 60.00 EUR" in said


def test_a_price_that_was_agreed_later_is_told_with_the_consent():
    later = (BOOKED + DAY, entry("reprice", actor="staff", amount=4000, details=REPRICED))

    said = assembled(case([*ATTENDED, later], checked_in_at=START))["cancellation_policy_disclosure"]

    assert said.count("was shown these terms") == 1
    assert (
        "On Saturday, 21 November 2026, 21:00 Europe/Berlin time (2026-11-21 20:00 UTC): The price was changed" in said
    )
    assert "“by phone, 21 November”" in said


def test_terms_in_another_language_are_quoted_as_they_were_accepted_and_told_in_english():
    of = captured()
    german, english = (text(of.policy, PRICE, ZONE, locale) for locale in ("de", "en"))
    book = accepted(policy_text=german, policy_locale="de", hold=HELD, accepted_at=wire_time(BOOKED))

    said = assembled(case([(BOOKED, book)]))["cancellation_policy_disclosure"].split("\n")

    assert said[1:4] == [german, "In English:", english]
    assert german != english


def test_what_was_booked_for_when():
    evidence = assembled(case())

    assert "“Yoga”" in evidence["product_description"]
    assert "for 50.00 EUR" in evidence["product_description"]
    assert evidence["service_date"] == (
        "Monday, 23 November 2026, 21:00 to 23:00 Europe/Berlin time (start 2026-11-23 20:00 UTC)"
    )
    assert "an event" in assembled(case(title=None))["product_description"]


def test_somebody_who_came_is_said_to_have_come_by_whoever_recorded_it():
    said = assembled(case())["uncategorized_text"]

    assert "The customer attended: staff at the venue recorded the arrival on Monday, 23 November" in said
    assert "50.00 EUR was charged" in said


def test_somebody_who_did_not_come_is_not_said_to_have_come():
    evidence = assembled(case(NO_SHOW, outcome=Outcome.NO_SHOW, fee=5000))

    assert "The customer did not attend: no arrival was recorded" in evidence["uncategorized_text"]
    assert "because the customer did not come (clause: no-show: 1)" in evidence["uncategorized_text"]
    assert "neither came nor cancelled" in evidence["refund_refusal_explanation"]
    assert "our log of this booking has no request to cancel" in evidence["cancellation_rebuttal"]


def test_an_arrival_at_a_date_that_was_moved_away_is_no_arrival():
    moved = (START + HOUR, entry("event_moved", actor="staff", details={"from": ["a", "b"], "to": ["c", "d"]}))

    said = assembled(case([*ATTENDED, moved], checked_in_at=None))["uncategorized_text"]

    assert "No arrival of the customer is on record." in said
    assert "The organiser moved the event after the booking" in said


def test_a_late_cancellation_is_told_with_its_distance_and_its_clause():
    evidence = assembled(late_cancellation("credit_not_processed"))

    said = evidence["cancellation_rebuttal"]
    assert "asked to cancel on Monday, 23 November 2026, 16:00 Europe/Berlin time" in said
    assert "5 hours before the start" in said
    assert "free until Sunday, 22 November 2026, 21:00 Europe/Berlin time (2026-11-22 20:00 UTC)" in said
    assert f"(clause: {CLAUSE})" in said
    assert "cancelled after the free window" in evidence["refund_refusal_explanation"]


def test_where_the_customer_moved_the_booking_the_windows_are_told_as_they_count():
    of = late_cancellation(window_starts_at=START - 12 * HOUR)

    said = assembled(of)["cancellation_rebuttal"]

    assert "free until Sunday, 22 November 2026, 09:00 Europe/Berlin time (2026-11-22 08:00 UTC)" in said
    assert "It counts from the date that was booked first (Monday, 23 November 2026, 09:00" in said


def test_a_cancellation_after_the_start_is_told_as_one():
    lines = [*BOOK, (START + HOUR, entry("cancel_request"))]

    assert "after the start" in assembled(case(lines))["cancellation_rebuttal"]


def test_a_cancellation_by_the_organiser_is_not_called_the_customer_s():
    lines = [*BOOK, (START - DAY, entry("cancel_request", actor="staff"))]

    said = assembled(case(lines, outcome=Outcome.CANCELLED))["cancellation_rebuttal"]

    assert said.startswith("The organiser cancelled the booking on")


def test_refunds_are_told_with_what_became_of_them():
    of = case(
        refunds=(
            refund(1000),
            refund(500, RefundStatus.PENDING, refund_id="re_2"),
            refund(700, RefundStatus.FAILED, refund_id="re_3"),
        )
    )

    said = assembled(of)["refund_refusal_explanation"]

    assert "10.00 EUR (re_1, refunded), 5.00 EUR (re_2, refund under way at the bank)" in said
    assert "re_3" not in said
    assert "35.00 EUR is not refunded, because the customer attended" in said


def test_a_charge_that_was_refunded_whole_is_said_to_be():
    said = assembled(case(refunds=(refund(5000),)))["refund_refusal_explanation"]

    assert "Everything that was charged has been refunded" in said
    assert "is not refunded" not in said


def test_a_charge_that_somebody_made_in_the_dashboard_claims_no_reason():
    lines = [*BOOK, (END, entry("external", actor="stripe", amount=5000, reason="captured", stripe_id="pi_1"))]

    said = assembled(case(lines))["uncategorized_text"]

    assert "50.00 EUR was charged on Monday, 23 November 2026, 23:00 Europe/Berlin time (2026-11-23 22:00 UTC)." in said


# --- duplicate, fraudulent -------------------------------------------------------------------------------------------


def other(number, *, amount=5000, days=1, card="pm_1", **changes) -> Booking:
    return captured(
        amount,
        booking_id=f"bk_other_{number}",
        created_at=BOOKED - days * DAY,
        payment_method_id=card,
        hold=hold(HoldState.CAPTURED, payment_intent_id=f"pi_other_{number}", charge_id=f"ch_other_{number}"),
        **changes,
    )


def test_a_duplicate_is_answered_with_the_charge_that_it_is_taken_for():
    others = [other(1, days=9), other(2, days=2), other(3, days=1, amount=1234), captured()]

    evidence = assembled(case(reason="duplicate", others=others))

    assert evidence["duplicate_charge_id"] == "ch_other_2"
    said = evidence["duplicate_charge_explanation"]
    assert [f"ch_other_{number}" in said for number in (1, 2, 3)] == [True] * 3
    assert "booking bk_other_2" in said
    assert said.count("bk_1") == 1  # the booking itself is not among the others


@pytest.mark.parametrize("others", [(), (other(1, amount=0),), (other(1, amount=1234),)])
def test_without_an_equal_charge_none_is_named(others):
    evidence = assembled(case(reason="duplicate", others=others))

    assert "duplicate_charge_id" not in evidence
    assert ("for no other booking" in evidence["duplicate_charge_explanation"]) is not any(o.captured for o in others)


def test_who_booked_is_told_where_somebody_says_it_was_not_the_cardholder():
    authenticated = [
        (BOOKED, accepted()),
        (BOOKED + SECOND, entry("authorize", "pending", reason="requires_action")),
        (BOOKED + MINUTE, entry("authorize", actor="stripe", amount=HELD, stripe_id="pi_1", reason="authenticated")),
    ]
    others = [
        other(1),
        other(2, disputes=(dispute("won"),)),
        other(3, card="pm_another"),
        other(4, days=-1),
    ]

    said = assembled(case(authenticated, "fraudulent", others=others))["uncategorized_text"]

    assert "signed-in account did:privy:alice" in said
    assert "authenticated the cardholder with 3-D Secure" in said
    assert [f"ch_other_{number}" in said for number in (1, 2, 3, 4)] == [True, False, False, False]


def test_without_3_d_secure_none_is_claimed():
    assert "3-D Secure" not in assembled(case(reason="fraudulent"))["uncategorized_text"]
    assert "signed-in account" not in assembled(case(reason="product_not_received"))["uncategorized_text"]


# --- the story --------------------------------------------------------------------------------------------------------


def test_the_log_is_told_in_order_with_its_times():
    assert chronology(log(*ATTENDED)) == [
        "2026-11-20 20:00:00 UTC  The customer booked and accepted the terms; a hold of 60.00 EUR was asked for.",
        "2026-11-20 20:00:01 UTC  A hold of 60.00 EUR was placed on the card (pi_1).",
        "2026-11-23 20:00:00 UTC  Staff at the venue recorded that the customer arrived.",
        "2026-11-23 22:00:01 UTC  50.00 EUR was charged: the customer attended. The rest of the hold was given back.",
    ]


MOVED = {"from": {"starts_at": wire_time(START)}, "to": {"starts_at": wire_time(START + DAY)}}
FROM_TO = (
    "moved the booking from the date that starts at 2026-11-23 20:00:00 UTC to the one that starts at "
    "2026-11-24 20:00:00 UTC."
)
CHARGE_AT = "50.00 EUR would be charged as a no-show fee from 2026-11-23 22:00:00 UTC on, unless they contest it."
REPRICED = {"from": 5000, "to": 4000, "consent": "by phone, 21 November"}
KINDS = [
    (entry("authorize", "started", amount=HELD), "A hold of 60.00 EUR was asked for."),
    (entry("authorize", "pending"), "The bank asked the customer for 3-D Secure."),
    (
        entry("authorize", "pending", reason="authentication_failed"),
        "The customer did not pass 3-D Secure, and could try again.",
    ),
    (
        entry("authorize", amount=HELD, stripe_id="pi_1", reason="authenticated"),
        "The customer authenticated with 3-D Secure; a hold of 60.00 EUR was placed on the card (pi_1).",
    ),
    (entry("authorize", "failed"), "The bank did not allow the hold."),
    (
        entry("schedule", "started", details={"policy_text": "x"}),
        "The customer booked and accepted the terms, with a card that is saved for a hold placed later.",
    ),
    (entry("schedule", "started"), None),
    (entry("schedule", "pending"), "The bank asked the customer for 3-D Secure to save the card."),
    (entry("schedule"), "The card is saved for a hold that is placed later."),
    (entry("renew", amount=HELD, stripe_id="pi_2"), "The hold of 60.00 EUR was renewed (pi_2)."),
    (entry("waive", reason="she cried"), "The organiser waived the no-show fee."),
    (entry("cancel_request"), "The customer asked to cancel."),
    (entry("cancel_request", actor="staff"), "The organiser cancelled the booking."),
    (
        entry("event_moved", details={"from": ["2026-11-23T20:00:00Z", "2026-11-23T22:00:00Z"], "to": ["x", "y"]}),
        "The organiser moved the event from 2026-11-23 20:00:00 UTC to 2026-11-23 22:00:00 UTC, to x to y.",
    ),
    (entry("event_cancelled"), "The organiser cancelled the event."),
    (
        entry("moved", details=MOVED),
        f"The customer {FROM_TO}",
    ),
    (
        entry("moved", actor="staff", details=MOVED),
        f"The organiser {FROM_TO}",
    ),
    (
        entry("reprice", actor="staff", amount=4000, details=REPRICED),
        "The price was changed from 50.00 EUR to 40.00 EUR with the customer's consent: “by phone, 21 November”.",
    ),
    (
        entry("reminder", reason="free_cancellation_ending"),
        "The customer was sent a reminder that the time in which cancelling is free was about to end.",
    ),
    (entry("reminder", reason="hold_coming"), "The customer was sent a reminder that the hold was about to be placed."),
    (entry("reminder"), "The customer was sent a reminder."),
    (
        entry("no_show_notice", amount=5000, details={"charge_at": wire_time(END)}),
        f"The customer was told that {CHARGE_AT}",
    ),
    (
        entry("no_show", actor="staff", reason="we looked for her"),
        "Staff of the venue stated that the customer did not come.",
    ),
    (entry("contest"), "The customer contested the no-show."),
    (entry("release", stripe_id="pi_1"), "The hold was given back (pi_1)."),
    (
        entry("refund", amount=1000, stripe_id="re_1", reason="the customer was right"),
        "A refund of 10.00 EUR was made (re_1).",
    ),
    (
        entry("refund", "pending", amount=1000, stripe_id="re_1"),
        "A refund of 10.00 EUR is on its way at the bank (re_1).",
    ),
    (entry("refund", "failed", amount=1000, stripe_id="re_1"), "A refund of 10.00 EUR came back from the bank (re_1)."),
    (
        entry("refund", "canceled", amount=1000, stripe_id="re_1"),
        "A refund of 10.00 EUR was canceled before it reached the customer (re_1).",
    ),
    (entry("refund", "started", amount=1000), None),
    (entry("external", amount=5000, reason="captured"), "50.00 EUR was charged."),
    (entry("external", amount=1000, reason="refunded", stripe_id="re_1"), "A refund of 10.00 EUR was made (re_1)."),
    (entry("external", reason="hold_expired"), "The hold lapsed."),
    (entry("external", reason="hold_released"), "The hold was given back."),
    (entry("external", reason="capture_before_changed", stripe_id="pi_1"), None),
    (entry("dispute", "needs_response"), None),
    (entry("evidence", "edited"), None),
    (entry("mend", reason="authentication"), None),
    (entry("a_kind_from_next_year"), None),
]


@pytest.mark.parametrize(("of", "said"), KINDS, ids=lambda each: getattr(each, "kind", None))
def test_each_kind_of_line_is_told_or_left_out(of, said):
    assert sentence(log((BOOKED, of))[0]) == said


def test_what_staff_typed_for_themselves_is_not_told_to_the_bank():
    lines = [
        *ATTENDED,
        (END + DAY, entry("refund", actor="staff", amount=1000, stripe_id="re_1", reason="we were rude to her")),
        (END + DAY, entry("waive", actor="staff", reason="our own fault")),
    ]

    told = " ".join(assembled(case(lines, refunds=(refund(1000),), checked_in_at=START)).values())

    assert "rude" not in told
    assert "fault" not in told


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (90_061, "1 day 1 hour 1 minute"),
        (2 * 86_400 + 7_200, "2 days 2 hours"),
    ],
)
def test_a_span_of_time_in_words(seconds, said):
    assert elapsed(seconds) == said


def test_times_in_a_clock_change_are_told_as_the_wall_shows_them_and_in_utc():
    """Berlin, 25 October 2026: at 3:00 the clocks go back to 2:00, so an hour and a half pass from 2:30 to 3:00."""
    start = datetime.fromisoformat("2026-10-25T00:30:00+00:00")

    assert span(start, start + 90 * MINUTE, ZONE) == (
        "Sunday, 25 October 2026, 02:30 to 03:00 Europe/Berlin time (start 2026-10-25 00:30 UTC)"
    )
    assert moment(start + HOUR, ZONE) == "Sunday, 25 October 2026, 02:30 Europe/Berlin time (2026-10-25 01:30 UTC)"


def test_an_event_over_midnight_names_both_days():
    assert "21:00 to Tuesday, 24 November 2026, 02:00" in span(START, START + 5 * HOUR, ZONE)


def test_a_very_long_log_still_fits():
    reminders = [(BOOKED + number * MINUTE, entry("reminder", reason="hold_coming")) for number in range(400)]

    said = assembled(case([*BOOK, *reminders, *ATTENDED[2:]], checked_in_at=START))["access_activity_log"]

    assert len(said) <= 20_000
    assert "more lines)" in said
    assert "The customer booked and accepted the terms" in said
    assert "the customer attended" in said
