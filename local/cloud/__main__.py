"""`python -m local.cloud run | demo | up | build`"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from local.cloud import function_logs
from local.cloud.aws import Aws
from local.cloud.build import build
from local.cloud.places import LOCAL, PYTHON, ROOT
from local.cloud.processes import Processes, ProcessFailed, Progress
from local.cloud.running import Running, running_cloud
from local.cloud.stack import Stack


class Stopped(BaseException):
    """Somebody asked for the end. Not an Exception: nothing on the way may take it for a failure to be handled."""


class AlreadyRunning(Exception):
    """One folder holds one running cloud."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.cloud", description="The local cloud.")
    parser.add_argument(
        "command",
        choices=("run", "demo", "up", "build", "logs"),
        help="run: demo, then stay; demo: leave after it; up: no demo; build: sam build; logs: fetch functions' logs",
    )
    command = parser.parse_args().command
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _stop)
    threading.Thread(target=_stop_with_whoever_started_us, daemon=True).start()
    try:
        if command == "build":
            return _build()
        if command == "logs":
            return _logs()
        with _alone():
            return _serve(command)
    except (ProcessFailed, AlreadyRunning) as failed:
        print(f"\n{failed}", file=sys.stderr, flush=True)
        return 1
    except Stopped:
        with suppress(OSError):  # the terminal may be what has gone
            print("\nStopped; nothing is left running.", flush=True)
        return 0 if command in ("run", "up") else 130


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once is enough; what follows must not disturb the stopping.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    raise Stopped


def _stop_with_whoever_started_us() -> None:
    """Make that was killed and a terminal that was closed do not always pass a signal on."""
    parent, terminal = os.getppid(), os.isatty(1)
    while os.getppid() == parent and os.isatty(1) == terminal:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _alone() -> Iterator[None]:
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "run.lock").open("w") as mutex:
        try:
            fcntl.flock(mutex, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("The local cloud runs in this folder already; see .local/stack.json.") from None
        yield


def _build() -> int:
    say = Progress()
    with Processes(LOCAL / "logs") as processes:
        say("built with sam build" if build(processes) else "nothing to build: sources are as they were")
    return 0


def _logs() -> int:
    try:
        stack = json.loads((LOCAL / "stack.json").read_text())
    except FileNotFoundError:
        print("No local cloud runs in this folder; the logs of the last one are in .local/logs.", file=sys.stderr)
        return 1
    folder = Path(stack["logs"]) / "functions"
    function_logs.fetch(Aws(stack["aws_endpoint_url"]), stack["functions"], folder)
    print(f"The functions' logs are in {folder}")
    return 0


def _serve(command: str) -> int:
    with running_cloud(say=Progress()) as running:
        code = 0 if command == "up" else _demo(running)
        if command == "demo":
            return code
        _tell(running.stack)
        while True:
            running.processes.check()
            time.sleep(1)


def _demo(running: Running) -> int:
    # The demo checks the log's hashes with the layer's own code.
    layer = str(ROOT / "layers" / "holdfast")
    environment = dict(os.environ) | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONPATH": layer}
    code = running.processes.show("demo", [PYTHON, "-m", "local.demo"], environment)
    if code != 0:
        print(f"The demo failed with exit code {code}; logs of every process are in {running.stack.logs}", flush=True)
    return code


def _tell(stack: Stack) -> None:
    curl = f'curl -s -H "Authorization: Bearer {stack.staff_token}" "{stack.api_url}/bookings?limit=3"'
    print(
        f"""
The local cloud is up. Everything about it is in .local/stack.json.
  API      {stack.api_url}
  Webhook  {stack.webhook_url}
  Stripe   {stack.stripe_url}
  Clock    {stack.clock_url}
  Tokens   {stack.issuer_url}/token
  AWS      {stack.aws_endpoint_url}

Try, as staff:
{curl}

Ctrl-C ends it and leaves nothing behind.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
