"""Stripe's test mode as a stage: no controls, events that come late, and an account that others use, too."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any

import pytest
import stripe

from tests.simulator.remote import FarStage, Inspected, Mark
from tests.simulator.stage import Fields

STRIPE = "https://api.stripe.com"
# sk_test_: the kind of a key, not its secret.
SHOWN = 8
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing")


class NotAtStripe(AssertionError):
    """Only the simulator can do that; the test has to say so with the mark `simulated`."""


@dataclass(frozen=True)
class Patience:
    """Seconds."""

    interval: float = 2.0
    # Nothing new for so long: that was all.
    quiet: float = 5.0
    # Not one event for so long: there is none.
    silence: float = 20.0
    # What Stripe does "some time later": verdicts, refunds that settle or fail.
    change: float = 300.0
    # By so much two of Stripe's machines may differ about the time.
    drift: float = 5.0

    def divided(self, by: float) -> Patience:
        return Patience(*(seconds / by for seconds in astuple(self)))


@dataclass
class Account:
    """Whose test mode the contract is compared with, and what became of it."""

    key: str = field(repr=False)
    address: str = STRIPE
    patience: Patience = field(default_factory=Patience)
    unknown_fields: set[str] = field(default_factory=set)
    left_behind: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self) -> Iterator[AccountStage]:
        stage = AccountStage(self)
        yield stage
        stage.clean_up()
        stage.transport.close()

    def tolerates(self, fault: str) -> bool:
        """A field more is no breach: Stripe may add one at any time. Too few, or of another type, are."""
        if not fault.endswith(": unknown"):
            return False
        nameless = re.sub(r"_[A-Za-z0-9]{8,}", "_…", fault.removesuffix(": unknown"))
        self.unknown_fields.add(re.sub(r"\[\d+\]", "[]", nameless))
        return True

    def hidden(self, text: str) -> str:
        """Without the key, and without what is left of it where a long line was cut."""
        for length in range(len(self.key), SHOWN + 2, -1):
            text = text.replace(self.key[:length], f"{self.key[:SHOWN]}…").replace(self.key[-length:], "…")
        return text


class AccountStage(FarStage):
    def __init__(self, account: Account) -> None:
        self._account = account
        # A contract test is about Stripe, not about the network in between; the SDK never retries a bare 429.
        super().__init__(account.address, account.key, Inspected(account.tolerates), retries=2)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        raise NotAtStripe(f"{method} {path}")

    def numbered(self, number: str) -> str:
        raise NotAtStripe("most accounts may not send card numbers, even in test mode")

    def phone(self) -> stripe.StripeClient:
        raise NotAtStripe("the publishable key of the account is not known")

    def told(self, after: Mark | None = None) -> list[Fields]:
        """Patient: an event can be read a little later than what it tells of."""
        patience, began = self._account.patience, time.monotonic()
        heard, changed = self._heard(after), began
        while True:
            time.sleep(patience.interval)
            again, now = self._heard(after), time.monotonic()
            if {event["id"] for event in again} != {event["id"] for event in heard}:
                heard, changed = again, now
            if now - changed >= (patience.quiet if heard else patience.silence):
                return again

    def _since(self) -> Fields:
        began = self.transport.began
        return {} if began is None else {"created[gte]": int(began - self._account.patience.drift)}

    def becomes(self, wanted: Any, look: Callable[[], Any], within: float = 0) -> Any:
        deadline = time.monotonic() + self._account.patience.change
        while (seen := look()) != wanted and time.monotonic() < deadline:
            time.sleep(self._account.patience.interval)
        return seen

    def now(self) -> int:
        return int(time.time())

    def is_now(self, moment: int) -> bool:
        return abs(moment - self.now()) <= 60

    def clean_up(self) -> None:
        """As far as Stripe allows: what was paid, refunded or disputed stays in the account, under our tag."""
        for name, seen in self.transport.objects.copy().items():
            try:
                self._end(name, seen)
            except stripe.StripeError as error:
                self._account.left_behind.append(f"{name}: {error.code or type(error).__name__}")

    def _end(self, name: str, seen: Fields) -> None:
        kind = seen.get("object")
        if seen.get("deleted"):
            return
        if kind in ("payment_intent", "setup_intent"):
            service = getattr(self.client.v1, f"{kind}s")
            if service.retrieve(name).status in OPEN:
                service.cancel(name)
        elif kind == "customer":
            self.client.v1.customers.delete(name)


ACCOUNT = pytest.StashKey[Account]()
