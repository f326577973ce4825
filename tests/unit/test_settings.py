"""The environment, and what is missing in it by name."""

from __future__ import annotations

import pytest

from holdfast.settings import MissingSetting, Settings

ENVIRONMENT = Settings({"TABLE": "bookings", "EMPTY": "", "SIZE": "10"})


def test_a_setting_is_read_by_name():
    assert (ENVIRONMENT["TABLE"], ENVIRONMENT.integer("SIZE")) == ("bookings", 10)


@pytest.mark.parametrize("name", ["EMPTY", "ABSENT"])
def test_a_missing_setting_is_named(name):
    for read in (ENVIRONMENT.__getitem__, ENVIRONMENT.integer):
        with pytest.raises(MissingSetting, match=name):
            read(name)


@pytest.mark.parametrize(("name", "value"), [("TABLE", "bookings"), ("EMPTY", "else"), ("ABSENT", "else")])
def test_an_optional_setting_has_a_default(name, value):
    assert ENVIRONMENT.get(name, "else") == value
    assert ENVIRONMENT.get("ABSENT") == ""


def test_the_environment_is_read_when_it_is_needed(monkeypatch):
    settings = Settings()
    monkeypatch.setenv("HOLDFAST_SET_LATER", "x")

    assert settings["HOLDFAST_SET_LATER"] == "x"


def test_the_environment_is_not_printed():
    assert "bookings" not in repr(ENVIRONMENT)
