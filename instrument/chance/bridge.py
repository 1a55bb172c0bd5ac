"""Bridge: a hand that moves by itself, from here to there in a given time. After words, in the place of a hand.

    x(t) = begin + (target - begin) t/T + sigma w(t),     w: Brownian bridge, variance 4 t (T - t) / T^2

A Brownian motion known to arrive (Karatzas and Shreve, Brownian Motion and Stochastic Calculus, 5.6.B). The factor 4
makes sigma a length on the knob: half-way, where it is widest, the deviation is sigma, however long the bridge is.
The exact step, given where w is now and that it ends at 0:

    w' = w (T - t - h) / (T - t) + sqrt(4 h (T - t - h) / (T (T - t))) n

so the last tick has w = 0 and the position is the target to the bit. ``n`` is normal ``tick`` of the knob's own
stream. Time is counted in whole ticks, so a bridge of hours arrives on its tick. Turning sigma on the way scales the
wander smoothly; sigma 0 is the straight line. The travel ends at 0 and 1: what lies beyond is clipped on its way out
only, so that the law inside is not bent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.source import ChanceSource
from instrument.chance.words import normal, philox

_2, _3 = np.uint64(2), np.uint64(3)


@compiled
def _cross(
    seed: np.uint64,
    first_tick: np.uint64,
    streams: NDArray[np.uint64],
    active: NDArray[np.uint8],
    ends: NDArray[np.float64],
    span: NDArray[np.int64],
    w: NDArray[np.float64],
    sigma: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """``ends`` (K, 2): begin, target. ``span`` (K, 3): first tick, last tick, the tick that w is at."""
    first = np.int64(first_tick)
    for k in range(streams.size):
        if active[k] == 0:
            continue
        begin, target = ends[k, 0], ends[k, 1]
        start, last, at = span[k, 0], span[k, 1], span[k, 2]
        whole = np.float64(last - start)
        amount = float(sigma[k])
        if not 0.0 < amount < math.inf:  # a NaN too
            amount = 0.0
        now = w[k]
        four = philox(seed, streams[k], first_tick >> _2)
        for t in range(out.shape[0]):
            tick = first + t
            lane = np.uint64(tick) & _3
            if lane == 0 and t > 0:
                four = philox(seed, streams[k], np.uint64(tick) >> _2)
            if tick < start:
                continue
            if tick >= last:
                if tick == last:
                    out[t, k] = min(1.0, max(0.0, target))
                active[k] = 0
                break
            if tick > at:
                left, after = np.float64(last - at), np.float64(last - tick)
                n = normal(four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3])
                now = now * (after / left) + 2.0 * math.sqrt((left - after) * after / (whole * left)) * n
                at = tick
            line = begin + (target - begin) * (np.float64(tick - start) / whole)
            out[t, k] = min(1.0, max(0.0, line + amount * now))
        span[k, 2] = at
        w[k] = now


LONGEST_SECONDS = 86400.0


class Bridge(ChanceSource):
    """The bridges of K knobs, one at a time each. ``streams``: one id each (``stream_id``).

    ``active``: u8[K], 1 while a knob has a bridge before it or under it. To be read, not written.
    """

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        knobs = len(streams)
        self._tick_hz = tick_hz
        self.active = np.zeros(knobs, np.uint8)
        self._ends = np.zeros((knobs, 2))
        self._span = np.zeros((knobs, 3), np.int64)
        self._w = np.zeros(knobs)
        kept: dict[str, NDArray[Any]] = {"active": self.active, "ends": self._ends, "span": self._span, "w": self._w}
        super().__init__(streams, tick_hz, seed, kept)

    def start(self, knob: int, begin: float, target: float, seconds: float, tick: int) -> None:
        """From ``begin`` at ``tick`` to ``target`` ``seconds`` later, to the nearest tick, at least one and at most
        those of LONGEST_SECONDS: a gesture has room for half a billion years, which no count of ticks has.

        Takes the place of the knob's bridge if it has one. Give the hand the target at the same time: from the tick
        after the last one the knob is the hand's again. ValueError where a number is not finite.
        """
        if not (math.isfinite(begin) and math.isfinite(target) and math.isfinite(seconds)):
            raise ValueError("a bridge needs finite ends and a finite time")
        self._ends[knob] = begin, target
        ticks = max(1, round(min(seconds, LONGEST_SECONDS) * self._tick_hz))
        self._span[knob] = tick, tick + ticks, tick
        self._w[knob] = 0.0
        self.active[knob] = 1

    def stop(self, knob: int) -> None:
        """Drop the bridge of a knob where it is, if it has one."""
        self.active[knob] = 0

    def shift(self, ticks: int) -> None:
        """The clock was set ``ticks`` ahead (back: negative): what is under way goes on from where it is."""
        self._span += ticks

    def step(self, first_tick: int, ticks: int, sigma: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """The positions at ticks first_tick .. first_tick + ticks - 1 into ``out[:ticks]`` (f32[>=ticks, K]).

        ``sigma`` (travel): f32[K]. Only ticks of a bridge are written, first and last included; all else in ``out``
        stays as it is. Ticks that were skipped are crossed in one step of the same law. No allocation.
        """
        _cross(
            self._seed,
            np.uint64(first_tick),
            self._streams,
            self.active,
            self._ends,
            self._span,
            self._w,
            sigma,
            out[:ticks],
        )


KERNELS = (_cross,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    bridge = Bridge([1], 1500.0)
    bridge.start(0, 0.0, 1.0, 1.0, 0)
    bridge.step(0, 2, np.ones(1, np.float32), np.empty((4, 1), np.float32))
    close(*KERNELS)
