"""Notes: the keys of one patch and the voices they play - which note sounds, how loud, how it glides. Inside control.

Velocity and envelope act on the loudness knob's own scale (raw 0..1, linear in dB), so a release is a straight fall in
dB, and a bow and a key meet on one scale. What is struck or plucked (``decay_ms``) falls as soon as it has spoken, key
down or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instrument.engine.allocation import Key, LastNote
from instrument.engine.note_voices import SOFTEST, NoteShape, NoteVoices

F32 = NDArray[np.float32]

VOICES = 1
"""Of a patch: an allocation that plays more has more."""


class Notes:
    """Of one patch. ``tick_hz`` control ticks a second, ``rest`` and pitches in MIDI note numbers."""

    def __init__(self, rest: float, shape: NoteShape, bend_semitones: float, tick_hz: float) -> None:
        self.bend_semitones = bend_semitones
        self.voices = NoteVoices(VOICES, rest, shape, tick_hz)
        self._keys = LastNote(self.voices)
        self._bend = 0.0

    # --- keys

    def on(self, note: int, velocity: float) -> None:
        """A key goes down; velocity 0..1."""
        self._keys.on(note, velocity)

    def off(self, note: int) -> None:
        """A key goes up."""
        self._keys.off(note)

    def sustain(self, down: bool) -> None:
        """The pedal."""
        self._keys.sustain(down)

    def all_off(self) -> None:
        """Every key and the pedal up."""
        self._keys.all_off()

    def hold(self, keys: Sequence[Key], kept: Sequence[Key], pedal: bool, bend: float) -> None:
        """Just these are down, and these kept by the pedal; one that sounds already goes on, another speaks anew."""
        self._keys.hold(keys, kept, pedal, self.rest if self.sounding else None)
        self.bend = bend

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return self._keys.keys

    @property
    def sounding(self) -> bool:
        """Whether a key or the pedal holds anything."""
        return self._keys.sounding

    @property
    def pedal(self) -> bool:
        return self._keys.pedal

    @pedal.setter
    def pedal(self, down: bool) -> None:
        self._keys.pedal = down

    @property
    def bend(self) -> float:
        """The wheel, -1..1."""
        return self._bend

    @bend.setter
    def bend(self, value: float) -> None:
        self._bend = value
        self.voices.bend(value * self.bend_semitones)

    # --- the first voice, for those who tell of one

    @property
    def rest(self) -> float:
        """The note it goes to."""
        return float(self.voices.rest[0])

    @property
    def pitch(self) -> float:
        """The note it plays now, without bend."""
        return float(self.voices.pitch[0])

    @property
    def level(self) -> float:
        """Of the loudest voice, raw; 0 when all are silent."""
        return float(self.voices.level.max())

    # ---

    def step(self, pitch: F32, level: F32, begin: int, end: int) -> None:
        """Fill ticks ``begin`` to ``end`` of ``pitch`` (note and bend) and ``level`` (raw), both f32 [V, T]."""
        self.voices.step(pitch, level, begin, end)

    def state(self) -> dict[str, object]:
        """Everything remembered, as plain values and arrays f64 [V]."""
        held, kept = self.keys
        return {**self.voices.state(), "held": held, "sustained": kept, "pedal": self.pedal, "bend": self.bend}

    def set_state(self, state: dict[str, object]) -> None:
        """Back to a state taken by ``state()``."""
        self.voices.set_state(state)
        self._keys.set_keys(list(state["held"]), list(state["sustained"]), bool(state["pedal"]))  # type: ignore[call-overload]
        self.bend = float(state["bend"])  # type: ignore[arg-type]

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
        self.bend = bend
        pitch -= bend * self.bend_semitones
        if keys is None:
            velocity = min(1.0, max(0.0, (level - SOFTEST) / (1.0 - SOFTEST)))
            keys = [(round(pitch), velocity, True)]
        held = [(note, velocity) for note, velocity, down in keys if down]
        kept = [(note, velocity) for note, velocity, down in keys if not down]
        note, velocity = (held or [(keys[-1][0], keys[-1][1])])[-1] if keys else (pitch, 0.0)
        loudness = SOFTEST + (1.0 - SOFTEST) * velocity if keys else level
        self.voices.sound(0, pitch, float(note), level, loudness)
        self._keys.set_keys(held, kept, pedal)

    def reset(self) -> None:
        """All keys up, nothing sounding."""
        self.all_off()
        self.bend = 0.0
        self.voices.silence()
