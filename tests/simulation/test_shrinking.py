"""A broken rule is found by a history, cut down to a short one, and told so that a person sees what happened."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from holdfast.store import commit
from tests.simulation.climate import CALM
from tests.simulation.drawing import draw
from tests.simulation.history import History
from tests.simulation.playing import Played, play
from tests.simulation.shrinking import rule_of, shrink
from tests.simulation.telling import story

# A seed a little before the first that finds it, so that the test is short.
_FIRST_SEED, _MOST_SEEDS = 24, 60


def without_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever settles writes, whatever was written since they read: neither the booking nor its lines stop them."""
    put_booking, put_line = commit._put_booking, commit._put_line

    def unconditional(action: commit.Action) -> commit.Action:
        put = {name: value for name, value in action[0]["Put"].items() if name in ("TableName", "Item")}
        return {"Put": put}, action[1]

    def booking(tables: Any, wanted: commit.Commit) -> commit.Action:
        made = put_booking(tables, wanted)
        return made if wanted.before_version is None else unconditional(made)

    monkeypatch.setattr(commit, "_put_booking", booking)
    monkeypatch.setattr(commit, "_put_line", lambda *given: unconditional(put_line(*given)))


def first_failing() -> Played:
    for seed in count(_FIRST_SEED):
        assert seed < _FIRST_SEED + _MOST_SEEDS, "the broken rule was not found"
        played = play(draw(str(seed)))
        if played.findings:
            return played
    raise AssertionError


def test_settling_without_a_condition_is_found_and_told_in_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    without_conditions(monkeypatch)
    failing = first_failing()
    found = shrink(failing.history, failing=failing)
    told = story(found.played)
    print("\n".join(told))

    assert len(found.history.actions) <= 10 < len(failing.history.actions)
    assert rule_of(found.played.findings[0]) == rule_of(failing.findings[0])
    assert any(" books b" in line for line in told)
    assert play(History.loads(found.history.dumps())).findings == found.played.findings
    monkeypatch.undo()
    assert play(found.history).findings == []


def test_what_is_not_needed_is_cut_and_what_is_needed_stays() -> None:
    """With a made-up fault: two actions together, whatever else happens."""
    history = draw("4")
    needed = {history.actions[3].number, history.actions[20].number}

    def player(candidate: History) -> Played:
        numbers = {action.number for action in candidate.actions}
        return Played(candidate, findings=["made up: both were there"] if needed <= numbers else [])

    found = shrink(history, player=player)

    assert {action.number for action in found.history.actions} == needed
    assert found.history.climate == CALM
    assert all(action.troubles == {} for action in found.history.actions)


def test_a_history_with_which_nothing_is_wrong_cannot_be_cut_down() -> None:
    with pytest.raises(ValueError, match="nothing is wrong"):
        shrink(draw("4"), player=Played)
