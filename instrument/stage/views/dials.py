"""Dials: the knobs of the rehearsal view, as rows of numbers for one instanced draw. After layout. Pure, but for Dials.

A row is twelve numbers: place (x y radius, row of its histogram), raw 0..1 (hand pos stick, strain), then its state
(0 agree, 1 held, 2 slipping), focus 0 or 1, where a controller waits (raw, -1: none does) and the unit in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from instrument.ipc import HELD, SLIPPING, Frame
from instrument.stage.data.model_info import BARS, bars
from instrument.stage.data.patch_labels import PatchLabels
from instrument.stage.data.strain import distance_of, strain_of
from instrument.stage.gpu import gl
from instrument.stage.views.marks import APART
from instrument.stage.views.palette import GROUND, HAND, IVORY, SLATE, STRAIN, TEXT
from instrument.stage.views.rehearsal import RADIUS_PIXELS, Rehearsal

AGREE = 0
MARGIN_UNITS = 36.0
"""What a dial's quad is larger than its arc: the bars of the histogram, the grain."""
NOTE_STEP = 0.25
"""semitones that a note moves before the histogram of pitch is made anew"""
DIALS_MAX = 64


def states(frame: Frame, count: int) -> NDArray[np.int64]:
    """[count] AGREE, HELD or SLIPPING: as the tethers of the stage tell it."""
    return np.where(distance_of(frame, count) >= APART, np.where(frame.stuck[:count] == HELD, HELD, SLIPPING), AGREE)


def dial_rows(
    frame: Frame, layout: Rehearsal, focus: int | None, waiting: Mapping[int, float] | None = None
) -> NDArray[np.float32]:
    """f32[n, 12] of the knobs on the present page. ``waiting``: raw of controllers that have not picked up a knob."""
    first, last = layout.first, min(layout.last, frame.playable)
    count = max(0, last - first)
    rows = np.zeros((count, 12), np.float32)
    if not count:
        return rows
    which = slice(first, last)
    rows[:, :2] = [layout.dial(i) for i in range(first, last)]
    rows[:, 2], rows[:, 3] = layout.arc, np.arange(count)
    for column, values in ((4, frame.hand), (5, frame.pos), (6, frame.stick)):
        rows[:, column] = np.clip(np.nan_to_num(values[which].astype(float)), 0.0, 1.0)
    rows[:, 7] = np.nan_to_num(strain_of(frame, last)[which])
    rows[:, 8] = states(frame, last)[which]
    rows[:, 9] = np.arange(first, last) == (-1 if focus is None else focus)
    rows[:, 10] = [(waiting or {}).get(i, -1.0) for i in range(first, last)]
    rows[:, 11] = layout.arc / RADIUS_PIXELS
    return rows


class Dials:
    """Draws rows that already lie in a table. Histograms lie in a texture of their own, written when they change."""

    def __init__(self) -> None:
        self._program = gl.Program("dial.vert", "dial.frag")
        self._strips = gl.Strips()
        self._bins = gl.Texture(BARS, DIALS_MAX, 1)
        self._made: tuple[object, ...] = ()

    def show(self, labels: PatchLabels, layout: Rehearsal, note: float) -> None:
        """The histograms of the knobs on the present page, round this MIDI note."""
        moves = any(knob.role == "pitch" for knob in labels.table.playable[layout.first : layout.last])
        step = round(note / NOTE_STEP) if moves and np.isfinite(note) else 0
        wanted = (labels, layout.first, layout.last, step)
        if wanted == self._made:
            return
        self._made = wanted
        rows = np.full((DIALS_MAX, BARS), -1.0, np.float32)
        knobs, latents = labels.table.playable, labels.model_info.latents
        for row, i in enumerate(range(layout.first, min(layout.last, len(knobs), len(latents)))):
            rows[row] = bars(latents[i], knobs[i], step * NOTE_STEP)
        self._bins.write(rows[:, :, None].copy())

    def draw(
        self, frame: Frame, layout: Rehearsal, first: int, count: int, beat: float, still: bool, shown: float
    ) -> None:
        """``count`` dials, whose rows begin at ``first`` in the table bound to unit 0."""
        if not count:
            return
        grain = np.clip(np.nan_to_num(frame.grain.astype(float)), 0.0, 0.3) * (0.0 if still else 1.0)
        self._bins.bind(1)
        self._program.use(
            table=0, bins=1, first=first, size=(float(layout.width), float(layout.height)), reach=MARGIN_UNITS,
            beat=beat, shown=shown, grain=(float(grain[0]), float(grain[1])), ground=GROUND, ivory=IVORY,
            hand_colour=HAND, strain_colour=STRAIN, text=TEXT, slate=SLATE,
        )  # fmt: skip
        gl.blend("over")
        self._strips.draw(4, count)

    def delete(self) -> None:
        self._program.delete()
        self._strips.delete()
        self._bins.delete()
