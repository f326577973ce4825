"""`python -m operate.verify_log`: checks the log of every booking, and names each line that is not what was written and
each amount that does not follow from the lines before it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from holdfast import derivation
from holdfast.log import Fault, verify
from holdfast.settings import Settings
from holdfast.store.bookings import Bookings
from holdfast.store.tables import Tables
from operate.target import Target, add_arguments, chosen

_PROGRESS = 1000


def main() -> int:
    """0: every chain holds, and every amount follows. 1: some do not, and are named. Reads only."""
    parser = argparse.ArgumentParser(prog="operate.verify_log", description=__doc__)
    add_arguments(parser)
    parser.add_argument("booking_id", nargs="*", help="only these bookings")
    arguments = parser.parse_args()
    target = chosen(arguments)
    names = target.resources()
    tables = {"BOOKINGS_TABLE": names["BookingsTable"], "TRANSACTIONS_TABLE": names["TransactionsTable"]}
    bookings = Bookings(target.client("dynamodb"), Tables(Settings(tables)))
    checked = broken = 0
    for booking_id in arguments.booking_id or _every_id(target, names["BookingsTable"]):
        checked += 1
        faults = check(bookings, booking_id)
        broken += bool(faults)
        for fault in faults:
            print(f"{booking_id} line {fault.sequence}: {fault.what}")
        if checked % _PROGRESS == 0:
            print(f"{checked} bookings checked, {broken} broken", file=sys.stderr)
    print(f"{checked} bookings checked, {broken} broken")
    return 1 if broken else 0


def check(bookings: Bookings, booking_id: str) -> list[Fault]:
    """What is wrong with this booking's log. One that changes while it is read is read again."""
    while True:
        booking = bookings.get(booking_id)
        if booking is None:
            return [Fault(0, "there is no such booking")]
        lines = list(bookings.all_lines(booking_id))
        faults = verify(lines, expected_length=booking.sequence, expected_head=booking.chain_head)
        faults = faults or derivation.check(lines)
        after = bookings.get(booking_id)
        if not faults or (after is not None and after.version == booking.version):
            return faults


def _every_id(target: Target, table: str) -> Iterator[str]:
    pages = target.client("dynamodb").get_paginator("scan").paginate(TableName=table, ProjectionExpression="booking_id")
    for page in pages:
        yield from (item["booking_id"]["S"] for item in page["Items"])


if __name__ == "__main__":
    sys.exit(main())
