"""What mutmut has found out, as JSON on standard output: run by the environment that has mutmut, in its bench.

mutmut serves its results for people, one mutant at a time; these are the functions that its own commands call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files


def found() -> Iterator[dict[str, str]]:
    """Each mutant: its name, what became of it and, where nothing caught it, the lines that it changes."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, exit_code in data.exit_code_by_key.items():
            status = status_by_exit_code[exit_code]
            changed = {} if status in ("killed", "timeout") else _changed(get_diff_for_mutant(name, path=path))
            yield {"name": name, "status": status, **changed}


def _changed(diff: str) -> dict[str, str]:
    lines = diff.splitlines()[2:]
    return {
        key: "\n".join(line[1:].strip() for line in lines if line.startswith(sign))
        for key, sign in (("was", "-"), ("becomes", "+"))
    }


if __name__ == "__main__":
    json.dump(list(found()), sys.stdout)
