"""Block adapter: any voice cut to the engine's block. Between a model whose frames do not fit the block and the engine.

A model that works on M = F*ratio samples a call plays unchanged when M is the quantum. A shorter one is called several
times. A longer one is called once every M / quantum blocks and its sound is played from a buffer: the z of the block
in which it is called counts for all M samples. So z waits up to M - quantum samples, and that block carries the whole
cost of M samples: let the engine run some blocks ahead (``ahead`` in the rig; `rosin tune` finds how many).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from instrument.base.errors import RosinError
from instrument.knobs import LatentSpec
from instrument.model.library.card import Card
from instrument.model.library.credits import Credits
from instrument.model.runtime.voice import F32, F64, QUANTUM, Voice, VoiceState

_OWN = "quantum."


class Rebuffered:
    """``voice`` with decode and encode of exactly ``quantum`` samples; z f32 [L, F], F = max(1, quantum // ratio).

    encode of a long model hands out the last means until the next M samples are complete (M later at worst).
    """

    def __init__(self, voice: Voice, quantum: int = QUANTUM) -> None:
        long = voice.frames * voice.ratio
        if long % quantum and quantum % long:
            raise RosinError(
                f"the model {voice.card.name!r} makes {long} samples at a time, no fit for blocks of {quantum}; "
                "export it with frames of a power of two"
            )
        self._voice = voice
        self.quantum = quantum
        self.frames = max(1, quantum // voice.ratio)
        self._calls = max(1, quantum // long)
        self._blocks = max(1, long // quantum)
        self.latency_samples = voice.latency_samples + (self._blocks - 1) * quantum
        self._place = self._heard = 0
        deep = len(voice.latents)
        self._z = np.zeros((deep, voice.frames), np.float32)
        self._sound = np.zeros((voice.channels, long), np.float32)
        self._ear = np.zeros((voice.channels, long), np.float32)
        self._mean = np.zeros((deep, voice.frames), np.float32)
        self._mean[:] = np.array([[spec.start] for spec in voice.latents], np.float32)

    @property
    def card(self) -> Card:
        return self._voice.card

    @property
    def latents(self) -> tuple[LatentSpec, ...]:
        return self._voice.latents

    @property
    def sample_rate(self) -> int:
        return self._voice.sample_rate

    @property
    def ratio(self) -> int:
        return self._voice.ratio

    @property
    def channels(self) -> int:
        return self._voice.channels

    @property
    def can_encode(self) -> bool:
        return self._voice.can_encode

    @property
    def can_bend(self) -> bool:
        return self._voice.can_bend

    @property
    def temperature(self) -> float:
        return self._voice.temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self._voice.temperature = value

    @property
    def credited(self) -> bool:
        return self._voice.credited

    @property
    def lineage(self) -> Credits | None:
        return self._voice.lineage

    @property
    def credits(self) -> str:
        return self._voice.credits

    @property
    def where(self) -> str:
        return self._voice.where

    @property
    def notice(self) -> str:
        return self._voice.notice

    def decode(self, z: F32, out: F32) -> None:
        """z f32 [L, F] to out f32 [C, quantum]."""
        q, f = self.quantum, self._voice.frames
        if self._blocks == 1:
            long = q // self._calls
            for call in range(self._calls):
                self._voice.decode(z[:, call * f : (call + 1) * f], out[:, call * long : (call + 1) * long])
            return
        if self._place == 0:
            self._z[:] = z[:, -1:]
            self._voice.decode(self._z, self._sound)
        out[:] = self._sound[:, self._place * q : (self._place + 1) * q]
        self._place = (self._place + 1) % self._blocks

    def encode(self, audio: F32, mean: F32) -> None:
        """audio f32 [C, quantum] to mean f32 [L, F]."""
        q, f = self.quantum, self._voice.frames
        if self._blocks == 1:
            long = q // self._calls
            for call in range(self._calls):
                self._voice.encode(audio[:, call * long : (call + 1) * long], mean[:, call * f : (call + 1) * f])
            return
        self._ear[:, self._heard * q : (self._heard + 1) * q] = audio
        self._heard = (self._heard + 1) % self._blocks
        if self._heard == 0:
            self._voice.encode(self._ear, self._mean)
        mean[:] = self._mean[:, -1:]

    def bend(self, amount: float) -> None:
        self._voice.bend(amount)

    def wear(self, amount: float) -> None:
        self._voice.wear(amount)

    def usage(self) -> dict[str, F64]:
        return self._voice.usage()

    def load_usage(self, usage: Mapping[str, F64]) -> None:
        self._voice.load_usage(usage)

    def reseed(self, seed: int, frame: int) -> None:
        self._voice.reseed(seed, frame)

    def snapshot(self) -> VoiceState:
        inner = self._voice.snapshot()
        own = {
            "places": np.array([self._place, self._heard]),
            "sound": self._sound,
            "ear": self._ear,
            "mean": self._mean,
        }
        arrays = {**inner.arrays, **{_OWN + name: array for name, array in own.items()}}
        return dataclasses.replace(inner, arrays=arrays)

    def restore(self, state: VoiceState) -> None:
        own = {name.removeprefix(_OWN): array for name, array in state.arrays.items() if name.startswith(_OWN)}
        inner = {name: array for name, array in state.arrays.items() if not name.startswith(_OWN)}
        fits = {"places": (2,), "sound": self._sound.shape, "ear": self._ear.shape, "mean": self._mean.shape}
        if {name: array.shape for name, array in own.items()} != fits:
            raise RosinError(f"this snapshot does not fit the model {self.card.name!r}; take it again")
        self._voice.restore(dataclasses.replace(state, arrays=inner))
        self._place, self._heard = (int(place) % self._blocks for place in own["places"])
        self._sound[:] = own["sound"]
        self._ear[:] = own["ear"]
        self._mean[:] = own["mean"]

    def reset(self) -> None:
        self._voice.reset()
        self._place = self._heard = 0
        self._sound[:] = 0.0
        self._ear[:] = 0.0
        self._mean[:] = np.array([[spec.start] for spec in self.latents], np.float32)

    def warm(self, runs: int = 20) -> None:
        self._voice.warm(runs)

    def close(self) -> None:
        self._voice.close()


def rebuffered(voice: Voice, quantum: int = QUANTUM) -> Voice:
    """The voice itself when its frames fill the quantum exactly, else the same voice through a buffer."""
    return voice if voice.frames * voice.ratio == quantum else Rebuffered(voice, quantum)
