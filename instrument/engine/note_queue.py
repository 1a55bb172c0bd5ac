"""Note queue: keys and pedal placed at ticks of the coming block, played in the order in which they came.
Over notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.engine.notes import Notes

F32 = NDArray[np.float32]

PEDAL, ALL_UP = -1, -2
"""Events that are no note: they wait in line with the notes, or a pedal would come before the key under it."""


class NoteQueue:
    """What is to happen to one ``Notes`` in the coming block."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self._line: list[tuple[int, int, float]] = []

    def place(self, event: int, value: float, tick: int) -> None:
        """A MIDI note with its velocity (0: up), PEDAL with 1 or 0, or ALL_UP; in order of time."""
        self._line.append((tick, event, value))

    def clear(self) -> None:
        """Nothing of it happens, and no key is down."""
        self._line.clear()
        self.notes.reset()

    def now(self) -> None:
        """All of it happens at the first tick there is: the chain goes slower than the clock."""
        self._line = [(0, event, value) for _, event, value in self._line]

    def step(self, pitch: F32, level: F32, ticks: int) -> None:
        """The first ``ticks`` of f32 [V, T] each, filled with the note that each voice plays and its level."""
        begin = 0
        for tick, event, value in self._line:
            if tick > begin:  # (equal ticks: both act before the next step)
                self.notes.step(pitch, level, begin, tick)
                begin = tick
            if event == PEDAL:
                self.notes.sustain(value > 0.0)
            elif event == ALL_UP:
                self.notes.all_off()
            elif value > 0.0:
                self.notes.on(event, value)
            else:
                self.notes.off(event)
        self._line.clear()
        self.notes.step(pitch, level, begin, ticks)
