"""Note voices: what each voice plays - its note, its loudness, its glide - tick by tick. Under allocation.

Everything per note is a column of one array, so that as many as sound go in one call. Which key a voice plays is none
of its business: allocation.py starts, turns and releases it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

SOFTEST = 0.45
"""Loudness (raw) of the softest key: below it a key would be silence with extra steps."""

STEAL_MS = 5.0
"""In which a voice that is taken away from its key fades, whatever its release: too short to be heard as late, long
enough not to click."""

REST, LOUDNESS, LEVEL, PITCH, BEND, GATE, SPOKEN, STOLEN, WAITS, NEXT_NOTE, NEXT_LOUDNESS = range(11)
"""Rows of the state: the note a voice goes to, the loudness it goes to, its level and its note now, how far it is bent
(semitones), whether a key holds it, whether it has reached its loudness since it was struck; whether it fades for
another key, in how many ticks it takes another key, and that key's note and loudness."""
ROWS = NEXT_LOUDNESS + 1
_KEPT = {"rest": REST, "loudness": LOUDNESS, "level": LEVEL, "pitch": PITCH, "spoken": SPOKEN}
_OF_MANY = {"gate": GATE, "stolen": STOLEN, "waits": WAITS, "next_note": NEXT_NOTE, "next_loudness": NEXT_LOUDNESS}
"""Kept only where there are several: of one voice its keys say the first, and nothing else happens to it."""


@dataclass(frozen=True, slots=True)
class NoteShape:
    """How a patch's notes begin, go and end. Times in ms; ``decay_ms``: from full loudness to nothing while a key is
    held, 0 holds it for as long as the key."""

    attack_ms: float
    release_ms: float
    glide_ms: float
    decay_ms: float = 0.0

    def steps(self, tick_hz: float) -> F64:
        """A tick of each: rise, fall and decay of the level, the part of the way that a glide goes, and the fall of a
        voice that is stolen. f64 [5]."""
        decay = 1000.0 / (max(self.decay_ms, 1.0) * tick_hz) if self.decay_ms > 0.0 else 0.0
        glide = 1.0 if self.glide_ms <= 0.0 else 1.0 - math.exp(-1000.0 * 3.0 / (self.glide_ms * tick_hz))
        rise, fall = (1000.0 / (max(ms, 1.0) * tick_hz) for ms in (self.attack_ms, self.release_ms))
        return np.array([rise, fall, decay, glide, 1000.0 / (STEAL_MS * tick_hz)])


@compiled
def _advance(state: F64, steps: F64, begin: int, end: int, pitch: F32, level: F32) -> None:
    """Ticks ``begin`` to ``end``. state f64 [ROWS, V], steps f64 [5]; pitch and level f32 [V, T]."""
    rise, fall, decay, glide, steal = steps[0], steps[1], steps[2], steps[3], steps[4]
    falls = decay > 0.0
    for v in range(state.shape[1]):
        note, bend = state[REST, v], state[BEND, v]
        now, at, spoken = state[PITCH, v], state[LEVEL, v], state[SPOKEN, v] > 0.0
        aim = state[LOUDNESS, v] if state[GATE, v] > 0.0 else 0.0
        if at == 0.0 and aim > 0.0 and not (falls and spoken):
            now = note  # from silence a note starts where it is; there is nothing to glide from
        for t in range(begin, end):
            if state[WAITS, v] > 0.0:
                state[WAITS, v] -= 1.0
                if state[WAITS, v] <= 0.0:
                    state[WAITS, v], spoken = 0.0, False
                    note, aim = state[NEXT_NOTE, v], state[NEXT_LOUDNESS, v]
                    state[REST, v], state[LOUDNESS, v], state[GATE, v] = note, aim, 1.0
                    if at == 0.0:
                        now = note
            if state[STOLEN, v] > 0.0:
                at = max(0.0, at - steal)
                pitch[v, t] = now + bend
                level[v, t] = at
                if at == 0.0:
                    state[STOLEN, v], spoken = 0.0, False
                    now = note = state[NEXT_NOTE, v]
                    aim = state[NEXT_LOUDNESS, v] if state[GATE, v] > 0.0 else 0.0
                    state[REST, v], state[LOUDNESS, v] = note, state[NEXT_LOUDNESS, v]
                continue
            if falls and spoken and aim > 0.0:
                at = max(0.0, at - decay)
            elif at < aim:
                at = min(aim, at + rise)
                spoken = at == aim
            elif falls and not spoken:  # struck more softly than it still sounds: at once
                at, spoken = aim, True
            else:
                at = max(aim, at - fall)
            now += (note - now) * glide
            if abs(note - now) < 1e-4:
                now = note
            pitch[v, t] = now + bend
            level[v, t] = at
        state[PITCH, v], state[LEVEL, v], state[SPOKEN, v] = now, at, 1.0 if spoken else 0.0


