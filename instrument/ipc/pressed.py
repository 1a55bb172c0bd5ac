"""Pressed: what a process holds down - keys, pedal, bend, pressure, pushes. Written beside its ring, read by others.

A gesture that presses something is half of one; who is killed in between never plays the other half. So the ring of
each process keeps what its gestures have pressed and not let go: a press is written down before it can be seen, and
struck out once its release can be seen. What is let go of twice does no harm. Two ask: the show, which lets go of what
dead hands held, and a new sound, which has the keys and the pushes under it that the lost one had.

A panic lifts the keys of all, whichever ring it came through. No process writes on what is another's: each notes when
it lifted them, and whoever asks (``down``) leaves out what was pressed before.

Each thing is one aligned word, so that a process killed at any instruction leaves all of them whole.
"""

from __future__ import annotations

import math
import struct
import time as clock
from collections.abc import Sequence
from typing import NamedTuple

from instrument.ipc.events import MIDI_CHANNELS, NOTES, PEDAL_DOWN, Kind, presses
from instrument.ipc.records import Gesture
from instrument.knobs import KNOBS_MAX

LATE_SECONDS = 0.001
AHEAD_SECONDS = 1.0
"""No gesture acts later than this after it was posted."""

FLOAT_MAX = 3.4e38
"""Velocities are kept in 32 bits; whatever is more than that is full as well."""

_REAL, _WORD = struct.Struct("=d"), struct.Struct("=Q")
_PAIR = struct.Struct("=fI")


class Key(NamedTuple):
    """A key: ``velocity`` 0..1; ``down``, or let go and kept by the pedal; the lowest ``channel`` it is down on."""

    note: int
    velocity: float
    down: bool
    channel: int = 0


class Down(NamedTuple):
    """What is down in all rings together. ``forces``: knobs that are pushed, and the push in travel."""

    keys: tuple[Key, ...]
    pedal: bool
    bend: float
    forces: dict[int, float]


