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

currencies = st.sampled_from(sorted(money.CURRENCIES))
amounts = st.integers(min_value=0, max_value=money.MAXIMUM_CHARGE)
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
    [(5, "eur", "0.05 EUR"), (2500, "usd", "25.00 USD"), (500, "jpy", "500 JPY"), (5120, "kwd", "5.120 KWD")],
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
        (99_999_999, "usd", "/price/amount"),  # the hold would be larger
        (10**40, "usd", "/price/amount"),
    ],
)
def test_a_price_that_stripe_could_not_charge_is_refused(amount, currency, pointer):
    with pytest.raises(RuleRefused) as refused:
        money.validate_price(Money(amount, currency), Decimal("1.2"))

    assert refused.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("amount", "currency"), [(50, "usd"), (30, "gbp"), (50, "jpy"), (1000, "kwd"), (500, "isk"), (83_333_332, "usd")]
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


def test_no_currency_has_two_kinds_of_minor_unit():
    for currency in money.CURRENCIES:
        assert len(currency) == 3
        assert currency == currency.lower()
    assert money.decimals("jpy") == 0
    assert money.decimals("kwd") == 3
    assert money.decimals("isk") == 2
