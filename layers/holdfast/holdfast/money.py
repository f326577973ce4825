"""Amounts as integers in minor units with their currency, and the smallest steps and amounts that Stripe accepts.

Sources: docs.stripe.com/currencies (presentment currencies, zero-decimal and three-decimal currencies, special cases,
minimum and maximum charge amounts). Nothing here is a float: ratios and percents are `Decimal`, arithmetic is in
`Fraction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from holdfast.errors import RuleRefused

# Stripe accepts eight digits in any currency ("999,999.99" in those with two decimals), and more in some whose unit is
# small. Its page has given several limits for cards over the years; these are the ones that never were above what it
# gave. A network may allow less (American Express nine digits): then Stripe refuses, and nothing is blocked.
MAXIMUM_CHARGE: Final = 99_999_999


def _codes(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The minor unit is the unit itself: 500 is JPY 500.
_ZERO_DECIMAL: Final = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")

# Three decimals, of which card networks carry two: Stripe wants the last digit to be 0 (KWD 5.124 is 5120 or 5130).
_THREE_DECIMAL: Final = _codes("bhd jod kwd omr tnd")

# Without cents in life, but Stripe's API keeps two decimals that must be 00: ISK 5 is 500. (HUF and TWD are special
# only for payouts, which Holdfast does not make; charges in them have ordinary cents.)
_WHOLE_UNITS_WRITTEN_WITH_CENTS: Final = _codes("isk ugx")

_TWO_DECIMAL: Final = _codes(
    """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop
    crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd
    kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr
    pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd xcg
    yer zar zmw"""
)

# Stripe publishes a minimum for these (for BGN it did, until the lev gave way to the euro); for the others it converts
# to the settlement currency and judges there, which nobody can know beforehand, so a single step is the only bound that
# is certain.
_MINIMUM: Final[Mapping[str, int]] = MappingProxyType(
    {
        "usd": 50, "aed": 200, "ars": 50, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cop": 50,
        "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50, "inr": 50,
        "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 50, "pln": 200, "ron": 200,
        "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "zar": 50,
    }
)  # fmt: skip

_MAXIMUM: Final[Mapping[str, int]] = MappingProxyType(
    {
        "idr": 999_999_999_999,
        "lbp": 99_999_999_999,
        "cop": 9_999_999_999,
        "huf": 9_999_999_999,
        "jpy": 9_999_999_999,
        "inr": 999_999_999,
    }
)

CURRENCIES: Final = _ZERO_DECIMAL | _THREE_DECIMAL | _WHOLE_UNITS_WRITTEN_WITH_CENTS | _TWO_DECIMAL


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units of `currency` (lower-case ISO 4217)."""

    amount: int
    currency: str

    def __str__(self) -> str:
        return f"{as_decimal(self)} {self.currency.upper()}"


def is_supported(currency: str) -> bool:
    return currency in CURRENCIES


def decimals(currency: str) -> int:
    """How many digits of the minor-unit integer stand behind the point."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def written_decimals(currency: str) -> int:
    """How many digits people write behind the point: none for ISK and UGX, which have no cents in life."""
    return 0 if currency in _WHOLE_UNITS_WRITTEN_WITH_CENTS else decimals(currency)


def minor_step(currency: str) -> int:
    """The smallest difference between two amounts that Stripe accepts, in minor units."""
    if currency in _THREE_DECIMAL:
        return 10
    return 100 if currency in _WHOLE_UNITS_WRITTEN_WITH_CENTS else 1


def minimum_charge(currency: str) -> int:
    """The smallest amount that Stripe charges, in minor units; at least one step."""
    return max(_MINIMUM.get(currency, 1), minor_step(currency))


def maximum_charge(currency: str) -> int:
    """The largest amount that Stripe charges, in minor units, on a step."""
    return round_down(_MAXIMUM.get(currency, MAXIMUM_CHARGE), currency)


def is_chargeable(amount: int, currency: str) -> bool:
    """Whether Stripe takes exactly this amount as a charge or capture."""
    return minimum_charge(currency) <= amount <= maximum_charge(currency) and amount % minor_step(currency) == 0


def round_up(amount: Decimal | Fraction | int, currency: str) -> int:
    """The smallest multiple of the step that is not less than `amount` minor units."""
    step = minor_step(currency)
    return -(-Fraction(amount) // step) * step


def round_down(amount: Decimal | Fraction | int, currency: str) -> int:
    """The largest multiple of the step that is not more than `amount` minor units."""
    step = minor_step(currency)
    return Fraction(amount) // step * step


def hold_amount(price: Money, ratio: Decimal) -> int:
    """What is blocked on the card for `price`: price x ratio, rounded up to the step, in minor units."""
    return round_up(price.amount * Fraction(ratio), price.currency)


def percent_of(price: Money, percent: Decimal) -> int:
    """`percent` hundredths of the price, rounded down to the step (in the customer's favour), in minor units."""
    return round_down(price.amount * Fraction(percent) / 100, price.currency)


def as_decimal(money: Money) -> str:
    """The amount as people write it, without the currency: `12.50`, `500` for yen, `5.120` for Kuwaiti dinar, `5` for
    500 hundredths of an Icelandic krona.
    """
    sign, whole, fraction = parts(money)
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parts(money: Money) -> tuple[str, int, str]:
    """What people write of an amount: its sign (or nothing), whole units, and the digits behind the point (or none)."""
    digits = decimals(money.currency)
    whole, rest = divmod(abs(money.amount), 10**digits)
    shown = written_decimals(money.currency) or (digits if rest else 0)
    return "-" if money.amount < 0 else "", whole, f"{rest:0{digits}d}" if shown else ""


def validate_price(price: Money, ratio: Decimal = Decimal(1)) -> None:
    """Raise `RuleRefused` for a price that Stripe could not charge, or whose hold (price x `ratio`) is too large."""
    currency = price.currency
    if not is_supported(currency):
        raise RuleRefused.at("/price/currency", "The currency is not supported. Write it as lower-case ISO 4217.")
    if price.amount % minor_step(currency):
        raise RuleRefused.at("/price/amount", f"Amounts in {currency} must be multiples of {minor_step(currency)}.")
    if price.amount < minimum_charge(currency):
        raise RuleRefused.at("/price/amount", f"The smallest amount that can be charged is {minimum_charge(currency)}.")
    if hold_amount(price, ratio) > maximum_charge(currency):
        raise RuleRefused.at(
            "/price/amount", f"The hold would be above the largest possible: {maximum_charge(currency)}."
        )
