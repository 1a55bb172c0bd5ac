"""Panel lines: where each line of the panel stands, how large, and what goes when room is short. Layout to panel.

Lines flow from the top. If they do not fit, what is needed least goes first, then the type shrinks; nothing overflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from instrument.base.text import say
from instrument.knobs import ENTRIES, SCENES
from instrument.stage.data import figures
from instrument.stage.data.patch_labels import PatchLabels, elide, wrap
from instrument.stage.gpu.lettering import Letters, TextRun
from instrument.stage.views.layout import Box
from instrument.stage.views.palette import GROUND, IVORY, STRAIN, TEXT, Colour, mix
from instrument.stage.views.rehearsal import Rehearsal

TITLE, NAME, LINE, SMALL, HEAD = 36.0, 25.0, 18.0, 16.0, 14.0
QUIET = mix(GROUND, TEXT, 0.88)
"""What need not be read at once; its contrast to the ground is 6.0."""
SHRINK = 0.96
PARTS, AIR = 4, 26.0
"""Gaps between the parts, and by how much one may grow."""
FRICTION = ("stick", "slide", "weight", "visc")
STATUS = ("status", "more")


@dataclass(slots=True)
class _Line:
    """Words to be written: where they stand is known, and whether anything of them will change."""

    text: str
    size: float
    colour: Colour
    x: float
    y: float
    anchor: float = 0.0
    key: str = ""
    room: float = 0.0
    tracking: float = 0.0


class PanelLines:
    """Written once for a programme and a layout. ``live``: the words that will change; ``meter``: the level's place."""

    def __init__(self, letters: Letters, layout: Rehearsal, labels: PatchLabels, language: str) -> None:
        self.letters, self.layout, self.labels, self.language = letters, layout, labels, language
        self.box = layout.panel
        self.meter = Box(0.0, 0.0, 0.0, 0.0)
        self._air = 0.0
        scale, level = 1.0, 2
        for scale, level in _tries(layout.type_scale):
            if self._compose(scale, level):
                break
        self.scale, self.level = scale, level
        # What room is left is given to the gaps between the parts, as long as they stay gaps.
        spare = self._y - 0.5 * self._size(LINE) - self.box.bottom
        self._air = min(AIR * layout.pixel, max(0.0, spare - 2.0) / PARTS)
        self._compose(scale, level)
        self.live: dict[str, TextRun] = {}
        self._room: dict[str, tuple[float, float]] = {}
        for line in self._lines:
            if line.y - 0.5 * line.size < self.box.bottom:  # a window so small that even the least does not fit
                continue
            size, colour = round(line.size), line.colour
            word = letters.write(line.text, size, colour, line.x, line.y, line.anchor, line.tracking)
            if line.key:
                self.live[line.key] = word
                self._room[line.key] = (line.room, size)
        self._write_scenes()

    # --- composing

    def _compose(self, scale: float, level: int) -> bool:
        """All lines at a type scale, those of ``level`` 0 (needed most) to 2. True when they fit."""
        self._lines: list[_Line] = []
        self._scale, self._y = scale, self.box.top
        self.meter = Box(0.0, 0.0, 0.0, 0.0)
        labels, model_info = self.labels, self.labels.model_info
        left, width, u = self.box.left, self.box.width, self.layout.pixel
        self._down(TITLE, 0.75)
        self._text(elide(labels.title, width, self._measure(TITLE)), TITLE, IVORY)
        self._down(LINE, 2.0)
        self._text("", LINE, TEXT, key="scene", room=width)
        for key in STATUS:
            self._down(LINE, 1.25)
            self._text("", LINE, STRAIN, key=key, room=width)

        self._head(say("rehearsal.model", self.language), 0.4)
        self._down(NAME, 1.35)
        self._text(elide(model_info.title or "–", width, self._measure(NAME)), NAME, IVORY)
        self._wrapped(model_info.authors, LINE, TEXT, 1 if level < 2 else 2, 1.75)
        learned = TEXT if model_info.credited else STRAIN
        self._wrapped(model_info.learned, SMALL, learned, 2 if level < 2 else 4, 1.6 if model_info.authors else 1.9)
        if level >= 2:
            self._wrapped(model_info.consent, SMALL, QUIET, 2, 1.35)
        if model_info.title:
            self._wrapped(self._facts(), SMALL, QUIET, 2, 1.5)
        if model_info.sha256 and level >= 1:
            self._down(SMALL, 1.35)
            self._text(
                elide(self._hash(), width, self._measure(SMALL)), SMALL, QUIET if model_info.verified else STRAIN
            )

        self._part(2.2)
        self._text(elide(say("rehearsal.near", self.language), width, self._measure(SMALL)), SMALL, QUIET)
        self._down(LINE, 1.4)
        share = 3.4 * self._size(LINE)
        self._text("", LINE, IVORY, key="near", room=width - share)
        self._text("", LINE, IVORY, key="share", room=share, x=left + width, anchor=1.0)
        self._down(SMALL, 1.4)
        self._text("", SMALL, TEXT, key="author", room=width)
        half = 0.5 * width - 14.0 * u
        right = left + width - half
        if level >= 1:
            self._down(SMALL, 1.55)
            self._pair("known", left, half, SMALL)
            self._pair("unknown", right, half, SMALL)

        self._part(2.9)
        self._text(self._caps("friction"), HEAD, QUIET, tracking=0.06, room=half)
        self._text(self._caps("chance"), HEAD, QUIET, tracking=0.06, room=half, x=right)
        self._text(
            "", SMALL, IVORY, key="focus", x=left + half, anchor=1.0, room=half - self._wide("friction") - 8.0 * u
        )
        names = [self._label(id) for id in ("difficulty", *(f"friction.{name}" for name in FRICTION))]
        others = [self._label("hazard"), *(self._name(key) for key in (*ENTRIES, "seed"))]
        keys = zip(("difficulty", *FRICTION), names, ("hazard", *ENTRIES, "seed"), others, strict=True)
        for i, (friction, name, chance, other) in enumerate(keys):
            if i == 0 and level < 1:
                continue
            self._down(LINE, 1.7 if i == 0 else 1.38)
            self._pair(friction, left, half, LINE, name)
            self._pair(chance, right, half, LINE, other)
        if level >= 1:
            self._down(SMALL, 1.75)
            self._text("", SMALL, QUIET, key="mapping", room=width)

        self._head(say("rehearsal.sound", self.language), 1.5)
        for key in ("latency", "load", "dropouts", "level", "midi", "osc"):
            if key in ("midi", "osc") and level < 1:
                continue
            self._down(LINE, 1.7 if key == "latency" else 1.38)
            self._pair(key, left, width, LINE)
            if key == "level" and self._y - 0.5 * self._size(LINE) >= self.box.bottom:
                start = left + max(self._measure(LINE)(self._name("level")) + 20.0 * u, 0.24 * width)
                end = left + width - 5.2 * self._size(LINE)
                self.meter = Box(start, self._y, max(0.0, end - start), 5.0 * u)
        return self._y - 0.5 * self._size(LINE) >= self.box.bottom

    def _size(self, pixels: float) -> float:
        return self.layout.type(pixels, self._scale)

    def _measure(self, pixels: float) -> Any:
        size = self._size(pixels)
        return lambda text: self.letters.width(text, size)

    def _down(self, pixels: float, lines: float) -> None:
        self._y -= lines * self._size(pixels)

    def _part(self, lines: float) -> None:
        """Down to the head of another part."""
        self._down(HEAD, lines)
        self._y -= self._air

    def _text(
        self,
        text: str,
        pixels: float,
        colour: Colour,
        key: str = "",
        x: float | None = None,
        anchor: float = 0.0,
        room: float = 0.0,
        tracking: float = 0.0,
    ) -> None:
        size = self._size(pixels)
        x = self.box.left if x is None else x
        self._lines.append(_Line(text, size, colour, x, self._y, anchor, key, room, tracking * size))

    def _wrapped(self, text: str, pixels: float, colour: Colour, lines: int, first: float) -> None:
        if not text:
            return
        for i, line in enumerate(wrap(text, self.box.width, lines, self._measure(pixels))):
            self._down(pixels, first if i == 0 else 1.28)
            self._text(line, pixels, colour)

    def _head(self, text: str, lines: float) -> None:
        self._part(1.4 + lines)
        self._text(text.upper(), HEAD, QUIET, tracking=0.06)

    def _caps(self, key: str) -> str:
        return {"friction": say("rehearsal.friction", self.language), "chance": say("rehearsal.chance", self.language)}[
            key
        ].upper()

    def _wide(self, key: str) -> float:
        size = self._size(HEAD)
        return self.letters.width(self._caps(key), size, 0.06 * size)

    def _label(self, id: str) -> str:
        """What the table calls a parameter."""
        table = self.labels.table
        return table[id].label.of(self.language) if id in table else "–"

    def _name(self, key: str) -> str:
        return say(f"rehearsal.row.{key}", self.language)

    def _pair(self, key: str, x: float, width: float, pixels: float, name: str | None = None) -> None:
        """A name on the left, what will be said of it on the right."""
        name = self._name(key) if name is None else name
        most = 0.36 * width if key in ("midi", "osc", "seed") else 0.62 * width
        self._text(elide(name, most, self._measure(pixels)), pixels, TEXT, x=x)
        wide = min(most, self._measure(pixels)(name))
        room = width - wide - 0.6 * self._size(pixels)
        self._text("", pixels, IVORY, key=key, x=x + width, anchor=1.0, room=room)

    def _facts(self) -> str:
        model_info, language = self.labels.model_info, self.language
        played, latents = len(self.labels.names), len(model_info.latents)
        khz = figures.figure(model_info.rate_hz / 1000.0, 0 if model_info.rate_hz % 1000 == 0 else 1, language, " kHz")
        said = say("rehearsal.latents", language, played=played, latents=latents)
        return " · ".join(part for part in (model_info.licence, said, khz) if part)

    def _hash(self) -> str:
        model_info = self.labels.model_info
        word = say("rehearsal.verified" if model_info.verified else "rehearsal.not_verified", self.language)
        return f"sha256 {model_info.sha256[:4]}…{model_info.sha256[-4:]} {word}"

    def _write_scenes(self) -> None:
        layout, box = self.layout, self.layout.scene(0)
        size = layout.type(HEAD)
        y = box.top + 1.15 * size
        self.letters.write(say("rehearsal.scenes", self.language).upper(), size, QUIET, box.left, y, 0.0, 0.06 * size)
        self._scenes = []
        for slot in range(SCENES):
            box = layout.scene(slot)
            middle = (box.left + 0.5 * box.width, box.bottom + 0.5 * box.height)
            self._scenes.append(self.letters.write(str(slot + 1), layout.type(LINE), QUIET, *middle, 0.5))


def _tries(scale: float) -> Iterator[tuple[float, int]]:
    """Type scales and how much is said, best first. Big type would rather say less than be small."""
    while scale > 1.0:
        yield from ((scale, level) for level in (2, 1, 0))
        scale *= SHRINK
    for level in (2, 1, 0):
        yield from ((scale * SHRINK**step, level) for step in range(5))
