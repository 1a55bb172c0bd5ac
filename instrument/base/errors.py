"""Errors: what a player is told. Below everything; one sentence and its remedy, never a traceback."""

from __future__ import annotations


class RosinError(Exception):
    """Something the player can mend. ``str()`` is one sentence that ends with the remedy. Exit code 2."""


LINES_MOST = 100
"""Of the mistakes of one file: nobody reads more, and a file of one megabyte can hold a hundred thousand."""
ALIKE_MOST = 20
"""Of those of the rows of a list, which are often the same in each."""


class ValidationErrors(RosinError):
    """Several mistakes found at once in one file, one line each: ``path: what, found value; remedy``."""

    def __init__(self, where: str, lines: list[str]) -> None:
        self.where = where
        self.lines = lines
        super().__init__("\n".join(f"{where}: {line}" for line in self.shown))

    @property
    def shown(self) -> list[str]:
        """The lines that are told: all, or the first of very many."""
        if (more := len(self.lines) - LINES_MOST) <= 0:
            return self.lines
        return [*self.lines[:LINES_MOST], f"and {more} more mistakes; mend these first"]


def first_alike(lines: list[str]) -> list[str]:
    """The first of many mistakes in the rows of a list, and how many more there are."""
    more = len(lines) - ALIKE_MOST
    return lines[:ALIKE_MOST] + ([f"and {more} more mistakes like these"] if more > 0 else [])
