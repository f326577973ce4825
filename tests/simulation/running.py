"""`make simulate`: plays histories on all cores, says what they reached and how fast, and tells the story
of the first ones that fail, cut down to what it takes. `make simulate N=1000 FROM=0`, or `make simulate SEED=42`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.simulation.drawing import draw
from tests.simulation.playing import Played, play
from tests.simulation.seen import Seen
from tests.simulation.shrinking import rule_of, shrink
from tests.simulation.telling import story

STORIES: Final = Path(__file__).parent / "stories"
_EVERY_SECONDS: Final = 5.0
_MOST_STORIES: Final = 5


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("-n", "--histories", type=int, default=1000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    parser.add_argument("--operations", type=int, help="stop when so many operations reached the domain")
    parser.add_argument("--seed", help="play this one, and tell its story")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="write the failing ones, cut down, into stories/")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return _tell(given.seed, keep=given.keep)
    return _simulate(given)


def _tell(seed: str, *, keep: bool) -> int:
    played = play(draw(seed))
    print("\n".join(story(played)))
    print(f"{played.counts}\ndigest {played.digest}")
    if played.findings:
        _cut_down(seed, keep=keep)
    return 1 if played.findings else 0


def _simulate(given: argparse.Namespace) -> int:
    seen, failing, started = Seen(), list[tuple[str, list[str]]](), time.monotonic()
    said = started
    for seed, part, findings in _played(given.first, given.histories, given.processes):
        seen.add(part)
        if findings:
            failing.append((seed, findings))
            print(f"seed {seed} FOUND {findings[0]}", flush=True)
        now = time.monotonic()
        if now - said > _EVERY_SECONDS:
            said = now
            print(_progress(seen, now - started, given.histories, len(failing)), flush=True)
        if given.operations and seen.histories["operations"] >= given.operations:
            break
    seconds = time.monotonic() - started
    print(_progress(seen, seconds, given.histories, len(failing)))
    print("\n".join(seen.report()))
    told: set[str] = set()
    for seed, findings in failing:
        if rule_of(findings[0]) not in told and len(told) < _MOST_STORIES:
            told.add(rule_of(findings[0]))
            _cut_down(seed, keep=given.keep)
    return 1 if failing else 0


def _progress(seen: Seen, seconds: float, histories: int, failing: int) -> str:
    counts = seen.histories
    rate = counts["operations"] / max(seconds, 0.001)
    of_a_core = counts["operations"] / max(counts["processor_ms"] / 1000, 0.001)
    return (
        f"{counts['histories']} of {histories} histories, {counts['bookings']} bookings, "
        f"{counts['operations']} operations in {seconds:.0f} s: {rate:.0f} a second, {rate * 600:.0f} in ten minutes "
        f"({of_a_core:.0f} a second of processor time); "
        f"{counts['deaths']} deaths, {seen.troubles.total()} troubles, {counts['checks']} times at rest; "
        f"{failing} failing"
    )


def _played(first: int, histories: int, processes: int) -> Iterator[tuple[str, Seen, list[str]]]:
    seeds = [str(seed) for seed in range(first, first + histories)]
    if processes == 1:
        yield from map(_one, seeds)
        return
    # A process that dies is an error here; multiprocessing's own pool would wait for its work for ever.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(_one, seeds, chunksize=2)
        finally:
            pool.shutdown(cancel_futures=True)


def _one(seed: str) -> tuple[str, Seen, list[str]]:
    began = time.process_time()
    played: Played = play(draw(seed))
    seen = Seen.in_history(played)
    seen.histories["processor_ms"] = round((time.process_time() - began) * 1000)
    return seed, seen, played.findings


def _cut_down(seed: str, *, keep: bool) -> None:
    found = shrink(draw(seed))
    told = story(found.played)
    print(f"\nSeed {seed}, cut down in {found.tries} tries to {len(found.history.actions)} actions:")
    print("\n".join(told))
    if keep:
        STORIES.mkdir(exist_ok=True)
        path = STORIES / f"seed_{seed}.json"
        path.write_text(found.history.dumps(found=found.played.findings, story=told))
        print(f"kept as {path}")
