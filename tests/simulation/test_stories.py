"""Histories that once failed, cut down and kept: what was mended stays mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.history import History
from tests.simulation.playing import play
from tests.simulation.telling import story

STORIES = sorted((Path(__file__).parent / "stories").glob("*.json"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_that_once_ended_badly_ends_well(path: Path) -> None:
    played = play(History.loads(path.read_text()))

    assert played.findings == [], "\n".join(story(played))
