"""`python -m tests.mutants`: mutmut over the pure modules; a test catches each mutant, or its survival is explained.

What was caught before is not tried again while its function stays as it is; module names as arguments try all of
theirs. Ends with 0 if nothing survives that is not explained.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.bench import BENCH, PYTHON, install, lay_out
from tests.mutants.survivors import Mutant, explanations, why
from tests.unit.test_purity import PURE


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.mutants", description=__doc__)
    parser.add_argument("module", nargs="*", help="only these, and again although they were tried")
    parser.add_argument("--anew", action="store_true", help="forget what was found out before")
    parser.add_argument("--told", action="store_true", help="try nothing; say what is known")
    arguments = parser.parse_args()
    unknown = set(arguments.module) - PURE
    if unknown:
        parser.error(f"not among the pure modules: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    if arguments.anew:
        shutil.rmtree(BENCH, ignore_errors=True)
    if not arguments.told:
        install()
        lay_out()
        inside(Path(__file__).with_name("again.py"))
        mutmut("run", "--max-children", str(os.cpu_count() or 1), *(f"holdfast.{name}.*" for name in arguments.module))
    mutants = [Mutant(**each) for each in json.loads(inside(Path(__file__).with_name("found.py")))]
    if arguments.module:
        mutants = [each for each in mutants if each.module in arguments.module]
    return told(mutants, time.monotonic() - began, complete=not arguments.module)


def mutmut(*arguments: str) -> None:
    # Every mutant is tried in a process of its own, which would compile the tests each time.
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([PYTHON.with_name("mutmut"), *arguments], cwd=BENCH, env=settings, check=True)


def inside(script: Path) -> str:
    done = subprocess.run([PYTHON, script], cwd=BENCH, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def told(mutants: Sequence[Mutant], seconds: float, *, complete: bool) -> int:
    for module in sorted({each.module for each in mutants}):
        print(line(module, [each for each in mutants if each.module == module]))
    print(line("all", mutants) + f", in {seconds:.0f} s")
    untried = [each for each in mutants if each.status == "not checked"]
    tried = [each for each in mutants if each.status != "not checked"]
    open_ones = [each for each in tried if not each.caught and not each.is_wording and why(each) is None]
    for each in open_ones:
        print(f"\n{each.status}: {each.name}\n- {each.was}\n+ {each.becomes}")
    survive = {(each.function, each.was, each.becomes) for each in mutants if not each.caught}
    stale = [key for key in explanations() if key not in survive] if complete else []
    if untried:
        print(f"\n{len(untried)} were not tried")
    for function, was, becomes in stale:
        print(f"\nexplained, but it does not survive: {function}\n- {was}\n+ {becomes}")
    print(f"\n{len(open_ones)} survive and are not explained")
    return 1 if open_ones or stale or untried else 0


def line(name: str, mutants: Sequence[Mutant]) -> str:
    count = Counter(
        "caught" if each.caught else "wording" if each.is_wording else "explained" if why(each) else "open"
        for each in mutants
    )
    score = 100 * count["caught"] / len(mutants)
    return (
        f"{name:<24} {len(mutants):>6} mutants, {count['caught']:>6} caught ({score:5.1f} %), {count['wording']:>4} of "
        f"wording, {count['explained']:>4} explained, {count['open']:>4} not"
    )


if __name__ == "__main__":
    sys.exit(main())
