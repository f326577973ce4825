"""What the functions logged, fetched from the emulator into a file for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.cloud.aws import Aws


def fetch(aws: Aws, functions: Mapping[str, str], folder: Path) -> None:
    """Overwrites what an earlier fetch has left; a function that was never called has no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.log"):
        left.unlink()
    for name, function in functions.items():
        lines = _lines(aws, f"/aws/lambda/{function}")
        if lines:
            (folder / f"{name}.log").write_text("\n".join(lines) + "\n")


def _lines(aws: Aws, group: str) -> list[str]:
    pages = aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"].rstrip() for page in pages for event in page["events"]]
