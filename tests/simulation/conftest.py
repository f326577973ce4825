"""The worlds of the integration tests, for the tests of this folder that need one."""

from __future__ import annotations

from tests.integration.conftest import new_world, world

__all__ = ["new_world", "world"]
