"""Player: what the window shows from moment to moment - takes frames in, keeps layout, words and history, paints.

Between link and scene. Needs an open window (GL); ``take`` and ``paint`` are all there is to it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from instrument.link import Flags, Frame, Gesture
from instrument.stage.history import History
from instrument.stage.input import Input
from instrument.stage.layout import Layout
from instrument.stage.programme import Programme
from instrument.stage.scene import Scene
from instrument.stage.settings import StageSettings
from instrument.stage.writing import Writing
from instrument.text import say

GONE_S = 1.0
"""Without a new frame for so long the window says that the sound is gone."""
FADE_S = 0.3
"""The black picture comes and goes in this time: no reversal of the whole picture is sudden."""


class Player:
    """``take(frames)`` what came, ``paint(width, height, scale)`` a picture of it."""

    def __init__(self, settings: StageSettings, programmes: Sequence[Programme]) -> None:
        self.settings = settings
        self.programmes = list(programmes)
        self.history = History()
        self.frame = Frame()
        self.frame.patch = settings.index
        self.layout = Layout(settings.width, settings.height, 0)
        self.input = Input(self.layout)
        self.scene = Scene(settings.reduced_motion)
        self._writing: Writing | None = None
        self._shown = 1.0
        self._made: tuple[int, ...] = ()

    def take(self, frames: Sequence[Frame]) -> None:
        """New frames, oldest first. A frozen picture goes on hearing them for the input's sake only."""
        if not frames:
            return
        self.input.see(frames[-1])
        if not self.input.wishes.frozen:
            for frame in frames:
                self.history.push(frame)
            self.frame = frames[-1]

    def paint(self, width: int, height: int, scale: float, elapsed_s: float = 1.0, age_s: float = 0.0) -> list[Gesture]:
        """One picture. ``age_s``: how old the newest frame is. Returns gestures if a change of patch let go of keys."""
        gestures = self._fit(width, height)
        assert self._writing is not None
        step = elapsed_s / FADE_S
        self._shown = max(0.0, self._shown - step) if self.input.wishes.black else min(1.0, self._shown + step)
        self.scene.draw(
            self.frame,
            self.history,
            self.layout,
            self._writing,
            self.input.wishes,
            self.status(age_s),
            scale,
            self._shown,
        )
        return gestures

    def status(self, age_s: float) -> str:
        """The line under the title: only what the player has to know now."""
        language, flags = self.settings.language, Flags(self.frame.flags)
        said = []
        if self.frame.seq == 0:
            return say("stage.waiting", language)
        if age_s > GONE_S:
            return say("stage.gone", language, seconds=f"{age_s:.0f}")
        if flags & Flags.PANICKED:
            said.append(say("stage.silent", language))
        if self.input.wishes.frozen:
            said.append(say("stage.frozen", language))
        if flags & Flags.NO_DEVICE:
            said.append(say("stage.no_device", language))
        if flags & Flags.RECORDING:
            seconds = int(self.frame.record_seconds)
            said.append(say("stage.recording", language, time=f"{seconds // 60}:{seconds % 60:02d}"))
        return " · ".join(said)

    def _fit(self, width: int, height: int) -> list[Gesture]:
        """Layout and words for this size, patch and number of knobs, made anew only when one of them changed."""
        wanted = (width, height, self.frame.patch, self.frame.playable)
        if wanted == self._made:
            return []
        self._made = wanted
        known = self.frame.patch < len(self.programmes)
        programme = self.programmes[self.frame.patch] if known else Programme("")
        self.layout = Layout(width, height, self.frame.playable)
        self._writing = Writing(self.layout, programme, self.settings.language, self.settings.type_scale)
        return self.input.resize(self.layout, programme.starts)


def stamped(gestures: Sequence[Gesture]) -> list[Gesture]:
    """The gestures, with the time of now."""
    now = time.monotonic()
    return [gesture._replace(time=now) for gesture in gestures]
