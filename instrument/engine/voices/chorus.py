"""Chorus: the voices of one layer as sound - which rows are worth computing, where each stands, their sum. Under layer.

A row begins at rest, with noise of its own, when its voice speaks out of silence; it is computed until the voice is
silent again and the model has rung out. The noise is that of the key and not of the row: a chord is the sum of its
notes, whichever rows they got. Of a section each player has noise of his own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from instrument.base.seeds import name_number
from instrument.engine.voices.note_voices import NoteVoices
from instrument.model.runtime.rows import VoiceRows, misfit

F32 = NDArray[np.float32]

RUNG_OUT = 10.0 ** (-90.0 / 20.0)
"""A row whose voice is silent and that stays below this for a block is done."""


class Chorus:
    """``rows`` of one model, C channels of ``quantum`` samples. ``width`` 0..1: of the model's one channel, how far
    apart the voices stand; models of more channels keep theirs."""

    def __init__(self, rows: VoiceRows, channels: int, quantum: int, section: bool, width: float) -> None:
        self.rows = rows
        self._section = section
        self.on = np.zeros(rows.count, np.bool_)
        self._sound = np.zeros((rows.count, channels, quantum), np.float32)
        wide = channels == 1 and width > 0.0
        self.channels = 2 if wide else channels
        self._sides = sides(rows.count, width) if wide else None

    def step(self, z: F32, level: F32, voices: NoteVoices, seed: int, leads: NDArray[np.uint8], hand: float) -> None:
        """Compute what sounds. z f32 [V, L, F], level f32 [V, T] of the keys, ``hand`` raw of the loudness knob."""
        sounding = level.max(axis=1) > 0.0
        if hand > 0.0:
            sounding |= leads > 0
        for row in np.flatnonzero(sounding & ~self.on).tolist():
            self.rows.start(row, self._seed(seed, row, round(float(voices.rest[row]))))
            self.on[row] = True
        if not self.on.any():
            self.rows.skip()
            return
        self.rows.decode(z, self._sound, self.on)
        for row in np.flatnonzero(self.on & ~sounding).tolist():
            if float(np.abs(self._sound[row]).max()) < RUNG_OUT:
                self.on[row] = False

    def _seed(self, seed: int, row: int, note: int) -> int:
        return name_number(f"voice {seed} {row if self._section else note}")

    def mix(self, out: F32) -> None:
        """The sum of all rows that are on, f32 [channels, n]."""
        out[:] = 0.0
        for row in np.flatnonzero(self.on).tolist():
            if self._sides is None:
                out += self._sound[row]
            else:
                out[0] += self._sides[row, 0] * self._sound[row, 0]
                out[1] += self._sides[row, 1] * self._sound[row, 0]

    def reset(self) -> None:
        """At rest; who sounds begins anew."""
        self.rows.reset()
        self.on[:] = False

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Arrays for a voice's snapshot, copied."""
        return {**self.rows.state(), "rows.on": self.on.copy()}

    def set_state(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Back to a ``state()``. RosinError for that of another model, or of another number of voices."""
        own = dict(arrays)
        on = own.pop("rows.on", np.zeros(0))
        if on.shape != self.on.shape:  # (before anything is changed)
            raise misfit(self.rows.name)
        self.rows.set_state(own)
        self.on[:] = on


def sides(count: int, width: float) -> F32:
    """Left and right of each voice, f32 [V, 2]: spread evenly, neighbours in number on opposite sides. Constant power,
    and 1 on both sides in the middle, as one voice is heard from both."""
    places = width * np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)
    across = [(i // 2) + (count // 2 if i % 2 else 0) for i in range(count)] if count % 2 == 0 else range(count)
    angle = (places[list(across)] + 1.0) * math.pi / 4.0
    return (math.sqrt(2.0) * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32)
