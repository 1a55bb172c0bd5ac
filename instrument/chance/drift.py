"""Drift: an Ornstein-Uhlenbeck wander for every knob. After words, before a place of entry (see ``entry``).

    x' = a x + sigma sqrt(1 - a^2) n,   a = exp(-dt / tau)

The exact step (Gillespie, Phys. Rev. E 54, 1996, 2084), so the variance is sigma^2 and the autocorrelation at tau is
1/e at any tick rate. ``n`` is normal ``tick`` of the knob's own stream: the same accidents at the same musical moments.

What is kept is ``y = x / sigma``: sweeping sigma scales the wander smoothly, turning tau keeps its variance, and it
goes on unheard while sigma is 0, so raising hazard late finds it where it would have been. ``reset`` puts it at 0, in
the hand, from which it spreads within a few tau.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.source import TAU_LEAST_S, ChanceSource
from instrument.chance.words import normal, philox

_2, _3 = np.uint64(2), np.uint64(3)


@compiled
def _wander(
    seed: np.uint64,
    first_tick: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    y: NDArray[np.float64],
    sigma: NDArray[np.float32],
    tau_s: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    for k in range(y.size):
        steps = tick_s / (tau_s[k] if tau_s[k] > TAU_LEAST_S else TAU_LEAST_S)
        keep = math.exp(-steps)
        kick = math.sqrt(-math.expm1(-2.0 * steps))
        amount = np.float64(sigma[k])
        heard = amount > 0.0  # false for a NaN too
        now = y[k]
        four = philox(seed, streams[k], first_tick >> _2)
        for t in range(out.shape[0]):
            tick = first_tick + np.uint64(t)
            lane = tick & _3
            if lane == 0 and t > 0:
                four = philox(seed, streams[k], tick >> _2)
            word = four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3]
            now = keep * now + kick * normal(word)
            out[t, k] = amount * now if heard else 0.0
        y[k] = now


@compiled
def _scale(sigma: NDArray[np.float32], scale: float, out: NDArray[np.float32]) -> None:
    for k in range(sigma.size):
        out[k] = sigma[k] * scale if scale > 0.0 else 0.0


class Drift(ChanceSource):
    """The drift of K knobs. ``streams``: one id each (``stream_id``); the state is one number a knob."""

    AMOUNTS = ("drift", "tau")

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        self._y = np.zeros(len(streams))
        super().__init__(streams, tick_hz, seed, {"y": self._y})

    def step(
        self,
        first_tick: int,
        ticks: int,
        sigma: NDArray[np.float32],
        tau_s: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """Ticks first_tick .. first_tick + ticks - 1 into ``out[:ticks]`` (f32[>=ticks, K]); no allocation.

        ``sigma`` (travel) and ``tau_s``: f32[K]. Where sigma is 0 the output is exactly 0.
        """
        _wander(self._seed, np.uint64(first_tick), self._tick_s, self._streams, self._y, sigma, tau_s, out[:ticks])


def scaled_sigma(sigma: NDArray[np.float32], hazard: float, out: NDArray[np.float32]) -> NDArray[np.float32]:
    """The hazard macro, f32[K] into ``out``: 0 is exactly 0, 5 as given, 10 double, in proportion between."""
    _scale(sigma, min(10.0, max(0.0, float(hazard))) / 5.0, out)
    return out


SOURCE = Drift

KERNELS = (_wander, _scale)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one = np.ones(1, np.float32)
    drift = Drift([1], 1500.0)
    drift.step(0, 2, scaled_sigma(one, 5.0, np.empty(1, np.float32)), one, np.empty((4, 1), np.float32))
    close(*KERNELS)
