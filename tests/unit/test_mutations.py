"""The list of mutations fits the code that it breaks: `make mutations` makes each of them, which takes minutes."""

from __future__ import annotations

import ast

import pytest

from tests.mutations.protocol import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[each.name for each in MUTATIONS])
def test_a_mutation_changes_one_place_into_something_else_that_is_python(mutation):
    text = mutation.source.read_text("utf-8")

    assert text.count(mutation.old) == 1
    broken = text.replace(mutation.old, mutation.new)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(text))


def test_each_has_a_name_of_its_own_and_tests_that_there_are():
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS)
    for mutation in MUTATIONS:
        assert mutation.tests
        for tests in mutation.tests:
            assert (ROOT / tests.split()[0]).exists()
