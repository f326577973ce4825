"""The layers: small enough for Lambda, with bytecode that it can use, installable for every runtime."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.packaging.built import built
from tests.template.deployed import ROOT, source

LAMBDA_LIMIT = 250 * 1024 * 1024
UNCHECKED_HASH = 0b01
RUNTIMES = source()["Parameters"]["PythonRuntime"]["AllowedValues"]
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("function", ["place_hold", "authorize_caller"])
def test_a_function_with_its_layers_fits_into_lambda_with_room_to_grow(function):
    unzipped = size(built().functions[function]) + sum(map(size, built().layers))
    print(f"{function} with its layers: {unzipped / 1024 / 1024:.0f} MB")

    assert unzipped < LAMBDA_LIMIT / 2


def test_every_module_in_the_layers_has_bytecode_that_is_taken_as_it_is():
    """A cold start with bytecode takes half the time; an unchecked hash survives the times that unzipping sets."""
    modules = [file for layer in built().layers for file in layer.rglob("*.py")]
    assert len(modules) > 500
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module)))
        assert compiled.exists(), module
        header = compiled.read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(header[4:8], "little") == UNCHECKED_HASH, module


def test_bytecode_names_files_as_lambda_will():
    [compiled] = built().layers[1].rglob("money.cpython-*.pyc")

    assert b"/opt/python/holdfast/money.py" in compiled.read_bytes()


def test_nothing_travels_that_is_only_for_tests_or_tools():
    installed = {file.name for layer in built().layers for file in (layer / "python").iterdir()}

    assert not installed & {"pytest", "moto", "samcli", "mypy", "ruff", "bin", "tests"}
    assert {"aws_lambda_powertools", "boto3", "holdfast", "stripe"} <= installed


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_package_has_a_wheel_for_every_runtime(runtime, machine):
    tags = set(_tags(runtime, machine))
    missing = [name for name, wheels in _wheels() if not any(wheel & tags for wheel in wheels)]

    assert missing == []


def _tags(runtime: str, machine: str) -> Iterator[Tag]:
    """As the layer's Makefile: Amazon Linux 2 up to 3.11, Amazon Linux 2023 from 3.12."""
    minor = int(runtime.removeprefix("python3."))
    newest = 17 if minor <= 11 else 34
    platforms = [f"manylinux_2_{level}_{MACHINES[machine]}" for level in range(newest, 16, -1)]
    platforms.append(f"manylinux2014_{MACHINES[machine]}")
    yield from cpython_tags((3, minor), platforms=platforms)
    yield from compatible_tags((3, minor), platforms=platforms)


def _wheels() -> Iterator[tuple[str, list[frozenset[Tag]]]]:
    """The layer's packages, and the tags of each wheel that the lock knows of."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    wheels = {
        (each["name"], each["version"]): [wheel["url"].rsplit("/", 1)[1] for wheel in each.get("wheels", [])]
        for each in locked
        if "version" in each
    }
    for line in (ROOT / "layers/dependencies/requirements.txt").read_text().splitlines():
        if line[:1].isalnum():
            wanted = Requirement(line.rstrip(" \\"))
            [version] = [each.version for each in wanted.specifier]
            name = canonicalize_name(wanted.name)
            yield name, [parse_wheel_filename(file)[3] for file in wheels[name, version]]
