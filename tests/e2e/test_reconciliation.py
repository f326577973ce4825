"""A night of the deployed function: a webhook that never came is made up for, and the command says what there was."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.reconciliation import midnight
from tests.e2e.people import People

# One worker for all of it, so that one cloud is enough.
pytestmark = pytest.mark.xdist_group("e2e")
ROOT = Path(__file__).parents[2]


def command(people: People, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """`make reconcile` as it is: its exit code, and what it says of each day."""
    done = subprocess.run(
        [sys.executable, "-m", "operate.reconcile", "--stack-file", str(people.stack_file), "--json", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "layers" / "holdfast"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def of_booking(days: list[dict[str, Any]], booking_id: str) -> list[tuple[str, str]]:
    return [
        (each["kind"], each["state"]) for day in days for each in day["findings"] if each["booking_id"] == booking_id
    ]


def test_what_no_webhook_told_is_named_by_the_command_and_adopted_by_the_night(people: People) -> None:
    _, missed = people.held(people.event(starts_in=timedelta(days=4)))
    people.control("POST", "webhooks", {"mode": "hold"})
    people.dashboard.v1.payment_intents.capture(people.intent_of(missed), {"amount_to_capture": 1234})
    today: datetime = people.now()
    day = today.date().isoformat()
    people.advance(seconds=(midnight(today.date()) + timedelta(hours=27) - today).total_seconds())

    code, said = command(people, "--from", day)
    answer = people.aws("lambda").invoke(FunctionName=people.stack.functions["reconcile_day"], Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    _, kept = command(people, "--from", day, "--report")
    _, then = command(people, "--from", day)

    assert (code, of_booking(said, missed)) == (1, [("missed_capture", "left")])
    assert of_booking(kept, missed) == [("missed_capture", "adopted")]
    assert of_booking(then, missed) == []
    booking = people.booking(missed)
    assert (booking["payment_status"], booking["captured"]) == ("captured", 1234)
    assert people.story(missed)["external succeeded"] == 1