class NoteVoices:
    """``count`` voices (V). ``rest``: MIDI note at which all begin."""

    def __init__(self, count: int, rest: float, shape: NoteShape, tick_hz: float) -> None:
        self._state = np.zeros((ROWS, count))
        self._state[REST] = self._state[PITCH] = rest
        self._state[SPOKEN] = 1.0
        self._steps = shape.steps(tick_hz)

    @property
    def count(self) -> int:
        return self._state.shape[1]

    @property
    def rest(self) -> F64:
        """The note that each goes to, f64 [V], in place."""
        row: F64 = self._state[REST]
        return row

    @property
    def pitch(self) -> F64:
        """The note that each plays now, without bend, f64 [V], in place."""
        row: F64 = self._state[PITCH]
        return row

    @property
    def gate(self) -> F64:
        """Above 0 where a key or a pedal holds a voice, f64 [V], in place."""
        row: F64 = self._state[GATE]
        return row

    @property
    def loud(self) -> F64:
        """The raw loudness that each goes to while it is held, f64 [V], in place."""
        row: F64 = self._state[LOUDNESS]
        return row

    @property
    def level(self) -> F64:
        """Raw loudness of each now, f64 [V], in place; 0 is silent."""
        row: F64 = self._state[LEVEL]
        return row

    # --- the responder of an allocation

    def start(self, voice: int, note: float, velocity: float) -> None:
        """A voice speaks: a key went down, velocity 0..1."""
        self.turn(voice, note, velocity)
        self._state[SPOKEN, voice] = 0.0

    def turn(self, voice: int, note: float, velocity: float) -> None:
        """A voice goes on to another note without speaking anew."""
        self._state[REST, voice] = note
        self._state[LOUDNESS, voice] = SOFTEST + (1.0 - SOFTEST) * velocity
        self._state[GATE, voice] = 1.0

    def steal(self, voice: int, note: float, velocity: float) -> None:
        """A voice that sounds is another key's from now on: it fades in 5 ms, and speaks that one."""
        self._state[NEXT_NOTE, voice] = note
        self._state[NEXT_LOUDNESS, voice] = SOFTEST + (1.0 - SOFTEST) * velocity
        self._state[[STOLEN, GATE], voice] = 1.0

    def wait(self, voice: int, ticks: int, note: float, velocity: float) -> None:
        """A voice speaks so many ticks from now; until then it goes on with what it does."""
        self._state[NEXT_NOTE, voice] = note
        self._state[NEXT_LOUDNESS, voice] = SOFTEST + (1.0 - SOFTEST) * velocity
        self._state[WAITS, voice] = float(ticks)

    def release(self, voice: int) -> None:
        """Nothing holds it any more."""
        self.hold(voice, False)

    def loudness(self, voice: int) -> float:
        """How loud it is now, raw; one that is on its way to a note counts as that."""
        return float(max(self._state[LEVEL, voice], self._state[STOLEN, voice] * self._state[NEXT_LOUDNESS, voice]))

    def hold(self, voice: int, down: bool) -> None:
        """Whether any key or pedal holds a voice; let go, it falls to nothing."""
        self._state[GATE, voice] = float(down)
        if not down:  # a key that was let go before its turn came is not played
            self._state[WAITS, voice] = 0.0

    # ---

    def bend(self, semitones: float | F64, voice: int | None = None) -> None:
        """Bend one, or all: each by as much, or f64 [V] each by its own."""
        self._state[BEND, slice(None) if voice is None else voice] = semitones

    def sound(self, voice: int, pitch: float, rest: float, level: float, loudness: float) -> None:
        """Be in the middle of a note, as a lost engine left it."""
        self._state[PITCH, voice] = rest if abs(rest - pitch) < 0.01 else pitch
        self._state[REST, voice], self._state[LEVEL, voice] = rest, level
        self._state[LOUDNESS, voice] = loudness

    def silence(self) -> None:
        """All at once, where they are to go."""
        self._state[[LEVEL, GATE, BEND, STOLEN, WAITS]] = 0.0
        self._state[PITCH] = self._state[REST]

    def step(self, pitch: F32, level: F32, begin: int, end: int) -> None:
        """Fill ticks ``begin`` to ``end`` of ``pitch`` (note and bend, MIDI numbers) and ``level`` (raw loudness of the
        keys), both f32 [V, T]."""
        _advance(self._state, self._steps, begin, end, pitch, level)

    def state(self) -> dict[str, F64]:
        """Everything remembered but keys and bend: f64 [V] each."""
        kept = _KEPT | _OF_MANY if self.count > 1 else _KEPT
        return {name: self._state[row].copy() for name, row in kept.items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Back to a state taken by ``state()``, or to one of a single voice, whose numbers stand alone."""
        for name, row in _KEPT.items():
            self._state[row] = state.get(name, 1.0) if name == "spoken" else state[name]
        for name, row in _OF_MANY.items() if self.count > 1 else ():
            self._state[row] = state[name]


def warm() -> None:
    """Compile or load the kernel, then refuse to compile any other."""
    row = np.zeros((1, 4), np.float32)
    NoteVoices(1, 60.0, NoteShape(1.0, 1.0, 0.0), 1500.0).step(row, row.copy(), 0, 4)
    close(_advance)
