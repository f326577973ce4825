"""Amounts: every currency's step, rounding in the customer's favour, and the prices that Stripe could not charge."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import money
from holdfast.errors import RuleRefused
from holdfast.money import Money
from holdfast.policy import Amount, Charge, Percent
from holdfast.policy_terms import due

currencies = st.sampled_from(sorted(money.CURRENCIES))
amounts = st.integers(min_value=0, max_value=10**13)
ratios = st.decimals(min_value=1, max_value=2, places=4)
percents = st.decimals(min_value=0, max_value=200, places=4)


@pytest.mark.parametrize(
    ("currency", "price", "hold"),
    [
        ("eur", 2500, 3000),
        ("usd", 333, 400),  # 399.6
        ("jpy", 101, 122),  # 121.2
        ("kwd", 1010, 1220),  # 1212: the last digit must be 0
        ("isk", 100, 200),  # 120: no cents
        ("ugx", 50000, 60000),
        ("huf", 17501, 21002),  # 21001.2; whole forints are for payouts only
    ],
)
def test_a_hold_is_120_percent_rounded_up_to_what_stripe_accepts(currency, price, hold):
    assert money.hold_amount(Money(price, currency), Decimal("1.2")) == hold


@pytest.mark.parametrize(
    ("currency", "price", "percent", "fee"),
    [("eur", 999, "50", 499), ("jpy", 999, "33.3333", 332), ("kwd", 1010, "50", 500), ("isk", 1500, "50", 700)],
)
def test_a_percentage_is_rounded_down_to_what_stripe_accepts(currency, price, percent, fee):
    assert money.percent_of(Money(price, currency), Decimal(percent)) == fee


@given(amounts, ratios, currencies)
def test_a_hold_covers_its_price_and_exceeds_the_exact_amount_by_less_than_a_step(amount, ratio, currency):
    hold = money.hold_amount(Money(amount, currency), ratio)

    assert 0 <= hold - amount * Fraction(ratio) < money.minor_step(currency)
    assert hold >= amount
    assert hold % money.minor_step(currency) == 0


@given(amounts, percents, currencies)
def test_a_fee_never_exceeds_the_exact_amount_and_falls_short_by_less_than_a_step(amount, percent, currency):
    fee = money.percent_of(Money(amount, currency), percent)

    assert 0 <= amount * Fraction(percent) / 100 - fee < money.minor_step(currency)
    assert fee % money.minor_step(currency) == 0


@given(amounts, currencies)
def test_rounding_leaves_alone_what_is_on_a_step(amount, currency):
    on_step = amount * money.minor_step(currency)

    assert money.round_up(on_step, currency) == money.round_down(on_step, currency) == on_step


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (5, "eur", "0.05 EUR"),
        (2500, "usd", "25.00 USD"),
        (500, "jpy", "500 JPY"),
        (5120, "kwd", "5.120 KWD"),
        (17_501, "huf", "175.01 HUF"),
        (500, "isk", "5 ISK"),  # no cents in life
        (1_000_000, "ugx", "10000 UGX"),
        (150, "isk", "1.50 ISK"),  # off the step: nothing may hide
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(amount, currency, written):
    assert str(Money(amount, currency)) == written


def test_a_negative_amount_keeps_its_sign():
    assert money.as_decimal(Money(-1205, "eur")) == "-12.05"


@pytest.mark.parametrize(
    ("amount", "currency", "pointer"),
    [
        (2500, "EUR", "/price/currency"),
        (2500, "xxx", "/price/currency"),
        (2500, "", "/price/currency"),
        (49, "usd", "/price/amount"),
        (29, "gbp", "/price/amount"),
        (49, "jpy", "/price/amount"),
        (1005, "kwd", "/price/amount"),
        (150, "isk", "/price/amount"),
        (150, "ugx", "/price/amount"),
        (100_000_000, "usd", "/price/amount"),
        (49, "krw", "/price/amount"),
        (49, "zar", "/price/amount"),
        (1_000_000_000, "inr", "/price/amount"),
        (10_000_000_000, "jpy", "/price/amount"),
        (1_000_000_000_000, "idr", "/price/amount"),
        (99_999_999, "usd", "/price/amount"),  # the hold would be larger
        (10**40, "usd", "/price/amount"),
    ],
)
def test_a_price_that_stripe_could_not_charge_is_refused(amount, currency, pointer):
    with pytest.raises(RuleRefused) as refused:
        money.validate_price(Money(amount, currency), Decimal("1.2"))

    assert refused.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (50, "usd"),
        (30, "gbp"),
        (50, "jpy"),
        (1000, "kwd"),
        (500, "isk"),
        (83_333_332, "usd"),
        (150_000_000_00, "idr"),  # 150 million rupiah are some 9,000 dollars
        (400_000_000, "cop"),
        (8_333_333_332, "jpy"),
    ],
)
def test_a_price_that_stripe_can_charge_is_accepted(amount, currency):
    money.validate_price(Money(amount, currency), Decimal("1.2"))


@given(amounts, currencies)
def test_an_accepted_price_is_chargeable_and_so_is_its_hold(amount, currency):
    price = Money(amount, currency)
    try:
        money.validate_price(price, Decimal("1.2"))
    except RuleRefused:
        return

    assert money.is_chargeable(amount, currency)
    assert money.is_chargeable(money.hold_amount(price, Decimal("1.2")), currency)


# What is decided about amounts, all at once: a price, a hold, fees of both kinds.


@given(amounts, currencies, ratios, percents, amounts)
def test_rounding_is_never_in_our_favour_and_never_by_a_whole_step(amount, currency, ratio, percent, fixed):
    """A hold is rounded up, but is no charge; what is taken is rounded down, and every amount is one Stripe takes."""
    step = money.minor_step(currency)
    price = Money(money.round_down(amount, currency), currency)
    hold = money.hold_amount(price, ratio)
    share = min(percent, ratio * 100)
    exactly: list[tuple[Charge, Fraction]] = [
        (Percent(share), price.amount * Fraction(share) / 100),
        (Amount(fixed), Fraction(fixed)),
    ]
    for charge, exact in exactly:
        taken, wanted = due(charge, price, hold), min(exact, Fraction(hold))

        assert taken == 0 or taken >= money.minimum_charge(currency)
        assert taken % step == 0
        assert taken <= exact
        assert taken <= hold
        if taken:
            assert wanted - taken < step
        else:
            assert wanted < money.minimum_charge(currency)


@given(currencies)
def test_every_currencys_bounds_are_on_a_step_and_in_order(currency):
    least, most, step = money.minimum_charge(currency), money.maximum_charge(currency), money.minor_step(currency)

    assert step <= least < most
    assert most % step == 0
    assert money.is_chargeable(money.round_up(least, currency), currency)
    assert money.is_chargeable(most, currency)
    assert not money.is_chargeable(most + step, currency)
    assert not money.is_chargeable(least - 1, currency)


@pytest.mark.parametrize(
    ("currency", "most"),
    [
        ("usd", 99_999_999),
        ("kwd", 99_999_990),
        ("isk", 99_999_900),
        ("jpy", 9_999_999_999),
        ("huf", 9_999_999_999),
        ("cop", 9_999_999_999),
        ("inr", 999_999_999),
        ("lbp", 99_999_999_999),
        ("idr", 999_999_999_999),
    ],
)
def test_the_largest_charge_is_stripes_for_the_currency(currency, most):
    assert money.maximum_charge(currency) == most


def test_no_currency_has_two_kinds_of_minor_unit():
    for currency in money.CURRENCIES:
        assert len(currency) == 3
        assert currency == currency.lower()
    assert money.decimals("jpy") == 0
    assert money.decimals("kwd") == 3
    assert money.decimals("isk") == 2


@pytest.mark.parametrize(("currency", "worth"), [("eur", 12_345), ("isk", 12_300), ("kwd", 12_340)])
def test_a_fixed_fee_is_on_the_step_of_its_currency(currency, worth):
    assert Amount(12_345).of(Money(100_000, currency)) == worth


def test_a_fee_that_a_hold_off_the_step_caps_is_on_the_step():
    assert due(Amount(50_000), Money(100_000, "isk"), 12_345) == 12_300


def test_where_stripe_names_no_smallest_charge_one_minor_unit_is_enough():
    assert money.minimum_charge("afn") == 1


def test_nothing_has_no_sign():
    assert str(Money(0, "eur")) == "0.00 EUR"


@pytest.mark.parametrize(("amount", "chargeable"), [(1230, True), (1235, False)])
def test_what_is_off_the_step_of_its_currency_is_not_chargeable(amount, chargeable):
    assert money.is_chargeable(amount, "kwd") is chargeable


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (2500, "xxx", "not supported"),
        (1005, "kwd", "Amounts in kwd must be multiples of 10."),
        (29, "gbp", "The smallest amount that can be charged is 30."),
        (1_000_000_000, "inr", "The hold would be above the largest possible: 999999999."),
    ],
)
def test_a_price_that_is_refused_says_what_would_not_be(amount, currency, words):
    with pytest.raises(RuleRefused, match=words):
        money.validate_price(Money(amount, currency))
