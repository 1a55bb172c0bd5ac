"""Fitting: words in the room there is - the largest size at which all of them fit, cut between words. Before views."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from instrument.stage.data.patch_labels import elide, wrap
from instrument.stage.gpu.lettering import FONT, load_font

LEAST = 11
"""Pixels: smaller words are not read, so they are cut instead."""

Width = Callable[[str, float], float]
"""How wide a text is at a size, both in pixels."""


def sizes(wanted: float) -> Iterator[int]:
    """Whole sizes to try, from the wanted one down to the least."""
    largest = max(1, round(wanted))
    yield from range(largest, min(LEAST, largest) - 1, -1)


@functools.cache
def _font(size: int) -> Any:
    import pyglet

    load_font()
    return pyglet.font.load(FONT, size, dpi=72)


def glyph_width(text: str, size: float) -> float:
    """Of a line in the stage's letters, by their advances: a tenth of the work of making a label of it."""
    return float(sum(glyph.advance for glyph in _font(max(1, round(size))).get_glyphs(text)[0])) if text else 0.0


def lines_of(text: str, room: float, size: float, width: Width = glyph_width, most: int = 2) -> list[str]:
    """``text`` in as few lines as it takes, ``most`` of them at most; what is left over ends in an ellipsis."""
    return wrap(text, room, most, lambda part: width(part, size))


def flow(parts: Sequence[str], room: float, size: float, width: Width = glyph_width) -> list[str]:
    """Parts one after the other, with points between them, in as many lines as that takes; no part is broken."""
    lines: list[str] = []
    at, point = room, width(" · ", size)
    for part in parts:
        part = elide(part, room, lambda text: width(text, size))
        wide = width(part, size)
        if lines and at + point + wide <= room:
            lines[-1] += f" · {part}"
            at += point + wide
        else:
            lines.append(part)
            at = wide
    return lines


def fits(texts: Sequence[str], room: float, size: float, width: Width = glyph_width) -> bool:
    """Whether each of them has room on a line of its own."""
    return all(width(text, size) <= room for text in texts)
