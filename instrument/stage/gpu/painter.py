"""Painter: fields, boxes and marks over a finished picture; one for each GL context. After scene, before overlays."""

from __future__ import annotations

from typing import Any

import numpy as np

from instrument.stage.gpu import gl
from instrument.stage.views.layout import Box, Layout
from instrument.stage.views.marks import Marks, Rows
from instrument.stage.views.palette import FIELD, GROUND, Colour

ROWS_MAX = 1024


class Painter:
    """``paint`` rows of marks; ``field`` and ``box`` make some."""

    def __init__(self) -> None:
        self._program = gl.Program("marks.vert", "marks.frag")
        self._table = gl.Texture(3, ROWS_MAX, 4)
        self._strips = gl.Strips()

    def paint(self, rows: Marks, layout: Layout, shown: float = 1.0) -> None:
        """``shown``: 0 nothing, 1 all of it."""
        rows = rows[:ROWS_MAX]
        if not len(rows) or shown <= 0.0:
            return
        self._table.write(np.ascontiguousarray(rows.reshape(-1, 3, 4)))
        self._table.bind(0)
        gl.blend("over")
        size = (float(layout.width), float(layout.height))
        self._program.use(table=0, first=0, size=size, unit=layout.unit, beat=0.0, shown=shown, ground=GROUND)
        self._strips.draw(4, len(rows))


def field(layout: Layout, alpha: float) -> Marks:
    """One capsule larger than the picture: what lies behind it is still there, and no longer read."""
    rows, middle = Rows(), 0.5 * layout.height
    rows.line((-layout.width, middle), (2.0 * layout.width, middle), 2.0 * layout.height, FIELD, alpha)
    return rows.array()


def pill(box: Box, colour: Colour = FIELD, alpha: float = 0.92) -> Marks:
    """A box with round ends."""
    rows, radius = Rows(), 0.5 * box.height
    y = box.bottom + radius
    rows.line((box.left + radius, y), (max(box.left + radius, box.right - radius), y), radius, colour, alpha)
    return rows.array()


def painter() -> Painter:
    """The one of the present context: its objects live and die with it."""
    from pyglet.gl import current_context

    context: Any = current_context
    found: Painter | None = getattr(context, "rosin_painter", None)
    if found is None:
        found = context.rosin_painter = Painter()
    return found
