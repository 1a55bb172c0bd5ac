"""Notes: one voice played by many keys - which note sounds, how loud, how it glides. Inside control, beside the knobs.

Last key down sounds; letting it go returns to the one held before. Velocity and envelope act on the loudness knob's
own scale (raw 0..1, linear in dB), so a release is a straight fall in dB, and a bow and a key meet on one scale. What
is struck or plucked (``decay_ms``) falls as soon as it has spoken, key down or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Key = tuple[int, float]
"""MIDI note, velocity 0..1."""

SOFTEST = 0.45
"""Loudness (raw) of the softest key: below it a key would be silence with extra steps."""


class Notes:
    """The keys of one patch. Times in ms, ``tick_hz`` control ticks a second, pitches in MIDI note numbers.

    ``decay_ms``: from full loudness to nothing while a key is held; 0 holds it for as long as the key.
    """

    def __init__(
        self,
        rest: float,
        attack_ms: float,
        release_ms: float,
        glide_ms: float,
        bend_semitones: float,
        tick_hz: float,
        decay_ms: float = 0.0,
    ) -> None:
        self.rest = rest
        self.bend_semitones = bend_semitones
        self._rise = 1000.0 / (max(attack_ms, 1.0) * tick_hz)
        self._fall = 1000.0 / (max(release_ms, 1.0) * tick_hz)
        self._decay = 1000.0 / (max(decay_ms, 1.0) * tick_hz) if decay_ms > 0.0 else 0.0
        self._glide = 1.0 if glide_ms <= 0.0 else 1.0 - math.exp(-1000.0 * 3.0 / (glide_ms * tick_hz))
        self._held: list[tuple[int, float]] = []
        self._sustained: list[tuple[int, float]] = []
        self.pedal = False
        self.bend = 0.0
        self.level = 0.0
        self.pitch = rest
        self._loudness = 0.0
        self._spoken = True

    def on(self, note: int, velocity: float) -> None:
        """A key goes down; velocity 0..1."""
        self._held = [pair for pair in self._held if pair[0] != note]
        self._sustained = [pair for pair in self._sustained if pair[0] != note]
        self._held.append((note, velocity))
        self.rest = float(note)
        self._loudness = SOFTEST + (1.0 - SOFTEST) * velocity
        self._spoken = False

    def off(self, note: int) -> None:
        """A key goes up: the one held before sounds again, or the release begins."""
        gone = [pair for pair in self._held if pair[0] == note]
        self._held = [pair for pair in self._held if pair[0] != note]
        if self.pedal:
            self._sustained += gone
        self._sound_top()

    def sustain(self, down: bool) -> None:
        """The pedal keeps what was let go."""
        self.pedal = down
        if not down:
            self._sustained.clear()
            self._sound_top()

    def all_off(self) -> None:
        """Every key and the pedal up."""
        self._held.clear()
        self._sustained.clear()
        self.pedal = False

    def hold(self, keys: Sequence[Key], kept: Sequence[Key], pedal: bool, bend: float) -> None:
        """Just these are down, and these kept by the pedal; one that sounds already goes on, another speaks anew."""
        before = self.rest if self.sounding else None
        self._held, self._sustained, self.pedal, self.bend = list(keys), list(kept), pedal, bend
        top = (*kept, *keys)[-1:]
        if top and before != float(top[0][0]):
            self.rest = float(top[0][0])
            self._loudness = SOFTEST + (1.0 - SOFTEST) * top[0][1]
            self._spoken = False

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return [(note, velocity) for note, velocity in self._held], [(n, v) for n, v in self._sustained]

    def _sound_top(self) -> None:
        if self._held:
            note, velocity = self._held[-1]
            self.rest = float(note)
            self._loudness = SOFTEST + (1.0 - SOFTEST) * velocity

    @property
    def sounding(self) -> bool:
        return bool(self._held or self._sustained)

    def step(self, pitch: F32, level: F32) -> None:
        """Fill ``pitch`` [T] (note and bend, MIDI numbers) and ``level`` [T] (raw loudness of the keys)."""
        aim = self._loudness if self.sounding else 0.0
        note = self.rest
        bend = self.bend * self.bend_semitones
        falls = self._decay > 0.0
        if self.pitch == note and self.level == (0.0 if falls and self._spoken else aim):
            pitch[:] = note + bend
            level[:] = self.level
            return
        if self.level == 0.0 and aim > 0.0 and not (falls and self._spoken):
            self.pitch = note  # from silence a note starts where it is; there is nothing to glide from
        for t in range(len(pitch)):
            if falls and self._spoken and aim > 0.0:
                self.level = max(0.0, self.level - self._decay)
            elif self.level < aim:
                self.level = min(aim, self.level + self._rise)
                self._spoken = self.level == aim
            elif falls and not self._spoken:  # struck more softly than it still sounds: at once
                self.level, self._spoken = aim, True
            else:
                self.level = max(aim, self.level - self._fall)
            self.pitch += (note - self.pitch) * self._glide
            if abs(note - self.pitch) < 1e-4:
                self.pitch = note
            pitch[t] = self.pitch + bend
            level[t] = self.level

    def state(self) -> dict[str, object]:
        """Everything remembered, as plain values."""
        return {
            "rest": self.rest,
            "held": list(self._held),
            "sustained": list(self._sustained),
            "pedal": self.pedal,
            "bend": self.bend,
            "level": self.level,
            "pitch": self.pitch,
            "loudness": self._loudness,
            "spoken": self._spoken,
        }

    def set_state(self, state: dict[str, object]) -> None:
        """Back to a state taken by ``state()``."""
        self.rest = float(state["rest"])  # type: ignore[arg-type]
        self._held = list(state["held"])  # type: ignore[call-overload]
        self._sustained = list(state["sustained"])  # type: ignore[call-overload]
        self.pedal = bool(state["pedal"])
        self.bend = float(state["bend"])  # type: ignore[arg-type]
        self.level = float(state["level"])  # type: ignore[arg-type]
        self.pitch = float(state["pitch"])  # type: ignore[arg-type]
        self._loudness = float(state["loudness"])  # type: ignore[arg-type]
        self._spoken = bool(state.get("spoken", True))

    def resume(
        self,
        pitch: float,
        level: float,
        keys: Sequence[tuple[int, float, bool]] | None = None,
        pedal: bool = False,
        bend: float = 0.0,
    ) -> None:
        """Take up at the pitch (bend and all) and level (raw) at which the sound was lost.

        ``keys``: note, velocity and whether it is down or kept by the pedal, as pressed one after the other; without
        keys what sounded dies away. None: nobody knows, and then a key that sounded is still down.
        """
        self.pedal, self.bend, self.level = pedal, bend, level
        self.pitch = pitch - bend * self.bend_semitones
        if keys is None:
            velocity = min(1.0, max(0.0, (level - SOFTEST) / (1.0 - SOFTEST)))
            keys = [(round(self.pitch), velocity, True)]
        self.rest = float(keys[-1][0]) if keys else self.pitch
        self._loudness = SOFTEST + (1.0 - SOFTEST) * keys[-1][1] if keys else level
        self._held = [(note, velocity) for note, velocity, down in keys if down]
        self._sustained = [(note, velocity) for note, velocity, down in keys if not down]
        self._sound_top()
        if abs(self.rest - self.pitch) < 0.01:
            self.pitch = self.rest

    def reset(self) -> None:
        """All keys up, nothing sounding."""
        self.all_off()
        self.bend = 0.0
        self.level = 0.0
        self.pitch = self.rest
