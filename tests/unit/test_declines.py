"""Which declines may be tried again with the same card, and how often at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.booking import DEFAULT_TERMS
from holdfast.declines import LEAST_MINUTES_BETWEEN, MOST_RETRIES, Severity, schedule, severity
from tests.unit.builders import decline


@pytest.mark.parametrize(
    "code",
    [
        "approve_with_id",
        "call_issuer",
        "card_velocity_exceeded",
        "do_not_honor",
        "generic_decline",
        "insufficient_funds",
        "issuer_not_available",
        "no_action_taken",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    ],
)
def test_what_is_about_the_moment_is_soft(code):
    assert severity(decline(decline_code=code)) is Severity.SOFT
    assert severity(decline(code, None)) is Severity.SOFT


@pytest.mark.parametrize(
    "code",
    [
        "lost_card",
        "stolen_card",
        "pickup_card",
        "fraudulent",
        "restricted_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "stop_payment_order",
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "incorrect_number",
        "invalid_account",
        "new_account_information_available",
        "transaction_not_allowed",
        "testmode_decline",
        "a_word_from_next_year",
        "",
    ],
)
def test_what_is_about_the_card_is_hard_and_so_is_a_word_that_nobody_knows(code):
    assert severity(decline(decline_code=code)) is Severity.HARD


@pytest.mark.parametrize("code", ["card_declined", "expired_card", "resource_missing", "canceled"])
def test_without_a_decline_code_stripes_own_code_decides(code):
    assert severity(decline(code, None)) is Severity.HARD


def test_the_banks_word_goes_before_stripes():
    assert severity(decline("processing_error", "lost_card")) is Severity.HARD
    assert severity(decline("expired_card", "insufficient_funds")) is Severity.SOFT


@pytest.mark.parametrize("word", ["authentication_required", "authentication_not_handled"])
@pytest.mark.parametrize("other", [None, "card_declined", "insufficient_funds", "lost_card"])
def test_a_bank_that_wants_its_customer_says_so_in_either_place(word, other):
    assert severity(decline(word, other)) is Severity.AUTHENTICATION
    assert severity(decline(other or "card_declined", word)) is Severity.AUTHENTICATION


@given(st.text(), st.none() | st.text())
def test_every_decline_has_an_answer(code, decline_code):
    assert severity(decline(code, decline_code)) in Severity


# --- how often --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "waits"),
    [
        ("", ()),
        (",", ()),
        ("60", (60,)),
        ("60,360,1440", (60, 360, 1440)),
        (" 60 , 360 ", (60, 360)),
        ("60, 360, ", (60, 360)),
        ("60,60,60,60,60,60,60,60", (60,) * 8),
        ("1440,60", (1440, 60)),
    ],
)
def test_the_waits_are_minutes_between_commas(minutes, waits):
    assert schedule(minutes) == waits


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        ("60,60,60,60,60,60,60,60,60", "at most 8 retries, not 9"),
        ("59", "at least 60 minutes apart"),
        ("60,0", "at least 60 minutes apart"),
        ("60,-60", "at least 60 minutes apart"),
        ("an hour", "invalid literal"),
        ("60.5", "invalid literal"),
        ("60;360", "invalid literal"),
    ],
)
def test_what_the_networks_do_not_allow_or_nobody_understands_is_refused(minutes, words):
    with pytest.raises(ValueError, match=words):
        schedule(minutes)


@given(st.lists(st.integers(-10, 3000), max_size=12))
def test_no_schedule_asks_more_than_eight_times_again_or_twice_in_an_hour(minutes):
    text = ",".join(map(str, minutes))
    if len(minutes) <= MOST_RETRIES and all(each >= LEAST_MINUTES_BETWEEN for each in minutes):
        assert schedule(text) == tuple(minutes)
    else:
        with pytest.raises(ValueError, match="retries"):
            schedule(text)


def test_the_terms_that_nobody_sets_are_allowed():
    assert schedule(",".join(map(str, DEFAULT_TERMS.retry_minutes))) == DEFAULT_TERMS.retry_minutes
