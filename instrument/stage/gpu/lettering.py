"""Lettering: words on the window, a page of them drawn at once. Knows pyglet, as gl and window do.

Two ways: ``Page`` holds pyglet's own labels, which are dear to change (half a millisecond each); its words stand
still. ``Letters`` is for words that change while one plays: the same glyphs as rows of numbers, one table,
one draw per size of type.

Inter (Rasmus Andersson and others, SIL Open Font License) lies beside this file, so every machine writes alike.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.stage.gpu import gl
from instrument.stage.views.palette import Colour, bytes_of

FONT = "Inter"
GLYPHS_MAX = 4096
CAP = 0.727
"""Height of a capital in Inter, in parts of the size of type."""
DIGITS = "0123456789"


@functools.cache
def load_font() -> None:
    """Make Inter known to pyglet."""
    import pyglet

    data = resources.files("instrument.stage").joinpath("fonts", "Inter-Regular.otf").read_bytes()
    pyglet.font.add_file(data)  # pyglet leaves a file open that it has opened itself


class Page:
    """Words that are shown together. ``write`` returns a pyglet label: its ``text``, place and ``color`` may change."""

    def __init__(self) -> None:
        import pyglet

        load_font()
        self._label: Any = pyglet.text.Label
        self._load: Any = pyglet.font.load
        self._batch = pyglet.graphics.Batch()
        self._kept: list[Any] = []

    def write(
        self,
        text: str,
        size: float,
        colour: Colour,
        x: float = 0.0,
        y: float = 0.0,
        x_from: str = "left",
        y_from: str = "center",
        shown: bool = True,
    ) -> Any:
        """``size`` in pixels. Whole pixels for the place: glyphs between two of them are smeared."""
        label = self._label(
            text,
            font_name=FONT,
            font_size=size,
            dpi=72,
            x=round(x),
            y=round(y),
            anchor_x=x_from,
            anchor_y=y_from,
            color=bytes_of(colour),
            batch=self._batch if shown else None,
        )
        if shown:
            self._kept.append(label)  # a label that nobody keeps takes its letters out of the batch
        return label

    def places(self) -> list[tuple[float, float, float, float]]:
        """Where its words are now: left, right and middle of each line, its size; pixels."""
        share = {"top": -0.5, "bottom": 0.5, "center": 0.0}
        return [
            (
                label.x,
                label.x + label.content_width,
                label.y + share[label.anchor_y] * label.content_height,
                label.font_size,
            )
            for label in self._kept
            if label.text
        ]

    def width(self, text: str, size: float) -> float:
        """How wide a line would be, in pixels."""
        return float(sum(glyph.advance for glyph in self._load(FONT, size, dpi=72).get_glyphs(text)[0]))

    def draw(self) -> None:
        self._batch.draw()


class TextRun:
    """One run of letters on a sheet. ``set`` what it says, ``move`` it; nothing is made anew unless that changed it."""

    __slots__ = ("anchor", "colour", "place", "sheet", "size", "text", "tracking")

    def __init__(
        self,
        sheet: Letters,
        text: str,
        size: int,
        colour: Colour,
        place: tuple[float, float],
        anchor: float,
        tracking: float,
    ) -> None:
        self.sheet, self.text, self.size, self.colour = sheet, text, size, colour
        self.place, self.anchor, self.tracking = place, anchor, tracking

    def set(self, text: str, colour: Colour | None = None) -> None:
        colour = self.colour if colour is None else colour
        if text != self.text or colour != self.colour:
            self.text, self.colour, self.sheet.changed = text, colour, True

    def move(self, x: float, y: float) -> None:
        if (x, y) != self.place:
            self.place, self.sheet.changed = (x, y), True

    @property
    def width(self) -> float:
        """In pixels, as it stands."""
        return self.sheet.width(self.text, self.size, self.tracking)


class Letters:
    """A sheet of words that may change at any time. ``write`` gives a Word, ``draw`` draws them all."""

    def __init__(self) -> None:
        import pyglet

        load_font()
        self._load: Any = pyglet.font.load
        self._fonts: dict[int, Any] = {}
        self._advances: dict[int, dict[str, float]] = {}
        self._runs: dict[tuple[str, int, float], tuple[NDArray[np.float32], NDArray[np.int64], float]] = {}
        self._words: list[TextRun] = []
        self._program = gl.Program("glyph.vert", "glyph.frag")
        self._strips = gl.Strips()
        self._table = gl.Texture(3, GLYPHS_MAX, 4)
        self._spans: list[tuple[int, int, int]] = []
        self.changed = False
        self.uploads = 0
        """How often the table was written: what changing words costs."""

    def write(
        self,
        text: str,
        size: float,
        colour: Colour,
        x: float = 0.0,
        y: float = 0.0,
        anchor: float = 0.0,
        tracking: float = 0.0,
    ) -> TextRun:
        """``size`` in pixels (whole ones are used), ``y`` of the middle of a capital, ``anchor``: the part of the width
        that lies left of ``x`` (0, 0.5 or 1). ``tracking``: pixels between letters. Digits are all equally wide, so
        that numbers that run stand still."""
        word = TextRun(self, text, max(1, round(size)), colour, (x, y), anchor, tracking)
        self._words.append(word)
        self.changed = True
        return word

    def clear(self) -> None:
        """Forget all words, keep the letters."""
        self._words.clear()
        self.changed = True

    def width(self, text: str, size: float, tracking: float = 0.0) -> float:
        """How wide a run would be, in pixels."""
        size = max(1, round(size))
        wide = self._advances.setdefault(size, {})
        total = 0.0
        for letter in text:
            if letter not in wide:
                wide[letter] = self._advance(letter, size)
            total += wide[letter] + tracking
        return max(0.0, total - tracking)

    def _font(self, size: int) -> Any:
        return self._fonts.get(size) or self._fonts.setdefault(size, self._load(FONT, size, dpi=72))

    def _advance(self, letter: str, size: int) -> float:
        """How far a letter leads on; that of a digit is the widest one's."""
        font = self._font(size)
        return float(max(glyph.advance for glyph in font.get_glyphs(DIGITS if letter in DIGITS else letter)[0]))

    def _run(self, text: str, size: int, tracking: float) -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
        """Of a run that begins at 0, 0: corners and places in the texture f32[n, 8], textures [n], its width."""
        found = self._runs.get((text, size, tracking))
        if found is not None:
            return found
        font = self._font(size)
        digit = max(glyph.advance for glyph in font.get_glyphs(DIGITS)[0])
        rows, owners, x = [], [], 0.0
        for letter, glyph in zip(text, font.get_glyphs(text)[0], strict=False):
            advance = digit if letter in DIGITS else glyph.advance
            shift = x + (advance - glyph.advance) // 2
            left, bottom, right, top = glyph.vertices
            u = glyph.tex_coords
            if not letter.isspace():
                rows.append((left + shift, bottom, right + shift, top, u[0], u[1], u[6], u[7]))
                owners.append(glyph.owner.id)
            x += advance + tracking
        made = (np.array(rows, np.float32).reshape(-1, 8), np.array(owners, np.int64), max(0.0, x - tracking))
        if len(self._runs) > 4000:  # numbers that run for hours
            self._runs.clear()
        self._runs[text, size, tracking] = made
        return made

    def _build(self) -> None:
        """All words as rows (corners, texture, colour), those of one texture together."""
        parts, owners = [np.zeros((0, 12), np.float32)], [np.zeros(0, np.int64)]
        for word in self._words:
            run, owner, width = self._run(word.text, word.size, word.tracking)
            if not len(run):
                continue
            x = round(word.place[0] - word.anchor * width)
            y = round(word.place[1] - 0.5 * CAP * word.size)
            rows = np.empty((len(run), 12), np.float32)
            rows[:, :8] = run
            rows[:, 0:4:2] += x
            rows[:, 1:4:2] += y
            rows[:, 8:11], rows[:, 11] = word.colour, 1.0
            parts.append(rows)
            owners.append(owner)
        table, owner = np.concatenate(parts)[:GLYPHS_MAX], np.concatenate(owners)[:GLYPHS_MAX]
        order = np.argsort(owner, kind="stable")
        table, owner = table[order], owner[order]
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        ends = np.append(starts[1:], len(owner))
        self._spans = [(int(owner[a]), int(a), int(b - a)) for a, b in zip(starts, ends, strict=True)]
        if len(table):
            self._table.write(np.ascontiguousarray(table.reshape(-1, 3, 4)))
        self.changed = False
        self.uploads += 1

    def draw(self, width: int, height: int) -> None:
        """All words, into a window of this size."""
        if self.changed:
            self._build()
        gl.blend("over")
        self._table.bind(0)
        for owner, first, count in self._spans:
            gl.bind_foreign(1, owner)
            self._program.use(table=0, letters=1, first=first, size=(float(width), float(height)))
            self._strips.draw(4, count)

    def delete(self) -> None:
        self._program.delete()
        self._strips.delete()
        self._table.delete()
