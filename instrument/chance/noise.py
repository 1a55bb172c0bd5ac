"""Noise: whole blocks of random numbers, at audio rate if need be. After words; what a voice is given to hiss with.

The model's room may not import this one: the engine hands a ``Noise`` to the voice, which asks it for
``uniform(stream, first, out)`` or ``normal(stream, first, out)`` with the index of the first sample it wants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.words import normal, philox

_1, _2, _3, _40 = (np.uint64(n) for n in (1, 2, 3, 40))


@compiled
def _audio(word: np.uint64) -> np.float32:
    """[-1, 1) on the 2^24 values float32 holds exactly: rounding a finer number would sometimes reach 1."""
    return np.float32(np.float64(word >> _40) * 2.0**-23 - 1.0)


@compiled
def _uniform_into(seed: np.uint64, stream: np.uint64, first: np.uint64, out: NDArray[np.float32]) -> None:
    count = out.size
    i = 0
    index = first
    while i < count:
        four = philox(seed, stream, index >> _2)
        lane = index & _3
        if lane == 0 and i + 4 <= count:
            out[i] = _audio(four[0])
            out[i + 1] = _audio(four[1])
            out[i + 2] = _audio(four[2])
            out[i + 3] = _audio(four[3])
            i += 4
            index = index + _2 + _2
        else:
            out[i] = _audio(four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3])
            i += 1
            index = index + _1


@compiled
def _normal_into(seed: np.uint64, stream: np.uint64, first: np.uint64, out: NDArray[np.float32]) -> None:
    count = out.size
    i = 0
    index = first
    while i < count:
        four = philox(seed, stream, index >> _2)
        lane = index & _3
        if lane == 0 and i + 4 <= count:
            out[i] = normal(four[0])
            out[i + 1] = normal(four[1])
            out[i + 2] = normal(four[2])
            out[i + 3] = normal(four[3])
            i += 4
            index = index + _2 + _2
        else:
            out[i] = normal(four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3])
            i += 1
            index = index + _1


def fill_uniform(seed: int, stream: int, first: int, out: NDArray[np.float32]) -> None:
    """Samples first .. first + out.size - 1 of a stream, even over [-1, 1). ``out``: f32[n], C-contiguous."""
    _uniform_into(np.uint64(seed), np.uint64(stream), np.uint64(first), out)


def fill_normal(seed: int, stream: int, first: int, out: NDArray[np.float32]) -> None:
    """Samples first .. first + out.size - 1 of a stream, zero mean, unit variance. ``out``: f32[n], C-contiguous."""
    _normal_into(np.uint64(seed), np.uint64(stream), np.uint64(first), out)


class Noise:
    """Random numbers of one seed: what the engine gives to a voice. Holds no position: the asker says where."""

    def __init__(self, seed: int) -> None:
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        self.seed = seed & (2**64 - 1)
        self._seed = np.uint64(self.seed)

    def uniform(self, stream: int, first: int, out: NDArray[np.float32]) -> None:
        """As ``fill_uniform``."""
        _uniform_into(self._seed, np.uint64(stream), np.uint64(first), out)

    def normal(self, stream: int, first: int, out: NDArray[np.float32]) -> None:
        """As ``fill_normal``."""
        _normal_into(self._seed, np.uint64(stream), np.uint64(first), out)


KERNELS = (_uniform_into, _normal_into)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    out = np.empty(5, np.float32)
    noise = Noise(1)
    noise.uniform(2, 3, out)
    noise.normal(2, 3, out)
    close(*KERNELS)
