"""The overlay of the keys: every key and what it does, in two columns. Made once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass

from instrument.stage.gpu.lettering import Page
from instrument.stage.input.key_names import PLAYING, WINDOW, Rows, key_rows
from instrument.stage.views.fitting import fits, glyph_width, lines_of, sizes
from instrument.stage.views.layout import NAME_UNITS, Layout
from instrument.stage.views.palette import IVORY, TEXT

MARGIN_UNITS = 56.0
LEADING, LINE = 0.62, 1.22
"""Between two keys, and from line to line of one, in sizes of type."""
GAP, BETWEEN = 1.0, 2.2
"""Between a key and what it does, and between the columns, likewise."""
SHARES = (0.5, 0.56, 0.62, 0.44)
"""Of the width, for the first column: the first one that does is taken."""
ROOM_LEAST = 9.0
"""Sizes of type: in a narrower column every word stands alone."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Keys and what they do, both in lines; how wide the keys are."""

    rows: list[tuple[list[str], list[str]]]
    names: float
    room: float
    whole: bool

    def height(self, size: float) -> float:
        lines = sum(max(len(name), len(does)) for name, does in self.rows)
        return (lines * LINE + (len(self.rows) - 1) * LEADING) * size


class KeysView:
    """``size``: of the type that fitted; ``whole``: every word is there; ``left``, ``right``, ``bottom``, ``top``: what
    the words cover, in pixels. Of a view where letters play (``plays``) or command, on a keyboard that prints ``rows``
    where the two rows are that play."""

    def __init__(
        self, layout: Layout, language: str, type_scale: float, plays: bool = True, rows: Rows | None = None
    ) -> None:
        self._page = Page()
        unit = layout.height / 1080.0
        margin = MARGIN_UNITS * unit
        said = [key_rows(keys, language, plays, rows) for keys in (PLAYING, WINDOW)]
        width, height = layout.width - 2.0 * margin, layout.height - 2.0 * margin
        for size in sizes(NAME_UNITS * unit * type_scale):
            for share in SHARES:
                usable = width - BETWEEN * size
                columns = [_column(said[0], share * usable, size), _column(said[1], (1.0 - share) * usable, size)]
                self.whole = all(column.whole and column.height(size) <= height for column in columns)
                if self.whole:
                    break
            if self.whole:
                break
        self.size = size
        self._write(columns, size, layout, margin)

    def _write(self, columns: list[_Column], size: float, layout: Layout, margin: float) -> None:
        used = [column.names + GAP * size + _widest(column, size) for column in columns]
        left = 0.5 * (layout.width - sum(used) - BETWEEN * size)
        self.top = top = 0.5 * (layout.height + max(column.height(size) for column in columns))
        self.left, self.right, self.bottom = layout.width, 0.0, top
        for column, wide in zip(columns, used, strict=True):
            y, split = top, left + column.names
            for name, does in column.rows:
                for i, text in enumerate(name):
                    label = self._page.write(text, size, IVORY, split, y - (i + 0.5) * LINE * size, "right")
                    self.left = min(self.left, label.x - label.content_width)
                for i, text in enumerate(does):
                    label = self._page.write(text, size, TEXT, split + GAP * size, y - (i + 0.5) * LINE * size)
                    self.right = max(self.right, label.x + label.content_width)
                y -= (max(len(name), len(does)) * LINE + LEADING) * size
            self.bottom = min(self.bottom, y + LEADING * size)
            left += wide + BETWEEN * size

    def draw(self) -> None:
        """Above a dark field."""
        self._page.draw()


def _column(rows: list[tuple[str, str]], width: float, size: float) -> _Column:
    """One column in so much room. Not ``whole``: some words had to go."""
    names = [name.split("  /  ") for name, _ in rows]
    wide = max(glyph_width(text, size) for name in names for text in name)
    room = width - wide - GAP * size
    if room < ROOM_LEAST * size:
        return _Column([(name, [""]) for name in names], wide, room, False)
    made = [(name, lines_of(does, room, size, most=3)) for name, (_, does) in zip(names, rows, strict=True)]
    whole = all(
        " ".join(lines) == does and fits(lines, room, size) for (_, lines), (_, does) in zip(made, rows, strict=True)
    )
    return _Column(made, wide, room, whole)


def _widest(column: _Column, size: float) -> float:
    return max(glyph_width(text, size) for _, does in column.rows for text in does)
