"""Histories from fixed seeds: whatever everybody does at once, and whatever dies, fails or comes late, the books agree.

`make simulate` runs as many more as one likes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.drawing import draw
from tests.simulation.history import History
from tests.simulation.playing import play
from tests.simulation.seen import Seen
from tests.simulation.telling import story

_SEEDS = 16
_ROOT = Path(__file__).parents[2]
_ALWAYS = {"authorizing", "held", "capturing", "captured", "releasing", "released", "declined", "scheduled"}


@pytest.mark.parametrize("first", range(0, 5 * _SEEDS, _SEEDS))
def test_no_crash_repeat_or_disorder_loses_doubles_or_invents_money(first: int) -> None:
    seen = Seen()
    for seed in range(first, first + _SEEDS):
        played = play(draw(str(seed)))
        seen.add(Seen.in_history(played))
        assert played.findings == [], "\n".join(story(played))
    print(f"seeds {first} to {first + _SEEDS - 1}: {dict(seen.histories)}, {seen.troubles.total()} troubles")

    assert seen.histories["operations"] > _SEEDS * 60
    assert seen.troubles.total() > _SEEDS
    assert seen.statuses.keys() >= _ALWAYS


def test_a_seed_reproduces_a_run_to_the_letter() -> None:
    """In processes of their own, whose sets and dicts of strings have other orders."""
    told = (
        "import sys; sys.path[:0] = ['.', 'layers/holdfast']\n"
        "from tests.simulation.drawing import draw\n"
        "from tests.simulation.playing import play\n"
        "print([play(draw(str(seed))).digest for seed in (2, 5, 11)])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=_ROOT,
            env=os.environ | {"PYTHONHASHSEED": order},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for order in ("1", "2")
    ]

    assert runs[0] == runs[1]
    assert len(set(runs[0].strip("[]\n").split(", "))) == 3


def test_a_history_is_the_same_after_it_was_written_down() -> None:
    history = draw("7")

    assert History.loads(history.dumps(found=["something"])) == history
    assert play(History.loads(history.dumps())).digest == play(history).digest


def test_the_command_plays_on_several_cores_and_says_how_fast_and_what_it_reached() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--histories", "4", "--processes", "2"],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": "layers/holdfast"},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout

    assert "4 of 4 histories" in ran
    assert "in ten minutes" in ran
    assert "moves between statuses: " in ran
    assert "0 failing" in ran
