"""Errors: what a player is told. Below everything; one sentence and its remedy, never a traceback."""

from __future__ import annotations


class RosinError(Exception):
    """Something the player can mend. ``str()`` is one sentence that ends with the remedy. Exit code 2."""


class Mistakes(RosinError):
    """Several mistakes found at once in one file, one line each: ``path: what, found value; remedy``."""

    def __init__(self, where: str, lines: list[str]) -> None:
        self.where = where
        self.lines = lines
        super().__init__("\n".join(f"{where}: {line}" for line in lines))
