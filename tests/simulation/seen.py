"""What histories have reached: states of a booking and the moves between them, kinds of lines, actions, troubles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

from holdfast.booking import TRANSITIONS, Status
from holdfast.domain_event_types import KINDS
from holdfast.log import Line
from tests.simulation.playing import VERBS, Played
from tests.simulation.troubles import TROUBLES

MOVES = frozenset((str(before), str(after)) for before, following in TRANSITIONS.items() for after in following) - {
    (str(status), str(status)) for status in Status
}


@dataclass
class Seen:
    """How often each was seen. Counters add up, so that processes can count apart."""

    histories: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))

    @classmethod
    def in_history(cls, played: Played) -> Seen:
        seen = cls()
        counts = played.counts
        seen.histories.update(
            {
                "histories": 1,
                "bookings": len(played.lines),
                "operations": counts.operations,
                "requests": counts.requests,
                "steps": counts.steps,
                "webhooks": counts.webhooks,
                "deaths": counts.deaths,
                "checks": played.checks,
            }
        )
        seen.troubles.update(kind for _, kind in played.met)
        seen.actions.update(told.action.do for told in played.told)
        for lines in played.lines.values():
            seen._of_booking(lines)
        return seen

    def _of_booking(self, lines: Iterable[Line]) -> None:
        for line in lines:
            before, after = line["details"]["before"], line["details"]["after"]
            self.lines[line["kind"], line["status"]] += 1
            if before is None or before != after:
                self.statuses[after] += 1
            if before is not None and before != after:
                self.moves[before, after] += 1

    def report(self) -> Iterator[str]:
        """How often, and what never."""
        for name, never in (
            ("statuses", {str(status) for status in Status} - self.statuses.keys()),
            ("actions", VERBS.keys() - self.actions.keys()),
            ("troubles", TROUBLES.keys() - self.troubles.keys()),
        ):
            counter: Counter[str] = getattr(self, name)
            yield f"{name}: {', '.join(f'{each} {count}' for each, count in counter.most_common())}"
            if never:
                yield f"  never: {', '.join(sorted(never))}"
        found = self.moves.keys() & MOVES
        yield f"moves between statuses: {len(found)} of {len(MOVES)}; " + _pairs(self.moves)
        yield f"  never: {', '.join(f'{before} -> {after}' for before, after in sorted(MOVES - found))}"
        yield f"lines of the log: {len(self.lines)} kinds; {_pairs(self.lines)}"
        missing = KINDS - {kind for kind, _ in self.lines}
        if missing:
            yield f"  never: {', '.join(sorted(missing))}"


def _pairs(counter: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{first}/{second} {count}" for (first, second), count in counter.most_common())