class Pressed:
    """Of one ring, whose producer calls ``see``; in ``words`` from number ``first`` on, ``WORDS`` of them."""

    WORDS = 3 * NOTES + KNOBS_MAX + 8

    def __init__(self, words: memoryview, first: int) -> None:
        self._words = words
        self._notes, self._pressed_at, self._forces = first, first + NOTES, first + 2 * NOTES
        self._bend = self._forces + KNOBS_MAX
        self._bent_at, self._pressure, self._pedal_at, self._newest = (self._bend + i for i in range(1, 5))
        self._sostenuto = self._bend + 5
        self._lifted_at, self._panic_at = self._bend + 6, self._bend + 7
        self._channels = self._panic_at + 1
        """Of each note the channels on which it is down, a bit each; bit 0: on none that was said."""

    # --- the producer's side

    def see(self, gesture: Gesture, order: int) -> None:
        """A gesture of one of the ``TOUCHES``; ``order`` counts them."""
        kind, knob, value, time, *_ = gesture
        words = self._words
        if value != value:  # not a number: the sound does not take it either
            return
        if kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            if knob < NOTES:
                self._see_key(gesture, order)
        elif kind == Kind.FORCE:
            if knob < KNOBS_MAX:
                self._put(self._forces + knob, value)
        elif kind == Kind.BEND:
            self._put(self._bent_at, _acts_at(time))
            self._put(self._bend, value)
        elif kind == Kind.PRESSURE:
            self._put(self._pressure, value)
        elif kind == Kind.SUSTAIN:
            if value < PEDAL_DOWN:
                words[self._pedal_at] = 0
                self._clear_notes(kept_only=True)
            elif not self.pedal:  # one that tells how far down it is has been down since it went there
                self._put(self._pedal_at, _acts_at(time))
        elif kind == Kind.SOSTENUTO:
            self._put(self._sostenuto, value if presses(kind, value) else 0.0)
        else:
            self._put(self._lifted_at, _acts_at(time))
            words[self._pedal_at] = words[self._sostenuto] = 0
            self._clear_notes()
            if kind == Kind.PANIC:
                self._put(self._panic_at, _acts_at(time))
                words[self._bend] = 0
        if time > self._real(self._newest):
            self._put(self._newest, time)

    def _see_key(self, gesture: Gesture, order: int) -> None:
        """Down, or up on its channel; where none is said, on all."""
        note, bit = gesture.knob, 1 << min(gesture.channel, MIDI_CHANNELS)
        words = self._words
        if presses(gesture.kind, gesture.value):
            self._put(self._pressed_at + note, _acts_at(gesture.time))
            words[self._channels + note] |= bit
            words[self._notes + note] = _packed(gesture.value, order)
            return
        words[self._channels + note] &= ~(bit | 1) if bit > 1 else 0
        if not words[self._channels + note]:
            self._lift(note)

    def other_patch(self) -> None:
        """Another patch plays: its knobs are others, and nothing pushes them."""
        for at in range(self._forces, self._forces + KNOBS_MAX):
            self._words[at] = 0

    def _lift(self, note: int) -> None:
        if not self._words[self._notes + note]:
            return
        velocity, order = _PAIR.unpack(_WORD.pack(self._words[self._notes + note]))
        self._words[self._notes + note] = _packed(-abs(velocity), order) if self.pedal else 0

    def _clear_notes(self, kept_only: bool = False) -> None:
        for at in range(self._notes, self._notes + NOTES):
            if self._words[at] and not (kept_only and _PAIR.unpack(_WORD.pack(self._words[at]))[0] > 0.0):
                self._words[at] = self._words[at - self._notes + self._channels] = 0

    def _put(self, at: int, value: float) -> None:
        (self._words[at],) = _WORD.unpack(_REAL.pack(value)) if value else (0,)

    def _real(self, at: int) -> float:
        (value,) = _REAL.unpack(_WORD.pack(self._words[at]))
        return float(value)

    # --- the others'

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that are down, and those that the pedal keeps, in the order in which they were pressed."""
        return self.keys_since(-math.inf)

    def keys_since(self, time: float) -> tuple[Key, ...]:
        """Those pressed after ``time``."""
        found = []
        for note in range(NOTES):
            if (word := self._words[self._notes + note]) and self._real(self._pressed_at + note) > time:
                velocity, order = _PAIR.unpack(_WORD.pack(word))
                bits = self._words[self._channels + note]
                channel = (bits & -bits).bit_length() - 1 if bits else 0
                found.append((order, Key(note, abs(velocity), velocity > 0.0, channel)))
        return tuple(key for _, key in sorted(found))

    @property
    def forces(self) -> dict[int, float]:
        """Knobs that are pushed, and the push in travel."""
        return {i: self._real(self._forces + i) for i in range(KNOBS_MAX) if self._words[self._forces + i]}

    @property
    def pedal(self) -> bool:
        return bool(self._words[self._pedal_at])

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
        kinds += [(Kind.SOSTENUTO, 0)] if self._words[self._sostenuto] else []
        kinds += [(Kind.BEND, 0)] if self.bend else []
        kinds += [(Kind.PRESSURE, 0)] if self.pressure else []
        for at in (*range(self._notes, self._lifted_at), *range(self._channels, self._channels + NOTES)):
            self._words[at] = 0  # what it lifted stays so
        return [Gesture(kind, knob, 0.0, when) for kind, knob in kinds]


def down(rings: Sequence[Pressed]) -> Down:
    """What is held down, less what was lifted through another ring since. In its own each has struck it out itself."""
    found: list[Key] = []
    forces: dict[int, float] = {}
    pedal, bend = False, 0.0
    for one in rings:
        others = [other for other in rings if other is not one]
        lifted_at = max((other._real(other._lifted_at) for other in others), default=0.0)
        panic_at = max((other._real(other._panic_at) for other in others), default=0.0)
        keeps = one._real(one._pedal_at) > lifted_at
        found += [key for key in one.keys_since(lifted_at) if key.down or keeps]
        pedal |= keeps
        if not bend and one._real(one._bent_at) > panic_at:
            bend = one.bend
        forces |= one.forces
    return Down(tuple(found), pedal, bend, forces)


def _acts_at(time: float) -> float:
    """When a gesture of this stamp acts; 0 is now, and so is what is no number."""
    now = clock.monotonic()
    return min(time, now + AHEAD_SECONDS) if time > 0.0 else now


def _packed(velocity: float, order: int) -> int:
    (word,) = _WORD.unpack(_PAIR.pack(min(velocity, FLOAT_MAX), order & 0xFFFFFFFF))
    return int(word)
