"""Lettering: words on the window, a page of them drawn at once. Knows pyglet, as gl and window do.

Inter (Rasmus Andersson and others, SIL Open Font License) lies beside this file, so every machine writes alike.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from instrument.stage.palette import Colour, bytes_of

FONT = "Inter"


@functools.cache
def load_font() -> None:
    """Make Inter known to pyglet."""
    import pyglet

    with resources.as_file(resources.files("instrument.stage").joinpath("fonts", "Inter-Regular.otf")) as path:
        pyglet.font.add_file(str(path))


class Page:
    """Words that are shown together. ``write`` returns a pyglet label: its ``text``, place and ``color`` may change."""

    def __init__(self) -> None:
        import pyglet

        load_font()
        self._label: Any = pyglet.text.Label
        self._batch = pyglet.graphics.Batch()
        self._kept: list[Any] = []

    def write(
        self, text: str, size: float, colour: Colour, x: float = 0.0, y: float = 0.0, x_from: str = "left",
        y_from: str = "center", shown: bool = True,
    ) -> Any:  # fmt: skip
        """``size`` in pixels. Whole pixels for the place: glyphs between two of them are smeared."""
        label = self._label(
            text, font_name=FONT, font_size=size, dpi=72, x=round(x), y=round(y), anchor_x=x_from, anchor_y=y_from,
            color=bytes_of(colour), batch=self._batch if shown else None,
        )  # fmt: skip
        if shown:
            self._kept.append(label)  # a label that nobody keeps takes its letters out of the batch
        return label

    def width(self, text: str, size: float) -> float:
        """How wide a line would be, in pixels."""
        return float(self.write(text, size, (1.0, 1.0, 1.0), shown=False).content_width)

    def draw(self) -> None:
        self._batch.draw()
