"""`python -m local.demo`: plays the demo against the running local cloud; 1 if a booking ends elsewhere than it
should.
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.demo.doors import Doors, Unexpected
from local.demo.story import Story

STACK = Path(__file__).parents[2] / ".local" / "stack.json"


def main() -> int:
    try:
        well = Story.begin(Doors.open(STACK)).play()
    except Unexpected as unexpected:
        print(f"\nThe demo stopped: {unexpected}", file=sys.stderr, flush=True)
        return 1
    print(
        "\nEvery booking ended where it should." if well else "\nA booking ended elsewhere than it should.", flush=True
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
