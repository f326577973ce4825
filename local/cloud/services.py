"""The three processes that stand in for AWS, for Stripe and for whoever signs tokens."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from local.cloud.places import EMULATOR, EMULATOR_START, PYTHON, bare_environment
from local.cloud.processes import Process, Processes, ProcessFailed

_START_SECONDS = 30.0
_TRIES = 5


@dataclass(frozen=True)
class Services:
    aws_url: str
    stripe_url: str
    issuer_url: str
    stripe_secret_key: str
    stripe_publishable_key: str

    @property
    def clock_url(self) -> str:
        return f"{self.stripe_url}/_simulator/clock"


def start_services(processes: Processes, state: Path) -> Services:
    """All three at once: none needs another to start."""
    state.mkdir(parents=True, exist_ok=True)
    secret_key, publishable_key = (f"{kind}_test_{secrets.token_hex(16)}" for kind in ("sk", "pk"))
    keys = ["--secret-key", secret_key, "--publishable-key", publishable_key]
    stripe = _with_port_file(
        processes,
        "stripe",
        [PYTHON, "-m", "local.stripe_simulator", *keys, "--database", state / "stripe.sqlite"],
        state,
    )
    issuer = _with_port_file(processes, "issuer", [PYTHON, "-m", "local.token_issuer"], state)
    return Services(
        aws_url=_start_emulator(processes, state),
        stripe_url=_ready(*stripe, "/_simulator/health"),
        issuer_url=_ready(*issuer, "/health"),
        stripe_secret_key=secret_key,
        stripe_publishable_key=publishable_key,
    )


def _with_port_file(processes: Processes, name: str, command: list[str | Path], state: Path) -> tuple[Process, Path]:
    """The process takes a free port itself and writes down which."""
    port_file = state / f"{name}.port"
    port_file.unlink(missing_ok=True)
    arguments = [*command, "--port", "0", "--port-file", port_file]
    return processes.start(name, arguments, bare_environment()), port_file


def _ready(process: Process, port_file: Path, health: str) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not (port_file.exists() and port_file.read_text().strip()):
        process.check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{process.name} did not start within {_START_SECONDS:.0f} s{process.tail()}")
        time.sleep(0.02)
    port = int(port_file.read_text())
    url = f"http://127.0.0.1:{port}"
    # Everybody knows it under this port from now on.
    process.command = [str(port) if part == "0" else part for part in process.command]
    _wait_for(process, url + health)
    return url


def _start_emulator(processes: Processes, state: Path) -> str:
    """It wants to be told a port, so another process may be quicker: then another port is tried."""
    for _ in range(_TRIES - 1):
        port = _free_port()
        process = _spawn_emulator(processes, port, state)
        try:
            _wait_for(process, f"http://127.0.0.1:{port}/_ministack/health")
        except ProcessFailed:
            if "already in use" not in process.tail():
                raise
            processes.stop(process)
            continue
        return f"http://127.0.0.1:{port}"
    raise ProcessFailed(f"the AWS emulator found no free port in {_TRIES} tries")


def _spawn_emulator(processes: Processes, port: int, state: Path) -> Process:
    scratch = state / "tmp"
    scratch.mkdir(exist_ok=True)
    environment = bare_environment() | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # It checks every call of a function against the role that the template gives it, as AWS does.
        "AUTH": "true",
        # It looks for containers to clean up unless there is no such socket; there are none of ours.
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        # What it holds outlives it, until the local cloud ends.
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "aws"),
        # Its own archives of functions and layers go where ours go.
        "TMPDIR": str(scratch),
    }
    return processes.start("aws", [EMULATOR, EMULATOR_START], environment)


def _wait_for(process: Process, url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False, timeout=2) as client:
        while True:
            process.check()
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{process.name} did not answer within {_START_SECONDS:.0f} s{process.tail()}")
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
