"""The policy in five languages: the same amounts and times, written as each language writes them."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import money
from holdfast.money import Money
from holdfast.policy import DEFAULT, Amount, NoShowCapture, Percent, Tier, text
from holdfast.policy_languages import LANGUAGES, Language, locale_for

PRICE = Money(1_234_550, "eur")
NO_BREAK, NARROW = "\u00a0", "\u202f"
RICH = replace(
    DEFAULT,
    cancellation_tiers=(Tier(24, Percent(Decimal("12.5"))), Tier(1, Amount(200_000))),
    no_show_contest_minutes=90,
    self_refund_until_hours=1,
)


def fee(percent: Decimal) -> Money:
    return Money(int(PRICE.amount * percent / 100), PRICE.currency)


each_locale = pytest.mark.parametrize("locale", sorted(LANGUAGES))


@pytest.mark.parametrize(
    ("locale", "price", "hold", "share"),
    [
        ("en", "12,345.50 EUR", "14,814.60 EUR", "12.5 percent of the price (1,543.18 EUR)"),
        ("de", "12.345,50_EUR", "14.814,60_EUR", "12,5 Prozent des Preises (1.543,18_EUR)"),
        ("fr", "12~345,50_EUR", "14~814,60_EUR", "12,5_% du prix (1~543,18_EUR)"),
        ("es", "12.345,50_EUR", "14.814,60_EUR", "el 12,5_% del precio (1.543,18_EUR)"),
        ("it", "12.345,50_EUR", "14.814,60_EUR", "1.543,18_EUR (12,5% del prezzo)"),
    ],
)
def test_amounts_and_shares_are_written_as_the_language_does(locale, price, hold, share):
    words = text(RICH, PRICE, "Europe/Berlin", locale)

    for expected in (price, hold, share):
        assert expected.replace("_", NO_BREAK).replace("~", NARROW) in words
    assert "Europe/Berlin" in words


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (1_234_567, "jpy", "1,234,567 JPY"),
        (1_234_560, "kwd", "1,234.560 KWD"),
        (123_400, "isk", "1,234 ISK"),
        (500, "ugx", "5 UGX"),
        (17_501, "huf", "175.01 HUF"),
        (999_999_999_900, "idr", "9,999,999,999.00 IDR"),
        (5, "usd", "0.05 USD"),
    ],
)
def test_amounts_have_the_decimals_that_people_write(amount, currency, written):
    assert LANGUAGES["en"].amount(Money(amount, currency)) == written
    assert LANGUAGES["de"].amount(Money(amount, currency)) == written.translate(
        {ord(","): ".", ord("."): ",", ord(" "): NO_BREAK}
    )


@each_locale
def test_one_is_not_many(locale):
    words, language = text(RICH, PRICE, None, locale), LANGUAGES[locale]

    assert f"1 {language.hour[0]}" in words
    assert f"24 {language.hour[1]}" in words
    assert f"60 {language.minute[1]}" in words
    assert language.minutes(1) == f"1 {language.minute[0]}"
    assert language.hours(0) == f"0 {language.hour[1]}"


@each_locale
def test_nothing_is_left_to_fill_in_and_every_sentence_ends(locale):
    for policy in (DEFAULT, RICH, replace(RICH, capture_on_attendance=False, no_show_fee=Amount(0))):
        words = text(policy, PRICE, "Europe/Berlin", locale)

        assert not re.search(r"[{}]|\s\s|\s\.", words)
        assert words.endswith(".")
        assert words.count(".") >= 6


def names(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


@each_locale
@pytest.mark.parametrize("field", [each.name for each in fields(Language)])
def test_a_sentence_takes_the_same_in_every_language(locale, field):
    there, here = getattr(LANGUAGES[locale], field), getattr(LANGUAGES["en"], field)

    if isinstance(here, str):
        assert names(there) == names(here)
        assert there or not here


@each_locale
def test_each_clause_is_said_only_where_it_holds(locale):
    say = LANGUAGES[locale]
    free = replace(DEFAULT, cancellation_tiers=(), no_show_fee=Percent(Decimal(0)))
    strict = replace(DEFAULT, booking_grace_minutes=0, no_show_grace_minutes=0)
    late = replace(DEFAULT, free_cancellation_hours=0, cancellation_tiers=(Tier(0, Percent(Decimal(100))),))
    lenient = replace(DEFAULT, cancellation_tiers=(Tier(24, Percent(Decimal(0))), Tier(2, Percent(Decimal(100)))))

    assert say.moving in text(DEFAULT, PRICE, None, locale)
    assert say.moving not in text(free, PRICE, None, locale)
    assert say.free_to_the_start in text(free, PRICE, None, locale)
    assert say.no_show_free in text(free, PRICE, None, locale)
    assert say.contest.format(minutes=say.minutes(90)) in text(RICH, PRICE, None, locale)
    assert say.minute[1] not in text(strict, PRICE, None, locale)
    assert say.tier_after_the_start.split("{")[0] in text(late, PRICE, None, locale)
    assert say.free_to_the_start in text(late, PRICE, None, locale)
    assert say.tier_free.format(hours=say.hours(24)) in text(lenient, PRICE, None, locale)
    by_order = replace(DEFAULT, no_show_capture=NoShowCapture.STAFF)
    assert say.no_show_after_grace.format(minutes=say.minutes(30)) not in text(by_order, PRICE, None, locale)


@each_locale
def test_tiers_are_said_as_they_are_met_on_the_way_to_the_start_and_the_last_behind_it(locale):
    say = LANGUAGES[locale]
    shares = {0: Decimal(90), 24: Decimal(20), 12: Decimal(50)}
    tiers = tuple(Tier(hours, Percent(share)) for hours, share in shares.items())
    words = text(replace(DEFAULT, cancellation_tiers=tiers), PRICE, None, locale)

    said = [
        *(
            say.tier.format(hours=say.hours(each), charge=say.share(shares[each], fee(shares[each])))
            for each in (24, 12)
        ),
        say.tier_after_the_start.format(charge=say.share(shares[0], fee(shares[0]))),
    ]
    assert " ".join(said) in words


@each_locale
def test_who_attends_pays_the_price_or_only_what_the_organiser_says(locale):
    say = LANGUAGES[locale]
    released = replace(DEFAULT, capture_on_attendance=False)

    assert say.attended_price.format(price=say.amount(PRICE)) in text(DEFAULT, PRICE, None, locale)
    assert say.attended in text(released, PRICE, None, locale)
    assert say.attended not in text(DEFAULT, PRICE, None, locale)


@each_locale
def test_a_fee_is_said_as_it_would_be_taken(locale):
    """At most the hold, and nothing where Stripe would refuse to capture so little."""
    small = Money(60, "eur")
    words = text(replace(DEFAULT, no_show_fee=Amount(9000)), small, None, locale)
    waived = text(replace(DEFAULT, no_show_fee=Percent(Decimal(50))), small, None, locale)

    assert LANGUAGES[locale].amount(Money(72, "eur")) in words
    assert LANGUAGES[locale].amount(Money(9000, "eur")) not in words
    assert LANGUAGES[locale].no_show_free in waived


@given(
    st.sampled_from(sorted(LANGUAGES)), st.integers(0, money.MAXIMUM_CHARGE), st.sampled_from(sorted(money.CURRENCIES))
)
def test_an_amount_in_any_language_can_be_read_back(locale, amount, currency):
    language = LANGUAGES[locale]
    amount -= amount % money.minor_step(currency)

    digits, code = language.amount(Money(amount, currency)).rsplit(language.space, 1)

    number = Decimal(digits.replace(language.group, "").replace(language.point, "."))
    assert int(number * 10 ** money.decimals(currency)) == amount
    assert code == currency.upper()


# --- which language ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "header", "locale"),
    [
        (None, None, "en"),
        ("de", None, "de"),
        ("de-AT", "fr", "de"),
        ("DE_at", None, "de"),
        ("pt-BR", None, "en"),
        ("pt-BR", "it;q=0.3, es", "es"),
        (None, "de-CH, fr;q=0.9, en;q=0.8", "de"),
        (None, "fr;q=0.2, it;q=0.9", "it"),
        (None, "pt, *;q=0.5", "en"),
        (None, "de;q=0, fr;q=0.1", "fr"),
        (None, "de;q=0", "en"),
        (None, "fr ; q=0.5 , de ; q = 0.6", "de"),
        (None, ";;;,,,q=,de;q=nonsense", "en"),
        (None, "x" * 10_000, "en"),
        (None, ",".join(["pt"] * 30 + ["de"]), "en"),  # nobody reads that far
        ("", "es-419", "es"),
        (None, ",".join(["de"] + ["pt"] * 30), "de"),
        (None, "fr;q=1, de", "fr"),  # no weight is a weight of 1
        (None, "fr;q=0.9, de", "de"),
    ],
)
def test_the_language_is_the_one_that_was_asked_for_if_it_is_spoken_here(wanted, header, locale):
    assert locale_for(wanted, header) == locale


@given(st.text(), st.text())
def test_whatever_is_asked_for_there_is_an_answer(wanted, header):
    assert locale_for(wanted, header) in LANGUAGES
