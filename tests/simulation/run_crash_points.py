"""`python -m tests.simulation.run_crash_points`: every trouble at every crash point of every flow, on all cores.

Prints, flow by flow, how many points it has and how many outcomes were tried, and each one that went wrong. Ends with 0
if none did.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.simulation.crash_points import Outcome, Point, Trial, every, outcome, points, stand
from tests.simulation.flows import FLOWS

Chosen = Callable[[Iterable[Point]], Iterator[Trial]]


@dataclass
class Tried:
    """What was tried of one flow."""

    flow: str
    points: list[Point] = field(default_factory=list)
    outcomes: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.flow:<48} {len(self.points):>5} points {self.outcomes:>6} outcomes "
            f"{len(self.wrong):>3} violations {self.seconds:>5.0f} s"
        )


def tried(name: str, chosen: Chosen = every) -> Tried:
    """Plays this flow with each chosen trouble at its point."""
    result, began = Tried(name), time.monotonic()
    for here in stand(name):
        result.points = points(here)
        for trial in chosen(result.points):
            found = outcome(here, trial)
            result.outcomes += 1
            result.troubles[str(trial)] += 1
            result.ends[found.end] += 1
            if found.wrong:
                result.wrong.append(found)
    result.seconds = time.monotonic() - began
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation.run_crash_points", description=__doc__)
    parser.add_argument("flow", nargs="*", help="only these flows")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    every_one: list[Tried] = []
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.processes) as pool:
        for future in as_completed([pool.submit(tried, name) for name in arguments.flow or FLOWS]):
            result = future.result()
            every_one.append(result)
            print(result, flush=True)
            for wrong in result.wrong:
                print(f"    {wrong}", flush=True)
    print(summary(every_one, time.monotonic() - began))
    return 1 if any(result.wrong for result in every_one) else 0


def summary(every_one: Iterable[Tried], seconds: float) -> str:
    every_one = list(every_one)
    services = Counter(point.service for result in every_one for point in result.points)
    troubles = sum((result.troubles for result in every_one), Counter[str]())
    wrong = sum(len(result.wrong) for result in every_one)
    flows = f"{len(every_one)} flows, {services.total()} crash points ({_counted(services)})"
    return f"{flows}\n{troubles.total()} outcomes ({_counted(troubles)})\n{wrong} violations, in {seconds:.0f} s"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counter.most_common())


if __name__ == "__main__":
    sys.exit(main())
