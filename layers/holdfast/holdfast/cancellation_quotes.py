"""A quote for a cancellation: what it says, and the signed token that a customer gives back to be held to it.

Pure. Nothing is stored. The token carries when it was issued, the amount and a fingerprint of the terms (price, times,
policy, hold); its MAC covers besides whose it is and for which booking. As text it is
`q1.<key>.<issued>.<charges fee>.<amount>.<terms>.<mac>`, where `key` names the key that signed, so that one can be
exchanged for another while quotes are out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.policy import to_second

LIFE: Final = timedelta(minutes=5)
_VERSION: Final = "q1"
_TOKEN: Final = re.compile(
    r"q1\.(?P<key>[A-Za-z0-9_-]{8})\.(?P<issued>[0-9]{1,12})\.(?P<fee>[01])\.(?P<amount>[0-9]{1,15})"
    r"\.(?P<terms>[A-Za-z0-9_-]{16})\.(?P<mac>[A-Za-z0-9_-]{43})",
    re.ASCII,
)


class NotAQuote(Exception):
    """Malformed, forged, another caller's, or for another booking: the token does not say which."""


class KeyUnknown(NotAQuote):
    """Signed with a key that is not among those given: an older or a newer one, or a made-up one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelQuote:
    """What cancelling costs, in minor units of the booking's currency, if it is done before `expires_at`.

    `charges_fee` is false where staff cancel without one. `clause` is the rule that the amount follows from.
    """

    amount: int
    clause: str
    charges_fee: bool
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        """The last second in which the quote is honoured."""
        return self.issued_at + LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token carries."""

    issued_at: datetime
    charges_fee: bool
    amount: int
    terms: str


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key; `name` tells keys apart without saying anything about them."""

    secret: str

    @property
    def name(self) -> str:
        return _text(hashlib.sha256(b"holdfast quote key\0" + self.secret.encode()).digest())[:8]


def fingerprint(terms: Mapping[str, Any]) -> str:
    """16 characters (96 bits) that change with any of the terms. A cheat would have to be signed by us anyway."""
    return _text(hashlib.sha256(_canonical(terms)).digest())[:16]


def sign(token: Token, key: Key, *, booking_id: str, caller: str) -> str:
    """The token as text, for this caller and this booking alone."""
    said = [
        _VERSION,
        key.name,
        str(int(token.issued_at.timestamp())),
        "1" if token.charges_fee else "0",
        str(token.amount),
        token.terms,
    ]
    return ".".join([*said, _mac(said, key, booking_id, caller)])


def read(text: str, keys: Iterable[Key], *, booking_id: str, caller: str) -> Token:
    """What a token says, once its MAC is proved. Raises NotAQuote; KeyUnknown where another key may prove it."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise NotAQuote
    key = next((key for key in keys if key.name == found["key"]), None)
    if key is None:
        raise KeyUnknown
    said = text.split(".")[:-1]
    if not hmac.compare_digest(_mac(said, key, booking_id, caller), found["mac"]):
        raise NotAQuote
    return Token(
        issued_at=datetime.fromtimestamp(int(found["issued"]), UTC),
        charges_fee=found["fee"] == "1",
        amount=int(found["amount"]),
        terms=found["terms"],
    )


def is_over(quote: CancelQuote, now: datetime) -> bool:
    return to_second(now) > quote.expires_at


def _mac(said: list[str], key: Key, booking_id: str, caller: str) -> str:
    signed = _canonical(["cancellation-quote", *said, booking_id, caller])
    return _text(hmac.new(key.secret.encode(), signed, hashlib.sha256).digest())


def _canonical(value: Any) -> bytes:
    """No two values have the same text: unlike pieces that are only joined."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
