"""Tells a history as a story: one line for each action with its time and what came of it, and the logs that it left."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from tests.simulation.customers import VERBS as CUSTOMERS
from tests.simulation.history import Action
from tests.simulation.playing import Played
from tests.simulation.staff import VERBS as STAFF

_SAID: Final = ("event", "card", "part", "outcome", "verdict", "status", "code", "when", "spell", "charge_fee", "key")
_ID: Final = re.compile(r"bk_[0-9a-f]{32}")
_LONGEST: Final = 150


def story(played: Played) -> list[str]:
    """What happened, oldest first; then the log of each booking that a finding names, or of all."""
    history = played.history
    lines = [f"Seed {history.seed}, from {history.begins:%Y-%m-%d %H:%M}. {_climate(played)}"]
    lines += [_line(played, each.at, _sentence(played, each.action), each.result, each.met) for each in played.told]
    named = {booking_id for finding in played.findings for booking_id in _ID.findall(finding)}
    for booking_id, log in played.lines.items():
        if not named or booking_id in named:
            lines.append(f"The log of {played.labels.get(booking_id, booking_id)}:")
            lines += [_logged(played, line) for line in log]
    lines += [f"FOUND {_labelled(played, finding)}" for finding in played.findings]
    return lines


def _climate(played: Played) -> str:
    climate = played.history.climate
    said = {
        "webhooks late": climate.manner.late,
        "doubled": climate.manner.doubled,
        "dropped": climate.manner.dropped,
        "never sent": climate.manner.gone,
        "troubles by themselves": climate.trouble,
        "twice at once": climate.parallel,
    }
    words = [f"{name} {share:.0%}" for name, share in said.items() if share]
    words += [f"clocks differ by up to {climate.skew:.0f} s"] if climate.skew else []
    return ("All goes well by itself." if not words else f"By themselves: {', '.join(words)}.").strip()


def _line(played: Played, at: datetime, sentence: str, result: str, met: Iterable[str]) -> str:
    troubles = "; ".join(met)
    shown = f"{_when(played, at)}  {sentence} -> {_labelled(played, result)[:_LONGEST]}"
    return f"{shown}  [{troubles}]" if troubles else shown


def _when(played: Played, at: datetime) -> str:
    days = (at.date() - played.history.begins.date()).days
    return f"day {days:>3} {at:%H:%M:%S}"


def _sentence(played: Played, action: Action) -> str:
    booking = str(action.what.get("booking", ""))
    if action.do in CUSTOMERS:
        who = action.what.get("user") or f"{booking}'s customer"
        words = [str(who), action.do]
    elif action.do in STAFF:
        words = ["staff", action.do]
    else:
        words = [action.do]
    words += [booking] if booking else []
    words += [_detail(name, action.what[name]) for name in _SAID if action.what.get(name) is not None]
    if action.do == "put an event":
        starts = played.history.begins.timestamp() + float(action.what["starts"])
        when = _when(played, datetime.fromtimestamp(starts, played.history.begins.tzinfo))
        words.append(f"({action.what['amount']} {action.what['currency']}, starts {when}, {action.what['policy']})")
    return " ".join(words)


def _detail(name: str, value: Any) -> str:
    return str(value) if name in ("event", "card", "spell", "outcome", "verdict", "status") else f"{name}={value}"


def _logged(played: Played, line: dict[str, Any]) -> str:
    at = datetime.fromisoformat(line["created_at"])
    amount = "" if line["amount"] is None else f" {line['amount']}"
    reason = f" ({line['reason']})" if line["reason"] else ""
    change = f"{line['details']['before']} -> {line['details']['after']}"
    return f"  {_when(played, at)}  {line['kind']} {line['status']}{amount} by {line['actor']}{reason}: {change}"


def _labelled(played: Played, text: str) -> str:
    return _ID.sub(lambda found: played.labels.get(found[0], found[0]), text)
