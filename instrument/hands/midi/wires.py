"""Wires: what was connected to our JACK ports, kept beside the health row for the hands that come after. Under jack."""

from __future__ import annotations

from collections.abc import Sequence

from instrument.ipc.health import Row
from instrument.ipc.texts import TEXT_BYTES

KEYS = ("wires", "wires.2", "wires.3")
"""A text has 240 bytes, three or four cables; what goes beyond all of them is not kept."""
Wire = tuple[str, str]


class Wires:
    """In texts of this row, one line a cable: ``in`` or ``out``, and the port at its other end."""

    def __init__(self, row: Row) -> None:
        self._row = row

    def read(self) -> list[Wire]:
        lines = [line for key in KEYS for line in self._row.text(key).split("\n")]
        pairs = [line.split("\t", 1) for line in lines]
        return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] in ("in", "out")]

    def write(self, wires: Sequence[Wire]) -> None:
        texts = [""] * len(KEYS)
        at = 0
        for line in (f"{ours}\t{theirs}" for ours, theirs in wires if "\n" not in theirs):
            size = len(line.encode())
            if size >= TEXT_BYTES:  # it fits into none, and must not cost those after it
                continue
            while at < len(KEYS) and len(texts[at].encode()) + size + 1 > TEXT_BYTES:
                at += 1
            if at == len(KEYS):
                break
            texts[at] += f"\n{line}" if texts[at] else line
        for key, text in zip(KEYS, texts, strict=True):
            if self._row.text(key) != text:
                self._row.set_text(key, text)
