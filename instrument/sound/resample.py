"""Resample: a sound of one rate at another, piece by piece. Between a sound file and the engine's input.

Each sample is a windowed sinc of its neighbours (Smith & Gossett 1984, "A flexible sampling-rate conversion method"),
one set of weights for each phase of the fraction of the two rates. Written out here so that a render does not depend on
what is installed: soxr comes with the training room alone. Right within -105 dB up to 44 % of the lower rate, aliases
below -120 dB; a second of stereo sound takes a tenth of that.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

CROSSINGS = 64
"""Zero crossings of the sinc on either side."""
BETA = 12.0
"""Of the Kaiser window: side lobes below -110 dB."""
WIDTH = 1.0 - 3.9 / CROSSINGS
"""Where the cutoff is, of the lower half rate: the window's transition ends at that half rate."""
PHASES_MOST = 4096
"""Weights kept; of rates with more phases between them they are worked out for each piece."""

PIECE = 1 << 19
"""Products worked out at a time: 4 MB."""


class Resampler:
    """From ``rate_from`` to ``rate_to`` Hz. ``push`` f32 [C, n] gives what can be said by then; ``end`` the rest.

    Sample k of what comes out is the sound at k / rate_to seconds: no delay, and as long as the sound is.
    """

    def __init__(self, channels: int, rate_from: int, rate_to: int) -> None:
        common = math.gcd(rate_from, rate_to)
        self._up, self._down = rate_to // common, rate_from // common
        self._cutoff = WIDTH * min(1.0, rate_to / rate_from)
        self._half = math.ceil(CROSSINGS / min(1.0, rate_to / rate_from))
        self._table = self._weights(np.arange(self._up)) if self._up <= PHASES_MOST else None
        self._kept = np.zeros((channels, self._half), np.float32)  # silence before the sound
        self._first = -self._half  # where in the sound that begins
        self._given = 0
        self._made = 0

    def _weights(self, phase: NDArray[np.int64]) -> F64:
        """Of the neighbours 1 - half .. half of a place ``phase`` / up behind a sample. [n] -> f64 [n, 2 * half]."""
        at = np.arange(1 - self._half, self._half + 1) - phase[:, None] / self._up
        window = np.i0(BETA * np.sqrt(np.clip(1.0 - (at / self._half) ** 2, 0.0, 1.0))) / np.i0(BETA)
        weights = np.sinc(self._cutoff * at) * window
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))  # constant in, constant out

    def push(self, sound: F32) -> F32:
        """What of the new sound is known with all of its neighbours, f32 [C, m]."""
        self._given += sound.shape[1]
        self._kept = np.concatenate([self._kept, sound], axis=1)
        return self._make((self._given - self._half) * self._up // self._down)

    def end(self) -> F32:
        """What is left, as if silence followed."""
        tail = np.zeros((len(self._kept), self._half + 1), np.float32)
        self._kept = np.concatenate([self._kept, tail], axis=1)
        return self._make(-(-self._given * self._up // self._down))

    def _make(self, upto: int) -> F32:
        out = np.empty((len(self._kept), max(0, upto - self._made)), np.float32)
        most = max(64, PIECE // (2 * self._half))
        for begin in range(0, out.shape[1], most):
            at = np.arange(self._made, min(self._made + most, upto), dtype=np.int64)
            place, phase = at * self._down // self._up, at * self._down % self._up
            weights = self._table[phase] if self._table is not None else self._weights(phase)
            near = (place - self._first + 1 - self._half)[:, None] + np.arange(2 * self._half)
            for c, row in enumerate(self._kept):
                out[c, begin : begin + len(at)] = (row[near] * weights).sum(axis=1)
            self._made += len(at)
        first = max(self._first, self._made * self._down // self._up + 1 - self._half)
        self._kept = self._kept[:, first - self._first :].copy()
        self._first = first
        return out
