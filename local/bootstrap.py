"""Installs the project's tools into .venv and the AWS emulator into .local/emulator, once, and again when a lock moves.

It runs before anything is installed, so it imports nothing but the standard library.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_MINOR = "{}.{}".format(*sys.version_info[:2])
UV = "uv==0.13.9"


class Refused(Exception):
    """The machine lacks something that only its owner can install; the message says what."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that remembers what it was made for and what was installed into it."""

    folder: Path
    lock: Path

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def fits(self) -> bool:
        """Scripts in an environment carry its path, and wheels the interpreter's minor version."""
        return (self.bin / "python").exists() and self._read(".origin") == self._origin()

    def is_installed(self) -> bool:
        return self.fits() and self._read(".installed") == self._contents()

    def mark_created(self) -> None:
        (self.folder / ".origin").write_text(self._origin())

    def mark_installed(self) -> None:
        (self.folder / ".installed").write_text(self._contents())

    def _origin(self) -> str:
        return f"{PYTHON_MINOR} {self.folder}"

    def _contents(self) -> str:
        return f"{UV} {hashlib.sha256(self.lock.read_bytes()).hexdigest()}"

    def _read(self, name: str) -> str | None:
        file = self.folder / name
        return file.read_text() if file.exists() else None


TOOLS = Environment(ROOT / ".venv", ROOT / "uv.lock")
# SAM CLI and the emulator pin different releases of botocore, so the emulator lives by itself.
EMULATOR = Environment(ROOT / ".local" / "emulator", ROOT / "local" / "cloud" / "emulator.txt")


def main() -> int:
    (ROOT / ".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "bootstrap.lock").open("w") as mutex:
        # Two makes in one clone at once: the second waits and then finds everything in place.
        fcntl.flock(mutex, fcntl.LOCK_EX)
        try:
            install_tools()
            install_emulator()
        except Refused as refused:
            print(refused, file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as failed:
            command = " ".join(str(part) for part in failed.cmd)
            print(f"Setting up failed with exit code {failed.returncode}: {command}", file=sys.stderr)
            return 1
    return 0


def install_tools() -> None:
    if TOOLS.is_installed():
        return
    started = time.monotonic()
    say("Installing the project's tools into .venv (the first time, and when uv.lock changes) ...")
    if not TOOLS.fits():
        create_tools()
    run(TOOLS.bin / "uv", "sync", "--frozen", "--quiet")
    TOOLS.mark_installed()
    say(f"Tools installed in {time.monotonic() - started:.0f} s.")


def create_tools() -> None:
    shutil.rmtree(TOOLS.folder, ignore_errors=True)
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-input", UV]
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", TOOLS.folder)
        run(TOOLS.bin / "python", "-m", "pip", *install)
    elif importlib.util.find_spec("pip"):
        # Debian ships venv and ensurepip apart; the machine's own pip can fill an environment from outside.
        run(sys.executable, "-m", "venv", "--without-pip", TOOLS.folder)
        run(sys.executable, "-m", "pip", "--python", TOOLS.bin / "python", *install)
    else:
        raise Refused(
            f"{sys.executable} has neither ensurepip nor pip. Install one (Debian: apt install python3-venv) "
            "or choose another Python: make PYTHON=python3.12 ..."
        )
    TOOLS.mark_created()


def install_emulator() -> None:
    if EMULATOR.is_installed():
        return
    started = time.monotonic()
    say("Installing the AWS emulator into .local/emulator ...")
    if not EMULATOR.fits():
        run(TOOLS.bin / "uv", "venv", "--quiet", "--clear", "--python", TOOLS.bin / "python", EMULATOR.folder)
        EMULATOR.mark_created()
    run(TOOLS.bin / "uv", "pip", "sync", "--quiet", "--python", EMULATOR.bin / "python", EMULATOR.lock)
    EMULATOR.mark_installed()
    say(f"Emulator installed in {time.monotonic() - started:.0f} s.")


def run(*command: str | Path) -> None:
    outside = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment |= certificates() | {
        # uv may use the interpreter that was chosen, and no other.
        "UV_PYTHON": str(TOOLS.bin / "python"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT_ENVIRONMENT": str(TOOLS.folder),
        "UV_NO_PROGRESS": "1",
    }
    subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)


def certificates() -> dict[str, str]:
    """uv trusts its own list of authorities unless told that the machine has one, where a company's own are found."""
    places = ("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls/certs")
    found = any(Path(place).exists() for place in places)
    return {"UV_SYSTEM_CERTS": "true"} if found and "UV_SYSTEM_CERTS" not in os.environ else {}


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
