"""Layout: where everything of the stage lies, from the size of the picture and the number of knobs. Pure.

Pixels, origin bottom left, y upwards. ``unit`` is a pixel of a picture 1080 high: every size is a number of units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INNER, OUTER = 0.095, 0.385
"""Where spokes begin and end, in heights of the picture."""
NAME_UNITS, TITLE_UNITS, LINE_UNITS, SMALL_UNITS = 25.0, 58.0, 23.0, 19.0
MARGIN_UNITS = 60.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def top(self) -> float:
        return self.bottom + self.height

    def meets(self, other: Box, gap: float = 0.0) -> bool:
        """Do they overlap, or come nearer than ``gap``."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.bottom < other.top + gap
            and other.bottom < self.top + gap
        )


class Layout:
    """The star of ``count`` spokes: knob i at angle i/count from the top, clockwise; in ``area``, or in the window."""

    def __init__(self, width: int, height: int, count: int, area: Box | None = None) -> None:
        self.width, self.height, self.count = width, height, count
        self.area = area = area or Box(0.0, 0.0, float(width), float(height))
        self.side = side = max(16.0, float(min(area.height, 0.64 * area.width)))
        self.unit = side / 1080.0
        self.centre = (area.left + area.width / 2.0, area.bottom + area.height / 2.0)
        self.inner, self.outer = INNER * side, OUTER * side
        self.span = self.outer - self.inner
        angle = 2.0 * math.pi * np.arange(max(count, 1)) / max(count, 1)
        self.directions: NDArray[np.float64] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        # Sixteen beads have room for their full size; more of them shrink with the space between spokes.
        self.mark = self.unit * min(1.0, 16.0 / max(count, 1))

    @property
    def square(self) -> tuple[int, int, int, int]:
        """Left, bottom, width, height in whole pixels of the square in which there is light."""
        side = round(self.side)
        return round(self.centre[0] - side / 2), round(self.centre[1] - side / 2), side, side

    @property
    def margin(self) -> float:
        return MARGIN_UNITS * self.unit

    def radius(self, raw: float) -> float:
        """Distance from the centre of a raw position."""
        return self.inner + raw * self.span

    def point(self, knob: int, raw: float) -> tuple[float, float]:
        """Where raw 0..1 of a knob lies."""
        r = self.radius(raw)
        x, y = self.directions[knob]
        return self.centre[0] + r * float(x), self.centre[1] + r * float(y)

    def raw_at(self, knob: int, x: float, y: float) -> float:
        """The raw position 0..1 of a knob that is nearest to a point: its foot on the spoke, clipped."""
        dx, dy = self.directions[knob]
        along = (x - self.centre[0]) * float(dx) + (y - self.centre[1]) * float(dy)
        return min(1.0, max(0.0, (along - self.inner) / self.span))

    def knob_near(self, x: float, y: float, raws: Sequence[float], reach_units: float = 44.0) -> int | None:
        """The knob whose mark at ``raws`` is nearest to a point, None when none is within reach."""
        best, nearest = None, reach_units * self.unit
        for i in range(min(self.count, len(raws))):
            px, py = self.point(i, float(raws[i]))
            distance = math.hypot(x - px, y - py)
            if distance < nearest:
                best, nearest = i, distance
        return best

    def spoke_near(self, x: float, y: float) -> int | None:
        """The knob whose direction is nearest to that of a point; None outside of the star."""
        dx, dy = x - self.centre[0], y - self.centre[1]
        far = math.hypot(dx, dy)
        if self.count == 0 or not 0.4 * self.inner < far < self.outer + 90.0 * self.unit:
            return None
        return int(np.argmax(self.directions @ np.array([dx, dy])))

    def scene_at(self, x: float, y: float) -> int | None:
        """The slot 0..7 of the scene whose box lies under a point; None where there is no box, as here."""
        return None

    def turn_to(self, knob: int | None) -> bool:
        """Show the page with this knob on it. True when that is another page; the star shows all knobs at once."""
        return False

    def names(self, sizes: Sequence[tuple[float, float]]) -> list[Box | None]:
        """Boxes for the names, ``sizes`` (width, height) in pixels. None where there is no room; none overlap.

        A name stands beyond the end of its spoke, turned away from the centre. One that meets another, or leaves the
        picture, moves outwards by steps; the names at the top and bottom go first, because they have least room.
        """
        order = sorted(range(len(sizes)), key=lambda i: (-abs(self.directions[i][1]), i))
        placed: dict[int, Box] = {}
        for i in order:
            for step in range(12):
                box = self._name_box(i, sizes[i], (34.0 + 7.0 * step) * self.unit)
                fits = box.left >= 0 and box.bottom >= 0 and box.right <= self.width and box.top <= self.height
                if fits and not any(box.meets(other, 4.0 * self.unit) for other in placed.values()):
                    placed[i] = box
                    break
        return [placed.get(i) for i in range(len(sizes))]

    def _name_box(self, i: int, size: tuple[float, float], beyond: float) -> Box:
        x, y = (float(v) for v in self.directions[i])
        width, height = size
        px = self.centre[0] + (self.outer + beyond) * x
        py = self.centre[1] + (self.outer + beyond) * y
        # The anchor slides from the middle (top, bottom) to the near edge (sides), softly, so nothing jumps.
        lean = max(-1.0, min(1.0, 1.6 * x))
        return Box(px - 0.5 * width + 0.5 * lean * width, py - 0.5 * height + 0.5 * y * height, width, height)

    def room_right(self, bottom: float, top: float, names: Sequence[Box | None]) -> float:
        """How wide a block at the right edge of the area, between two heights, may be without meeting a name."""
        edge, half = self.area.right, self.centre[0]
        corner = Box(half, bottom - 8.0 * self.unit, edge - half, top - bottom + 16.0 * self.unit)
        ends = [box.right for box in names if box is not None and box.bottom < corner.top and box.top > corner.bottom]
        return edge - max([*ends, half]) - self.margin - 24.0 * self.unit

    def room_left(self, bottom: float, top: float, names: Sequence[Box | None]) -> float:
        """How wide a block at the left margin, between two heights, may be without meeting a name."""
        corner = Box(0.0, bottom - 8.0 * self.unit, self.width / 2.0, top - bottom + 16.0 * self.unit)
        edges = [box.left for box in names if box is not None and box.bottom < corner.top and box.top > corner.bottom]
        return min([*edges, self.width / 2.0]) - self.margin - 24.0 * self.unit
