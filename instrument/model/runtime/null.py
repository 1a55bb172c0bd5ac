"""Null voice: forty sines and a breath, computed, with the latent knobs of a model. After chance, before sound.

It learned from nobody and weighs nothing, so that everything runs without weights. Additive synthesis: a stiff-string
series (Fletcher 1964: f_n = n f0 sqrt(1 + B n^2), taken relative to its first partial so that the pitch stays true),
which at the top of the ``glass`` knob comes near the modes of a wine glass (1, 2.3, 4.1, 6.5). Each partial is a pair
of sines that a little ``spread`` tears apart, as in every real bell. An attack is brighter than what follows it.

Cost on one core: about 40 us per 128 samples, stereo, all 40 partials and the breath included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instrument.base.errors import RosinError
from instrument.knobs import LatentSpec
from instrument.model.library.credit_lines import credits_line
from instrument.model.library.credits import NULL_CREDITS
from instrument.model.library.null_card import LATENTS, RATIO, null_card
from instrument.model.runtime.additive import (
    FILTER,
    LEFT_IM,
    LEFT_RE,
    PARTIALS,
    RIGHT_IM,
    RIGHT_RE,
    additive,
    fixed_numbers,
)
from instrument.model.runtime.voice import F32, F64, QUANTUM, NoiseSource, VoiceState, check_state, noise_stream


class NullVoice:
    """The weightless voice. ``frames`` = quantum // 32 frames a call; the same latents whatever the sample rate."""

    can_encode = False
    can_bend = False
    temperature = 0.0
    credited = True
    latency_samples = 0
    notice = ""
    lineage = NULL_CREDITS
    credits = credits_line(NULL_CREDITS)

    def __init__(self, noise: NoiseSource, sample_rate: int = 48000, quantum: int = QUANTUM, channels: int = 2) -> None:
        if quantum % RATIO or quantum < RATIO:
            raise RosinError(f"a block of {quantum} samples is no whole number of {RATIO}; set the block to {QUANTUM}")
        if channels not in (1, 2):
            raise RosinError(f"{channels} channels cannot be played; choose 1 or 2")
        self.card = null_card(sample_rate, channels)
        self.latents: tuple[LatentSpec, ...] = self.card.specs
        self.sample_rate = sample_rate
        self.ratio = RATIO
        self.frames = quantum // RATIO
        self.channels = channels
        self.where = "the null voice is computed on the CPU (one thread)"
        self._source = noise
        self._z = np.zeros((len(LATENTS), self.frames), np.float32)
        self._out = np.zeros((channels, quantum), np.float32)
        self._noise = np.zeros((channels, quantum), np.float32)
        self._partials = np.zeros((7, PARTIALS), np.float64)
        self._memory = np.zeros(FILTER + 4, np.float64)
        self._lines = np.zeros((3, max(RATIO, PARTIALS)), np.float64)
        self._fixed = fixed_numbers()
        self.reset()
        self.reseed(0, 0)

    def decode(self, z: F32, out: F32) -> None:
        """z f32 [8, F] to out f32 [C, F*32]."""
        # A stream per channel, so that the breath depends on the frame alone and not on the size of a block.
        for stream, line in zip(self._streams, self._noise, strict=True):
            self._source.uniform(stream, self._frame * RATIO, line)
        # Copies of a known layout: a slice given by the caller would make numba compile another kernel on stage.
        self._z[:] = z
        additive(
            self._z,
            self._out,
            self._noise,
            self._partials,
            self._memory,
            self._lines,
            self._fixed,
            float(self.sample_rate),
            RATIO,
        )
        out[:] = self._out
        self._frame += self.frames

    def encode(self, audio: F32, mean: F32) -> None:
        raise RosinError("the null voice has no ears; choose a model with an encoder to play through it")

    def bend(self, amount: float) -> None:
        """It has no inner layers; nothing happens."""

    def wear(self, amount: float) -> None:
        """Sines do not wear."""

    def usage(self) -> dict[str, F64]:
        return {}

    def load_usage(self, usage: Mapping[str, F64]) -> None:
        if usage:
            raise RosinError("the null voice does not wear; begin with none")

    def reseed(self, seed: int, frame: int) -> None:
        self._seed = seed
        self._frame = frame
        self._streams = [noise_stream(f"noise.breath.{channel}", seed) for channel in range(self.channels)]

    def snapshot(self) -> VoiceState:
        arrays = {"partials": self._partials, "memory": self._memory}
        return VoiceState(self.card.name, self._seed, self._frame, arrays)

    def restore(self, state: VoiceState) -> None:
        check_state(state, self.card.name, {"partials": self._partials.shape, "memory": self._memory.shape})
        self._partials[:] = state.arrays["partials"]
        self._memory[:] = state.arrays["memory"]
        self.reseed(state.seed, state.frame)

    def reset(self) -> None:
        self._partials[:] = 0.0
        self._memory[:] = 0.0
        n = np.arange(PARTIALS, dtype=np.float64)
        # Quadratic phases (Schroeder 1970) keep the peak of a full spectrum low.
        angle = -np.pi * n * n / PARTIALS
        self._partials[LEFT_RE] = self._partials[RIGHT_RE] = np.cos(angle)
        self._partials[LEFT_IM] = self._partials[RIGHT_IM] = np.sin(angle)

    def warm(self, runs: int = 20) -> None:
        """Compiles the kernel the first time (some seconds, kept on disk by numba); the state is untouched."""
        state = self.snapshot()
        z = np.repeat(np.array([[spec.start] for spec in self.latents], np.float32), self.frames, axis=1)
        out = np.zeros((self.channels, self.frames * RATIO), np.float32)
        for _ in range(runs):
            self.decode(z, out)
        self.restore(state)

    def close(self) -> None:
        pass
