"""Rehearsal: where everything of the rehearsal view lies. Pure. The stage picture top left, dials below, panel right.

Pixels, origin bottom left, y upwards. ``pixel`` is a pixel of a picture 1920 x 1080: sizes here are numbers of pixels.
A hand on a dial is dragged up and down, not round: a circle has a middle in which direction means nothing and a gap
that has to be jumped, while a vertical way is as long for a small dial as for a large one. In the stage picture a ring
is dragged along its spoke, as on the stage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from instrument.knobs import SCENES
from instrument.stage.views.layout import Box, Layout

PANEL_SHARE, PANEL_SHARE_BIG = 0.30, 0.36
BIG_TYPE = 1.25
"""From this type scale on it is the big-type mode: a wider panel, fewer dials in a row."""
COLUMNS, COLUMNS_BIG = 10, 8
RADIUS_PIXELS, RADIUS_LEAST = 64.0, 20.0
OUTSIDE = 0.56
"""From the arc to beyond the longest bar of the histogram, in radii."""
NAME_PIXELS, MAPPING_PIXELS, INDEX_PIXELS, VALUE_PIXELS, WORD_PIXELS, KEYS_PIXELS = 19.0, 15.0, 15.0, 24.0, 14.5, 16.0
TRAVEL_PIXELS = 260.0
"""A drag of so much is a whole travel of a knob."""
CELL_MOST_PIXELS = 208.0
EDGE_PIXELS = 40.0
LEAST_TYPE = 10.0
"""pixels; smaller letters cannot be read, whatever the size of the window"""
START_ANGLE, SWEEP = 0.75 * math.pi, 1.5 * math.pi
FOOT = math.cos(START_ANGLE - SWEEP)
"""The height of the arc's ends over its middle, in radii: -0.71."""


