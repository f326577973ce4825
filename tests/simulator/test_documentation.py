"""The page about the simulator: every example in it works."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stripe_simulator import Simulator, cards, faults
from tests.simulator.remote import PUBLISHABLE
from tests.simulator.test_over_http import SECRET, Process

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, "--publishable-key", PUBLISHABLE)
    yield process
    process.end()


def test_every_example_runs(process: Process):
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    assert script.count("control ") > 25
    environment = {
        "SIM": process.url,
        "KEY": SECRET,
        "PK": PUBLISHABLE,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "NO_PROXY": "*",
    }
    command = ["bash", "-euo", "pipefail", "-c", script]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr + done.stdout[-2000:]


def test_switches_faults_controls_and_cards_are_all_there():
    simulator = Simulator()
    missing = [name for name in simulator.switches.as_json() if f"| `{name}` |" not in PAGE]
    missing += [kind for kind in faults.KINDS if f"| `{kind}` |" not in PAGE]
    for method, shape in simulator._control._routes:
        pattern = re.escape(shape).replace(r"\*", r"\$[A-Z]+")
        if not re.search(rf'control {method} "?{pattern}"?(\s|$)', PAGE, re.MULTILINE):
            missing.append(f"{method} {shape}")
    missing += [number for number in cards.BY_NUMBER if number not in PAGE and f"…{number[-4:]}" not in PAGE]
    simulator.close()

    assert missing == []
