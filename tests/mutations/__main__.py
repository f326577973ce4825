"""`python -m tests.mutations`: breaks the protocol in each of the listed ways, and says which test noticed.

The package is copied, changed in one place and put before the real one; the tests are those of the repository, as they
are. Ends with 0 if every mutation was caught.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.mutations.protocol import MUTATIONS, PACKAGE, ROOT, Mutation

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_MOST_SECONDS: Final = 600


def mutated(mutation: Mutation, folder: Path) -> Path:
    """A copy of the package with this mistake in it; the folder to import it from."""
    layer = folder / "holdfast_layer"
    shutil.copytree(PACKAGE, layer / "holdfast", ignore=shutil.ignore_patterns("__pycache__"))
    source = layer / "holdfast" / mutation.module
    text = source.read_text("utf-8")
    if text.count(mutation.old) != 1:
        raise ValueError(
            f"{mutation.name}: {mutation.module} has changed; its words are there {text.count(mutation.old)} times"
        )
    source.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    return layer


def caught_by(mutation: Mutation) -> str | None:
    """The first test that fails because of it; None where none does."""
    with tempfile.TemporaryDirectory() as folder:
        layer = mutated(mutation, Path(folder))
        for tests in mutation.tests:
            command = [sys.executable, "-m", "pytest", "-x", "-q", *shlex.split(tests)]
            done = subprocess.run(
                [*command, "-o", f"pythonpath=. {layer}", "-o", f"cache_dir={folder}/cache"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=_MOST_SECONDS,
                check=False,
            )
            failed = _FAILED.search(done.stdout)
            if done.returncode and failed:
                return failed[1]
            if done.returncode:
                raise RuntimeError(
                    f"{mutation.name}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                )
    return None


def main(wanted: list[str]) -> int:
    chosen = [each for each in MUTATIONS if not wanted or any(word in each.name for word in wanted)]
    survived = 0
    for mutation in chosen:
        began = time.monotonic()
        test = caught_by(mutation)
        survived += test is None
        print(f"{'caught' if test else 'SURVIVED':<9} {mutation.name}", flush=True)
        print(f"          {mutation.module}, by {test or 'nothing'} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\n{len(chosen)} mutations, {len(chosen) - survived} caught, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
