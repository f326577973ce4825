"""The built template and what lies beside it: what a function finds in Lambda, and nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.cloud.build import build
from local.cloud.places import BUILD
from local.cloud.processes import Processes
from tests.template.deployed import source


@dataclass(frozen=True)
class Built:
    layers: list[Path]
    functions: dict[str, Path]

    def run(self, function: str, script: str) -> Any:
        """What the script prints as JSON, run where only the function, the layers and the standard library are."""
        paths = [self.functions[function], *(layer / "python" for layer in self.layers)]
        prelude = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
        done = subprocess.run(
            # -I and -S: neither the environment's packages nor the user's, as in Lambda.
            [sys.executable, "-I", "-S", "-c", prelude + script],
            env={"AWS_DEFAULT_REGION": "eu-central-1", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@cache
def built() -> Built:
    """Builds if the sources have changed since the last build."""
    with tempfile.TemporaryDirectory() as logs, Processes(Path(logs)) as processes:
        build(processes)
    resources = yaml_parse((BUILD / "template.yaml").read_text())["Resources"]
    return Built(
        layers=[BUILD / resources[name]["Properties"]["ContentUri"] for name in ("DependenciesLayer", "HoldfastLayer")],
        functions={
            folder(name): (BUILD / resources[name]["Properties"]["CodeUri"]).resolve() for name in function_names()
        },
    )


def function_names() -> list[str]:
    resources = source()["Resources"]
    return [name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"]


def folder(name: str) -> str:
    code: str = source()["Resources"][name]["Properties"]["CodeUri"]
    return code.removeprefix("functions/")
