"""Every integration test gets a world of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from local.time_machine.faster_moto import shorten
from tests.world import World, build

shorten()

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "holdfast",
    "POWERTOOLS_METRICS_NAMESPACE": "Holdfast",
}


@pytest.fixture
def new_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """Makes worlds: each call forgets the one before."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    started: list[Any] = []

    def make() -> World:
        if started:
            started.pop().stop()
        aws = mock_aws()
        aws.start()
        started.append(aws)
        return build(monkeypatch)

    yield make
    for aws in started:
        aws.stop()


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


@pytest.fixture
def far(world: World) -> World:
    """An event in sixty days; alice has a card."""
    world.event(starts_in=timedelta(days=60))
    world.card()
    return world


@pytest.fixture(scope="module")
def standing_world() -> Iterator[World]:
    """One world for all tests of a module: only for tests that leave everything as it was. Excludes `world`."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield build(patch)
