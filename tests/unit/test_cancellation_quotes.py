"""Quotes: what they are bound to, how long they hold, and that nobody else can make one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from holdfast.booking import HoldState, Refund, RefundStatus
from holdfast.cancellation import deadline, quoted, terms
from holdfast.cancellation_quotes import (
    CancelQuote,
    Key,
    KeyUnknown,
    NotAQuote,
    Token,
    fingerprint,
    is_over,
    read,
    sign,
)
from holdfast.money import Money
from holdfast.movements import cancellation
from holdfast.policy import DEFAULT, Percent, Tier, resolve
from holdfast.quote_keys import QuoteKeys
from tests.unit.builders import BOOKED, END, HOUR, MINUTE, SECOND, START, cancelled_by, held, hold, waiting_for_3ds

KEY, OTHER = Key("correct horse"), Key("battery staple")
BOUND: dict[str, Any] = {"booking_id": "bk_1", "caller": "customer:did:privy:alice"}
TOKEN = Token(issued_at=START - 25 * HOUR, charges_fee=True, amount=5000, terms=fingerprint({"price": 5000}))


def test_a_token_says_what_was_signed():
    text = sign(TOKEN, KEY, **BOUND)

    assert read(text, [KEY], **BOUND) == TOKEN
    assert text.startswith(f"q1.{KEY.name}.")
    assert len(text) < 120


def test_a_token_has_the_same_text_in_every_version():
    """Tokens are out while another version is deployed: what is signed, and how, stays as it is."""
    token = Token(issued_at=START, charges_fee=False, amount=1, terms=fingerprint({"b": "ü", "a": [1, None]}))

    said = "q1._Gh0BO4t.1795464000.0.1.4M3ugkzXVseBaNeq"
    assert sign(token, KEY, **BOUND) == f"{said}.EmwHBLpOyxxOUFL92__7IGfJzEM65iKVRJONE8prK6M"
    assert read(sign(token, KEY, **BOUND), [KEY], **BOUND) == token


@pytest.mark.parametrize(
    "bound", [{"booking_id": "bk_2"}, {"caller": "customer:did:privy:bob"}, {"caller": "staff:did:privy:alice"}]
)
def test_a_token_is_for_one_booking_and_one_caller(bound):
    with pytest.raises(NotAQuote):
        read(sign(TOKEN, KEY, **BOUND), [KEY], **(BOUND | bound))


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_token_that_was_changed_anywhere_is_none(position, character):
    text = sign(TOKEN, KEY, **BOUND)
    position %= len(text)
    changed = text[:position] + character + text[position + 1 :]

    if changed != text:
        with pytest.raises(NotAQuote):
            read(changed, [KEY], **BOUND)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_no_token_is_refused_as_one(text):
    with pytest.raises(NotAQuote):
        read(text, [KEY], **BOUND)


def test_pieces_cannot_be_shifted_between_what_is_signed():
    """`bk_1` of `2x` is not `bk_12` of `x`."""
    text = sign(TOKEN, KEY, booking_id="bk_1", caller="2x")

    with pytest.raises(NotAQuote):
        read(text, [KEY], booking_id="bk_12", caller="x")


def test_an_older_key_proves_its_tokens_while_it_is_known():
    text = sign(TOKEN, OTHER, **BOUND)

    assert read(text, [KEY, OTHER], **BOUND) == TOKEN
    with pytest.raises(KeyUnknown):
        read(text, [KEY], **BOUND)


def test_a_keys_name_says_nothing_about_it():
    assert KEY.name != OTHER.name
    assert len(KEY.name) == 8
    assert "horse" not in KEY.name


def test_a_quote_is_good_for_five_minutes_and_that_second():
    quote = CancelQuote(amount=0, clause="free", charges_fee=True, issued_at=START)

    assert quote.expires_at == START + 5 * MINUTE
    assert not is_over(quote, START + 5 * MINUTE + timedelta(microseconds=999_999))
    assert is_over(quote, START + 5 * MINUTE + SECOND)


# --- what is quoted ---------------------------------------------------------------------------------------------------

LADDER = replace(
    DEFAULT, cancellation_tiers=(Tier(24, Percent(DEFAULT.hold_ratio * 50)), Tier(2, Percent(DEFAULT.hold_ratio * 100)))
)


@pytest.mark.parametrize(
    ("at", "amount", "until"),
    [
        (START - 25 * HOUR, 0, START - 24 * HOUR),
        (START - 24 * HOUR, 0, START - 24 * HOUR),
        (START - 23 * HOUR, 3000, START - 2 * HOUR),
        (START - HOUR, 6000, START),
        (START, 6000, START),
        (START + SECOND, 6000, None),
    ],
)
def test_a_quote_is_what_cancelling_takes_and_until_when(at, amount, until):
    booking = held(policy=LADDER)

    quote = quoted(booking, at, charges_fee=True)

    assert (quote.amount, deadline(booking, quote)) == (amount, until)


def test_staff_are_quoted_nothing_unless_they_charge_the_fee():
    booking = held()

    kind = quoted(booking, START - HOUR, charges_fee=False)
    strict = quoted(booking, START - HOUR, charges_fee=True)

    assert (kind.amount, kind.clause, deadline(booking, kind)) == (0, "staff_cancellation", START)
    assert strict.amount == 5000


@pytest.mark.parametrize(
    ("booking", "clause"),
    [
        (waiting_for_3ds(), "cancelled before authentication"),
        (held(hold=hold(HoldState.EXPIRED), policy=resolve({"off_session_fees": False})), "nothing held"),
        (held(event_cancelled_at=BOOKED), "event_cancelled"),
    ],
)
def test_where_nothing_could_be_taken_the_quote_is_nothing_and_says_why(booking, clause):
    quote = quoted(booking, START - HOUR, charges_fee=True)

    assert (quote.amount, quote.clause) == (0, clause)


@pytest.mark.parametrize("later", [START - 23 * HOUR, START - HOUR, START + HOUR])
def test_a_quoted_amount_is_taken_whatever_tier_has_begun_since(later):
    quote = quoted(held(policy=LADDER), START - 24 * HOUR, charges_fee=True)
    step = cancelled_by(cancellation(held(policy=LADDER, cancel_requested_at=later, cancel_quote=quote), START))

    assert (step.fee, step.details["clause"]) == (0, "cancelled within the free window")
    assert step.details["evaluated_at"] == "2026-11-22T20:00:00Z"


def test_a_quote_is_taken_also_where_it_is_more_than_would_be_due_by_now():
    quote = CancelQuote(amount=3000, clause="as quoted", charges_fee=True, issued_at=START - HOUR)

    assert (
        cancelled_by(cancellation(held(cancel_requested_at=START - 30 * HOUR, cancel_quote=quote), START)).fee == 3000
    )


@pytest.mark.parametrize("changes", [{"event_cancelled_at": BOOKED}, {"cancel_charges_fee": False}])
def test_what_costs_nothing_costs_nothing_whatever_was_quoted(changes):
    quote = quoted(held(), START - HOUR, charges_fee=True)

    assert (
        cancelled_by(cancellation(held(cancel_requested_at=START - HOUR, cancel_quote=quote, **changes), START)).fee
        == 0
    )


CHANGES: list[dict[str, Any]] = [
    {"event_id": "pilates"},
    {"starts_at": START + HOUR},
    {"window_starts_at": START - HOUR},
    {"created_at": BOOKED + SECOND},
    {"moved_at": START - 30 * HOUR},
    {"price": Money(5001, "eur")},
    {"hold": hold(amount=6001)},
    {"hold": hold(HoldState.EXPIRED)},
    {"captured": 100},
    {"captured": 100, "refunds": (Refund(refund_id="re_1", amount=1, status=RefundStatus.SUCCEEDED),)},
    {"policy": LADDER},
    {"cancel_requested_at": BOOKED},
    {"cancel_requested_at": BOOKED, "cancel_charges_fee": False},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_whatever_the_price_follows_from_is_in_the_terms(changes):
    assert terms(held(**changes)) != terms(held())


def test_terms_that_differ_are_all_different():
    assert len({terms(held(**changes)) for changes in CHANGES}) == len(CHANGES)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 9, "updated_at": START, "sequence": 7},
        {"hold": hold(payment_intent_id="pi_2", operation_id="op_renewed", expires_at=END)},
        {"waived_at": BOOKED},
        {"attention": "hold_too_short", "attention_since": BOOKED},
    ],
    ids=str,
)
def test_what_the_price_does_not_follow_from_leaves_the_terms_alone(changes):
    """A renewed hold of the same amount ends no quote."""
    assert terms(held(**changes)) == terms(held())


# --- keys -------------------------------------------------------------------------------------------------------------


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def secrets():
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name="quote-key", SecretString='{"quote_key": "first"}')
        yield client


def put(client, key: str) -> None:
    client.put_secret_value(SecretId="quote-key", SecretString=f'{{"quote_key": "{key}"}}')


def test_the_key_is_read_once_in_five_minutes(secrets):
    time = Time()
    keys = QuoteKeys(secrets, "quote-key", monotonic=time)

    assert keys.signing() == Key("first")
    put(secrets, "second")
    time.now = 299
    assert keys.signing() == Key("first")
    time.now = 300
    assert list(keys.proving()) == [Key("second"), Key("first")]


def test_a_function_that_signs_with_the_old_key_is_believed_by_one_that_has_the_new_one(secrets):
    signer = QuoteKeys(secrets, "quote-key")
    text = sign(TOKEN, signer.signing(), **BOUND)
    put(secrets, "second")

    assert read(text, QuoteKeys(secrets, "quote-key").proving(), **BOUND) == TOKEN


def test_a_function_that_has_the_old_key_looks_for_the_new_one_at_most_every_ten_seconds(secrets):
    time = Time()
    keys = QuoteKeys(secrets, "quote-key", monotonic=time)
    keys.proving()
    put(secrets, "second")
    time.now = 9
    assert list(keys.newer()) == []
    time.now = 10

    assert list(keys.newer()) == [Key("second"), Key("first")]
    assert list(keys.newer()) == []


def test_a_blank_key_signs_nothing(secrets):
    put(secrets, "")

    with pytest.raises(RuntimeError):
        QuoteKeys(secrets, "quote-key").signing()
