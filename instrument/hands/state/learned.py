"""Learned: the bindings as they are played and as the rig has them, so that neither loses what only the other knows.

The rig is one file and many write it: these hands, a player in an editor, another Rosin on this machine. So what is
saved is put together of three: what the file said when it was last agreed with, what the hands have now, what the file
says now. And hands that take over from others play all that those had learned, though the disk would not have it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.toml import read_toml
from instrument.documents.rig_bindings import save_bindings
from instrument.hands.osc.addresses import read_addresses
from instrument.hands.state.bindings import read_bindings
from instrument.ipc import Link

Row = Mapping[str, Any]
SECTIONS = ("midi", "osc")


def merged(
    base: Sequence[Row], mine: Sequence[Row], theirs: Sequence[Row], plain: Callable[[Row], Row] = lambda row: row
) -> list[Row]:
    """One list out of what was agreed on (``base``), what the hands have and what the file has.

    What either of them has added stays, what either has taken out is gone; of a knob that the hands have learned or
    freed since, what they say holds. ``plain``: a row as the hands would write it; the file's own wording stays.
    """
    said = [(plain(row), row) for row in theirs]
    moved = [row for row in mine if row not in base] + [row for row in base if row not in mine]
    knobs = [row["knob"] for row in moved if row.get("knob")]  # no set: who writes by hand may write a list there
    found = []
    for row in mine:
        worded = next((worded for same, worded in said if same == row), None)
        if worded is not None or row not in base:
            found.append(worded or row)
    return found + [row for same, row in said if same not in base and same not in mine and row.get("knob") not in knobs]


def _nowhere(rows: list[dict[str, Any]]) -> None:
    """Nobody keeps them."""


@dataclass(frozen=True, slots=True)
class Savers:
    """Each is given all rows of its section, for the rig, whenever one was learned or let go."""

    midi: Callable[[list[dict[str, Any]]], None] = _nowhere
    osc: Callable[[list[dict[str, Any]]], None] = _nowhere


class Learned:
    """The bindings of both kinds. ``rows(section)``: to begin with; ``saver(section)``: what learning calls.

    ``started_with``: the rows of the rig as the show read it, by section. Whoever takes over (``successor``) begins
    with what the hands before had, and with what the file has now. ``wrong``: what could not be read of it.
    """

    def __init__(self, link: Link, rig: Path, started_with: Mapping[str, Sequence[Row]], successor: bool) -> None:
        self._memo, self._rig = link.memos["bindings"], rig
        self.wrong = ""
        self._base = {section: list(started_with[section]) for section in SECTIONS}
        self._mine = {section: list(started_with[section]) for section in SECTIONS}
        if successor:
            self._take_over()
        self._write_down()

    def rows(self, section: str) -> tuple[Row, ...]:
        return tuple(self._mine[section])

    def savers(self) -> Savers:
        """Of both."""
        return Savers(self.saver("midi"), self.saver("osc"))

    def saver(self, section: str) -> Callable[[list[dict[str, Any]]], None]:
        """Takes all rows that the hands have; RosinError when the rig does not take them. They are kept here then."""

        def save(rows: list[dict[str, Any]]) -> None:
            self._mine[section] = list(rows)
            self._write_down()
            base = [_plain(section, row) for row in self._base[section]]
            there = self._file()
            theirs = base if there is None else there[section]
            save_bindings(self._rig, merged(base, rows, theirs, partial(_plain, section)), section)
            self._base[section] = list(rows)
            self._write_down()

        return save

    def _take_over(self) -> None:
        left = _memo_of(self._memo.read())
        for section in SECTIONS:
            self._base[section], self._mine[section] = left.get(section, (self._base[section], self._mine[section]))
        try:
            there = self._file()
        except (RosinError, OSError) as error:
            self.wrong = str(error)
            return
        for section in SECTIONS if there is not None else ():
            assert there is not None
            theirs = [_plain(section, row) for row in there[section]]
            base, mine = ([_plain(section, row) for row in rows[section]] for rows in (self._base, self._mine))
            whole = [row for row in merged(base, mine, theirs) if not self._is_wrong(section, row)]
            self._mine[section], self._base[section] = whole, [row for row in whole if row in theirs]

    def _is_wrong(self, section: str, row: Row) -> bool:
        """Hands that were playing go on without it; it stays in the file."""
        try:
            _read(section, row)
        except ValidationErrors as error:
            self.wrong = str(error)
            return True
        return False

    def _file(self) -> dict[str, list[Row]] | None:
        """The rows that are in the rig now; None when there is no rig."""
        if not self._rig.exists():
            return None
        table = read_toml(self._rig, "rig")
        found = {}
        for section in SECTIONS:
            room = table.get(section, {})
            rows = room.get("bindings", []) if isinstance(room, Mapping) else []
            found[section] = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        return found

    def _write_down(self) -> None:
        both = {
            section: [None if self._base[section] == self._mine[section] else self._base[section], self._mine[section]]
            for section in SECTIONS
        }
        self._memo.write(json.dumps(both, default=str))


def _memo_of(text: str) -> dict[str, tuple[list[Row], list[Row]]]:
    rows = json.loads(text) if text else {}
    return {section: (mine if base is None else base, mine) for section, (base, mine) in rows.items()}


def _read(section: str, row: Row) -> Row:
    return (read_bindings([row]) if section == "midi" else read_addresses([row]))[0].row()


def _plain(section: str, row: Row) -> Row:
    """As the hands would write it, so that two that say the same are the same; as it is where it says nothing."""
    try:
        return _read(section, row)
    except ValidationErrors:
        return row
