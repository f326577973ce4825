"""Cuts a failing history down to a short one that fails in the same way: first whole bookings, then actions in halves
and one by one (delta debugging), then the climate and the troubles. What is left is what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.climate import CALM
from tests.simulation.history import Action, History
from tests.simulation.playing import Played, play

Actions = Sequence[Action]


@dataclass
class Shrunk:
    """The shortest history that was found, what came of it, and how many were tried."""

    history: History
    played: Played
    tries: int


def rule_of(finding: str) -> str:
    return finding.partition(":")[0]


def shrink(
    history: History,
    *,
    failing: Played | None = None,
    most: int = 400,
    player: Callable[[History], Played] = play,
) -> Shrunk:
    """Raises ValueError where the history does not fail."""
    played = failing or player(history)
    if not played.findings:
        raise ValueError("nothing is wrong with this history")
    shrinker = _Shrinker(Shrunk(history, played, 0), rule_of(played.findings[0]), most, player)
    shrinker.run()
    return shrinker.best


@dataclass
class _Shrinker:
    best: Shrunk
    rule: str
    most: int
    player: Callable[[History], Played]

    def run(self) -> None:
        before = None
        while before != self.best.history and self.best.tries < self.most:
            before = self.best.history
            self._without_whole_labels()
            self._without_chunks()
            self._calmer()
            self._without_troubles()
            self._apart()

    def _fails(self, candidate: History) -> bool:
        if self.best.tries >= self.most:
            return False
        self.best.tries += 1
        played = self.player(candidate)
        if not any(rule_of(finding) == self.rule for finding in played.findings):
            return False
        self.best = Shrunk(candidate, played, self.best.tries)
        return True

    def _with(self, actions: Actions) -> History:
        return replace(self.best.history, actions=tuple(actions))

    def _without_whole_labels(self) -> None:
        for name in ("booking", "event", "user"):
            for label in _labels(self.best.history.actions, name):
                self._fails(self._with([each for each in self.best.history.actions if each.what.get(name) != label]))

    def _without_chunks(self) -> None:
        size = max(1, len(self.best.history.actions) // 2)
        while size:
            place = 0
            while place < len(self.best.history.actions):
                actions = self.best.history.actions
                if not self._fails(self._with([*actions[:place], *actions[place + size :]])):
                    place += size
            size //= 2

    def _calmer(self) -> None:
        if self.best.history.climate == CALM or self._fails(replace(self.best.history, climate=CALM)):
            return
        for name in ("manner", "trouble", "parallel", "skew", "lag", "nights"):
            calmer = replace(self.best.history.climate, **{name: getattr(CALM, name)})
            if calmer != self.best.history.climate:
                self._fails(replace(self.best.history, climate=calmer))

    def _without_troubles(self) -> None:
        for number in [action.number for action in self.best.history.actions]:
            action = next(each for each in self.best.history.actions if each.number == number)
            for place in action.troubles:
                left = {other: kind for other, kind in action.troubles.items() if other != place}
                self._fails(self._with(_changed(self.best.history.actions, replace(action, troubles=left))))

    def _apart(self) -> None:
        """What need not happen at once happens one after the other, and no time needs fractions of a second."""
        for number in [action.number for action in self.best.history.actions]:
            action = next(each for each in self.best.history.actions if each.number == number)
            if action.at != round(action.at):
                self._fails(
                    self._with(_changed(self.best.history.actions, replace(action, at=float(round(action.at)))))
                )


def _labels(actions: Actions, name: str) -> Iterator[Any]:
    return iter(dict.fromkeys(action.what[name] for action in actions if name in action.what))


def _changed(actions: Actions, action: Action) -> Actions:
    changed = [action if each.number == action.number else each for each in actions]
    return sorted(changed, key=lambda each: each.at)
