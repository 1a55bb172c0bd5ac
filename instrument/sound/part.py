"""Part: one patch on stage - its voice, its knobs in motion, its place in the crossfade. Between control and engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.knobs import KnobTable
from instrument.model.voice import Voice
from instrument.patch import Patch, table_of
from instrument.sound.control import QUANTUM, TICK, Control

F32 = NDArray[np.float32]


class Part:
    """One patch on stage: its voice, its knobs in motion, its place in the crossfade."""

    def __init__(self, patch: Patch, voice: Voice, index: int = 0, seed: int | None = None, credits: str = "") -> None:
        self.patch = patch
        self.voice = voice
        self.index = index
        self.credits = credits
        self.patch_seed = patch.seed if seed is None else seed
        self.seed = self.patch_seed
        self.table: KnobTable = table_of(patch, voice.latents)
        self.control = Control(patch, self.table, voice.sample_rate, self.seed)
        self.speaking = patch.sounds == "always"
        latents = len(voice.latents)
        frames = voice.frames
        self._frame_ticks = max(1, voice.ratio // TICK) if voice.ratio <= QUANTUM else QUANTUM // TICK
        self.z = np.zeros((latents, frames), np.float32)
        self._heard = np.zeros((latents, frames), np.float32)
        self.audio = np.zeros((voice.channels, QUANTUM), np.float32)
        self._ear = np.zeros((voice.channels, QUANTUM), np.float32)
        self._centre = np.array([[spec.start] for spec in voice.latents], np.float32)
        self.voice.reseed(self.seed, 0)

    def block(self, live: F32 | None, input_amount: float) -> F32:
        """Advance one quantum; returns audio f32 [C, QUANTUM], valid until the next call."""
        self.control.step(self.z)
        if live is not None and input_amount > 0.0 and self.patch.input_mode != "off" and self.voice.can_encode:
            np.mean(live, axis=0, out=self._ear[0])
            if len(self._ear) > 1:
                self._ear[1:] = self._ear[0]
            self.voice.encode(self._ear, self._heard)
            if self.patch.input_mode == "blend":
                self.z += input_amount * (self._heard - self.z)
            else:
                self.z += input_amount * (self._heard - self._centre)
        self.voice.decode(self.z, self.audio)
        return self.audio

    def recall(self) -> None:
        """Back to how the patch starts; only while it is not sounding."""
        self.control = Control(self.patch, self.table, self.voice.sample_rate, self.patch_seed)
        self.seed = self.patch_seed
        self.speaking = self.patch.sounds == "always"
        self.voice.reset()
        self.voice.reseed(self.seed, 0)

    def warm(self) -> None:
        """Decode in silence, so that the first heard block is as quick as the others."""
        self.voice.warm()

    def recording_notes(self, also: str = "") -> dict[str, str]:
        """What is written into every recording: what was played, on what, and who is owed for it."""
        card = self.voice.card
        played = f"patch {self.patch.name}, seed {self.seed}, model {card.sha256 or card.name}"
        return {
            "title": self.patch.name,
            "artist": self.patch.author,
            "software": "Rosin",
            "copyright": f"model {card.title.en} ({card.licence}) by {', '.join(card.authors)}",
            "comment": "; ".join(filter(None, (self.credits, also, played))),
        }

    def reseed(self, seed: int) -> None:
        """Every chance of this part begins again under ``seed``."""
        self.seed = seed
        self.control.reseed(seed)
        self.voice.reseed(seed, 0)
