"""Every integration test gets a world of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.world import World, build


@pytest.fixture
def new_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """Makes worlds: each call forgets the one before."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "holdfast",
        "POWERTOOLS_METRICS_NAMESPACE": "Holdfast",
    }.items():
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
