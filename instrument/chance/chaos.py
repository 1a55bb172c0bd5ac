"""Chaos: a wander that follows from itself, the logistic map; lorenz has the other. After words, before ``entry``.

    x' = r x (1 - x), r 3..4: rests at 3, doubles its period on to 3.57, chaos with islands up to 4
    (R. May, Nature 261, 1976, 459). ``rate`` iterations a second, a straight line from each to the next.

No chance in it but where it starts, and one thing more: every iteration is nudged by a word, 2^-40 of its size. That
is too little to hear, yet without it floating-point numbers leave the law: an orbit of r = 4 falls on 0 or on a short
cycle for good, and knobs that rested on the same cycle would be one knob ever after. An orbit that is on 0 or beyond
its range all the same starts anew from that word.

Iteration n takes the words of counter n of its stream; counter 0 is where it starts. It goes on unheard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.beta import between
from instrument.chance.source import ChanceSource
from instrument.chance.words import philox, uniform


@compiled
def _logistic(x: float, r: float) -> float:
    return r * x * (1.0 - x)


@compiled
def _iterate(
    seed: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    phase: NDArray[np.float64],
    count: NDArray[np.int64],
    orbit: NDArray[np.float64],
    amount: NDArray[np.float32],
    rate_hz: NDArray[np.float32],
    r: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """``orbit`` (K, 2): the iteration behind and the one ahead."""
    for k in range(streams.size):
        turn = between(rate_hz[k] * tick_s, 0.0, 1.0)
        rk = between(r[k], 3.0, 4.0)
        gain = np.float64(amount[k])
        heard = 0.0 < gain < math.inf  # false for a NaN too
        high = 0.25 * rk  # where the attractor ends, and the image of that, where it begins
        middle = 0.5 * (high + _logistic(high, rk))
        for t in range(out.shape[0]):
            if phase[k] >= 1.0:
                phase[k] -= 1.0
                count[k] += 1
                u = uniform(philox(seed, streams[k], np.uint64(count[k]))[0])
                x = _logistic(orbit[k, 1], rk) + (u - 0.5) * 2.0**-40
                orbit[k, 0] = orbit[k, 1]
                orbit[k, 1] = x if 0.0 < x < 1.0 else u
            x = orbit[k, 0] + (orbit[k, 1] - orbit[k, 0]) * phase[k]
            out[t, k] = gain * between(2.0 * (x - middle), -1.0, 1.0) if heard else 0.0  # the start may be outside
            phase[k] += turn


class Orbit(ChanceSource):
    """What both chaoses have in common: a phase, a count and two points of an orbit for each of their streams."""

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int, points: tuple[int, ...]) -> None:
        self._phase = np.zeros(len(streams))
        self._count = np.zeros(len(streams), np.int64)
        self._orbit = np.zeros((len(streams), *points))
        kept: dict[str, NDArray[Any]] = {"phase": self._phase, "count": self._count, "orbit": self._orbit}
        super().__init__(streams, tick_hz, seed, kept)

    def reset(self) -> None:
        """Where the stream says that it starts."""
        self._phase[:] = 1.0
        self._count[:] = 0
        self._start()

    def _start(self) -> None:
        raise NotImplementedError


@compiled
def _start_logistic(seed: np.uint64, streams: NDArray[np.uint64], orbit: NDArray[np.float64]) -> None:
    for k in range(streams.size):
        orbit[k, 0] = orbit[k, 1] = uniform(philox(seed, streams[k], np.uint64(0))[0])


class Logistic(Orbit):
    """The logistic maps of K knobs, one orbit each. ``streams``: one id each (``stream_id``)."""

    AMOUNTS = ("chaos", "chaos_rate", "chaos_r")

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        super().__init__(streams, tick_hz, seed, (2,))

    def _start(self) -> None:
        _start_logistic(self._seed, self._streams, self._orbit)

    def step(
        self,
        first_tick: int,
        ticks: int,
        amount: NDArray[np.float32],
        rate_hz: NDArray[np.float32],
        r: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """The next ``ticks`` ticks into ``out[:ticks]`` (f32[>=ticks, K]); no allocation. All arrays: f32[K].

        ``amount`` (travel): where it is 0 the output is exactly 0; else amount * 2 * (x - middle of the attractor),
        which is -amount..amount at r 4 and nearly rests at r 3. ``rate_hz``: at most one iteration a tick. ``r``
        3..4. ``first_tick`` says nothing to the law, which counts iterations; every source has it.
        """
        _iterate(
            self._seed,
            self._tick_s,
            self._streams,
            self._phase,
            self._count,
            self._orbit,
            amount,
            rate_hz,
            r,
            out[:ticks],
        )


SOURCE = Logistic

KERNELS = (_iterate, _start_logistic)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one, out = np.ones(1, np.float32), np.empty((4, 1), np.float32)
    Logistic([1], 1500.0).step(0, 2, one, one, one, out)
    close(*KERNELS)
