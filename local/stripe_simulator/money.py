"""Which amounts Stripe takes in which currency, and how it writes them."""

from __future__ import annotations

from local.stripe_simulator.errors import refused
from local.stripe_simulator.switches import Switches

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# UGX has no minor unit, yet amounts are given in hundredths that must be whole; ISK likewise (D/I).
SPECIAL_CASE = frozenset({"ugx", "isk"})
CURRENCIES = (
    ZERO_DECIMAL
    | THREE_DECIMAL
    | frozenset(
        """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf
        cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr
        isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn
        nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb
        tjs top try ttd twd tzs uah uyu uzs wst xcd xcg yer zar zmw""".split()
    )
)
# Eight digits, and more where the unit is small (D; the page's figures for cards changed over the years).
MAXIMUM = {
    **dict.fromkeys(CURRENCIES, 99_999_999),
    "cop": 9_999_999_999,
    "huf": 9_999_999_999,
    "idr": 999_999_999_999,
    "inr": 999_999_999,
    "jpy": 9_999_999_999,
    "lbp": 99_999_999_999,
}
MINIMUM = {
    **dict.fromkeys("usd ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd zar".split(), 50),
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def written(amount: int, currency: str) -> str:
    if currency in ZERO_DECIMAL and currency not in SPECIAL_CASE:
        digits = f"{amount:,}"
    elif currency in THREE_DECIMAL:
        digits = f"{amount / 1000:,.3f}"
    else:
        digits = f"{amount / 100:,.2f}"
    return f"{_SYMBOLS[currency]}{digits}" if currency in _SYMBOLS else f"{digits} {currency}"


def check_currency(currency: str) -> str:
    wanted = currency.lower()
    if wanted not in CURRENCIES:
        raise refused(
            f"Invalid currency: {wanted}. Stripe currently supports these currencies: {', '.join(sorted(CURRENCIES))}",
            "currency",
        )
    return wanted


def check_amount(amount: int, currency: str, switches: Switches) -> None:
    minimum = MINIMUM.get(currency, 1)
    if switches.enforce_minimum_amount and amount < minimum:
        least = f"Amount must be at least {written(minimum, currency)} {currency}"
        raise refused(least, "amount", code="amount_too_small")
    if amount > MAXIMUM[currency]:
        most = f"Amount must be no more than {written(MAXIMUM[currency], currency)}"
        raise refused(most, "amount", code="amount_too_large")
    if currency in THREE_DECIMAL and amount % 10:
        raise refused(f"Amounts in {currency} must be a multiple of 10: the last digit is always 0.", "amount")
    if switches.special_case_currencies and currency in SPECIAL_CASE and amount % 100:
        raise refused(f"Amounts in {currency} must be a multiple of 100: it has no minor unit.", "amount")
