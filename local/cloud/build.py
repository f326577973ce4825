"""Builds the template for this machine with SAM, unless the last build was of the very same sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from local.cloud.places import BUILD, LOCAL, PYTHON, ROOT, RUNTIME, TEMPLATE, UV, sam_environment
from local.cloud.processes import Processes

_MARK = BUILD / ".built-from"


def build(processes: Processes) -> bool:
    """Whether anything had to be built."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "build.lock").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        sources = _fingerprint()
        if _MARK.exists() and _MARK.read_text() == sources:
            return False
        shutil.rmtree(BUILD, ignore_errors=True)
        # What tests and tools compiled on the way would travel in the functions' packages.
        for folder in (ROOT / "functions").rglob("__pycache__"):
            shutil.rmtree(folder, ignore_errors=True)
        processes.run("build", _command(), _environment())
        _MARK.write_text(sources)
        return True


def _command() -> list[str | Path]:
    return [
        *(PYTHON, "-m", "samcli", "build", "--template-file", TEMPLATE, "--build-dir", BUILD),
        *("--parameter-overrides", f"Stage=local PythonRuntime={RUNTIME}"),
    ]


def _environment() -> dict[str, str]:
    """The user's own, for uv may need proxies and certificates to download what its cache lacks."""
    return (
        dict(os.environ)
        | sam_environment()
        | {
            "LAYER_UV": str(UV),
            "LAYER_PYTHON": str(PYTHON),
            "LAYER_RUNTIME": RUNTIME,
            "LAYER_ARCHITECTURE": "host",
            "UV_PYTHON_DOWNLOADS": "never",
        }
    )


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{RUNTIME} {ROOT}".encode())
    for file in sorted({each for each in _sources() if each.is_file() and "__pycache__" not in each.parts}):
        digest.update(f"\n{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield TEMPLATE
    yield from (ROOT / "layers").glob("*/*")
    for folder in ("layers/holdfast/holdfast", "functions"):
        yield from (ROOT / folder).rglob("*")
