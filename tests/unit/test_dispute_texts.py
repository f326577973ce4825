"""The texts of a dispute's evidence, whole and word for word, as a bank reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from holdfast import dispute_story
from holdfast.booking import Outcome
from holdfast.dispute_evidence import Case, assembled
from holdfast.dispute_story import elapsed, moment, sentence
from holdfast.log import wire_time
from holdfast.money import Money
from holdfast.policy import text
from tests.unit.builders import BOOKED, DAY, HOUR, MINUTE, SECOND, START, captured, dispute, refund
from tests.unit.test_dispute_evidence import (
    BOOK,
    CLAUSE,
    ZONE,
    accepted,
    case,
    entry,
    late_cancellation,
    log,
    other,
)

SPAN = "Monday, 23 November 2026, 21:00 to 23:00 Europe/Berlin time (start 2026-11-23 20:00 UTC)"
ARRIVED = "Monday, 23 November 2026, 21:00 Europe/Berlin time (2026-11-23 20:00 UTC)"
CHARGED = "50.00 EUR was charged on Monday, 23 November 2026, 23:00 Europe/Berlin time (2026-11-23 22:00 UTC)"
CHARGED_LATE = "50.00 EUR was charged on Monday, 23 November 2026, 16:00 Europe/Berlin time (2026-11-23 15:00 UTC)"


def test_the_summary_of_a_booking_whose_customer_came():
    assert assembled(case())["uncategorized_text"].split("\n") == [
        "Summary of booking bk_1, payment pi_1, charge ch_1.",
        f"Service: {SPAN}. Price 50.00 EUR.",
        f"{CHARGED}, because the customer attended.",
        f"The customer attended: staff at the venue recorded the arrival on {ARRIVED}.",
        "Nothing was refunded so far.",
        "All of this is from a log to which lines are only added, each with the hash of the line before it.",
    ]


def test_why_a_fee_for_a_late_cancellation_is_not_refunded():
    assert assembled(late_cancellation())["refund_refusal_explanation"] == (
        f"{CHARGED_LATE}, because the customer cancelled after the free window (clause: {CLAUSE}). "
        "Nothing was refunded so far. 50.00 EUR is not refunded, because the customer cancelled after the free window, "
        "and this is the fee of the accepted terms."
    )


def test_a_charge_that_was_not_made_is_not_said_to_be_refunded():
    of = case(BOOK, captured=0, outcome=Outcome.OPEN)

    assert assembled(of)["refund_refusal_explanation"] == "Nothing was charged. Nothing was refunded so far."


def test_a_charge_of_a_cent_that_was_refunded_is_said_to_be():
    of = case(captured=1, refunds=(refund(1),))

    assert "Everything that was charged has been refunded" in assembled(of)["refund_refusal_explanation"]


def test_the_refund_policy_is_the_accepted_terms_and_nothing_where_none_were_accepted():
    evidence = assembled(case())

    assert evidence["refund_policy_disclosure"] == (
        "What is refunded follows the same terms as a cancellation; there are no others.\n"
        + evidence["cancellation_policy_disclosure"]
    )
    bare = Case(booking=captured(), dispute=dispute(reason="general"), lines=[])
    assert "refund_policy_disclosure" not in assembled(bare)


def test_every_wording_that_was_accepted_is_quoted():
    again = (BOOKED + DAY, accepted(policy_text="Other terms.", policy_hash="other"))

    said = assembled(case([*BOOK, again]))["cancellation_policy_disclosure"]

    assert said.count("was shown these terms") == 2
    assert said.index(captured().policy.policy_hash) < said.index("(SHA-256 of the terms: other):\nOther terms.")


def test_the_terms_are_those_of_their_own_time_price_and_hold_and_not_of_what_the_booking_became():
    of = captured()
    german, english = (text(of.policy, Money(4500, "eur"), ZONE, locale) for locale in ("de", "en"))
    book = accepted(
        policy_text=german, policy_locale="de", price=4500, hold=5500, accepted_at=wire_time(BOOKED - 5 * MINUTE)
    )

    said = assembled(case([(BOOKED, book)]))["cancellation_policy_disclosure"].split("\n")

    assert said[0].startswith("On Friday, 20 November 2026, 20:55 Europe/Berlin time (2026-11-20 19:55 UTC), before")
    assert said[1:] == [
        german,
        "In English:",
        english,
        "The price and the amount to be blocked were shown with them: 45.00 EUR and 55.00 EUR.",
    ]


@pytest.mark.parametrize(("amount", "blocked"), [(5500, "55.00 EUR"), (None, "60.00 EUR")])
def test_terms_logged_without_price_and_hold_are_told_with_those_of_the_line_or_of_the_booking(amount, blocked):
    terms = {"policy_hash": "hash", "policy_text": "Terms."}
    book = entry("authorize", "started", amount=amount, reason="booked", details=terms)

    said = assembled(case([(BOOKED, book)]))["cancellation_policy_disclosure"]

    assert said.endswith(f"were shown with them: 50.00 EUR and {blocked}.")


@pytest.mark.parametrize(
    ("left", "distance"),
    [
        (0 * SECOND, "after the start"),
        (SECOND, "less than a minute before the start"),
        (MINUTE, "1 minute before the start"),
    ],
)
def test_a_cancellation_at_the_start_is_told_to_the_second(left, distance):
    said = assembled(case([*BOOK, (START - left, entry("cancel_request"))]))["cancellation_rebuttal"]

    assert f" UTC), {distance}. Under the accepted terms" in said


def test_the_fresh_window_of_an_event_that_moved_is_told():
    said = assembled(late_cancellation(moved_at=START - 12 * HOUR))["cancellation_rebuttal"]

    assert "free until Monday, 23 November 2026, 21:00 Europe/Berlin time (2026-11-23 20:00 UTC)" in said


def test_a_duplicate_is_explained_line_by_line_down_to_a_charge_of_a_cent():
    assert assembled(case(reason="duplicate", others=[other(1, amount=1)]))["duplicate_charge_explanation"] == (
        f"This charge (ch_1) pays for booking bk_1: {SPAN}. A booking is charged at most once: our log has one capture "
        "for it, and the payment has one charge.\n"
        "Every other charge to this customer by us is for another place, booked separately:\n"
        "ch_other_1, 50.00 EUR, 0.01 EUR charged: booking bk_other_1 of Thursday, 19 November 2026, 21:00 "
        f"Europe/Berlin time (2026-11-19 20:00 UTC), for {SPAN}"
    )


def test_at_most_ten_earlier_bookings_speak_for_the_cardholder_and_none_of_the_same_moment():
    others = [other(0, days=0), *(other(number, days=number) for number in range(1, 13))]

    said = assembled(case(reason="fraudulent", others=others))["uncategorized_text"]

    assert [number for number in range(13) if f"ch_other_{number}," in said] == list(range(1, 11))


# --- the story --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (entry("external", reason="captured"), "0.00 EUR was charged."),
        (
            entry("capture", amount=5000, reason="of next year"),
            "50.00 EUR was charged. The rest of the hold was given back.",
        ),
    ],
)
def test_a_line_that_says_little_is_told_with_what_it_says(of, said):
    assert sentence(log((BOOKED, of))[0]) == said


def test_a_day_is_a_day():
    assert elapsed(86_400) == "1 day"


def test_a_sentence_is_said_as_it_stands_or_with_the_amount_and_the_id_of_its_line():
    """Asked for here and not by way of a line's kind: the table is built once, when its module is imported."""
    [renewed] = log((BOOKED, entry("renew", amount=6000, stripe_id="pi_2")))

    assert dispute_story._said("It rained.")(renewed) == "It rained."
    assert dispute_story._with_amount("{amount} in {id}.")(renewed) == "60.00 EUR in pi_2."


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
def test_utc_is_utc_wherever_this_runs():
    assert moment(BOOKED, ZONE) == "Friday, 20 November 2026, 21:00 Europe/Berlin time (2026-11-20 20:00 UTC)"
