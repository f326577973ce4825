"""One local cloud for the whole suite: the real template, deployed, and then only HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cloud.running import running_stack
from tests.e2e.people import People


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    home = tmp_path_factory.mktemp("cloud")
    with running_stack(home) as stack:
        yield People(stack)
