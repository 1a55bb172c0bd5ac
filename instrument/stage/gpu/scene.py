"""Scene: draws one picture of the stage into the window. After history, layout and marks; all GL through gl.py.

Light is drawn into a half-float picture at the render scale (rings, halo, line, dust: added up, so that what lies on
one another is brighter), blurred twice for its bloom and laid on the ground in the window. Marks and words come last,
in full resolution, so they stay sharp at any scale.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from instrument.ipc import Flags, Frame
from instrument.stage.data.contour import POINTS, contour, loudness, ripple
from instrument.stage.data.history import RINGS, SECONDS, History
from instrument.stage.data.strain import strain_of
from instrument.stage.gpu import gl
from instrument.stage.isf.backdrop import Backdrop
from instrument.stage.views.control_view import ControlView
from instrument.stage.views.layout import Layout
from instrument.stage.views.marks import Marks, marks
from instrument.stage.views.palette import EMBER, GROUND, IVORY, SLATE
from instrument.stage.views.writing import Writing

MARKS_MAX = 4096
SINK_S = 3.3
"""A ring's radius falls to 1/e in that time; after eight seconds it is a tenth."""
DUST = 900


class StageWords(NamedTuple):
    """What stands in the stage view, and the knob that is chosen."""

    writing: Writing
    status: str
    focus: int | None


