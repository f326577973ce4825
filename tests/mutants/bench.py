"""A folder of its own for mutmut to work in, and an environment of its own: mutmut and SAM CLI want different clicks.

mutmut finds tests by the path that a module is imported under, so the package lies in `src/` there. The tests are those
of the pure modules, and of what each flow writes; two walks of half a minute each are left out, because every mutant
that survives all others would have to wait for them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.unit.test_purity import PURE

ROOT: Final = Path(__file__).parents[2]
BENCH: Final = ROOT / ".local" / "mutants" / "bench"
_ENVIRONMENT: Final = ROOT / ".local" / "mutants" / "environment"
PYTHON: Final = _ENVIRONMENT / "bin" / "python"
_COPIED: Final = (
    "docs",
    "events",
    "functions",
    "layers/holdfast/holdfast",
    "local",
    "template.yaml",
    "tests/conftest.py",
    "tests/integration/conftest.py",
    "tests/simulation",
    "tests/simulator/stripe-openapi-trimmed.json",
    "tests/unit",
)
# They ask about the repository, or of what is not pure.
_NO_TESTS_OF_PURE_MODULES: Final = (
    *("api", "budget", "clock", "edge", "mutations", "mutants", "openapi", "pace", "purity", "settings"),
    *("stripe_calls", "tokens"),
)
_WALKS: Final = (
    "tests/unit/test_next_step.py::test_a_booking_lives_by_its_rules_whatever_happens_in_whatever_order",
    "tests/unit/test_next_step.py::test_long_lives_go_through_every_state_and_every_verdict",
)
_TESTS: Final = ("tests/unit", "tests/simulation/test_what_is_written.py")


def install() -> None:
    """From the lock, as everything else; nothing to do where it stands already."""
    settings = os.environ | {"UV_PROJECT_ENVIRONMENT": str(_ENVIRONMENT), "UV_PYTHON": str(ROOT / ".venv/bin/python")}
    what = ("--frozen", "--quiet", "--no-default-groups", "--group", "mutation")
    subprocess.run([str(ROOT / ".venv/bin/uv"), "sync", *what], cwd=ROOT, env=settings, check=True)


def lay_out() -> None:
    """The package, its tests and a pyproject.toml for both. What mutmut found out stays, for functions that stay."""
    shutil.rmtree(BENCH / "mutants" / "tests", ignore_errors=True)
    for name in _COPIED:
        _copy(ROOT / name, BENCH / name)
    for path in (ROOT / "tests").glob("*.py"):
        _copy(path, BENCH / "tests" / path.name)
    _copy(ROOT / "layers/holdfast/holdfast", BENCH / "src" / "holdfast")
    for name in _NO_TESTS_OF_PURE_MODULES:
        (BENCH / "tests" / "unit" / f"test_{name}.py").unlink(missing_ok=True)
    (BENCH / "pyproject.toml").write_text(_settings(), "utf-8")


def _copy(source: Path, target: Path) -> None:
    """With its time of change, by which mutmut knows what it has seen; a file that is gone goes there, too."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        return
    for path in target.rglob("*.py") if target.exists() else ():
        if not (source / path.relative_to(target)).exists():
            path.unlink()
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _settings() -> str:
    copied = sorted({name.partition("/")[0] for name in _COPIED} - {"tests"})
    arguments = ["--hypothesis-profile=mutants", *(f"--deselect={each}" for each in _WALKS)]
    return f"""\
[tool.pytest.ini_options]
testpaths = {list(_TESTS)}
pythonpath = [".", "src"]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider"]
filterwarnings = ["error"]

[tool.mutmut]
source_paths = ["src/holdfast"]
only_mutate = {[f"src/holdfast/{name}.py" for name in sorted(PURE)]}
also_copy = {copied}
pytest_add_cli_args = {arguments}
pytest_add_cli_args_test_selection = {list(_TESTS)}
timeout_multiplier = 4.0
timeout_constant = 10.0
use_git_change_detection = false
"""
