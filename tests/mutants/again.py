"""Forget what became of the mutants that nothing caught, so that mutmut tries them on the tests of today: run by the
environment that has mutmut, in its bench. One that was caught stays caught, as long as its function stays as it is.
"""

from __future__ import annotations

from mutmut.mutation.data import SourceFileMutationData
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files


def forget_survivors() -> None:
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        if not data.exit_code_by_key:
            continue  # never tried
        data.exit_code_by_key = {
            name: exit_code if status_by_exit_code[exit_code] in ("killed", "timeout") else None
            for name, exit_code in data.exit_code_by_key.items()
        }
        data.save()


if __name__ == "__main__":
    forget_survivors()
