"""The way to Stripe's test mode, walked as far as it goes without a network: to a stand-in that grants no favours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.stripe_simulator.wire import Request
from tests.simulator.account import ACCOUNT, Account
from tests.simulator.against_stripe import checked, pytest_configure
from tests.simulator.remote import on_simulator
from tests.simulator.stand_in import KEY, OTHERS, StandIn
from tests.simulator.test_over_http import Process

ROOT = Path(__file__).parents[2]
CONTRACT = sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("test_reference_*.py"))

PAGE = (ROOT / "docs" / "simulator.md").read_text()
ONLY_THE_SIMULATOR = PAGE[PAGE.index("| only the simulator |") : PAGE.index("## What is guessed")]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


def contract(key: str | None, *arguments: str) -> tuple[int, str]:
    """What `make stripe-contract` starts, as a process."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.simulator.against_stripe", "--against-stripe"]
    environment = {name: value for name, value in os.environ.items() if name != "STRIPE_SECRET_KEY"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if key is not None:
        environment["STRIPE_SECRET_KEY"] = key
    done = subprocess.run(
        [*command, "-q", "-o", "cache_dir=.local/pytest-contract", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def at(stand_in: StandIn, *arguments: str) -> list[str]:
    return ["--stripe-stand-in", stand_in.address, "--stripe-hurry", "50", *arguments]


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, text
    return int(found[1])


def test_the_whole_contract_holds_without_controls_in_an_account_that_others_use(stand_in: StandIn):
    code, told = contract(KEY, *at(stand_in, *CONTRACT))

    assert code == 0, told[-6000:]
    facts = number(r"(\d+) facts ran: \1 agree, 0 differ", told)
    guesses = number(r"(\d+) guesses ran: \1 agree, 0 differ", told)
    assert facts + guesses == number(r"(\d+) passed", told) > 140
    assert guesses > 40
    assert number(r"(\d+) only the simulator can do:", told) == number(r"(\d+) skipped", told) > 40
    reasons = set(re.findall(r"^  (\S.*): \d+$", told, re.MULTILINE))
    assert reasons == set(re.findall(r"^\| ([^|]+) \| [A-Z0-9a-z]", ONLY_THE_SIMULATOR, re.MULTILINE)) - {
        "only the simulator"
    }
    assert KEY not in told
    assert [each.path for each in stand_in.requests if "_simulator" in each.path] == []
    assert {each.header("stripe-version") for each in stand_in.requests} == {"2026-10-28.endive"}
    assert "could not be cleaned up" not in told
    _ended(stand_in)


def _ended(stand_in: StandIn) -> None:
    """Of what the run made, no customer is left and no payment waits; what others made is as it was."""
    rows = stand_in.simulator.store.rows
    customers = [row for row in rows("customer").values() if row["email"] != OTHERS]
    intents = [row for row in rows("payment_intent").values() if row["amount"] != 700]
    assert len(customers) > 100
    assert {row.get("_deleted", False) for row in customers} == {True}
    assert {row["status"] for row in intents} == {"canceled", "succeeded"}
    assert len({row["metadata"].get("holdfast_contract") for row in intents}) > 80, "each test has its own tag"
    others = [row for row in rows("payment_intent").values() if row["amount"] == 700]
    assert {row["status"] for row in others} == {"succeeded"}


def test_a_difference_is_found_a_new_field_is_told_and_the_key_is_not(stand_in: StandIn):
    def amend(request: Request, body: Any) -> Any:
        if request.path.endswith("/capture") and body.get("object") == "payment_intent":
            return {**body, "amount_received": "1200", "novelty": 1}
        return body

    stand_in.amend = amend
    chosen = ["-k", "row_capture or row_inquiry_with or row_hold", "--showlocals", "--tb=long"]
    code, told = contract(KEY, *at(stand_in, *CONTRACT, *chosen))

    assert code == 1
    names = "".join(f"    test_row_capture[{taken}]\n" for taken in (1000, 1200, 1))
    assert f"4 facts ran: 1 agree, 3 differ\n{names}" in told
    assert "1 guesses ran: 0 agree, 1 differ\n    test_row_inquiry_withdraws_nothing_inferred\n" in told
    assert re.search(
        r"1 fields that came and are not in the schema:\n    POST /v1/payment_intents/pi_…/capture.*novelty", told
    )
    assert "Bearer sk_test_…" in told, "the locals of the SDK hold the key"
    assert KEY not in told


@pytest.mark.parametrize(
    "key", [None, "", "sk_live_abc123abc123", "rk_live_abc123abc123", "pk_test_abc123", "whsec_abc123"]
)
def test_other_keys_are_refused_in_one_line_that_says_how_to_get_one(key: str | None):
    with pytest.raises(pytest.UsageError) as caught:
        checked(key or "")

    said = str(caught.value)
    assert "abc123" not in said
    assert "\n" not in said
    assert "https://dashboard.stripe.com/test/apikeys" in said
    assert ("live key" in said) == ("_live_" in (key or ""))


def test_a_key_is_looked_at_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    given: dict[str, Any] = {"--against-stripe": True, "--stripe-stand-in": None, "--stripe-hurry": 1.0}
    config: Any = SimpleNamespace(getoption=given.get, stash=pytest.Stash())
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_abc123abc123")

    with pytest.raises(pytest.UsageError, match="nothing was sent"):
        pytest_configure(config)

    assert ACCOUNT not in config.stash
    assert "STRIPE_SECRET_KEY" not in os.environ, "no process that a test starts is to see it"
    given["--stripe-stand-in"] = "https://example.com"
    monkeypatch.setenv("STRIPE_SECRET_KEY", KEY)
    with pytest.raises(pytest.UsageError, match="on this machine"):
        pytest_configure(config)


def test_a_key_that_happens_to_be_set_takes_no_test_to_stripe(monkeypatch: pytest.MonkeyPatch, request: Any):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_by_accident")
    far = request.getfixturevalue("far")

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", far.address)
    assert far.hold().status == "requires_capture"


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("uses", [True, False])
def test_the_mark_is_on_what_needs_the_simulator_and_on_nothing_else(server: Process, marked: bool, uses: bool):
    complaint = nullcontext() if marked == uses else pytest.raises(AssertionError, match="the mark `simulated`")
    with complaint, on_simulator(server, marked=marked) as stage:
        assert stage.hold().status == "requires_capture"
        if uses:
            stage.advance(1)


def test_only_its_own_target_takes_the_contract_to_stripe():
    recipes = (ROOT / "Makefile").read_text()
    users = [line for line in recipes.splitlines() if "--against-stripe" in line and line.startswith("\t")]

    assert len(users) == 1
    assert "--against-stripe tests/simulator/test_reference_" in users[0]
    assert "against_stripe" not in (ROOT / "pyproject.toml").read_text()


def test_an_account_shows_no_key_and_no_part_of_one():
    account = Account("sk_test_abcdefghijklmnop")

    with account.stage() as stage:
        assert "abcd" not in repr(account) + repr(stage)
    assert account.hidden("with sk_test_abcdefghijklmnop: no") == "with sk_test_…: no"
    assert account.hidden("'Bearer sk_test_abcdefg...bcdefghijklmnop', ...") == "'Bearer sk_test_…...…', ..."
