"""Which mutants may survive: those whose survival is explained, and those that change only how a sentence reads."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.survivors import Mutant, explanations
from tests.mutations.protocol import PACKAGE
from tests.unit.test_purity import PURE

SENTENCE = 'raise RuleRefused.at("/price/currency", "The currency is not supported.")'


def mutant(was: str, becomes: str, *, status: str = "survived") -> Mutant:
    return Mutant("holdfast.money.x_validate_price__mutmut_5", status, was, becomes)


@pytest.mark.parametrize(
    "becomes",
    [
        SENTENCE.replace("The currency is not supported.", "XXThe currency is not supported.XX"),
        SENTENCE.replace("The currency is not supported.", "the currency is not supported."),
        SENTENCE.replace("The currency is not supported.", "THE CURRENCY IS NOT SUPPORTED."),
    ],
)
def test_letters_of_a_sentence_are_wording(becomes):
    assert mutant(SENTENCE, becomes).is_wording


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (SENTENCE, SENTENCE.replace('"The currency is not supported."', "None")),
        (SENTENCE, SENTENCE.replace("/price/currency", "/PRICE/CURRENCY")),
        ('actor="clock",', 'actor="XXclockXX",'),
        ('return moment.strftime("%Y-%m-%d %H:%M")', 'return moment.strftime("%y-%m-%d %h:%m")'),
        ("return amount + rest", "return amount - rest"),
        ('"\\n".join(told)', '"XX\\nXX".join(told)'),
    ],
)
def test_a_word_that_a_program_reads_is_no_wording(was, becomes):
    assert not mutant(was, becomes).is_wording


@pytest.mark.parametrize(
    ("status", "caught"), [("killed", True), ("timeout", True), ("survived", False), ("no tests", False)]
)
def test_what_fails_or_never_ends_is_caught(status, caught):
    assert mutant("a", "b", status=status).caught is caught


def test_a_function_is_named_as_it_stands_in_the_source():
    assert mutant("a", "b").function == "money.validate_price"
    assert Mutant("holdfast.errors.xǁRuleRefusedǁat__mutmut_6", "survived").function == "errors.RuleRefused.at"
    assert Mutant("holdfast.dispute_evidence.x__who_booked__mutmut_17", "survived").function == (
        "dispute_evidence._who_booked"
    )


def test_every_explanation_is_of_lines_that_there_are():
    """`make mutants` tells of those that do not survive any more."""
    for (function, was, becomes), why in explanations().items():
        module, _, name = function.partition(".")
        assert module in PURE
        source = (PACKAGE / f"{module}.py").read_text("utf-8")
        names = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
        assert name.rpartition(".")[2] in names, function
        lines = {line.strip() for line in source.splitlines()}
        assert set(was.splitlines()) <= lines, f"{function}: {was}"
        assert was != becomes
        assert len(why) > 20, function
