"""Prints each booking's life from its log, as it happens, and checks in the end where it went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from holdfast.log import verify
from local.demo.doors import Doors, Unexpected

_PATIENCE = 60.0
_FRACTIONS = {"eur": 2, "jpy": 0}


def amount(value: int | None, currency: str) -> str:
    if value is None:
        return ""
    digits = _FRACTIONS[currency]
    return f"{value / 10**digits:.{digits}f} {currency.upper()}"


@dataclass
class Life:
    """One booking: whose, what it shows, and what has to be true of it in the end."""

    name: str
    booking_id: str
    expected: dict[str, Any]
    printed: int = 0


@dataclass
class Lives:
    doors: Doors
    all: list[Life] = field(default_factory=list)

    def add(self, name: str, booking_id: str, **expected: Any) -> Life:
        life = Life(name, booking_id, expected)
        self.all.append(life)
        self.show()
        return life

    def booking(self, life: Life) -> dict[str, Any]:
        return self.doors.must(200, "staff", "GET", f"/bookings/{life.booking_id}")

    def log(self, life: Life) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/bookings/{life.booking_id}/transactions?limit=100{cursor}"
            page = self.doors.must(200, "staff", "GET", path)
            lines += page["items"]
            if page["next_cursor"] is None:
                return lines
            cursor = f"&cursor={page['next_cursor']}"

    def show(self) -> None:
        """Print the lines that are new."""
        for life in self.all:
            lines = self.log(life)
            for line in lines[life.printed :]:
                money = amount(line["amount"], line["currency"])
                why = f"{line['actor']}: {line['reason']}" if line["reason"] else line["actor"]
                moment = line["created_at"].replace("T", " ").removesuffix("Z")
                print(
                    f"  {moment}  {life.name:<24} {line['kind']:<14} {line['status']:<10} {money:>10}  {why}",
                    flush=True,
                )
            life.printed = len(lines)

    def wait_for(self, life: Life, **wanted: Any) -> None:
        """The clock's steps go through a queue: give them time, printing what happens."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.show()
            booking = self.booking(life)
            if all(booking[name] == value for name, value in wanted.items()):
                self.show()
                return
            time.sleep(0.3)
        raise Unexpected(f"{life.name} did not become {wanted} within {_PATIENCE:.0f} s: {self.booking(life)}")

    def judge(self) -> bool:
        """One line per booking: where it ended, and whether that is where it should."""
        print("\nWhere each booking ended:", flush=True)
        verdicts = [self._judged(life) for life in self.all]
        return all(verdicts)

    def _judged(self, life: Life) -> bool:
        booking, lines = self.booking(life), self.log(life)
        faults = [
            f"{name} is {booking[name]}, not {wanted}"
            for name, wanted in life.expected.items()
            if booking[name] != wanted
        ]
        head = lines[-1]["entry_hash"]
        faults += [fault.what for fault in verify(lines, expected_length=len(lines), expected_head=head)]
        currency = booking["price"]["currency"]
        where = (
            f"{booking['payment_status']:<19} {booking['outcome']:<10} "
            f"captured {amount(booking['captured'], currency):>10}  "
            f"refunded {amount(booking['refunded'], currency):>10}"
        )
        print(f"  {'ok ' if not faults else 'BAD'} {life.name:<24} {where}  {'; '.join(faults)}", flush=True)
        return not faults
