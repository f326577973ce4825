"""The local cloud as a person starts it: it says where it is, and Ctrl-C or a kill leaves nothing of it behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

# Its own cloud, in a folder of its own; after the others, for two at once are too much for a small machine.
pytestmark = pytest.mark.xdist_group("e2e")

ROOT = Path(__file__).parents[2]
# `python -m local.cloud up`, but beside whatever runs in the repository's own folder.
UP = """
import functools, pathlib, sys
from local.cloud import __main__ as cloud
home = pathlib.Path(sys.argv.pop())
cloud.LOCAL, cloud.running_cloud = home, functools.partial(cloud.running_cloud, home)
sys.exit(cloud.main())
"""


def started(home: Path) -> subprocess.Popen[bytes]:
    output = (home / "output").open("wb")
    with output:
        return subprocess.Popen(
            [sys.executable, "-c", UP, "up", home], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )


def left_behind(home: Path) -> list[str]:
    """Processes that were started for this cloud: each has its folder in its command or its surroundings."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            about = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if int(process.name) != os.getpid() and str(home).encode() in about:
            found.append((process / "cmdline").read_text(errors="replace").replace("\0", " "))
    return found


def eventually(happened: Callable[[], bool], runner: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + 90
    while not happened():
        said = (home / "output").read_text(errors="replace")
        assert runner.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes where Linux keeps them")
@pytest.mark.parametrize(
    ("signals", "when"),
    [
        ([signal.SIGINT], "it is up"),
        ([signal.SIGINT, signal.SIGINT, signal.SIGTERM], "it is deploying"),
        ([signal.SIGKILL], "it is deploying"),
    ],
    ids=["Ctrl-C", "Ctrl-C in anger", "kill -9"],
)
def test_what_ends_the_runner_ends_everything(tmp_path: Path, signals: list[signal.Signals], when: str) -> None:
    runner = started(tmp_path)
    stack_file = tmp_path / "stack.json"
    try:
        if when == "it is up":
            eventually(stack_file.exists, runner, tmp_path)
            stack = json.loads(stack_file.read_text())
            bearer = {"Authorization": f"Bearer {stack['staff_token']}"}
            answer = httpx.get(f"{stack['api_url']}/bookings", headers=bearer, timeout=30, trust_env=False)
            assert answer.status_code == 200
        else:
            eventually((tmp_path / "logs" / "deploy.log").exists, runner, tmp_path)
        assert left_behind(tmp_path)
        for number in signals:
            os.killpg(runner.pid, number)  # as a terminal does
        code = runner.wait(timeout=60)
    finally:
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
            runner.wait()

    assert code == (-signal.SIGKILL if signal.SIGKILL in signals else 0), (tmp_path / "output").read_text()
    deadline = time.monotonic() + 20
    while left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left_behind(tmp_path) == []
    assert not stack_file.exists()
    if signal.SIGKILL not in signals:
        assert "nothing is left running" in (tmp_path / "output").read_text()