class Rehearsal(Layout):
    """The rehearsal view. ``page`` of ``pages``; ``first`` and ``last`` (exclusive): the knobs that have a dial on it.

    It is a Layout of the small star, so that the stage picture is drawn by the same code into ``area``.
    """

    def __init__(self, width: int, height: int, count: int, type_scale: float = 1.0) -> None:
        self.pixel = pixel = min(height / 1080.0, width / 1920.0)
        self.type_scale = type_scale
        big = type_scale >= BIG_TYPE
        self.panel_left = left = round(width * (1.0 - (PANEL_SHARE_BIG if big else PANEL_SHARE)))
        columns_most = COLUMNS_BIG if big else COLUMNS
        self.pages = max(1, math.ceil(count / (2 * columns_most)))
        self.per_page = math.ceil(count / self.pages) if count else 0
        self.rows = 1 if self.per_page <= columns_most else 2
        self.columns = max(1, math.ceil(self.per_page / self.rows))
        self.page = 0
        side = 0.5 * EDGE_PIXELS * pixel
        self.cell_width = min((left - 2.0 * side) / self.columns, CELL_MOST_PIXELS * pixel)
        self._left = 0.5 * (left - self.columns * self.cell_width)
        self.keys_height = self.type(KEYS_PIXELS) * 1.5 + 26.0 * pixel
        words = self._words_height
        most = 0.5 * height - self.keys_height
        by_width = (0.5 * self.cell_width - 3.0 * pixel) / (1.0 + OUTSIDE)
        by_height = (most / self.rows - words) / (1.0 + OUTSIDE - FOOT)
        self.arc = max(RADIUS_LEAST * pixel, min(RADIUS_PIXELS * pixel, by_width, by_height))
        self.row_height = self.arc * (1.0 + OUTSIDE - FOOT) + words
        self.strip = math.ceil(self.keys_height + self.rows * self.row_height)
        super().__init__(width, height, count, Box(0.0, self.strip, float(left), float(height - self.strip)))
        self._on_dial = False

    def type(self, pixels: float, scale: float | None = None) -> float:
        """Size of type in pixels, never too small to be read."""
        return max(LEAST_TYPE, pixels * self.pixel * (self.type_scale if scale is None else scale))

    @property
    def _words_height(self) -> float:
        """What name, mapping and the room round them take below a dial."""
        return 1.30 * self.type(NAME_PIXELS) + 1.25 * self.type(MAPPING_PIXELS) + 36.0 * self.pixel

    @property
    def first(self) -> int:
        return self.page * self.per_page

    @property
    def last(self) -> int:
        return min(self.count, self.first + self.per_page)

    def turn_to(self, knob: int | None) -> bool:
        if knob is None or not 0 <= knob < self.count or self.first <= knob < self.last:
            return False
        self.page = knob // self.per_page
        return True

    # --- dials

    def cell(self, knob: int) -> Box:
        """All that belongs to a knob of this page: dial, name, mapping."""
        row, column = divmod(knob - self.first, self.columns)
        bottom = self.strip - (row + 1) * self.row_height
        return Box(self._left + column * self.cell_width, bottom, self.cell_width, self.row_height)

    def dial(self, knob: int) -> tuple[float, float]:
        """The middle of a knob's dial, on a whole pixel."""
        cell = self.cell(knob)
        y = cell.top - (1.0 + OUTSIDE) * self.arc - 2.0 * self.pixel
        return float(round(cell.left + 0.5 * cell.width)), float(round(y))

    def dial_point(self, knob: int, raw: float) -> tuple[float, float]:
        """Where raw 0..1 lies on the arc of a knob's dial."""
        x, y = self.dial(knob)
        angle = SWEEP * raw - START_ANGLE
        return x + self.arc * math.sin(angle), y + self.arc * math.cos(angle)

    def dial_at(self, x: float, y: float) -> int | None:
        """The knob whose cell lies under a point."""
        for knob in range(self.first, self.last):
            cell = self.cell(knob)
            if cell.left <= x < cell.right and cell.bottom <= y < cell.top:
                return knob
        return None

    # --- what input asks

    def knob_near(self, x: float, y: float, raws: Sequence[float], reach_units: float = 44.0) -> int | None:
        """The knob whose dial lies under a point, or whose mark in the stage picture is near to it. What was found
        decides for ``raw_at``: a drag goes on as it began, wherever the mouse goes."""
        if (knob := self.dial_at(x, y)) is not None:
            self._on_dial = True
            return knob
        knob = super().knob_near(x, y, raws, reach_units) if y >= self.strip and x < self.panel_left else None
        if knob is not None:
            self._on_dial = False
        return knob

    def spoke_near(self, x: float, y: float) -> int | None:
        return super().spoke_near(x, y) if y >= self.strip and x < self.panel_left else None

    def raw_at(self, knob: int, x: float, y: float) -> float:
        """On a dial a raw that grows as the mouse goes up, to be taken as a difference; else the foot on the spoke."""
        return y / (TRAVEL_PIXELS * self.pixel) if self._on_dial else super().raw_at(knob, x, y)

    # --- the panel

    @property
    def panel(self) -> Box:
        """The room of the panel's words, above the scenes."""
        edge = EDGE_PIXELS * self.pixel
        bottom = self.scene(0).top + 3.4 * self.type(INDEX_PIXELS)
        return Box(
            self.panel_left + edge, bottom, self.width - self.panel_left - 2.0 * edge, self.height - edge - bottom
        )

    def scene(self, slot: int) -> Box:
        """The box of a scene, on whole pixels."""
        edge, gap = EDGE_PIXELS * self.pixel, 8.0 * self.pixel
        room = self.width - self.panel_left - 2.0 * edge
        step = (room + gap) / SCENES
        tall = max(1.9 * self.type(WORD_PIXELS), 44.0 * self.pixel)
        left = round(self.panel_left + edge + slot * step)
        return Box(float(left), float(round(0.5 * self.keys_height)), float(round(step - gap)), float(round(tall)))

    def scene_at(self, x: float, y: float) -> int | None:
        for slot in range(SCENES):
            box = self.scene(slot)
            if box.left <= x < box.right and box.bottom <= y < box.top:
                return slot
        return None
