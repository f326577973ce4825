"""`python -m tests.simulation`, which is `make simulate`."""

from __future__ import annotations

import sys

from tests.simulation.running import main

if __name__ == "__main__":
    sys.exit(main())
