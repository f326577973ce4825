"""Writes every lock file, or with --check says whether they still fit: `make lock`, `make check`.

Versions are chosen from PyPI's own index and nothing else, whatever the machine is configured to use, so that no lock
names a mirror. Installing from the locks is free to follow the machine's configuration.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.bootstrap import certificates

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = ROOT / ".venv" / "bin" / "uv"
INDEX: Final = "https://pypi.org/simple"
LAYER: Final = Path("layers/dependencies/requirements.txt")
EMULATOR_WISHES: Final = Path("local/cloud/emulator.in")
EMULATOR: Final = Path("local/cloud/emulator.txt")


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something would change")
    return check() if parser.parse_args().check else write()


def write() -> int:
    uv("lock", "--upgrade", "--default-index", INDEX)
    (ROOT / LAYER).write_text(exported())
    uv(
        *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-header", "--default-index", INDEX, str(EMULATOR_WISHES), "-o", str(EMULATOR)),
    )
    return 0


def check() -> int:
    """Without the network: a lock either answers what pyproject.toml asks, or does not."""
    if subprocess.run([UV, "lock", "--check", "--offline", "--quiet"], cwd=ROOT, env=environment()).returncode != 0:
        return complain("uv.lock does not fit pyproject.toml")
    if (ROOT / LAYER).read_text() != exported():
        return complain(f"{LAYER} is not what uv.lock says")
    return 0


def exported() -> str:
    """What the layer installs: the project's own dependencies, without the tools."""
    return uv("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-header")


def uv(*arguments: str) -> str:
    done = subprocess.run([UV, *arguments], cwd=ROOT, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def environment() -> dict[str, str]:
    """The user's, for proxies and certificates, but without settings that would change what uv finds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    # Where packages and metadata are cached does not change which ones are chosen.
    kept |= {name: os.environ[name] for name in ("UV_CACHE_DIR", "UV_SYSTEM_CERTS") if name in os.environ}
    kept |= certificates()
    return kept | {
        "UV_NO_CONFIG": "1",
        "UV_PYTHON": str(ROOT / ".venv" / "bin" / "python"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv"),
    }


def complain(about: str) -> int:
    print(f"{about}: run make lock", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
