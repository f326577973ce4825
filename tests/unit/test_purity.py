"""The pure modules import only the standard library and each other; handlers do not reach AWS or Stripe themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = ROOT / "layers" / "holdfast" / "holdfast"
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))

# What decides about money is a function of its arguments: no clock, no I/O, no AWS, no Stripe. So it can be read
# without knowing any of them, tested exhaustively in milliseconds, and trusted when a simulation replays it.
PURE = frozenset(
    """
    answers booking call_failures cancellation cancellation_quotes cancellation_schedule coverage declines
    derivation differences dispute dispute_adoption dispute_clock dispute_evidence dispute_settlement dispute_story
    domain_event_types domain_events effects errors event evidence_fields facts hints hold_settlement log measures
    money movements moving next_step no_show placing policy policy_coherence policy_input policy_languages
    policy_terms policy_text rebooking reconcile reconciliation refund_rules reminders served served_disputes
    served_terms settlement sightings staffs_list stripe_objects sums suspects venue_time
    """.split()
)
# Of the standard library, what reads the world or changes it.
IMPURE = frozenset(
    "asyncio http io os pathlib queue random secrets select shutil signal socket sqlite3 subprocess sys tempfile "
    "threading time urllib uuid".split()
)
OUTSIDE = frozenset({"boto3", "botocore", "stripe"})
# The door for Stripe's events starts without the composition root, so it builds its own two clients of AWS.
BUILDS_ITS_CLIENTS = {"receive_stripe_event": {"boto3", "botocore"}}


def imported(path: Path) -> Iterator[str]:
    """Everything a module imports, wherever in it, by its dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = str(node.module)
            yield from (f"{module}.{name.name}" for name in node.names) if module == "holdfast" else [module]


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_the_standard_library_and_pure_modules_only(module):
    for name in imported(DOMAIN / f"{module}.py"):
        top, _, rest = name.partition(".")
        if top == "holdfast":
            assert rest.split(".")[0] in PURE, f"{module} imports {name}"
        else:
            assert top in sys.stdlib_module_names, f"{module} imports {name}"
            assert top not in IMPURE, f"{module} imports {name}"


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_never_asks_what_time_it_is(module):
    tree = ast.parse((DOMAIN / f"{module}.py").read_text(encoding="utf-8"))
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert not asked & {"now", "utcnow", "today"}


def test_there_are_handlers():
    assert len(HANDLERS) > 20


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_talks_to_aws_and_stripe_through_the_domain_only(path):
    reached = {name.split(".")[0] for name in imported(path)} & OUTSIDE

    assert reached == BUILDS_ITS_CLIENTS.get(path.parent.name, set())
