"""The lock files: complete, in step, and free of anything that only one machine has."""

from __future__ import annotations

import re
import subprocess

import pytest

from local.lock import EMULATOR, INDEX, LAYER, check
from tests.template.deployed import ROOT

LOCKS = ["uv.lock", str(LAYER), str(EMULATOR)]


def test_the_locks_fit_what_they_were_made_from():
    assert check() == 0


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_the_public_index_and_no_path(lock):
    text = (ROOT / lock).read_text()
    urls = set(re.findall(r"https?://[^/\"\s]+", text))

    assert urls <= {"https://pypi.org", "https://files.pythonhosted.org"}
    assert "file:" not in text
    assert "--find-links" not in text
    assert "--index" not in text


def test_every_locked_package_comes_from_the_public_index():
    sources = set(re.findall(r"^source = (.*)$", (ROOT / "uv.lock").read_text(), re.MULTILINE))

    assert sources == {f'{{ registry = "{INDEX}" }}', '{ virtual = "." }'}


@pytest.mark.parametrize("lock", [str(LAYER), str(EMULATOR)])
def test_every_requirement_is_pinned_with_its_hash(lock):
    for requirement in re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()):
        if not requirement.startswith("#"):
            assert re.match(r"[A-Za-z0-9_.-]+(\[[a-z,]+\])?==\S+", requirement), requirement
            assert "--hash=sha256:" in requirement, requirement


def test_no_key_is_in_the_repository():
    """Test keys that our own simulator makes up are short; a real one is not."""
    real = r"[sr]k_live_[0-9A-Za-z]{24,}|whsec_[0-9A-Za-z+/]{32,}|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY"
    found = subprocess.run(
        ["git", "grep", "-nIE", real, "--", ".", ":!tests/packaging/test_locks.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == ""
