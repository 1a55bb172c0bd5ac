"""Backdrop: the visual of the patch that plays, fed by its frames, laid under the stage's light. After host, for scene.

``take`` every frame, ``draw`` once a picture, ``lay`` over what the window shows. The knobs of a visual stand in the
patch's own table, so that their values come with the frames like any other knob's: nothing else travels.
"""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.documents.patch import Patch
from instrument.ipc import Frame
from instrument.isf import IsfInput, find_visual, one_line, value_of
from instrument.isf.shape import PARTS
from instrument.knobs import KnobTable
from instrument.model.library.cards import given_folders, read_with_card
from instrument.stage.gpu import gl
from instrument.stage.isf.host import DATE, Visual

CALM_S = 1.6
"""Reduced motion: the picture follows in that time, so that no flashing of the whole, however slow, is more than three
reversals of a tenth of white in a second (WCAG 2.3.1)."""


@dataclass(slots=True)
class _Chosen:
    """The visual of one patch. ``began``: its first frame's time; ``drawn``, ``last``: number and time of the last."""

    visual: Visual
    patch: Patch
    table: KnobTable
    began: float
    pictures: int = 0
    drawn: int = -1
    last: float = 0.0


class Backdrop:
    """``patches``: paths in program order, as in the stage's settings. Nothing is loaded before the first frame."""

    def __init__(
        self,
        patches: Sequence[str],
        models: str = "",
        language: str = "en",
        calm: bool = False,
        began: datetime.datetime = DATE,
        marks: Path | None = None,
    ) -> None:
        self._patches, self._models, self._language = tuple(patches), models, language
        self._calm, self._began, self._marks = calm, began, marks
        self._chosen: _Chosen | None = None
        self._patch = -1
        self._said = ""
        self._frame = Frame()
        self._events: dict[str, bool] = {}
        self._target: gl.Target | None = None
        self._shown: gl.Target | None = None
        self._strength = 0.0
        self._program: gl.Program | None = None

    # --- what the scene asks

    @property
    def there(self) -> bool:
        """Is there a picture to lay?"""
        return self._chosen is not None and self._chosen.visual.drawn and self._target is not None

    @property
    def light(self) -> bool:
        """Shall the stage's own light be drawn? Yes, unless a visual that can be drawn takes its place."""
        return not (self._chosen is not None and self._chosen.visual.drawn) or self._chosen.patch.visual_light

    @property
    def sentence(self) -> str:
        """What is wrong with the visual, for the line under the title; empty when all is well."""
        if self._chosen is None:
            return self._said
        visual = self._chosen.visual
        if visual.hung:
            return say("visual.hung", self._language, file=visual.name)
        if not visual.wrong:
            return ""
        return say("visual.kept" if visual.drawn else "visual.none", self._language, why=visual.wrong)

    # --- what comes in

    def take(self, frames: Sequence[Frame]) -> None:
        """New frames, oldest first. Another patch brings another visual, or none."""
        for frame in frames:
            if frame.patch != self._patch:
                self._choose(frame)
            self._frame = frame
            if self._chosen is not None:
                self._chosen.visual.hear(frame)
                self._turn(self._chosen, frame)

    def _choose(self, frame: Frame) -> None:
        self._patch, self._said = frame.patch, ""
        self._events.clear()
        if self._chosen is not None:
            self._chosen.visual.close()
            self._chosen = None
        if frame.patch >= len(self._patches):
            return
        try:
            patch, _, table = read_with_card(Path(self._patches[frame.patch]), given_folders(self._models))
        except RosinError:
            return  # a patch that cannot be read has words of its own on the stage
        if not patch.visual:
            return
        try:
            visual = Visual(find_visual(patch.visual, patch.path), self._began, self._marks)
        except RosinError as error:
            self._said = say("visual.none", self._language, why=one_line(error))
            return
        self._chosen = _Chosen(visual, patch, table, frame.time)

    def _turn(self, chosen: _Chosen, frame: Frame) -> None:
        """The visual's inputs go where its knobs stand."""
        for one in chosen.visual.inputs:
            values = self._knobs(chosen.table, one, frame)
            if values is None:
                continue
            if one.kind == "event":
                on = values[0] >= 0.5
                if on and not self._events.get(one.name, on):
                    chosen.visual.set(one.name, True)
                self._events[one.name] = on
                continue
            with contextlib.suppress(RosinError):  # the file has just changed the kind of this input
                chosen.visual.set(one.name, value_of(one, values))

    def _knobs(self, table: KnobTable, one: IsfInput, frame: Frame) -> list[float] | None:
        ids = [f"visual.{one.name}.{part}" for part in PARTS.get(one.kind, "")] or [f"visual.{one.name}"]
        if not all(id in table for id in ids):
            return None
        return [self._value(table, id, frame) for id in ids]

    @staticmethod
    def _value(table: KnobTable, id: str, frame: Frame) -> float:
        """Where a knob stands, in its unit; its start while the sound knows another table."""
        place, knob = table.index(id), table[id]
        raw = float(frame.hand[place]) if frame.knob_count == len(table) else knob.start
        return knob.value(raw if math.isfinite(raw) else knob.start)

    @property
    def strength(self) -> float:
        """0..1, where the knob of that name stands; with reduced motion it goes there as slowly as the picture."""
        return self._strength if self._calm else self._wanted_strength

    @property
    def _wanted_strength(self) -> float:
        return self._value(self._chosen.table, "visual", self._frame) if self._chosen is not None else 0.0

    # --- what is drawn

    def draw(self, width: int, height: int, image: gl.Texture | None = None) -> bool:
        """A picture of so many pixels, kept for ``lay``. The same frame twice is the same picture, and no work.

        ``image``: what an image filter filters, the stage's own light for instance. True when there is a picture.
        """
        chosen = self._chosen
        if chosen is None:
            return False
        visual = chosen.visual
        changed = visual.look()
        if not visual.drawn:
            return False
        size = (max(1, width), max(1, height))
        if self._target is None or (self._target.width, self._target.height) != size:
            self._fit(*size)
            changed = True
        assert self._target is not None
        if self._frame.seq == chosen.drawn and not changed:
            return True
        if image is not None and visual.header.filters:
            visual.set("inputImage", image)
        time = self._frame.time - chosen.began
        visual.draw(self._target, time, chosen.pictures)
        if self._shown is not None:
            share = 1.0 - math.exp(-max(0.0, time - chosen.last) / CALM_S)
            self._follow(share)
            self._strength += share * (self._wanted_strength - self._strength)
        chosen.pictures, chosen.drawn, chosen.last = chosen.pictures + 1, self._frame.seq, time
        return True

    def _fit(self, width: int, height: int) -> None:
        if self._target is not None:
            self._target.delete()
        self._target = gl.Target(width, height)
        self._target.begin()
        if self._calm:
            before, self._shown = self._shown, gl.Target(width, height)
            self._shown.begin()
            if before is not None:  # a step of the scale is no reason to go dark
                gl.copy(before, self._shown)
                before.delete()

    def _follow(self, share: float) -> None:
        """Reduced motion: what is shown goes a part of the way to what was drawn."""
        assert self._shown is not None
        assert self._target is not None
        self._shown.go_on()
        gl.blend("over")
        self._paint(self._target, 1.0, share)
        gl.blend("off")

    def lay(self, shown: float = 1.0) -> None:
        """Lay the picture over all of what is drawn into now, as light on light: nothing that is there gets darker."""
        if not self.there or shown <= 0.0:
            return
        picture = self._shown or self._target
        assert picture is not None
        gl.blend_screen()
        self._paint(picture, self.strength * shown, 1.0)
        gl.blend("off")

    def _paint(self, picture: gl.Target, strength: float, share: float) -> None:
        if self._program is None:
            self._program, self._strips = gl.Program("whole.vert", "lay.frag"), gl.Strips()
        picture.texture.bind(0)
        self._program.use(picture=0, strength=strength, share=share, opaque=float(picture is self._shown))
        self._strips.draw(3)

    def close(self) -> None:
        """Let go of the visual: at the end of the window, so that its mark says that all went well."""
        if self._chosen is not None:
            self._chosen.visual.close()
            self._chosen = None
