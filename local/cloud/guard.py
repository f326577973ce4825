"""Outlives whoever started it, if only for a moment: kills the process groups that it left behind.

It reads a group per line, negative when that has ended. Its input ends when the runner ends, however that came about:
an answer to `kill -9`, a closed terminal and a crash alike, on every Unix. The files named as its arguments tell of
those processes, and go with them.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line)
        if group > 0:
            groups.append(group)
        elif -group in groups:
            groups.remove(-group)
    # First of all: a new run may begin at once, and must not lose what it has written.
    for file in sys.argv[1:]:
        with contextlib.suppress(OSError):
            Path(file).unlink()
    for number, wait in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.0)):
        for group in reversed(groups):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        if groups:
            time.sleep(wait)


if __name__ == "__main__":
    main()
