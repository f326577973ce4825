"""Whatever is asked in whatever order: sums hold, memory and database agree, refusals leave no trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stripe_simulator import Simulator
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.store import Store
from tests.simulator import schema

CARDS = ["pm_card_visa", "pm_card_createDispute", "pm_card_4000000000007726", "pm_card_4000000000005126"]
CARDS += ["pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required", "pm_card_createDisputeInquiry", "mine"]
STEPS = st.one_of(
    st.tuples(st.just("hold"), st.sampled_from(CARDS), st.integers(50, 5000), st.booleans()),
    st.tuples(st.just("capture"), st.integers(0, 5), st.integers(-1, 6000)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("refund"), st.integers(0, 5), st.integers(1, 4000)),
    st.tuples(st.just("advance"), st.sampled_from([1, 60, 86_400, 410_401, 604_801, 11_000_000])),
    st.tuples(st.just("authenticate"), st.integers(0, 5), st.sampled_from(["succeeded", "failed"])),
    st.tuples(st.just("tell"), st.sampled_from([None, "do_not_honor", "authentication_required"]), st.integers(0, 2)),
    st.tuples(st.just("expire"), st.integers(0, 5), st.sampled_from(["canceled", "expired"])),
    st.tuples(st.just("settle"), st.integers(0, 5), st.sampled_from(["failed", "canceled", "pending", "succeeded"])),
    st.tuples(st.just("dispute"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("decide"), st.sampled_from(["won", "lost", "needs_response", "warning_closed"]), st.booleans()),
)


class Story:
    def __init__(self, database: Path | None = None) -> None:
        self.simulator = Simulator(clock=lambda: 1_795_464_000, seed=3, database=database)
        transport = InProcessHTTPClient(self.simulator, self._check)
        self.client = stripe.StripeClient("sk_test_x", http_client=transport, max_network_retries=0)
        self.intents: list[str] = []
        self.customer = self.client.v1.customers.create({}).id
        # One card that is told what to do, so that rules have something to be about.
        self.card = self.client.v1.payment_methods.attach("pm_card_visa", {"customer": self.customer}).id

    def _check(self, request: Any, answer: Any) -> None:
        found = schema.faults_of_answer(request.method, request.path, answer.status, json.loads(answer.content))
        assert not found, found

    def take(self, step: tuple[Any, ...]) -> None:
        before = snapshot(self.simulator)
        try:
            getattr(self, step[0])(*step[1:])
        except stripe.CardError as error:
            self.intents.append(error.json_body["error"]["payment_intent"]["id"])  # type: ignore[index]
        except stripe.InvalidRequestError:
            assert snapshot(self.simulator) == before, f"{step} was refused and left a trace"
        except (ValueError, IndexError):
            pass

    def hold(self, card: str, amount: int, off_session: bool) -> None:
        params: Any = {"amount": amount, "currency": "usd", "confirm": True, "capture_method": "manual"}
        params |= {"customer": self.customer, "payment_method": self.card if card == "mine" else card}
        params["off_session"] = off_session
        self.intents.append(self.client.v1.payment_intents.create(params).id)

    def capture(self, which: int, amount: int) -> None:
        params: Any = {} if amount < 0 else {"amount_to_capture": amount}
        self.client.v1.payment_intents.capture(self.intents[which], params)

    def cancel(self, which: int) -> None:
        self.client.v1.payment_intents.cancel(self.intents[which])

    def refund(self, which: int, amount: int) -> None:
        self.client.v1.refunds.create({"payment_intent": self.intents[which], "amount": amount})

    def advance(self, seconds: int) -> None:
        self.simulator.advance(seconds)

    def authenticate(self, which: int, outcome: str) -> None:
        path = f"/_simulator/payment_intents/{self.intents[which]}/authenticate"
        self.simulator.control("POST", path, {"outcome": outcome})

    def tell(self, decline_code: str | None, times: int) -> None:
        body = {"payment_method": self.card, "decline_code": decline_code, "times": times}
        self.simulator.control("POST", "/_simulator/cards", body)

    def expire(self, which: int, status: str) -> None:
        path = f"/_simulator/payment_intents/{self.intents[which]}/expire"
        self.simulator.control("POST", path, {"status": status})

    def settle(self, which: int, status: str) -> None:
        refund = list(self.simulator.store.rows("refund"))[which]
        self.simulator.control("POST", f"/_simulator/refunds/{refund}", {"status": status, "after_seconds": 70})

    def dispute(self, which: int, inquiry: bool) -> None:
        body = {"payment_intent": self.intents[which], "inquiry": inquiry}
        self.simulator.control("POST", "/_simulator/disputes", body)

    def decide(self, status: str, later: bool) -> None:
        dispute = list(self.simulator.store.rows("dispute"))[-1]
        body = {"status": status, **({"after_seconds": 70} if later else {})}
        self.simulator.control("POST", f"/_simulator/disputes/{dispute}", body)


def snapshot(simulator: Simulator) -> Any:
    objects = simulator.control("GET", "/_simulator/state")["objects"]
    objects.pop("idempotency", None)
    return {name: rows for name, rows in objects.items() if rows}


def check_sums(simulator: Simulator) -> None:
    objects = snapshot(simulator)
    refunds = objects.get("refund", [])
    balance = objects.get("balance_transaction", [])
    for charge in objects.get("charge", []):
        own = [each for each in refunds if each["charge"] == charge["id"]]
        given_back = sum(each["amount"] for each in own if each["status"] in {"succeeded", "pending"})
        assert charge["amount_refunded"] == given_back
        assert given_back <= (charge["amount_captured"] if charge["captured"] else charge["amount"])
        assert charge["amount_captured"] <= charge["amount"]
        assert charge["captured"] == (charge["balance_transaction"] is not None)
        moved = {each["id"] for each in (charge, *own)}
        disputes = {each["id"] for each in objects.get("dispute", []) if each["charge"] == charge["id"]}
        total = sum(each["amount"] for each in balance if each["source"] in moved | disputes)
        disputed = sum(each["amount"] for each in balance if each["source"] in disputes)
        assert -charge["amount_captured"] <= disputed <= 0
        assert total == charge["amount_captured"] - (given_back if charge["captured"] else 0) + disputed
    for intent in objects.get("payment_intent", []):
        held = intent["status"] == "requires_capture"
        assert intent["amount_capturable"] == (intent["amount"] if held else 0)
        assert (intent["amount_received"] > 0) == (intent["status"] == "succeeded")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=14))
def test_sums_hold_after_any_story(steps: list[tuple[Any, ...]]):
    story = Story()
    for step in steps:
        story.take(step)
        check_sums(story.simulator)
    story.simulator.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=10))
def test_the_database_remembers_exactly_what_memory_knew(tmp_path: Path, steps: list[tuple[Any, ...]]):
    database = tmp_path / "story.db"
    database.unlink(missing_ok=True)
    story = Story(database)
    for step in steps:
        story.take(step)
    knew = story.simulator.control("GET", "/_simulator/state")
    story.simulator.close()

    again = Simulator(clock=lambda: 1_795_464_000, database=database)
    remembers = again.control("GET", "/_simulator/state")
    again.close()
    assert {name: rows for name, rows in remembers["objects"].items() if rows} == {
        name: rows for name, rows in knew["objects"].items() if rows
    }
    assert remembers["clock"] == knew["clock"]


def test_a_broken_transaction_leaves_nothing():
    store = Store()
    with store.transaction():
        store.insert("t", "kept", {"n": 1})

    def breaks() -> None:
        with store.transaction():
            store.edit("t", "kept")["n"] = 2
            store.insert("t", "new", {"n": 3})
            with store.transaction():
                store.delete("t", "kept")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        breaks()
    assert store.rows("t") == {"kept": {"n": 1}}
    with pytest.raises(RuntimeError, match="transaction"):
        store.insert("t", "x", {})


def test_thousands_of_requests_a_second_in_process():
    """The reason for the in-process transport; the bound is loose, and of CPU time, for busy machines."""
    import time

    story = Story()
    client = stripe.StripeClient("sk_test_x", http_client=InProcessHTTPClient(story.simulator))
    intent = client.v1.payment_intents.create({"amount": 100, "currency": "usd"}).id
    began = time.process_time()
    for _ in range(500):
        client.v1.payment_intents.retrieve(intent)

    assert time.process_time() - began < 2.5
    story.simulator.close()
