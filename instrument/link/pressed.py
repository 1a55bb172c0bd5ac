"""Pressed: what a process holds down - keys, pedal, bend, pressure, pushes. Written beside its ring, read by others.

A gesture that presses something is half of one; who is killed in between never plays the other half. So the ring of
each process keeps what its gestures have pressed and not let go: a press is written down before it can be seen, and
struck out once its release can be seen. What is let go of twice does no harm. Two ask: the show, which lets go of what
dead hands held, and a new sound, which has the keys and the pushes under it that the lost one had.

Each thing is one aligned word, so that a process killed at any instruction leaves all of them whole.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from instrument.knobs import KNOBS_MAX
from instrument.link.records import Gesture, Kind

NOTES = 128
TOUCHES = frozenset(
    {
        Kind.NOTE_ON, Kind.NOTE_OFF, Kind.BEND, Kind.PRESSURE, Kind.ALL_NOTES_OFF, Kind.PANIC, Kind.FORCE, Kind.SUSTAIN,
    }
)  # fmt: skip
"""The kinds of gestures that hold something or let it go."""
LATE_SECONDS = 0.001
AHEAD_SECONDS = 1.0
"""No gesture acts later than this after it was posted."""

_REAL, _WORD = struct.Struct("=d"), struct.Struct("=Q")
_PAIR = struct.Struct("=fI")


class Key(NamedTuple):
    """A key: ``velocity`` 0..1; ``down``, or let go and kept by the pedal."""

    note: int
    velocity: float
    down: bool


class Pressed:
    """Of one ring, whose producer calls ``see``; in ``words`` from number ``first`` on, ``WORDS`` of them."""

    WORDS = NOTES + KNOBS_MAX + 4

    def __init__(self, words: memoryview, first: int) -> None:
        self._words = words
        self._notes, self._forces = first, first + NOTES
        self._bend = self._forces + KNOBS_MAX
        self._pressure, self._pedal, self._newest = self._bend + 1, self._bend + 2, self._bend + 3

    # --- the producer's side

    def see(self, gesture: Gesture, order: int) -> None:
        """A gesture of one of the ``TOUCHES``; ``order`` counts them."""
        kind, knob, value, time, *_ = gesture
        words = self._words
        if value != value:  # not a number: the sound does not take it either
            return
        if kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            if knob < NOTES and presses(gesture):
                words[self._notes + knob] = _packed(value, order)
            elif knob < NOTES:
                self._lift(knob)
        elif kind == Kind.FORCE:
            if knob < KNOBS_MAX:
                self._put(self._forces + knob, value)
        elif kind == Kind.BEND:
            self._put(self._bend, value)
        elif kind == Kind.PRESSURE:
            self._put(self._pressure, value)
        elif kind == Kind.SUSTAIN:
            words[self._pedal] = int(value >= 0.5)
            if value < 0.5:
                self._clear_notes(kept_only=True)
        else:
            words[self._pedal] = 0
            self._clear_notes()
            if kind == Kind.PANIC:
                words[self._bend] = 0
        if time > self._real(self._newest):
            self._put(self._newest, time)

    def other_patch(self) -> None:
        """Another patch plays: its knobs are others, and nothing pushes them."""
        for at in range(self._forces, self._forces + KNOBS_MAX):
            self._words[at] = 0

    def _lift(self, note: int) -> None:
        if not self._words[self._notes + note]:
            return
        velocity, order = _PAIR.unpack(_WORD.pack(self._words[self._notes + note]))
        self._words[self._notes + note] = _packed(-abs(velocity), order) if self._words[self._pedal] else 0

    def _clear_notes(self, kept_only: bool = False) -> None:
        for at in range(self._notes, self._notes + NOTES):
            if self._words[at] and not (kept_only and _PAIR.unpack(_WORD.pack(self._words[at]))[0] > 0.0):
                self._words[at] = 0

    def _put(self, at: int, value: float) -> None:
        (self._words[at],) = _WORD.unpack(_REAL.pack(value)) if value else (0,)

    def _real(self, at: int) -> float:
        (value,) = _REAL.unpack(_WORD.pack(self._words[at]))
        return float(value)

    # --- the others'

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that are down, and those that the pedal keeps, in the order in which they were pressed."""
        found = []
        for note in range(NOTES):
            if word := self._words[self._notes + note]:
                velocity, order = _PAIR.unpack(_WORD.pack(word))
                found.append((order, Key(note, abs(velocity), velocity > 0.0)))
        return tuple(key for _, key in sorted(found))

    @property
    def forces(self) -> dict[int, float]:
        """Knobs that are pushed, and the push in travel."""
        return {i: self._real(self._forces + i) for i in range(KNOBS_MAX) if self._words[self._forces + i]}

    @property
    def pedal(self) -> bool:
        return bool(self._words[self._pedal])

    @property
    def bend(self) -> float:
        return self._real(self._bend)

    @property
    def pressure(self) -> float:
        return self._real(self._pressure)

    def released(self, now: float) -> list[Gesture]:
        """The gestures that let go of all of it, and nothing is held any more. Only when its producer is dead.

        They act after the last thing that it asked for, which may have been meant for a moment from now.
        """
        when = min(max(now, self._real(self._newest) + LATE_SECONDS), now + AHEAD_SECONDS)
        kinds = [(Kind.NOTE_OFF, key.note) for key in self.keys if key.down]
        kinds += [(Kind.FORCE, knob) for knob in self.forces]
        kinds += [(Kind.SUSTAIN, 0)] if self.pedal else []
        kinds += [(Kind.BEND, 0)] if self.bend else []
        kinds += [(Kind.PRESSURE, 0)] if self.pressure else []
        for at in range(self._notes, self._notes + self.WORDS):
            self._words[at] = 0
        return [Gesture(kind, knob, 0.0, when) for kind, knob in kinds]


def presses(gesture: Gesture) -> bool:
    """Whether a gesture of one of the ``TOUCHES`` takes hold of something; otherwise it lets go."""
    kind, value = gesture.kind, gesture.value
    if kind == Kind.SUSTAIN:
        return value >= 0.5
    if kind == Kind.NOTE_ON:
        return value > 0.0
    return kind in (Kind.BEND, Kind.PRESSURE, Kind.FORCE) and value != 0.0


def _packed(velocity: float, order: int) -> int:
    (word,) = _WORD.unpack(_PAIR.pack(velocity, order & 0xFFFFFFFF))
    return int(word)
