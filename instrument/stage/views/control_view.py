"""Control view: what the rehearsal view shows besides the stage picture - dials, their words, the panel, keys.
After layout.

It stands where Writing does in the stage view: the scene draws its marks with the others, from one table, then it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instrument.base.text import say
from instrument.ipc import HELD, SLIPPING, Frame
from instrument.knobs import SCENES
from instrument.stage.data import figures
from instrument.stage.data.meter import LevelMeter
from instrument.stage.data.patch_labels import PatchLabels, elide
from instrument.stage.gpu import gl
from instrument.stage.gpu.lettering import Letters, TextRun
from instrument.stage.input.key_names import with_ctrl
from instrument.stage.views.dials import Dials, dial_rows, states
from instrument.stage.views.marks import Marks, spokes
from instrument.stage.views.palette import GROUND, HAND, IVORY, STRAIN, TEXT, mix
from instrument.stage.views.panel import Panel, PanelFacts
from instrument.stage.views.panel_lines import QUIET
from instrument.stage.views.rehearsal import (
    INDEX_PIXELS,
    KEYS_PIXELS,
    LEAST_TYPE,
    MAPPING_PIXELS,
    NAME_PIXELS,
    VALUE_PIXELS,
    WORD_PIXELS,
    Rehearsal,
)

NUMBERS_S = 0.1
"""Numbers change at most ten times a second: faster ones cannot be read and cost the same."""
KEYS = ("view", "learn", "choose", "turn", "save", "scene", "black", "silence", "mark", "credits", "help")
BOXES_MAX = 32


class ControlView:
    """``update`` before each picture, then the scene asks for marks and calls ``draw``."""

    def __init__(
        self,
        layout: Rehearsal,
        labels: PatchLabels,
        language: str,
        meter: LevelMeter,
        still: bool = False,
        plays: bool = False,
    ) -> None:
        """``still``: reduced motion. ``plays``: here letters play, and a command that is one of them needs Ctrl."""
        self.layout, self.labels, self.language = layout, labels, language
        self._meter, self._still, self.plays = meter, still, plays
        self.letters = Letters()
        self.panel = Panel(self.letters, layout, labels, language)
        self._dials = Dials()
        self._boxes = gl.Program("box.vert", "box.frag")
        self._strips = gl.Strips()
        self._box_table = gl.Texture(3, BOXES_MAX, 4)
        self._boxed: tuple[object, ...] = ()
        self._box_count = 0
        self.still: Marks = spokes(layout)
        self._write_star()
        self._words: list[dict[str, TextRun]] = [self._write_knob() for _ in range(layout.per_page)]
        self._page_word = self.letters.write("", layout.type(MAPPING_PIXELS), QUIET)
        self._write_keys()
        self._numbers = figures.Paced(NUMBERS_S)
        self._near = figures.Paced(figures.NEAREST_S)
        self._told: tuple[object, ...] = ()
        self.waiting: Mapping[int, float] = {}

    # --- words

    def _write_star(self) -> None:
        """Numbers at the ends of the spokes, so that a dial is found in the picture; none where they would touch."""
        layout = self.layout
        if layout.count > 24:
            return
        size = layout.type(INDEX_PIXELS, 1.0)
        for i in range(layout.count):
            x, y = layout.point(i, 1.0)
            dx, dy = layout.directions[i]
            away = 30.0 * layout.pixel
            self.letters.write(str(i + 1), size, QUIET, x + float(dx) * away, y + float(dy) * away, 0.5)

    def _write_knob(self) -> dict[str, TextRun]:
        type_, write = self.layout.type, self.letters.write
        return {
            "index": write("", type_(INDEX_PIXELS), QUIET),
            "value": write("", self._value_size, IVORY, anchor=0.5),
            "state": write("", self._state_size, TEXT, anchor=0.5),
            "name": write("", type_(NAME_PIXELS), TEXT, anchor=0.5),
            "mapping": write("", type_(MAPPING_PIXELS), QUIET, anchor=0.5),
        }

    @property
    def _value_size(self) -> float:
        """As large as the type scale asks for and the dial has room."""
        return min(self.layout.type(VALUE_PIXELS), 0.58 * self.layout.arc)

    @property
    def _state_size(self) -> float:
        """Held and slipping stand inside the arc: as large as they have room there, and never too small to be read."""
        size = self.layout.type(WORD_PIXELS)
        words = (say("rehearsal.held", self.language), say("rehearsal.slipping", self.language))
        wide = max(self.letters.width(word, size) for word in words)
        return max(LEAST_TYPE, size * min(1.0, 1.35 * self.layout.arc / wide))

    def _place(self, around: PanelFacts, frame: Frame, focus: int | None) -> None:
        """Which knobs are on the page, what they are called and what moves them."""
        layout, u = self.layout, self.layout.pixel
        size = {key: word.size for key, word in self._words[0].items()} if self._words else {}
        for slot, words in enumerate(self._words):
            knob = layout.first + slot
            if knob >= layout.last:
                for word in words.values():
                    word.set("")
                continue
            cell, (x, y) = layout.cell(knob), layout.dial(knob)
            room = cell.width - 10.0 * u
            words["index"].move(cell.left + 7.0 * u, cell.top - 5.0 * u - 0.5 * size["index"])
            words["index"].set(str(knob + 1))
            words["value"].move(x, y + 0.12 * layout.arc)
            words["state"].move(x, y - 0.43 * layout.arc)
            foot = cell.bottom + 10.0 * u
            line = 1.25 * size["mapping"]
            words["mapping"].move(x, foot + 0.5 * line)
            words["name"].move(x, foot + line + 0.68 * size["name"])
            name = self.labels.names[knob] if knob < len(self.labels.names) else ""
            words["name"].set(self._cut(name, room, size["name"]), IVORY if knob == focus else TEXT)
            address = around.addresses.get(knob, "")
            said = figures.mapping(around.bound.get(knob, ()), int(frame.origin[knob]), address, self.language)
            if said == address and self.letters.width(said, size["mapping"]) > room:
                said = "/" + said.split("/", 2)[-1]  # without the root, which all of them share
            words["mapping"].set(self._cut(said, room, size["mapping"]))
        if layout.pages > 1:
            said = say("rehearsal.page", self.language, first=layout.first + 1, last=layout.last, count=layout.count)
            self._page_word.set(said)
            wide = self._page_word.width
            self._page_word.move(layout.panel_left - wide - 20.0 * u, 0.5 * layout.keys_height)

    def _cut(self, text: str, room: float, size: float) -> str:
        return elide(text, room, lambda part: self.letters.width(part, size))

    def _write_keys(self) -> None:
        """The bottom line: as many keys as there is room for, always with the one that leads on to all of them."""
        layout, u, size = self.layout, self.layout.pixel, self.layout.type(KEYS_PIXELS)
        left, y = 30.0 * u, 0.5 * layout.keys_height
        room = layout.panel_left - 2.0 * left - (190.0 * u * layout.type_scale if layout.pages > 1 else 0.0)
        parts = [
            (
                with_ctrl(say(f"rehearsal.key.{key}", self.language), self.plays),
                say(f"rehearsal.does.{key}", self.language),
            )
            for key in KEYS
        ]
        inner, outer = 0.6 * size, 1.45 * size
        widths = [self.letters.width(name, size) + inner + self.letters.width(does, size) for name, does in parts]
        while len(parts) > 1 and sum(widths) + outer * (len(widths) - 1) > room:
            at = max(0, len(parts) - 2)  # the last one is help
            del parts[at], widths[at]
        x = left
        for (name, does), width in zip(parts, widths, strict=True):
            self.letters.write(name, size, IVORY, x, y)
            self.letters.write(does, size, QUIET, x + self.letters.width(name, size) + inner, y)
            x += width + outer

    # --- playing

    def update(self, frame: Frame, focus: int | None, status: str, around: PanelFacts) -> None:
        """Set the words that changed: numbers at most ten times a second, the neighbour twice."""
        layout = self.layout
        turned = layout.turn_to(focus)
        told = (
            focus,
            layout.page,
            around,
            status,
            frame.origin[: layout.count].tobytes(),
            int(frame["scene"]),
            int(frame["scenes"]),
            frame.seq == 0,
        )
        if told != self._told or turned:
            self._told = told
            self._place(around, frame, focus)
            self.panel.tell_status(frame, status)
            self._numbers.again()
        self._dials.show(self.labels, layout, frame.note)
        if self._near.due(frame.time):
            self.panel.tell_near(frame)
        if self._numbers.due(frame.time):
            self.panel.tell_numbers(frame, focus, around, self._meter.rms)
            self._tell_knobs(frame)

    def _tell_knobs(self, frame: Frame) -> None:
        layout = self.layout
        last = min(layout.last, frame.playable)
        state = states(frame, last)
        said = {HELD: say("rehearsal.held", self.language), SLIPPING: say("rehearsal.slipping", self.language)}
        for slot, knob in enumerate(range(layout.first, last)):
            words = self._words[slot]
            words["value"].set(figures.figure(float(frame.pos[knob]), 2, self.language))
            words["state"].set(said.get(int(state[knob]), ""), STRAIN if state[knob] == SLIPPING else HAND)

    # --- drawing

    def marks(self) -> Marks:
        """What moves besides the dials: the level."""
        return self._meter.marks(self.panel.meter)

    def dials(self, frame: Frame, focus: int | None) -> Marks:
        """Their rows, as wide as marks are, so that both travel in one table."""
        return dial_rows(frame, self.layout, focus, self.waiting)

    def draw(self, frame: Frame, focus: int | None, shown: float, table: gl.Texture, count: int, beat: float) -> None:
        """Boxes, the dials (``count``, first in ``table``), words."""
        self._draw_boxes(frame, focus, shown)
        table.bind(0)
        self._dials.draw(frame, self.layout, 0, count, beat, self._still, shown)
        if shown >= 1.0:
            self.letters.draw(self.layout.width, self.layout.height)

    def _draw_boxes(self, frame: Frame, focus: int | None, shown: float) -> None:
        layout = self.layout
        wanted = (focus, layout.page, int(frame["scene"]), int(frame["scenes"]), frame.seq == 0)
        if wanted != self._boxed:
            self._boxed = wanted
            rows = self._box_rows(frame, focus)
            self._box_count = len(rows)
            self._box_table.write(np.ascontiguousarray(rows.reshape(-1, 3, 4)))
        self._box_table.bind(0)
        gl.blend("over")
        self._boxes.use(table=0, size=(float(layout.width), float(layout.height)), shown=shown)
        self._strips.draw(4, self._box_count)

    def _box_rows(self, frame: Frame, focus: int | None) -> Marks:
        """Two hairlines, the scenes, and the frame round the focused knob."""
        layout, u = self.layout, self.layout.pixel
        hair, line = max(1.0, round(1.2 * u)), mix(GROUND, TEXT, 0.22)
        rows: list[tuple[float, ...]] = [
            (layout.panel_left, 0.0, hair, layout.height, 0, 0, 0, 0, *line, 1.0),
            (0.0, layout.strip, layout.panel_left, hair, 0, 0, 0, 0, *line, 1.0),
        ]
        now = int(frame["scene"]) if frame.seq else -1
        there = int(frame["scenes"])
        for slot in range(SCENES):
            box = layout.scene(slot)
            place, kept = (box.left, box.bottom, box.width, box.height), bool(there >> slot & 1)
            current = slot == now and kept
            fill = mix(GROUND, IVORY, 0.22) if current else mix(GROUND, TEXT, 0.14 if kept else 0.04)
            rows.append((*place, 3.0 * u, 0, 0, 0, *fill, 1.0))
            edge = IVORY if current else mix(GROUND, TEXT, 0.62 if kept else 0.22)
            stroke = max(1.0, round((2.0 if current else 1.2) * u))
            rows.append((*place, 3.0 * u, stroke, 0, 0, *edge, 1.0))
        if focus is not None and layout.first <= focus < layout.last:
            cell = layout.cell(focus)
            left, bottom = round(cell.left + 2.0 * u), round(cell.bottom + 3.0 * u)
            place = (left, bottom, round(cell.width - 4.0 * u), round(cell.height - 5.0 * u))
            rows.append((*place, 5.0 * u, max(1.0, round(1.6 * u)), 0, 0, *mix(GROUND, IVORY, 0.72), 1.0))
        return np.array(rows, np.float32)

    def delete(self) -> None:
        """Give everything of GL back; the view is of no more use."""
        self.letters.delete()
        self._boxes.delete()
        self._strips.delete()
        self._box_table.delete()
        self._dials.delete()
