"""Each flow writes what its page in `written/` says, to the letter: who, what, why, how much, and how the booking ends.

The log is what a dispute is answered from, and the domain events are made of it, so a line that says less or something
else is a change that somebody has to read: `python -m tests.simulation.what_is_written` writes the pages anew.
"""

from __future__ import annotations

import pytest

from tests.simulation.flows import FLOWS
from tests.simulation.what_is_written import FOLDER, page, written


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_writes_what_its_page_says(name: str) -> None:
    assert written(name) == page(name).read_text("utf-8")


def test_every_page_is_of_a_flow() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {page(name).name for name in FLOWS}
