"""Note queue: keys and pedal placed at ticks of the coming block, played in the order in which they came.
Over notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.engine.voices.notes import Notes

F32 = NDArray[np.float32]

PEDAL, ALL_UP, SOSTENUTO = -1, -2, -3
"""Events that are no note: they wait in line with the notes, or a pedal would come before the key under it."""


class NoteQueue:
    """What is to happen to one ``Notes`` in the coming block."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self._line: list[tuple[int, int, float, int, int]] = []

    def place(self, event: int, value: float, tick: int, channel: int = 0, note_id: int = 0) -> None:
        """A MIDI note with its velocity (0: up), a pedal with 1 or 0, or ALL_UP; in order of time."""
        self._line.append((tick, event, value, channel, note_id))

    def clear(self) -> None:
        """Nothing of it happens, and no key is down."""
        self._line.clear()
        self.notes.reset()

    def now(self) -> None:
        """All of it happens at the first tick there is: the chain goes slower than the clock."""
        self._line = [(0, *what) for _, *what in self._line]  # type: ignore[misc]

    def step(self, pitch: F32, level: F32, ticks: int) -> None:
        """The first ``ticks`` of f32 [V, T] each, filled with the note that each voice plays and its level."""
        begin = 0
        for tick, event, value, channel, note_id in self._line:
            if tick > begin:  # (equal ticks: both act before the next step)
                self.notes.step(pitch, level, begin, tick)
                begin = tick
            if event == PEDAL:
                self.notes.sustain(value > 0.0)
            elif event == ALL_UP:
                self.notes.all_off()
            elif event == SOSTENUTO:
                self.notes.sostenuto(value > 0.0)
            elif value > 0.0:
                self.notes.on(event, value, channel, note_id)
            else:
                self.notes.off(event, channel, note_id)
        self._line.clear()
        self.notes.step(pitch, level, begin, ticks)
