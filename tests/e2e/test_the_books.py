"""At the end of a suite, or of a day: every log that the API serves verifies, and says what Stripe says."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.cloud.stack import TABLES
from tests.e2e.people import People
from tests.simulation.invariants import AT_REST_ONLY, RULES, violations
from tests.simulation.sides import book_side, stripe_side

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")


def verify(lines: list[dict[str, Any]]) -> None:
    """As the contract describes it, without any code of ours."""
    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        hashed = {name: value for name, value in line.items() if name != "entry_hash"}
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
        assert line["sequence"] == number
        assert line["previous_hash"] == previous
        assert line["entry_hash"] == hashlib.sha256(text.encode()).hexdigest()
        previous = line["entry_hash"]


def test_the_log_that_is_served_verifies_also_page_by_page(people: People) -> None:
    _, booking_id = people.held(people.event(title="Yoga für Anfänger 🧘"))
    people.ask("staff", "POST", f"/bookings/{booking_id}/waive", {"reason": "Zug “verspätet”"}, key=None)
    people.complete(booking_id, 1000)

    lines = people.log(booking_id, limit=2)

    assert len(lines) > 4
    verify(lines)


def test_every_booking_says_what_stripe_says_and_its_log_adds_up(people: People) -> None:
    """All that the tests before this one left behind."""
    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    state = people.control("GET", "state")["objects"]
    intents = {intent["id"]: intent for intent in state["payment_intent"]}
    refunds = [refund for refund in state.get("refund", []) if refund["status"] in ("succeeded", "pending")]
    bookings = people.everything("staff", "/bookings")
    assert bookings
    for booking in bookings:
        lines = people.log(booking["booking_id"])
        verify(lines)
        started = {line["operation_id"] for line in lines if line["status"] == "started"}
        ended = {line["operation_id"] for line in lines if line["status"] != "started"}
        if booking["payment_status"] not in ("authorizing", "capturing", "releasing", "refunding"):
            assert started <= ended, lines
        if booking["hold"] is None:
            continue
        intent = intents[booking["hold"]["payment_intent_id"]]
        assert booking["captured"] == intent["amount_received"], (booking, lines)
        sent_back = sum(each["amount"] for each in refunds if each["payment_intent"] == intent["id"])
        if booking["captured"]:
            assert booking["refunded"] == sent_back, (booking, lines)
        assert 0 <= booking["refunded"] <= booking["captured"] <= booking["hold"]["amount"]


def test_the_invariants_hold_over_everything_that_the_suite_left_behind(people: People) -> None:
    """The same ones as for simulations, over the deployed tables and Stripe's own state, where nothing is under way."""
    people.eventually(lambda: people.messages_in("stripe_events") == 0, "the events were not taken")
    rows = people.control("GET", "state")["objects"]
    objects = {table: {row["id"]: row for row in found if "id" in row} for table, found in rows.items()}
    # Somebody else's shop is on the same account, too.
    objects["payment_intent"] = {
        name: row for name, row in objects["payment_intent"].items() if "deployment" in row["metadata"]
    }
    stripe = stripe_side(objects, deployment=people.stack.stack_name)
    names = {logical: people.stack.tables[name] for name, logical in TABLES.items()}
    book = book_side(lambda logical: people.items(names[logical]) if logical in names else ())

    found = violations(stripe, book, people.now(), rules=[rule for rule in RULES if rule not in AT_REST_ONLY])

    assert book.bookings
    assert found == []


def test_the_command_that_verifies_logs_finds_nothing(people: People) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "operate.verify_log", "--stack-file", str(people.stack_file)],
        cwd=root,
        env={"PYTHONPATH": str(root / "layers" / "holdfast"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_nothing_was_given_up_on_the_way(people: People) -> None:
    for queue in people.stack.queues:
        if queue.endswith("dead_letters"):
            assert people.messages_in(queue) == 0, queue
