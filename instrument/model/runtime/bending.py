"""Bending: a seeded detuning of the decoder's inner layers. Chance inside the model; between knobs and graph.

The weights stay as they were learned. Each channel of a bendable layer is multiplied by a gain and moved by a bias
(network bending, Broad, Leymarie & Grierson 2021), drawn once per seed and grown by one amount a:

    gain = exp(a GAIN n),   bias = a BIAS s m      n, m normal, from the stream "bend/<layer>"; s the layer's own level

so the direction of the bend is the seed's and only its depth is the hand's: 0 is exactly 1 and 0, and every channel
goes away from there without turning back.
"""

from __future__ import annotations

import math

import numpy as np

from instrument.model.runtime.layers import Layers
from instrument.model.runtime.voice import F32, NoiseSource, noise_stream

GAIN = 0.5
"""Nepers of one deviation at full bend: 4.3 dB."""
BIAS = 0.4
"""Deviation of the bias at full bend, in the typical level of the layer."""


def clipped(value: float, high: float, otherwise: float) -> float:
    """``value`` within 0..high; ``otherwise`` when it is no number."""
    value = float(value)
    return otherwise if math.isnan(value) else min(max(value, 0.0), high)


def directions(noise: NoiseSource, seed: int, layer: str, channels: int) -> tuple[F32, F32]:
    """n and m of the law above, f32 [channels] each: words 0 .. 2 channels - 1 of the layer's stream."""
    both = np.empty(2 * channels, np.float32)
    noise.normal(noise_stream(f"bend/{layer}", seed), 0, both)
    return both[:channels], both[channels:]


def gain_and_bias(
    noise: NoiseSource, seed: int, amount: float, layer: str, channels: int, scale: float = 1.0
) -> tuple[F32, F32]:
    """What one layer is bent by, f32 [channels] each. ``amount`` 0..1, ``scale`` the layer's typical level."""
    n, m = directions(noise, seed, layer, channels)
    amount = clipped(amount, 1.0, 0.0)
    return np.exp(np.float32(amount * GAIN) * n), np.float32(amount * BIAS) * (m * np.float32(scale))


class Bending:
    """The same for all layers at once, written into ``layers``. Draws only when a seed is first bent with."""

    def __init__(self, layers: Layers, noise: NoiseSource) -> None:
        self._layers = layers
        self._noise = noise
        self._seed = 0
        self._drawn: int | None = None
        self._n, self._m = np.zeros_like(layers.gain), np.zeros_like(layers.bias)

    def reseed(self, seed: int) -> None:
        """Takes effect with the next write()."""
        self._seed = seed

    def write(self, amount: float) -> None:
        """Gain and bias of every layer for ``amount`` (0..1). 5 us for 600 channels, 60 more the first time."""
        layers = self._layers
        if amount == 0.0:
            layers.gain.fill(1.0)
            layers.bias.fill(0.0)
            return
        if self._drawn != self._seed:
            for layer, span in layers.spans.items():
                self._n[span], self._m[span] = directions(self._noise, self._seed, layer, span.stop - span.start)
            self._m *= layers.scale
            self._drawn = self._seed
        np.multiply(self._n, np.float32(amount * GAIN), out=layers.gain)
        np.exp(layers.gain, out=layers.gain)
        np.multiply(self._m, np.float32(amount * BIAS), out=layers.bias)
