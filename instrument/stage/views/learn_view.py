"""The overlay of learning: everything dims but the knobs; the chosen one waits for a controller.
After learn client and marks.

The words are made anew when something changes, which is when a knob is chosen or a controller learned.
"""

from __future__ import annotations

import numpy as np

from instrument.base.text import say
from instrument.ipc import Frame
from instrument.stage.data.patch_labels import elide
from instrument.stage.gpu.lettering import Page
from instrument.stage.gpu.painter import pill
from instrument.stage.input.learn_client import LearnClient
from instrument.stage.views.fitting import LEAST, glyph_width, lines_of, sizes
from instrument.stage.views.layout import LINE_UNITS, NAME_UNITS, SMALL_UNITS, TITLE_UNITS, Box, Layout
from instrument.stage.views.marks import Marks, Rows, marks, spokes
from instrument.stage.views.palette import HAND, IVORY, TEXT, Colour

SIDE = 0.27
"""Of the picture's width, for the words at its left."""


class LearnView:
    """``see`` what there is to say, then ``draw`` it above a dark field with ``rows`` beneath. ``boxes``: what words
    cover, in pixels."""

    def __init__(self, layout: Layout, names: tuple[str, ...], language: str, type_scale: float) -> None:
        self._star = Layout(layout.width, layout.height, layout.count)
        self._names, self._language = names[: layout.count], language
        self._scale = type_scale
        self._said: object = None
        self._page = Page()
        self._named: list[Box | None] = []
        self.boxes: list[Box] = []

    def see(self, learn_client: LearnClient, focus: int | None) -> None:
        """Make the words, if they are others than before."""
        said = (focus, dict(learn_client.bound), learn_client.done, learn_client.armed)
        if said != self._said:
            self._said = said
            self._page, self.boxes = Page(), []
            self._write_names(learn_client, focus)
            self._write_side(learn_client, focus)

    def _write_names(self, learn_client: LearnClient, focus: int | None) -> None:
        """Each name, and under it what moves the knob."""
        star, most = self._star, 0.16 * self._star.width
        for size in sizes(NAME_UNITS * star.unit * self._scale):
            small = max(min(LEAST, size), round(0.8 * size))
            names = [_cut(name, most, size) for name in self._names]
            bound = [_cut(learn_client.bound.get(i, ""), most, small) for i in range(len(names))]
            wide = [max(glyph_width(a, size), glyph_width(b, small)) for a, b in zip(names, bound, strict=True)]
            boxes = star.names([(width, 1.25 * (size + small)) for width in wide])
            if None not in boxes:
                break
        self._named = boxes
        for i, box in enumerate(boxes):
            if box is None:
                continue
            lean = max(-1.0, min(1.0, 1.6 * float(star.directions[i][0])))
            anchor, x = (
                ("left", box.left)
                if lean > 0.5
                else ("right", box.right)
                if lean < -0.5
                else ("center", box.left + 0.5 * box.width)
            )
            self._page.write(names[i], size, IVORY if i == focus else TEXT, x, box.top - 0.6 * size, anchor)
            self._page.write(bound[i], small, HAND if bound[i] else TEXT, x, box.bottom + 0.6 * small, anchor)
            self.boxes.append(box)

    def _write_side(self, learn_client: LearnClient, focus: int | None) -> None:
        """Top left what to do and what came of it, bottom left the keys."""
        star, language = self._star, self._language
        room = min(SIDE * star.width, star.room_left(0.5 * star.height, star.height, self._named))
        foot = min(SIDE * star.width, star.room_left(0.0, 0.3 * star.height, self._named))
        name = self._names[focus] if focus is not None and focus < len(self._names) else ""
        tall = sizes(0.7 * TITLE_UNITS * star.unit * self._scale)
        title = next((s for s in tall if glyph_width(self._title, s) <= room), LEAST)
        size = max(LEAST, round(LINE_UNITS * star.unit * self._scale))
        small = max(LEAST, round(SMALL_UNITS * star.unit * self._scale))
        y = star.height - star.margin
        title = max(title, size)
        y = self._block(lines_of(self._title, room, title), title, y, IVORY) - 0.6 * size
        if name:
            said = say("stage.learn.move" if learn_client.armed else "stage.learn.waits", language, knob=name)
            y = self._block(lines_of(said, room, size, most=4), size, y, TEXT) - 0.6 * size
        if (done := self._done(learn_client)) is not None:
            self._block(lines_of(done, room, size, most=4), size, y, IVORY)
        keys = [say(f"stage.hint.{key}", language) for key in ("choose", "free", "leave")]
        lines = [line for text in keys for line in lines_of(text, foot, small, most=4)]
        self._block(lines, small, star.margin + 1.4 * small * len(lines), TEXT)

    @property
    def _title(self) -> str:
        return say("stage.learn.title", self._language)

    def _done(self, learn_client: LearnClient) -> str | None:
        """What came of the last knob."""
        done = learn_client.done
        if done is None or done.knob >= len(self._names):
            return None
        knob = self._names[done.knob]
        if done.state == "freed":
            return say("stage.learn.freed", self._language, knob=knob)
        if done.state == "unsaved":
            return say("stage.learn.unsaved", self._language, knob=knob, control=done.control)
        return say("stage.learn.done", self._language, knob=knob, control=done.control)

    def _block(self, lines: list[str], size: float, top: float, colour: Colour) -> float:
        """Lines from ``top`` down at the left; returns where the next may begin."""
        for line in lines:
            label = self._page.write(line, size, colour, self._star.margin, top - 0.7 * size)
            self.boxes.append(Box(label.x, top - 1.4 * size, float(label.content_width), 1.4 * size))
            top -= 1.4 * size
        return top

    def rows(self, frame: Frame, focus: int | None) -> Marks:
        """The knobs as they are, the chosen one on a bright spoke."""
        star, chosen = self._star, Rows()
        if focus is not None and focus < star.count:
            chosen.line(star.point(focus, 0.0), star.point(focus, 1.0), 2.2 * star.unit, IVORY, 0.9)
        under = [pill(box, alpha=0.985) for box in self.boxes]
        return np.concatenate([*under, spokes(star), chosen.array(), marks(frame, star, focus)])

    def draw(self) -> None:
        """The words."""
        self._page.draw()


def _cut(text: str, most: float, size: float) -> str:
    return elide(text, most, lambda part: glyph_width(part, size))
