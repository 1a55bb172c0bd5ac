"""Live: what is heard at the input, and how it moves the latents. Inside a layer, between control and the model.

Loudness and timbre are mixed: at an ``amount`` of 1 the input alone speaks, at 0.5 knobs and input meet half way.
Pitch is not: half way between a sung E and the resting A is a note that nobody means. It is taken whole as it is
heard; its knob and the pitch wheel move it away by semitones, by none while they rest. While a key is held or rings
on, ``blend`` gives the pitch to the key (the voice is the colour, the key the note) and ``add`` transposes what is
heard by as far as the key is from the patch's note. Loudness that is added ends at the model's loudest: a key at -10 dB
and a voice that is 60 dB above the resting -80 would ask for +50.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.documents.patch import Patch
from instrument.engine.control import QUANTUM, ControlChain
from instrument.model.runtime.voice import Voice

F32 = NDArray[np.float32]

INPUTS = 2
"""Channels of what comes in: they are heard as one."""


class Live:
    """The ear of one layer. ``hear`` changes z in place; it allocates nothing that grows."""

    def __init__(self, patch: Patch, voice: Voice) -> None:
        self.mode = patch.input_mode if voice.can_encode else "off"
        self._rest = np.float32(patch.note)
        roles = [spec.role for spec in voice.latents]
        self._pitch = roles.index("pitch") if "pitch" in roles else -1
        self._loudness = roles.index("loudness") if "loudness" in roles else -1
        self._heard = np.zeros((len(voice.latents), voice.frames), np.float32)
        self._ear = np.zeros((voice.channels, QUANTUM), np.float32)
        self._loudest = np.float32(voice.latents[self._loudness].high) if self._loudness >= 0 else np.float32(0.0)
        self._centre = np.array([[spec.start] for spec in voice.latents], np.float32)
        self._played = np.zeros(voice.frames, np.float32)

    def hear(self, live: F32 | None, amount: float, control: ControlChain, voice: Voice, z: F32) -> None:
        """``live`` f32 [Ci, QUANTUM] or None; ``amount`` 0..1, at 0 the model does not listen. z f32 [V, L, F]: what
        the hands made of each voice, and after it what the model is given."""
        if live is None or amount <= 0.0 or self.mode == "off":
            return
        np.mean(live, axis=0, out=self._ear[0])
        if len(self._ear) > 1:
            self._ear[1:] = self._ear[0]
        voice.encode(self._ear, self._heard)
        for number, row in enumerate(z):
            self._mix(amount, control, number, row)

    def _mix(self, amount: float, control: ControlChain, number: int, z: F32) -> None:
        """What was heard into one voice, z f32 [L, F]."""
        if self._pitch >= 0:
            np.copyto(self._played, z[self._pitch])
        if self.mode == "blend":
            z += amount * (self._heard - z)
        else:
            z += amount * (self._heard - self._centre)
            if self._loudness >= 0:
                np.minimum(z[self._loudness], self._loudest, out=z[self._loudness])
        if self._pitch >= 0:
            self._tune(control, number, z[self._pitch])

    def _tune(self, control: ControlChain, number: int, pitch: F32) -> None:
        """f32 [F], filled with the note the model is given: as heard, and as far away from it as the hands say."""
        heard, key = self._heard[self._pitch], control.key_sounds
        if key and self.mode == "blend":
            np.copyto(pitch, self._played)
            return
        home = self._rest if key else control.note_into(pitch, number)
        np.subtract(self._played, home, out=pitch)
        pitch += heard
