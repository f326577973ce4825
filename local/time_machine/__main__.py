"""`python -m local.time_machine`: one event from 60 days before to 120 days after, on one virtual clock, offline.

The deployed handlers run on an emulation of AWS in this process, and the unmodified Stripe SDK on the simulator.
Nothing waits: the clock jumps to whatever is due next. Exits 1 if a booking ends elsewhere than it should.
"""

from __future__ import annotations

import logging
import os
import sys
import time

from local.time_machine.machine import ENVIRONMENT, Machine
from local.time_machine.story import Story


def main() -> int:
    os.environ.update(ENVIRONMENT)
    logging.disable(logging.CRITICAL)  # the functions' own log lines; what happened is in the log of each booking
    started = time.monotonic()
    with Machine.started() as machine:
        well = Story(machine).play()
    seconds = time.monotonic() - started
    verdict = "Every booking ended where it should" if well else "A booking ended elsewhere than it should"
    print(f"\n{verdict}: 180 days in {seconds:.0f} seconds.", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
