"""Processes of the local cloud: whatever ends the runner, none of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cloud.places import ROOT, bare_environment
from local.cloud.processes import Processes, ProcessFailed

# A child that starts a child of its own, as the emulator starts workers, and tells both.
FAMILY = [
    sys.executable,
    "-c",
    """
import os, subprocess, time
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
""",
]


def is_there(pid: int) -> bool:
    """Not a zombie, which only waits for somebody to ask how it ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def family(log: Path) -> list[int]:
    assert wait_for(lambda: log.exists() and len(log.read_text().split()) == 2)
    return [int(pid) for pid in log.read_text().split()]


def test_when_the_block_ends_nothing_is_left(tmp_path):
    with Processes(tmp_path) as processes:
        processes.start("family", FAMILY, bare_environment())
        pids = family(tmp_path / "family.log")
        assert all(map(is_there, pids))

    assert not any(map(is_there, pids))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
def test_when_the_runner_is_killed_nothing_is_left(tmp_path, number):
    script = f"""
import time
from pathlib import Path
from local.cloud.processes import Processes
with Processes(Path({str(tmp_path)!r})) as processes:
    processes.start("family", {FAMILY!r}, {bare_environment()!r})
    time.sleep(60)
"""
    runner = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    pids = family(tmp_path / "family.log")

    os.kill(runner.pid, number)
    runner.wait()

    assert wait_for(lambda: not any(map(is_there, pids)))


def test_what_tells_of_the_processes_does_not_outlive_them(tmp_path):
    stack_file = tmp_path / "stack.json"
    script = f"""
import time
from pathlib import Path
from local.cloud.processes import Processes
with Processes(Path({str(tmp_path)!r}), Path({str(stack_file)!r})):
    Path({str(stack_file)!r}).write_text("they are up")
    time.sleep(60)
"""
    runner = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    assert wait_for(stack_file.exists)

    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()

    assert wait_for(lambda: not stack_file.exists())


def test_a_failure_shows_the_end_of_its_log(tmp_path):
    with Processes(tmp_path) as processes, pytest.raises(ProcessFailed, match=r"exit code 3(?s:.*)out of paper"):
        processes.run("printer", [sys.executable, "-c", "print('out of paper'); raise SystemExit(3)"], {})


def test_one_that_was_to_stay_and_ended_is_noticed(tmp_path):
    with Processes(tmp_path) as processes:
        short = processes.start("short", [sys.executable, "-c", ""], {})
        assert wait_for(lambda: not short.is_running)

        with pytest.raises(ProcessFailed, match="short ended with exit code 0"):
            processes.check()


def test_the_processes_do_not_see_whose_machine_this_is(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")

    environment = bare_environment()

    assert "AWS_PROFILE" not in environment
    assert "HTTPS_PROXY" not in environment
    assert environment["AWS_CONFIG_FILE"] == os.devnull
