"""Marks: spokes, tethers, brackets, rings and beads of one frame, as rows of numbers for one draw. After layout. Pure.

A row is twelve numbers: ends (ax ay bx by), shape (radius, stroke or 0 = filled, dash or 0 = whole, grain), rgba.
Rows are painted in order. Held and slipping differ in form: dashed thin blue, whole thick orange.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.ipc import HELD, Frame
from instrument.stage.data.strain import bead_share, strain_of
from instrument.stage.views.layout import Layout
from instrument.stage.views.palette import HAND, IVORY, STRAIN, TEXT, Colour, mix

Marks = NDArray[np.float32]
BEAD_UNITS, RING_UNITS, RING_STROKE = 12.0, 18.5, 4.8
SLIP_UNITS, HELD_UNITS = 4.2, 2.8
APART = 0.012
"""Below that much between hand and knob (travel) there is no tether to see."""


class Rows:
    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []

    def line(
        self,
        a: tuple[float, float],
        b: tuple[float, float],
        radius: float,
        colour: Colour,
        alpha: float = 1.0,
        dash: float = 0.0,
        grain: float = 0.0,
    ) -> None:
        self.rows.append((*a, *b, radius, 0.0, dash, grain, *colour, alpha))

    def disc(
        self, at: tuple[float, float], radius: float, colour: Colour, stroke: float = 0.0, grain: float = 0.0
    ) -> None:
        self.rows.append((*at, *at, radius, stroke, 0.0, grain, *colour, 1.0))

    def array(self) -> Marks:
        return np.array(self.rows, np.float32).reshape(-1, 12)


def spokes(layout: Layout) -> Marks:
    """What never moves: a hairline per knob with stops at both ends."""
    rows, u = Rows(), layout.unit
    for i in range(layout.count):
        rows.line(layout.point(i, 0.0), layout.point(i, 1.0), 0.55 * u, TEXT, 0.30)
        for raw in (0.0, 1.0):
            rows.line(*_across(layout, i, raw, 7.0 * u), 0.9 * u, TEXT, 0.65)
    return rows.array()


def marks(frame: Frame, layout: Layout, focus: int | None = None) -> Marks:
    """What moves. Hands and positions that are no number are drawn at 0."""
    rows, count = Rows(), min(layout.count, frame.playable)
    u, m = layout.unit, layout.mark
    hand = np.clip(np.nan_to_num(frame.hand[:count].astype(float)), 0.0, 1.0)
    pos = np.clip(np.nan_to_num(frame.pos[:count].astype(float)), 0.0, 1.0)
    stick = np.clip(np.nan_to_num(frame.stick[:count].astype(float)), 0.0, 1.0)
    strain, held = strain_of(frame, count), frame.stuck[:count] == HELD
    at_hand, at_bearing, _ = (float(g) for g in np.clip(np.nan_to_num(frame.grain), 0.0, 0.3))
    for i in range(count):
        if stick[i] > 0.004:
            _brackets(rows, layout, i, pos[i], stick[i], strain[i] * held[i], hand[i] - pos[i], not held[i])
    for i in range(count):
        if abs(hand[i] - pos[i]) < APART:
            continue
        a, b = layout.point(i, pos[i]), layout.point(i, hand[i])
        a, b = _between(a, b, BEAD_UNITS * m, (RING_UNITS + 0.5 * RING_STROKE) * m)
        grain = at_bearing * layout.span * 0.6
        if held[i]:
            rows.line(a, b, HELD_UNITS * m, HAND, 1.0, dash=11.5 * m, grain=grain)
        else:
            rows.line(a, b, SLIP_UNITS * m, STRAIN, 1.0, grain=grain)
    for i in range(count):
        rows.disc(
            layout.point(i, hand[i]),
            RING_UNITS * m,
            HAND,
            RING_STROKE * m * (1.5 if i == focus else 1.0),
            grain=at_hand * layout.span * 0.7,
        )
    for i in range(count):
        rows.disc(layout.point(i, pos[i]), BEAD_UNITS * m, mix(IVORY, STRAIN, bead_share(float(strain[i]))))
    if not count:
        rows.disc(layout.centre, 3.0 * u, TEXT)
    return rows.array()


def _between(
    a: tuple[float, float], b: tuple[float, float], from_a: float, from_b: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The line from ``a`` to ``b`` without what the bead and the ring cover; a point where they cover all of it."""
    far = math.hypot(b[0] - a[0], b[1] - a[1])
    s, t = min(from_a / far, 1.0), max(1.0 - from_b / far, 0.0)
    s, t = (s, t) if s < t else (s, s)
    return tuple((a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k) for k in (s, t))  # type: ignore[return-value]


def _across(layout: Layout, knob: int, raw: float, half: float) -> tuple[tuple[float, float], tuple[float, float]]:
    x, y = layout.point(knob, raw)
    dx, dy = (float(v) for v in layout.directions[knob])
    return (x + dy * half, y - dx * half), (x - dy * half, y + dx * half)


def _brackets(
    rows: Rows, layout: Layout, knob: int, pos: float, stick: float, strain: float, lead: float, open_: bool
) -> None:
    """One bracket each side of the bead, as far away as the hand may pull before it gives; the pulled one lights up.

    A knob that slips has broken through: its brackets fade, the pulled one most.
    """
    m = layout.mark
    dx, dy = (float(v) for v in layout.directions[knob])
    for side in (-1.0, 1.0):
        pulled = strain if lead * side > 0 else 0.0
        colour, alpha = mix(TEXT, STRAIN, pulled), 0.80 + 0.18 * pulled
        if open_:
            alpha = 0.22 if lead * side > 0 else 0.45
        raw = pos + side * stick
        if not -0.08 <= raw <= 1.08:
            continue
        a, b = _across(layout, knob, raw, 21.0 * m)
        foot = -side * 6.5 * m
        rows.line(a, b, 1.5 * m, colour, alpha)
        for end in (a, b):
            rows.line(end, (end[0] + dx * foot, end[1] + dy * foot), 1.5 * m, colour, alpha)
