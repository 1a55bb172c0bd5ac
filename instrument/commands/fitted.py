"""Fitted: a line of parts made to fit a terminal of any width, least needed first. Pure. Under status.

Widths are cells, as terminals count them: a Chinese character is two, an accent of its own none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True, slots=True)
class LinePiece:
    """A piece of the line: the ways to say it, longest first; ``rank``: the greatest is shortened and left out first.

    One of rank 0 is never left out.
    """

    ways: Sequence[Text]
    rank: int


def fitted(parts: Sequence[LinePiece], width: int) -> Text:
    """The parts in their order in ``width`` cells, 0: all there are. What even then is too long ends in an ellipsis."""
    ways = [0] * len(parts)
    gone = [False] * len(parts)
    line = _joined(parts, ways, gone)
    if width <= 0:
        return line
    order = sorted(range(len(parts)), key=lambda i: -parts[i].rank)
    for i in order:
        while line.cell_len > width and not gone[i]:
            if ways[i] + 1 < len(parts[i].ways):
                ways[i] += 1
            elif parts[i].rank > 0:
                gone[i] = True
            else:
                break
            line = _joined(parts, ways, gone)
    for i in reversed(order):  # what went early may have room again where something long went after it
        for way in range(len(parts[i].ways) if gone[i] else ways[i]):
            tried, out = [*ways[:i], way, *ways[i + 1 :]], [*gone[:i], False, *gone[i + 1 :]]
            if (longer := _joined(parts, tried, out)).cell_len <= width:
                line, ways, gone = longer, tried, out
                break
    line.truncate(width, overflow="ellipsis")
    return line


def _joined(parts: Sequence[LinePiece], ways: Sequence[int], gone: Sequence[bool]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for part, way, out in zip(parts, ways, gone, strict=True):
        if not out:
            line.append_text(part.ways[way])
    return line
