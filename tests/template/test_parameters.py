"""Parameters: safe as they come, explained, and refused where they would do harm."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.template.deployed import LOCAL_ONLY, ROOT, source

PARAMETERS = source()["Parameters"]
NO_SAFE_DEFAULT = {"PrivyAppId", "StaffIssuer", "StaffAudience", "StaffJwksUrl"}


def settings(stage: str) -> dict:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())[stage]["deploy"]["parameters"]


def overrides(stage: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in settings(stage)["parameter_overrides"])


def accepts(parameter: str, value: str) -> bool:
    rules = PARAMETERS[parameter]
    if "AllowedValues" in rules:
        return value in map(str, rules["AllowedValues"])
    return re.fullmatch(rules.get("AllowedPattern", ".*"), value) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_explained_and_its_default_is_one_that_it_accepts(name):
    assert PARAMETERS[name]["Description"].endswith(".")
    if name in NO_SAFE_DEFAULT:
        assert "Default" not in PARAMETERS[name]
    else:
        assert accepts(name, str(PARAMETERS[name]["Default"]))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_does_not_take_anything(name):
    rules = PARAMETERS[name]

    assert {"AllowedValues", "AllowedPattern"} & set(rules) or (rules["Type"] == "Number" and "MinValue" in rules)


def test_money_is_limited_to_ten_calls_a_minute_unless_somebody_says_otherwise():
    assert PARAMETERS["MoneyPerMinute"]["Default"] == 10


@pytest.mark.parametrize("name", ["PrivyJwksUrl", "StaffJwksUrl"])
def test_keys_come_over_https_or_from_this_machine(name):
    assert accepts(name, "https://issuer.example.com/jwks.json")
    assert accepts(name, "http://127.0.0.1:4999/jwks.json")
    assert not accepts(name, "http://issuer.example.com/jwks.json")
    assert not accepts(name, "file:///etc/passwd")


@pytest.mark.parametrize("name", LOCAL_ONLY)
def test_what_is_for_the_local_cloud_can_only_name_this_machine(name):
    assert PARAMETERS[name]["Default"] == ""
    assert accepts(name, LOCAL_ONLY[name])
    assert not accepts(name, "https://api.example.com/clock")


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_samconfig_sets_parameters_that_exist_and_cannot_be_deployed_unfilled(stage):
    given = overrides(stage)
    unfilled = {name for name, value in given.items() if value.startswith("<")}

    assert given["Stage"] == stage
    assert set(given) <= set(PARAMETERS)
    assert unfilled >= NO_SAFE_DEFAULT
    assert not [name for name in unfilled if accepts(name, given[name])]
    assert not set(given) & set(LOCAL_ONLY)


@pytest.mark.parametrize("stage", ["local", "staging", "production"])
def test_samconfig_allows_what_the_template_needs(stage):
    # The functions' roles, and two transforms.
    assert settings(stage)["capabilities"] == "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
    assert settings(stage)["confirm_changeset"] is (stage != "local")
