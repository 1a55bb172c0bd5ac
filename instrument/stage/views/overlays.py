"""Overlays: what lies over the picture - keys, credits, learning, where controllers are, a word now and then. Last.

``draw`` once a picture, after everything else. A field comes and goes in a quarter of a second, so that no key makes
the picture flash; words are made when they are first needed. What has to outlast a change of size is in ``Memory``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from instrument.base.text import say
from instrument.ipc import Frame
from instrument.ipc.health import Health
from instrument.stage.data.credit_scroll import Near, roll_lines
from instrument.stage.data.figures import figure
from instrument.stage.data.patch_labels import PatchLabels
from instrument.stage.gpu.lettering import Page
from instrument.stage.gpu.painter import field as dark
from instrument.stage.gpu.painter import painter, pill
from instrument.stage.input.key_names import Rows as KeyRows
from instrument.stage.input.key_names import with_ctrl
from instrument.stage.input.learn_client import LearnClient
from instrument.stage.input.view_requests import ViewRequests
from instrument.stage.views.credits_view import CreditsView
from instrument.stage.views.fitting import LEAST, glyph_width, lines_of
from instrument.stage.views.keys_view import KeysView
from instrument.stage.views.layout import LINE_UNITS, NAME_UNITS, SMALL_UNITS, Box, Layout
from instrument.stage.views.learn_view import LearnView
from instrument.stage.views.marks import Marks, Rows
from instrument.stage.views.palette import IVORY, TEXT
from instrument.stage.views.rehearsal import Rehearsal
from instrument.stage.views.writing import NAME_WIDTH_UNITS

FADE_S = 0.25
DARK = {"keys": 0.965, "credits": 0.97, "learn": 0.95}
"""How dark the field of each is; the first that is wished lies on top."""
READ = 0.55
"""Words stand there from this share of the fade on: letters are too thin for a flash."""
ARROW_UNITS = 13.0
WORD_WIDTH, WORD_LINES = 0.29, 6
"""Of the picture, and lines at most."""
NUMBER_UNITS = 48.0
"""From the end of a spoke to beyond its number, in the rehearsal view."""
LETTERS_ROW = 1.7
"""Sizes of its type that the row takes which says whether letters play."""


@dataclass(slots=True)
class OverlayMemory:
    """What outlasts a change of size or patch: who was played, what the hands said, how far a field has come."""

    clock: Callable[[], float] = time.monotonic
    learn_client: LearnClient = field(default_factory=LearnClient)
    near: Near = field(default_factory=Near)
    field: float = 0.0
    over: str = ""
    seen_at: float | None = None


class Overlays:
    """Of one layout and programme. ``before``: the overlays that these take the place of. ``still``: calm mode."""

    def __init__(
        self,
        layout: Layout,
        labels: PatchLabels,
        language: str,
        type_scale: float = 1.0,
        still: bool = False,
        before: Overlays | None = None,
        memory: OverlayMemory | None = None,
    ) -> None:
        self._layout, self._labels, self._language = layout, labels, language
        self._scale, self._still = type_scale, still
        self.memory: OverlayMemory = memory or (before.memory if before is not None else OverlayMemory())
        self._keys: KeysView | None = None
        self._keyed: tuple[bool, KeyRows | None] = (True, None)
        self._credits: CreditsView | None = None
        self._learn: LearnView | None = None
        self.boxes: dict[str, list[Box]] = {}
        """What the words now and then cover, in pixels."""
        self._words: dict[str, tuple[object, Page, Marks]] = {}

    def draw(self, requests: ViewRequests, frame: Frame, labels: PatchLabels, health: Health | None = None) -> None:
        """All that is wished for. ``health``: the rows of the processes, where there is a show."""
        memory = self.memory
        memory.near.see(frame, labels)
        if health is not None:
            memory.learn_client.look(requests, frame.patch, self._layout.count, health)
        over = next((name for name in ("learn", "credits", "keys") if getattr(requests, name)), "")
        self._fade(over)
        if requests.black:
            return
        if not over and not requests.rehearsal:
            self._draw_reach(frame)
        if memory.field > 0.0 and memory.over:
            self._draw_field(memory.over, requests, frame)
        if over != "credits":
            self._credits = None
        self._draw_words(requests, frame, over)

    def _fade(self, over: str) -> None:
        """The field goes where it is wished, at its own pace; the first picture of all has it whole."""
        memory = self.memory
        now = memory.clock()
        elapsed = math.inf if memory.seen_at is None else max(0.0, now - memory.seen_at)
        memory.seen_at = now
        if over and memory.over != over:
            memory.over = over
        step = elapsed / FADE_S
        memory.field = min(1.0, memory.field + step) if over else max(0.0, memory.field - step)
        if not over and memory.field <= 0.0:
            memory.over = ""

    def _draw_field(self, over: str, requests: ViewRequests, frame: Frame) -> None:
        shown, layout = self.memory.field, self._layout
        rows = dark(layout, DARK[over])
        if over == "learn":
            if self._learn is None:
                self._learn = LearnView(layout, self._labels.names, self._language, self._scale)
            self._learn.see(self.memory.learn_client, requests.focus)
            painter().paint(rows, layout, shown)
            painter().paint(self._learn.rows(frame, requests.focus), layout, shown)
            if shown > READ:
                self._learn.draw()
            return
        painter().paint(rows, layout, shown)
        if shown <= READ:
            return
        if over == "keys":
            if self._keys is None or self._keyed != (requests.plays, requests.rows):
                self._keyed = (requests.plays, requests.rows)
                self._keys = KeysView(layout, self._language, self._scale, *self._keyed)
            self._keys.draw()
        else:
            if self._credits is None:
                lines = roll_lines(self.memory.near, self._language)
                self._credits = CreditsView(
                    lines, layout, self._language, self._scale, self._still, requests.page, self.memory.clock
                )
            self._credits.turn(requests.page)
            self._credits.draw()

    # --- where controllers are

    def _draw_reach(self, frame: Frame) -> None:
        """For each controller that has yet to pick up its knob: an arrowhead where it is, dots to the ring."""
        rows, layout = Rows(), self._layout
        for knob, at in self.memory.learn_client.reach.items():
            if knob < layout.count:
                reach_marks(rows, layout, knob, at, float(np.nan_to_num(frame.hand[knob])))
        painter().paint(rows.array(), layout)

    # --- a word now and then

    def _draw_words(self, requests: ViewRequests, frame: Frame, over: str) -> None:
        layout, language = self._layout, self._language
        word, moved = requests.said(), self.memory.learn_client.moved
        said = ""
        if word is not None:
            said = with_ctrl(say(word.key, language, **word.values), requests.plays)
        elif moved is not None and not over and moved < len(self._labels.names):
            at, hand = self.memory.learn_client.reach[moved], float(np.nan_to_num(frame.hand[moved]))
            name, where, there = self._labels.names[moved], figure(at, 2, language), figure(hand, 2, language)
            said = say("stage.word.reach", language, knob=name, at=where, hand=there)
        top = layout.height - layout.margin
        if said:  # always below the row of the letters' state, so that it does not jump when that comes
            self._show("word", said, LINE_UNITS, requests.rehearsal, top - LETTERS_ROW * self._size(SMALL_UNITS))
        usual = not requests.wants("rehearsal")  # letters play on the stage and command in rehearsal
        if requests.plays != usual and not over:
            said = say("stage.letters.play" if requests.plays else "stage.letters.command", language)
            self._show("letters", said, SMALL_UNITS, requests.rehearsal, top)

    def _size(self, units: float) -> int:
        return max(LEAST, round(units * self._layout.height / 1080.0 * self._scale))

    def _around(self, rehearsal: bool) -> tuple[Layout, list[Box | None]]:
        """The star that is shown and what stands at its spokes' ends, which no word may hide: names, or numbers."""
        layout = self._layout
        if rehearsal:
            star = Rehearsal(layout.width, layout.height, layout.count, self._scale)
            away, ends = NUMBER_UNITS * star.pixel, [star.point(i, 1.0) for i in range(star.count)]
            return star, [Box(x - away, y - away, 2.0 * away, 2.0 * away) for x, y in ends]
        size, most = NAME_UNITS * layout.unit * self._scale, NAME_WIDTH_UNITS * layout.unit
        wide = [min(most, glyph_width(name, size)) for name in self._labels.names[: layout.count]]
        return layout, layout.names([(width, size) for width in wide])

    def _show(self, what: str, said: str, units: float, rehearsal: bool, top: float) -> None:
        """Words at the upper right on a dark ground of their own, down from ``top``; made anew when they are others.

        There nothing stands: the title and the status are on the left, and names as far as they reach are left free.
        """
        made = self._words.get(what)
        if made is None or made[0] != (said, rehearsal):
            page, size = Page(), self._size(units)
            star, stood = self._around(rehearsal)
            right, high, lines = star.area.right - star.margin, 1.35 * size, [said]
            for count in range(1, WORD_LINES + 1):
                room = min(WORD_WIDTH * star.area.width, star.room_right(top - count * high, top, stood))
                lines = lines_of(said, room, size, most=count)
                if not lines[-1].endswith("…"):
                    break
            wide = max(glyph_width(line, size) for line in lines)
            feet = [top - (i + 1) * high for i in range(len(lines))]
            for line, foot in zip(lines, feet, strict=True):
                page.write(line, size, IVORY if what == "word" else TEXT, right, foot + 0.5 * high, "right")
            boxes = [Box(right - wide - 0.5 * size, foot, wide + size, high) for foot in feet]
            self.boxes[what] = boxes
            made = self._words[what] = ((said, rehearsal), page, np.concatenate([pill(box) for box in boxes]))
        painter().paint(made[2], self._layout)
        made[1].draw()


def reach_marks(rows: Rows, layout: Layout, knob: int, at: float, hand: float) -> None:
    """An arrowhead at raw ``at`` that points to raw ``hand``, and a dotted way between them."""
    m, side = layout.mark, 1.0 if hand >= at else -1.0
    x, y = layout.point(knob, at)
    dx, dy = (float(v) for v in layout.directions[knob])
    reach = ARROW_UNITS * m
    tip = (x + side * dx * reach, y + side * dy * reach)
    for way in (-1.0, 1.0):
        rows.line((x + way * dy * reach, y - way * dx * reach), tip, 1.8 * m, IVORY)
    if abs(hand - at) * layout.span > 3.0 * reach:
        ring = layout.point(knob, hand)
        end = (ring[0] - side * dx * 1.7 * reach, ring[1] - side * dy * 1.7 * reach)
        begin = (tip[0] + side * dx * 0.6 * reach, tip[1] + side * dy * 0.6 * reach)
        rows.line(begin, end, 1.3 * m, IVORY, 0.8, dash=7.0 * m)
