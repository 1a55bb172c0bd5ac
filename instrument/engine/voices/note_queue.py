"""Note queue: keys, pedals and what fingers say, placed at ticks of the coming block, played in the order in which they
came. Over notes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instrument.engine.voices.notes import Notes

F32 = NDArray[np.float32]

PEDAL, ALL_UP, SOSTENUTO, FINGER = -1, -2, -3, -4
"""Events that are no note: they wait in line with the notes, or a pedal would come before the key under it, and a
finger would bend a note that is not there yet. FINGER, FINGER - 1, FINGER - 2 are its bend, pressure and slide."""


class Queued(NamedTuple):
    """One of them. ``at`` ticks into the block, with fractions; ``note``: whose finger, -1 where none is said."""

    at: float
    event: int
    value: float
    channel: int = 0
    note_id: int = 0
    note: int = -1


Say = Callable[[int, Queued], None]


class NoteQueue:
    """What is to happen to one ``Notes`` in the coming block; ``say`` takes what fingers say: which, and how far."""

    def __init__(self, notes: Notes, say: Say) -> None:
        self.notes, self._say = notes, say
        self._line: list[Queued] = []

    def place(self, event: int, value: float, at: float, channel: int = 0, note_id: int = 0) -> None:
        """A MIDI note with its velocity (0: up), a pedal with 1 or 0, or ALL_UP; in order of time."""
        self._line.append(Queued(at, event, value, channel, note_id))

    def place_finger(self, what: int, value: float, at: float, channel: int, note: int, note_id: int) -> None:
        """A finger's bend (0), pressure (1) or slide (2), raw 0..1."""
        self._line.append(Queued(at, FINGER - what, value, channel, note_id, note))

    def clear(self) -> None:
        """Nothing of it happens, and no key is down."""
        self._line.clear()
        self.notes.reset()

    def now(self) -> None:
        """All of it happens at the first tick there is: the chain goes slower than the clock."""
        self._line = [placed._replace(at=0.0) for placed in self._line]

    def step(self, pitch: F32, level: F32, ticks: int) -> None:
        """The first ``ticks`` of f32 [V, T] each, filled with the note that each voice plays and its level."""
        begin = 0
        for placed in self._line:
            event, value = placed.event, placed.value
            if event <= FINGER:
                self._say(FINGER - event, placed)
                continue
            tick = int(placed.at)
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
                self.notes.on(event, value, placed.channel, placed.note_id)
            else:
                self.notes.off(event, placed.channel, placed.note_id)
        self._line.clear()
        self.notes.step(pitch, level, begin, ticks)
