"""Every integration test gets a world of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.world import World, build


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "holdfast",
        "POWERTOOLS_METRICS_NAMESPACE": "Holdfast",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield build(monkeypatch)
