"""Check result: one thing that was looked at on a model, and a sentence of it in the player's language.
Under verify.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.text import say
from instrument.base.units import number_in

Grade = Literal["good", "warn", "held", "bad"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing looked at, and a sentence.

    ``good``; ``warn``: it plays, and one should know; ``held``: it has no fault, and plays only when the player says so
    (``--allow-uncredited``); ``bad``: a fault. ``about``: a plain key, the same in every language.
    """

    grade: Grade
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckTeller:
    """Findings in one language; their sentences by the keys of the catalogue."""

    language: str = "en"

    def __call__(self, grade: Grade, about: str, key: str, **values: object) -> CheckResult:
        return CheckResult(grade, about, self.words(key, **values))

    def words(self, key: str, **values: object) -> str:
        """A sentence; KeyError when the catalogue has none."""
        return say(key, self.language, **values)

    def number(self, value: float, spec: str) -> str:
        """A number as the language writes it."""
        return number_in(self.language, format(value, spec))


def refused(error: RosinError) -> Iterator[CheckResult]:
    """A finding for each mistake for which a model is refused."""
    for line in error.lines if isinstance(error, ValidationErrors) else [" ".join(str(error).splitlines())]:
        yield CheckResult("bad", "refused", line)


def topic(about: str, language: str = "en") -> str:
    """What a finding is about, in words."""
    return say(f"verify.about.{about}", language)
