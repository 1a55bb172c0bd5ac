"""Patch list: what the hands know of the patches of a show, by their place in its list. Below both hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instrument.base.errors import RosinError
from instrument.knobs import KnobTable, table_for
from instrument.model.library.credits import Credits


def _nobody(index: int) -> Credits | None:
    return None


def _none(index: int) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class PatchList:
    """``names``: of each patch its name, or its names. ``tables``: its knobs. ``credits``: whose sounds its model
    learned from, for those who want to be told of neighbours. ``accidents``: the names of those kept with it."""

    names: Sequence[str | Sequence[str]]
    tables: Callable[[int], KnobTable]
    credits: Callable[[int], Credits | None] = _nobody
    accidents: Callable[[int], Sequence[str]] = _none

    @property
    def all_names(self) -> list[tuple[str, ...]]:
        """By which each may be asked for."""
        return [(name,) if isinstance(name, str) else tuple(name) for name in self.names]

    def table(self, index: int) -> KnobTable:
        """Its knobs; of one that fails level and friction, which can be played all the same (the sound has said what is
        wrong with it)."""
        try:
            return self.tables(index)
        except RosinError:
            return table_for(())
