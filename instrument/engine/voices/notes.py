"""Notes: the keys of one patch and the voices they play - which note sounds, how loud, how it glides. Inside control.

Velocity and envelope act on the loudness knob's own scale (raw 0..1, linear in dB), so a release is a straight fall in
dB, and a bow and a key meet on one scale. What is struck or plucked (``decay_ms``) falls as soon as it has spoken, key
down or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instrument.engine.voices.allocation import Allocation, LastNote
from instrument.engine.voices.note_voices import SOFTEST, NoteShape, NoteVoices
from instrument.engine.voices.polyphony import Polyphony
from instrument.engine.voices.press import Key, Press, fingers_in, pairs, with_fingers
from instrument.engine.voices.unison import Unison

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NoteMode:
    """How keys and voices meet. ``mode``: mono, poly or unison; of ``voices`` mono plays one. ``cents``, ``late_ms``:
    how far the players of a unison are apart in tune and in time, drawn from ``seed``."""

    mode: str = "mono"
    voices: int = 1
    cents: float = 0.0
    late_ms: float = 0.0
    seed: int = 0


class Notes:
    """Of one patch. ``tick_hz`` control ticks a second, ``rest`` and pitches in MIDI note numbers."""

    def __init__(
        self, rest: float, shape: NoteShape, bend_semitones: float, tick_hz: float, how: NoteMode | None = None
    ) -> None:
        how = how or NoteMode()
        self.bend_semitones = bend_semitones
        self.poly = how.mode == "poly"
        self.voices = NoteVoices(how.voices if how.mode in ("poly", "unison") else 1, rest, shape, tick_hz)
        self.unison: Unison | None = None
        self._keys: Allocation
        if self.poly:
            self._keys = Polyphony(self.voices, how.voices)
        elif how.mode == "unison":
            self.unison = Unison(self.voices, how.cents, how.late_ms * tick_hz / 1000.0, how.seed)
            self._keys = LastNote(self.unison)
        else:
            self._keys = LastNote(self.voices)
        self._bend = 0.0
        self._detune()
        self.newest = 0
        """The voice that spoke last: with no key down, the hand on the loudness plays it on."""
        self.leads = np.ones(self.voices.count, np.uint8)
        """The voices whose loudness the hand leads, u8 [V]: of several those that are held, and the newest."""
        self.began: Callable[[int, int], None] | None = None
        """Told the voice and the channel of each note that begins."""

    # --- keys

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> None:
        """A key goes down; velocity 0..1."""
        for voice in self._keys.on(note, velocity, channel, note_id):
            self.newest = voice
            if self.began is not None:
                self.began(voice, channel)
        self._lead()
        self._detune()

    def off(self, note: int, channel: int = 0, note_id: int = 0) -> None:
        """A key goes up."""
        self._keys.off(note, channel, note_id)
        self._lead()

    def sustain(self, down: bool) -> None:
        """The pedal."""
        self._keys.sustain(down)
        self._lead()

    def sostenuto(self, down: bool) -> None:
        """The middle pedal."""
        self._keys.sostenuto(down)
        self._lead()

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """Whose keys are down there; of a unison everybody, or nobody."""
        found = self._keys.voices_of(channel, note, note_id)
        return range(self.voices.count) if found and self.unison is not None else found

    @property
    def foremost(self) -> int:
        """The voice that spoke last, or the loudest where that is silent: the one that is told of."""
        level = self.voices.level
        return self.newest if level[self.newest] > 0.0 else int(level.argmax())

    def _lead(self) -> None:
        if self.poly:
            self.leads[:] = self.voices.gate > 0.0
            self.leads[self.newest] = 1

    def _detune(self) -> None:
        wheel = self._bend * self.bend_semitones
        self.voices.bend(wheel if self.unison is None else self.unison.detune + wheel)

    def all_off(self) -> None:
        """Every key and the pedals up."""
        self._keys.all_off()
        self._lead()

    def hold(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool, bend: float) -> None:
        """Just these are down, and these kept by the pedal; one that sounds already goes on, another speaks anew."""
        self._hold(held, kept, pedal)
        self.bend = bend

    def _hold(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool) -> None:
        silent = self.voices.gate <= 0.0
        self._keys.hold(held, kept, pedal, self.rest if self.sounding else None)
        for voice in np.flatnonzero(silent & (self.voices.gate > 0.0)).tolist():
            self.newest = voice if self.poly else 0
            press = self._keys.press_of(voice)
            if self.began is not None and press is not None:
                self.began(voice, press.channel)
        self._lead()

    @property
    def presses(self) -> tuple[list[Press], list[Press]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return self._keys.presses

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
        """The same, notes and velocities alone."""
        held, kept = self._keys.presses
        return pairs(held), pairs(kept)

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
        self._detune()

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
        held, kept = self.presses
        keys = {"held": pairs(held), "sustained": pairs(kept)}
        if not self.poly:  # (whose allocation has channels and ids of each voice)
            keys = with_fingers("held", held) | with_fingers("sustained", kept)
        state = {**self.voices.state(), **keys, "pedal": self.pedal, "bend": self.bend}
        state |= self._keys.state()
        if self.unison is not None:
            state["notes"] = self.unison.notes
        return state | ({"newest": self.newest} if self.poly else {})

    def set_state(self, state: dict[str, object]) -> None:
        """Back to a state taken by ``state()``."""
        self.voices.set_state(state)
        if self.poly:
            self.newest = int(state["newest"])  # type: ignore[call-overload]
        else:
            self._keys.set_keys(fingers_in(state, "held"), fingers_in(state, "sustained"), bool(state["pedal"]))
        self._keys.set_state(state)
        if self.unison is not None:
            self.unison.notes = int(state["notes"])  # type: ignore[call-overload]
        self._lead()
        self.bend = float(state["bend"])  # type: ignore[arg-type]

    def resume(
        self,
        pitch: float,
        level: float,
        keys: Sequence[tuple[int, float, bool, int]] | None = None,
        pedal: bool = False,
        bend: float = 0.0,
    ) -> None:
        """Take up at the pitch (bend and all) and level (raw) at which the sound was lost.

        ``keys``: note, velocity, whether it is down or kept by the pedal, and its channel, as pressed one after the
        other; without keys what sounded dies away. None: nobody knows, and then a key that sounded is still down.
        """
        self.bend = bend
        held = [Press(note, velocity, channel) for note, velocity, down, channel in keys or () if down]
        kept = [Press(note, velocity, channel) for note, velocity, down, channel in keys or () if not down]
        if self.poly:  # which voice played what is lost with the frame: what is down speaks anew
            self._hold(held, kept, pedal)
            return
        pitch -= bend * self.bend_semitones
        if keys is None:
            held = [Press(round(pitch), min(1.0, max(0.0, (level - SOFTEST) / (1.0 - SOFTEST))))]
        top = (held or kept)[-1:]
        note, velocity = top[0][:2] if top else (pitch, 0.0)
        loudness = SOFTEST + (1.0 - SOFTEST) * velocity if top else level
        for voice in range(self.voices.count):
            self.voices.sound(voice, pitch, float(note), level, loudness)
        self._keys.set_keys(held, kept, pedal)

    def reset(self) -> None:
        """All keys up, nothing sounding."""
        self.all_off()
        self.voices.silence()
        self.bend = 0.0
