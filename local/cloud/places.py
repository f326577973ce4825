"""Where things lie in the repository's folder; nothing is kept anywhere else."""

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOCAL: Final = ROOT / ".local"
TEMPLATE: Final = ROOT / "template.yaml"
BUILD: Final = LOCAL / "build"
EMULATOR: Final = LOCAL / "emulator" / "bin" / "python"
EMULATOR_START: Final = ROOT / "local" / "cloud" / "emulator.py"

PYTHON: Final = ROOT / ".venv" / "bin" / "python"
UV: Final = ROOT / ".venv" / "bin" / "uv"
RUNTIME: Final = "python{}.{}".format(*sys.version_info[:2])

REGION: Final = "us-east-1"


def sam_environment() -> dict[str, str]:
    """SAM CLI keeps its settings here instead of in the user's home, and tells nobody about us."""
    return {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(LOCAL / "sam")}


def bare_environment() -> dict[str, str]:
    """For processes that must not notice whose machine this is: no AWS profile, no proxy, no Python settings."""
    kept = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ", "USER")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
