"""Why a mutant may survive: it changes only how a sentence reads, or `survivors.toml` says why nobody could notice."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

EXPLAINED: Final = Path(__file__).parent / "survivors.toml"
_LITERAL: Final = re.compile(r"\"([^\"]*)\"")
_SENTENCE: Final = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`was` and `becomes`: the lines of the function that it changes, without their indentation."""

    name: str
    status: str
    was: str = ""
    becomes: str = ""

    @property
    def caught(self) -> bool:
        """By a test that fails, or that never ends: mutmut stops a mutant after several times what its tests take."""
        return self.status in ("killed", "timeout")

    @property
    def function(self) -> str:
        """`module.function` or `module.Class.method`."""
        module, _, mangled = self.name.removeprefix("holdfast.").partition(".x")
        function = mangled.rpartition("__mutmut_")[0]
        return f"{module}.{function[1:].replace('ǁ', '.')}"

    @property
    def module(self) -> str:
        return self.function.partition(".")[0]

    @property
    def is_wording(self) -> bool:
        """Only letters of a sentence are others: upper or lower case, or marks around it. Tests pin which error it is
        and where, not how it is put to people.
        """
        before, after = _LITERAL.findall(self.was), _LITERAL.findall(self.becomes)
        changed = [each for each in before if each not in after]
        same = _plain(self.was) == _plain(self.becomes)
        return same and bool(changed) and all(_SENTENCE.search(each) for each in changed)


def _plain(text: str) -> str:
    return text.replace("XX", "").lower()


@cache
def explanations() -> Mapping[tuple[str, str, str], str]:
    """By function, what it was and what it becomes."""
    told = tomllib.loads(EXPLAINED.read_text("utf-8"))["survivor"] if EXPLAINED.exists() else []
    return {(each["function"], each["was"], each["becomes"]): each["why"] for each in told}


def why(mutant: Mutant) -> str | None:
    """Why it may survive; None where nobody has said."""
    return explanations().get((mutant.function, mutant.was, mutant.becomes))
