"""The processes of one local cloud: each in a group of its own, with a log of its own, and all gone at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.cloud.places import ROOT

_GRACE_SECONDS = 5.0
# For one that is to come back with what it knew.
_WRITES_DOWN_SECONDS = 60.0


class ProcessFailed(Exception):
    """One that was to stay has ended, or one that was to succeed has failed; the message shows the end of its log."""


class Process:
    """One process and whatever it started."""

    def __init__(
        self,
        name: str,
        popen: subprocess.Popen[bytes],
        log: Path | None,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.log = log
        # With what it is started again.
        self.command = command
        self.environment = environment
        self._popen = popen

    @property
    def group(self) -> int:
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def wait(self) -> int:
        return self._popen.wait()

    def check(self) -> None:
        """Raises ProcessFailed if it is not there any more."""
        if not self.is_running:
            raise ProcessFailed(f"{self.name} ended with exit code {self._popen.returncode}{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        if self.log is None or not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "; the end of " + str(self.log) + ":\n" + "\n".join(f"    {line}" for line in text)

    def ask_to_stop(self) -> None:
        self._signal(signal.SIGTERM)

    def stop(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Asks the whole group to end, then insists. Workers that outlive their parent are still in its group."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace_seconds)
        self._signal(signal.SIGKILL)
        self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)


class Processes:
    """Starts processes; when the block ends, or this very process does, none of them is left."""

    def __init__(self, logs: Path, *tell_of_them: Path) -> None:
        """`tell_of_them`: files that must not be there without the processes, even after `kill -9`."""
        self._logs = logs
        self._tell_of_them = tell_of_them
        self._running: list[Process] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "local.cloud.guard", *(str(file.absolute()) for file in self._tell_of_them)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running:
            process.ask_to_stop()
        for process in reversed(self._running):
            process.stop()
        if self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
        # What it still has on its list are groups that have just ended.
        self._guard.kill()
        self._guard.wait()

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Process:
        """A process that stays."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            return self._begin(name, command, environment, log=log, output=output.fileno())

    @contextlib.contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Without this process inside the block; after it, it runs again as it was started, its log goes on."""
        process = next(each for each in self._running if each.name == name)
        process.stop(_WRITES_DOWN_SECONDS)
        self._forget(process)
        try:
            yield
        finally:
            log = self._logs / f"{name}.log"
            with log.open("ab") as output:
                self._begin(name, process.command, process.environment, log=log, output=output.fileno())

    def run(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """A process that ends, and well. Raises ProcessFailed with the end of its log."""
        process = self.start(name, command, environment)
        code = process.wait()
        self._forget(process)
        if code != 0:
            raise ProcessFailed(f"{name} failed with exit code {code}{process.tail()}")

    def show(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> int:
        """A process that writes to the terminal; its exit code."""
        process = self._begin(name, command, environment, log=None, output=None)
        code = process.wait()
        self._forget(process)
        return code

    def check(self) -> None:
        """Raises ProcessFailed if one of those that were to stay has ended."""
        for process in self._running:
            process.check()

    def stop(self, process: Process) -> None:
        process.stop()
        self._forget(process)

    def _begin(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        log: Path | None,
        output: int | None,
    ) -> Process:
        popen = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            # Ctrl-C in the terminal reaches the runner alone, which then stops the others in order.
            start_new_session=True,
        )
        process = Process(name, popen, log, command, environment)
        self._running.append(process)
        self._tell_guard(process.group)
        return process

    def _forget(self, process: Process) -> None:
        self._running.remove(process)
        self._tell_guard(-process.group)

    def _tell_guard(self, group: int) -> None:
        if self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.write(f"{group}\n".encode())
                self._guard.stdin.flush()


class Progress:
    """Lines with the seconds since the start, so that nobody wonders whether anything happens."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {line}", flush=True)
