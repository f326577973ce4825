"""Draws docs/states.md from the tables in `holdfast.booking`, or with nothing to say checks that it is as they are.

`python -m local.states --write` writes it; `make check` runs it without.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "states.md"
sys.path.insert(0, str(ROOT / "layers" / "holdfast"))

from holdfast.booking import MAY_BEGIN, TRANSITIONS, Status  # noqa: E402

# A renewal leaves the status as it is: the old hold stands until the new one does.
_OURS: Final = {
    "authorize": "authorizing",
    "schedule": "authorizing",
    "renew": "held",
    "capture": "capturing",
    "release": "releasing",
    "refund": "refunding",
}


def page() -> str:
    """The page as the tables have it."""
    begins = [
        f"    {status} --> {_OURS[kind]}: {kind}"
        for kind, statuses in MAY_BEGIN.items()
        for status in sorted(statuses)
        if status != _OURS[kind]
    ]
    rows = [
        f"| `{status}` | {', '.join(f'`{after}`' for after in sorted(TRANSITIONS[status])) or 'nothing'} |"
        for status in Status
    ]
    return "\n".join(
        [
            "# The states of a booking's money",
            "",
            "Drawn from `layers/holdfast/holdfast/booking.py` by `make states`; do not edit.",
            "",
            "`payment_status` is computed from the facts. What we begin ourselves:",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> authorizing: authorize, or schedule",
            *begins,
            "    authorizing --> held",
            "    authorizing --> scheduled: the card is saved",
            "    held --> expired: the authorization lapsed",
            "    authorizing --> action_required: 3-D Secure",
            "    authorizing --> declined",
            "    action_required --> held: authenticated",
            "    action_required --> declined: failed, or too late",
            "    capturing --> captured",
            "    releasing --> released",
            "    refunding --> partially_refunded",
            "    refunding --> refunded",
            "    captured --> disputed",
            "```",
            "",
            "Everything that may follow, also by what Stripe, a bank or somebody in the dashboard does; anything else",
            "is refused, and nothing of it is written:",
            "",
            "| from | to |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.states", description=__doc__)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        PAGE.write_text(page())
        return 0
    if not PAGE.exists() or PAGE.read_text() != page():
        print(f"{PAGE.relative_to(ROOT)} is not what the tables say; make states writes it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
