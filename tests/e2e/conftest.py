"""One local cloud for the whole suite: the real template, deployed, and then only HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cloud.processes import ProcessFailed
from local.cloud.running import running_cloud
from tests.e2e.people import People


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The books are looked at when everybody has written into them, also those who met an outage."""
    last = ["test_outage.py", "test_the_books.py"]
    items.sort(key=lambda item: last.index(item.path.name) if item.path.name in last else -1)


@pytest.fixture(scope="session")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    home = tmp_path_factory.mktemp("cloud")
    try:
        with running_cloud(home) as running, People(running.stack, running.stack_file, running.processes) as people:
            yield people
    except ProcessFailed as failed:
        pytest.fail(f"The local cloud failed; its logs are in {home / 'logs'}. {failed}", pytrace=False)


@pytest.fixture
def people(everybody: People) -> Iterator[People]:
    """Faults and the order of webhooks are one test's own; time, events and bookings are shared."""
    yield everybody
    everybody.stripe_is_well_again()
