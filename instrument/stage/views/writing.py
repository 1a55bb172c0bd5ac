"""Writing: which words stand where, made once and only remade when the patch or the size changes. After layout.

Title and status top left, names beyond the spokes, the model and whom it learned from bottom left, what the marks mean
bottom right. What lies over the picture is the overlays'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from instrument.base.text import say
from instrument.ipc import Frame
from instrument.stage.data.figures import NEAREST_S, Paced, nearest_line
from instrument.stage.data.patch_labels import PatchLabels, elide, wrap
from instrument.stage.gpu.lettering import Page
from instrument.stage.views.fitting import flow
from instrument.stage.views.layout import LINE_UNITS, NAME_UNITS, SMALL_UNITS, TITLE_UNITS, Layout
from instrument.stage.views.marks import (
    BEAD_UNITS,
    HELD_UNITS,
    RING_STROKE,
    RING_UNITS,
    SLIP_UNITS,
    Marks,
    Rows,
    spokes,
)
from instrument.stage.views.palette import GROUND, HAND, IVORY, STRAIN, TEXT, bytes_of

CREDIT_LINES, STATUS_LINES = 4, 5
NAME_WIDTH_UNITS = 320.0
PLATE_RADIUS, PLATE = 0.78, 0.88
"""Of the ground under words when a visual is there: radius in sizes of type, and alpha. On white the quietest colour of
words has a contrast of 5.7 then."""


class Writing:
    """The words of one programme in one layout. ``still``: the marks that never move, to be drawn beneath them."""

    def __init__(self, layout: Layout, labels: PatchLabels, language: str, type_scale: float = 1.0) -> None:
        self.layout, self._language, self._labels = layout, language, labels
        self._near, self._said = Paced(NEAREST_S), ("", "")
        self._size = layout.unit * type_scale
        self._page = Page()
        measure = self._measure(NAME_UNITS)
        names = [elide(name, NAME_WIDTH_UNITS * layout.unit, measure) for name in labels.names[: layout.count]]
        self.names = [self._write(name, NAME_UNITS) for name in names]
        self.boxes = layout.names([(name.content_width, NAME_UNITS * self._size) for name in self.names])
        for name, box in zip(self.names, self.boxes, strict=True):
            if box is None:
                name.text = ""
            else:
                name.x, name.y = round(box.left), round(box.bottom + 0.5 * box.height)
        self._status, self._told = self._write_top(labels), ""
        self._write_model(labels)
        self.still: Marks = np.concatenate([spokes(layout), self._write_legend()])
        self._focus: int | None = None

    def _write(self, text: str, units: float, **how: Any) -> Any:
        return self._page.write(text, units * self._size, how.pop("colour", TEXT), **how)

    def _measure(self, units: float) -> Callable[[str], float]:
        return partial(self._page.width, size=units * self._size)

    def _room(self, bottom: float, top: float) -> float:
        return min(self.layout.room_left(bottom, top, self.boxes), 0.34 * self.layout.width)

    def _write_top(self, labels: PatchLabels) -> list[Any]:
        """The title; returns the lines beneath it, empty at first."""
        left, top, u = self.layout.margin, self.layout.height - self.layout.margin, self._size
        title = elide(labels.title, self._room(top - 60.0 * u, top), self._measure(TITLE_UNITS))
        self._write(title, TITLE_UNITS, colour=IVORY, x=left, y=top, y_from="top")
        first, step = top - 76.0 * u, 1.36 * LINE_UNITS * u
        return [self._write("", LINE_UNITS, x=left, y=first - i * step, y_from="top") for i in range(STATUS_LINES)]

    def _tell(self, status: str) -> None:
        """The lines under the title: the fewer, the more room beside the star's names; what is left over is cut."""
        first, step = self._status[0].y, 1.36 * LINE_UNITS * self._size
        lines: list[str] = []
        for count in range(1, STATUS_LINES + 1):
            lines = wrap(status, self._room(first - count * step, first), count, self._measure(LINE_UNITS))
            if not lines[-1].endswith("…"):
                break
        for i, label in enumerate(self._status):
            label.text = lines[i] if i < len(lines) else ""

    def _write_model(self, labels: PatchLabels) -> None:
        """The model and whom it learned from, in as many lines as that takes, up to four."""
        left, step = self.layout.margin, 1.36 * SMALL_UNITS * self._size
        lines: list[str] = []
        for count in range(1, CREDIT_LINES + 1):  # the fewer lines, the lower the block, the wider it may be
            room = self._room(left, left + count * step)
            lines = wrap(labels.credits, room, count, self._measure(SMALL_UNITS))
            if not lines[-1].endswith("…"):
                break
        for i, line in enumerate(reversed(lines)):
            self._write(line, SMALL_UNITS, x=left, y=left + i * step, y_from="bottom")
        above = left + len(lines) * step + 6.0 * self._size
        above = self._write_maker(labels.model, above) + 0.2 * LINE_UNITS * self._size
        self._near_room = self._room(above, above + step)
        self._nearest = self._write("", SMALL_UNITS, x=left, y=above, y_from="bottom")

    def _write_maker(self, model: str, bottom: float) -> float:
        """The model, who made it and its licence; on a second line what a spoke's name leaves no room for. The top."""
        step = 1.4 * LINE_UNITS * self._size
        for count in (1, 2):
            room = self._room(bottom, bottom + count * step)
            lines = flow(model.split(" · "), room, LINE_UNITS * self._size, self._page.width)
            if len(lines) <= count:
                break
        lines = [*lines[:1], elide(" · ".join(lines[1:]), room, self._measure(LINE_UNITS))] if lines[1:] else lines
        for i, line in enumerate(reversed(lines)):
            self._write(line, LINE_UNITS, x=self.layout.margin, y=bottom + i * step, y_from="bottom")
        return bottom + len(lines) * step

    def _write_legend(self) -> Marks:
        """Bottom right: what a ring, a bead and the two kinds of tether are."""
        rows, u, margin = Rows(), self._size, self.layout.margin
        words = [
            self._write(say(f"stage.legend.{key}", self._language), SMALL_UNITS)
            for key in ("hand", "sound", "held", "slipping")
        ]
        left = self.layout.width - margin - max(word.content_width for word in words)
        for i, word in enumerate(words):
            y = margin + (3 - i) * 34.0 * u + 0.5 * SMALL_UNITS * u
            word.x, word.y = round(left), round(y)
            middle, a, b = (left - 40.0 * u, y), (left - 60.0 * u, y), (left - 20.0 * u, y)
            if i == 0:
                rows.disc(middle, 0.65 * RING_UNITS * u, HAND, 0.8 * RING_STROKE * u)
            elif i == 1:
                rows.disc(middle, 0.75 * BEAD_UNITS * u, IVORY)
            elif i == 2:
                rows.line(a, b, HELD_UNITS * u, HAND, dash=13.0 * u)
            else:
                rows.line(a, b, SLIP_UNITS * u, STRAIN)
        return rows.array()

    def plates(self) -> Marks:
        """Dark ground under every word: what lies under it may be a visual as bright as white."""
        rows = Rows()
        for left, right, y, size in self._page.places():
            rows.line((left, y), (right, y), PLATE_RADIUS * size, GROUND, PLATE)
        return rows.array()

    def draw(self, focus: int | None, status: str, frame: Frame) -> None:
        """All of them. The neighbouring sound is named anew at most twice a second."""
        if self._near.due(frame.time):
            self._name_nearest(*nearest_line(frame, self._labels.model_info, self._language))
        if focus != self._focus:
            for i in (self._focus, focus):
                if i is not None and i < len(self.names):
                    self.names[i].color = bytes_of(IVORY if i == focus else TEXT)
            self._focus = focus
        if status != self._told:
            self._told = status
            self._tell(status)
        self._page.draw()

    def _name_nearest(self, words: str, share: str) -> None:
        """The words are cut where they must be, the share never."""
        if (words, share) != self._said:
            self._said, measure = (words, share), self._measure(SMALL_UNITS)
            room = self._near_room - measure(f"  {share}")
            self._nearest.text = f"{elide(words, room, measure)}  {share}" if share else ""
