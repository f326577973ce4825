"""The contract tests against Stripe's test mode: `STRIPE_SECRET_KEY=sk_test_… make stripe-contract`.

A plugin that only that command loads (`-p tests.simulator.against_stripe --against-stripe`): without it no test can
reach Stripe, whatever the environment holds. The key is read from STRIPE_SECRET_KEY and shown nowhere.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest
import stripe

from tests.simulator.account import ACCOUNT, SHOWN, STRIPE, Account, Patience

VARIABLE = "STRIPE_SECRET_KEY"
HOW = (
    f"Give {VARIABLE}=sk_test_…, the secret key of an account's test mode or sandbox; it is in Stripe's dashboard "
    "under Developers, API keys (https://dashboard.stripe.com/test/apikeys)."
)
ONLY_SIMULATED = "only the simulator can do this: "
GUESS = "inferred"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stripe")
    group.addoption("--against-stripe", action="store_true", help="run the contract tests against Stripe's test mode")
    # For the tests of this plugin: a simulator on this machine that stands in for Stripe, and is quicker.
    group.addoption("--stripe-stand-in", help=argparse.SUPPRESS)
    group.addoption("--stripe-hurry", type=float, default=1.0, help=argparse.SUPPRESS)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--against-stripe"):
        return
    # No process that a test starts gets to see it.
    key = checked(os.environ.pop(VARIABLE, ""))
    address = config.getoption("--stripe-stand-in") or STRIPE
    if address != STRIPE and urlsplit(address).hostname != "127.0.0.1":
        raise pytest.UsageError("a stand-in for Stripe lives on this machine: http://127.0.0.1:…")
    patience = Patience().divided(config.getoption("--stripe-hurry"))
    account = config.stash[ACCOUNT] = Account(key, address, patience)
    config.pluginmanager.register(_Run(account), "stripe-contract")


def checked(key: str) -> str:
    """The key, if it is one of a test mode; the refusal shows its kind and no more."""
    if not key:
        raise pytest.UsageError(f"No key. {HOW}")
    if key.startswith(("sk_live_", "rk_live_")):
        raise pytest.UsageError(f"A live key ({key[:SHOWN]}…) moves real money; nothing was sent. {HOW}")
    if not key.startswith(("sk_test_", "rk_test_")) or not key.isascii() or not key.isprintable() or " " in key:
        raise pytest.UsageError(f"That is no secret key of a test mode; nothing was sent. {HOW}")
    return key


class _Run:
    """What is skipped, what is told, and what is kept quiet."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._simulated: dict[str, list[str]] = defaultdict(list)
        self._outcomes: dict[str, str] = {}

    def pytest_report_header(self) -> str:
        kind = "test mode" if self._account.address == STRIPE else "a stand-in"
        return f"contract with {self._account.address} ({kind}, version {stripe.api_version})"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Other tests than those of the contract have a simulator of their own, and nothing to say about Stripe."""
        others = [item for item in items if "far" not in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in others]
        if others:
            config.hook.pytest_deselected(items=others)
        for item in items:
            mark = item.get_closest_marker("simulated")
            if mark is not None:
                self._simulated[mark.args[0]].append(item.name)
                item.add_marker(pytest.mark.skip(reason=ONLY_SIMULATED + mark.args[0]))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        text = str(report.longrepr)
        if report.longrepr is not None and (hidden := self._account.hidden(text)) != text:
            report.longrepr = hidden
        report.sections = [(name, self._account.hidden(content)) for name, content in report.sections]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self._outcomes[name] = "differs"
        elif report.when == "call" and report.passed:
            self._outcomes[name] = "agrees"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        terminalreporter.section(f"contract with {self._account.address}")
        guesses = {name: outcome for name, outcome in self._outcomes.items() if GUESS in name}
        facts = {name: outcome for name, outcome in self._outcomes.items() if GUESS not in name}
        for what, outcomes in (("facts", facts), ("guesses", guesses)):
            differ = sorted(name for name, outcome in outcomes.items() if outcome == "differs")
            write(f"{len(outcomes)} {what} ran: {len(outcomes) - len(differ)} agree, {len(differ)} differ")
            for name in differ:
                write(f"    {name}")
        write(f"{sum(map(len, self._simulated.values()))} only the simulator can do:")
        for reason, names in sorted(self._simulated.items()):
            write(f"  {reason}: {len(names)}")
            for name in names:
                write(f"    {name}")
        self._list(terminalreporter, "fields that came and are not in the schema", self._account.unknown_fields)
        self._list(terminalreporter, "could not be cleaned up", set(self._account.left_behind))

    def _list(self, reporter: pytest.TerminalReporter, what: str, found: set[str]) -> None:
        if found:
            reporter.write_line(f"{len(found)} {what}:")
        for each in sorted(found):
            reporter.write_line(f"    {self._account.hidden(each)}")