class StagePicture:
    """One window's picture. ``draw`` paints a whole frame; nothing is kept between frames but GL's own objects."""

    def __init__(self, still: bool = False) -> None:
        """``still``: reduced motion."""
        self._still = still
        self._strips = gl.Strips()
        self._rings = gl.Program("ribbon.vert", "rings.frag")
        self._halo = gl.Program("ribbon.vert", "halo.frag")
        self._line = gl.Program("line.vert", "line.frag")
        self._dust = gl.Program("dust.vert", "dust.frag")
        self._down = gl.Program("whole.vert", "down.frag")
        self._blur = gl.Program("whole.vert", "blur.frag")
        self._compose = gl.Program("whole.vert", "compose.frag")
        self._marks = gl.Program("marks.vert", "marks.frag")
        self._curves = gl.Texture(POINTS, RINGS + 2, 2)
        self._looks = gl.Texture(RINGS + 2, 1, 4)
        self._table = gl.Texture(3, MARKS_MAX, 4)
        self._curve_rows = np.zeros((RINGS + 2, POINTS, 2), np.float32)
        self._look_rows = np.zeros((1, RINGS + 2, 4), np.float32)
        self._targets: dict[str, gl.Target] = {}
        self._sizes: tuple[int, int] = (0, 0)

    def draw(
        self,
        frame: Frame,
        history: History,
        layout: Layout,
        words: StageWords,
        scale: float,
        shown: float = 1.0,
        control_view: ControlView | None = None,
        backdrop: Backdrop | None = None,
    ) -> None:
        """One picture. ``scale``: of the light's resolution; ``shown``: 0 is the black picture, 1 all of it.

        With a ``control_view`` the rehearsal view: ``layout`` is then its own, and its words stand where those of
        the stage view would.
        """
        self._fit(layout, scale)
        light = self._targets["light"]
        light.begin()
        alive = layout.count > 0 and frame.playable >= layout.count
        lit = alive and (backdrop is None or backdrop.light)
        if lit and shown > 0.0:
            self._draw_light(frame, history, layout, light.width / layout.side)
        self._draw_blurs()
        toned = self._targets["toned"]
        toned.begin()
        gl.blend("off")
        for unit, name in enumerate(("light", "near")):
            self._targets[name].texture.bind(unit)
        self._compose.use(picture=0, bloom=1, ground=GROUND, warm=EMBER, shown=shown)
        self._strips.draw(3)
        gl.begin_window(layout.width, layout.height, (GROUND[0] * shown, GROUND[1] * shown, GROUND[2] * shown))
        toned.show(*layout.square)
        if shown <= 0.0:
            return
        if backdrop is not None:
            gl.within(
                *(layout.square[:2] + layout.square[2:3] * 2 if control_view else (0, 0, layout.width, layout.height))
            )
            backdrop.lay(shown)
            gl.within(0, 0, layout.width, layout.height)
        if lit:
            self._draw_sharp(frame, history, layout, shown)
        beat = 0.0 if self._still else _beat(frame)
        # One table for all that moves: every further upload would make a software renderer stop and wait.
        moving = marks(frame, layout, words.focus)
        if control_view is None:
            over = backdrop is not None and backdrop.there and backdrop.strength > 0.0
            plates = [words.writing.plates()] if over else []
            self._draw_marks(np.concatenate([*plates, words.writing.still, moving]), layout, beat, shown)
            if shown >= 1.0:
                words.writing.draw(words.focus, words.status, frame)
        else:
            dials = control_view.dials(frame, words.focus)
            rows = np.concatenate([dials, control_view.still, moving, control_view.marks()])
            self._draw_marks(rows, layout, beat, shown, skip=len(dials))
            control_view.draw(frame, words.focus, shown, self._table, len(dials), beat)

    def _fit(self, layout: Layout, scale: float) -> None:
        """Pictures of the right size; made anew only when it changes."""
        side = layout.square[2]
        size = max(16, round(side * scale))
        if (side, size) == self._sizes:
            return
        for target in self._targets.values():
            target.delete()
        # The blooms do not depend on the scale, so that a step of it changes sharpness and never brightness.
        near, wide = max(8, side // 5), max(8, side // 14)
        sides = {"light": size, "near": near, "near2": near, "wide": wide, "wide2": wide}
        self._targets = {name: gl.Target(n, n) for name, n in sides.items()}
        # Toned before it is enlarged: eight bits are a quarter of the work to read, and edges stay smoother.
        self._targets["toned"] = gl.Target(size, size, half=False)
        self._sizes = (side, size)

    def _draw_light(self, frame: Frame, history: History, layout: Layout, ratio: float) -> None:
        u = layout.unit * ratio
        rings = self._fill_tables(frame, history, layout, ratio)
        side = float(self._sizes[1])
        place = {"size": (side, side), "centre": (0.5 * side, 0.5 * side), "points": POINTS}
        self._curves.bind(0)
        self._looks.bind(1)
        warm = {"ivory": IVORY, "warm": EMBER}
        gl.blend("add")
        level = float(loudness(history.level))
        torn = 0.0 if self._still else min(1.0, float(frame.grain[2]) * 18.0)
        time = 0.0 if self._still else frame.time % 1000.0
        self._halo.use(curves=0, looks=1, first=0, stride=2, level=level, torn=torn, time=time, **place, **warm)
        self._strips.draw(POINTS + 2)
        if rings:
            stride = 4 if ratio > 0.4 else 8
            self._rings.use(
                curves=0, looks=1, first=2, stride=stride, slate=SLATE, **_width("line", 1.35 * u, 0.8), **place, **warm
            )
            self._strips.draw(2 * POINTS // stride + 2, rings)
        gl.blend("most")
        self._line.use(
            curves=0,
            row=1,
            reach=max(3.0, 17.0 * u),
            zoom=1.0,
            glowing=1.0,
            light=self._line_light(frame, history),
            **_width("width", 1.7 * u, 0.7),
            **place,
            **warm,
        )
        self._strips.draw(4, POINTS)

    def _draw_sharp(self, frame: Frame, history: History, layout: Layout, shown: float) -> None:
        """The core of the live line and its dust once more, in the window itself: thin at any scale."""
        u, zoom = layout.unit, layout.side / self._sizes[1]
        place = {"size": (float(layout.width), float(layout.height)), "centre": layout.centre, "points": POINTS}
        self._curves.bind(0)
        gl.blend("most")
        light = self._line_light(frame, history) * shown
        self._line.use(
            curves=0,
            row=1,
            reach=4.0 * u + 1.0,
            zoom=zoom,
            glowing=0.0,
            light=0.40 * light,
            **_width("width", 1.7 * u, 0.7),
            **place,
            ivory=IVORY,
            warm=EMBER,
        )
        self._strips.draw(4, POINTS)
        grain = float(frame.grain[2])
        if grain > 1e-3 and not self._still:
            dot = _width("dot_size", 1.8 * u, 0.9)
            self._dust.use(
                curves=0,
                row=1,
                spread=min(grain, 0.3) * layout.span * 1.1,
                dot_size=dot["dot_size"],
                zoom=zoom,
                beat=_beat(frame),
                light=0.9 * dot["thin"] * light,
                **place,
                ivory=IVORY,
            )
            self._strips.draw(4, round(DUST * min(1.0, grain * 14.0)))

    @staticmethod
    def _line_light(frame: Frame, history: History) -> float:
        """How bright the live line is: never dark while it may sound, dimmer in a silence that was asked for."""
        least = 0.0 if frame.flags & Flags.PANICKED else 0.25
        return 0.40 + 0.60 * max(float(loudness(history.level)), least)

    def _fill_tables(self, frame: Frame, history: History, layout: Layout, ratio: float) -> int:
        """Row 0 the contour, row 1 the live line, the others rings, youngest first. Returns how many rings."""
        count = layout.count
        curves, looks = self._curve_rows, self._look_rows[0]
        pos = np.clip(np.nan_to_num(frame.pos[:count].astype(np.float64)), 0.0, 1.0)
        strain = np.clip(contour(strain_of(frame, count)), 0.0, 1.0)
        now = layout.inner + contour(pos) * layout.span
        moved = ripple(frame.wave, count) * (0.35 if self._still else 1.0)
        line = np.maximum(now + moved * layout.span * 0.10, 2.0 * layout.unit)
        for row, radius in enumerate((now, line)):
            curves[row, :, 0], curves[row, :, 1] = np.maximum(radius, 1.0) * ratio, strain
        looks[0] = (1.0, 95.0 * layout.unit * ratio, 0.0, 1.0)
        rings = [r for r in reversed(history.rings) if 0.0 <= frame.time - r.time < SECONDS and len(r.pos) == count]
        if not rings:
            self._curves.write(curves[:2])
            self._looks.write(self._look_rows)
            return 0
        age = np.array([frame.time - r.time for r in rings])
        sunk = np.exp(-age / SINK_S)[:, None]
        shapes = layout.inner + contour(np.stack([r.pos for r in rings])) * layout.span
        last = 2 + len(rings)
        curves[2:last, :, 0] = np.maximum(shapes * sunk, 1.0) * ratio
        curves[2:last, :, 1] = np.clip(contour(np.stack([r.strain for r in rings])), 0.0, 1.0)
        born = np.clip(age / 0.25, 0.0, 1.0)
        fading = np.clip((SECONDS - age) / 1.5, 0.0, 1.0)
        looks[2:last, 0] = loudness(np.array([r.level for r in rings])) * born * fading
        looks[2:last, 1] = np.maximum(2.0, (9.0 - 4.0 * age / SECONDS) * layout.unit * ratio)
        looks[2:last, 2] = age / SECONDS
        self._curves.write(curves[:last])
        self._looks.write(self._look_rows)
        return len(rings)

    def _draw_blurs(self) -> None:
        gl.blend("off")
        source = "light"
        for first, second in (("near", "near2"), ("wide", "wide2")):
            a, b = self._targets[first], self._targets[second]
            a.begin()
            self._targets[source].texture.bind(0)
            self._down.use(picture=0, stride=(1.0 / a.width, 1.0 / a.height))
            self._strips.draw(3)
            b.begin()
            a.texture.bind(0)
            self._blur.use(picture=0, stride=(1.0 / b.width, 0.0))
            self._strips.draw(3)
            a.begin()
            b.texture.bind(0)
            self._blur.use(picture=0, stride=(0.0, 1.0 / a.height))
            self._strips.draw(3)
            source = first
        gl.blend("add")  # the wide bloom onto the near one, so that the window reads one picture less
        self._targets["near"].go_on()
        self._targets["wide"].texture.bind(0)
        self._down.use(picture=0, stride=(1.0 / self._targets["wide"].width,) * 2)
        self._strips.draw(3)

    def _draw_marks(self, rows: Marks, layout: Layout, beat: float, shown: float, skip: int = 0) -> None:
        """All rows into the table; they are marks but for the first ``skip``, which somebody else draws."""
        if not len(rows):
            return
        self._table.write(np.ascontiguousarray(rows[:MARKS_MAX].reshape(-1, 3, 4)))
        self._table.bind(0)
        gl.blend("over")
        size = (float(layout.width), float(layout.height))
        self._marks.use(table=0, first=skip, size=size, unit=layout.unit, beat=beat, shown=shown, ground=GROUND)
        self._strips.draw(4, min(len(rows), MARKS_MAX) - skip)


def _width(name: str, wanted: float, least: float) -> dict[str, float]:
    """A width in pixels of the drawing; one that would be too thin to draw is drawn at ``least`` and dimmer."""
    return {name: max(least, wanted), "thin": min(1.0, wanted / least)}


def _beat(frame: Frame) -> float:
    """Which grain is seen: another one twelve times a second of the sound's time."""
    return float(math.floor(frame.time * 12.0) % 4096)
