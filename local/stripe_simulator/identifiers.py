"""What ids look like, and which table an id belongs to."""

from __future__ import annotations

import random
import string
from typing import Any

TABLES = {
    "cus": "customer",
    "pm": "payment_method",
    "pi": "payment_intent",
    "seti": "setup_intent",
    "setatt": "setup_attempt",
    "ch": "charge",
    "re": "refund",
    "du": "dispute",
    "txn": "balance_transaction",
    "evt": "event",
    "we": "webhook_endpoint",
    "ephkey": "ephemeral_key",
}
# How Stripe words "No such …"; the rest use the object's own name.
SPOKEN = {"payment_method": "PaymentMethod", "setup_intent": "setupintent", "webhook_endpoint": "webhook endpoint"}
_ALPHABET = string.ascii_letters + string.digits


class Identifiers:
    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def token(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))

    def new(self, prefix: str) -> str:
        return f"{prefix}_{self.token(14 if prefix in {'cus', 'req'} else 24)}"

    def state(self) -> object:
        """Where the sequence of ids is, for `restore`."""
        return self._random.getstate()

    def restore(self, state: Any) -> None:
        self._random.setstate(state)


def table_of(id: str) -> str | None:
    return TABLES.get(id.partition("_")[0])
