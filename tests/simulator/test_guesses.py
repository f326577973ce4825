"""What is only inferred about Stripe is said in the name of the test that rests on it, and listed for whoever asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "simulator.md").read_text()
GUESS = "inferred"


def named(module: Path) -> Iterator[str]:
    """The tests that say so, and single rows of others: `test_x[row_inferred]`."""
    for node in ast.walk(ast.parse(module.read_text())):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        if GUESS in node.name:
            yield node.name
            continue
        words = [each.value for decorator in node.decorator_list for each in ast.walk(decorator)
                 if isinstance(each, ast.Constant)]  # fmt: skip
        yield from (f"{node.name}[{word}]" for word in words if isinstance(word, str) and GUESS in word)


def listed() -> list[tuple[str, str]]:
    """Each test of the table, with the module that its row is about."""
    table = PAGE[PAGE.index("## What is guessed") :]
    table = table[: table.index("\n## ", 3)]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`test_" in line]
    assert all(row.count(" | ") == 3 for row in rows), "what, why, what if not, and the tests"
    return [(name, row) for row in rows for name in re.findall(r"`(test_[^`]+)`", row.rpartition(" | ")[2])]


def test_every_guess_is_in_the_table_once_and_nothing_else():
    names = sorted(name for module in HERE.glob("test_*.py") if module.stem != Path(__file__).stem
                   for name in named(module))  # fmt: skip

    assert len(names) > 50
    assert sorted(name for name, _ in listed()) == names


def test_every_switch_that_decides_a_guess_is_named_in_the_table():
    """Grade I in the table of switches: a reader finds there what becomes of Holdfast if it is otherwise."""
    switches = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:D/)?I \|", PAGE, re.MULTILINE)
    table = "".join(row for _, row in listed())

    assert len(switches) > 10
    assert [name for name in switches if f"`{name}`" not in table] == []
