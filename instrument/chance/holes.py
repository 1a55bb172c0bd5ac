"""Holes: knobs that go missing for a moment, muted or frozen. After words; acts on a signal on its way through.

    open    for an exponential time of mean ``length_s`` a knob is at its rest (muted) or where it was (frozen)
    closed  until the next opens, an exponential time of mean 60 s / ``per_minute``

A Poisson process whose openings are ignored while a hole is open; as exponential waits have no memory, that is a fresh
wait after each hole. Wait, length and kind of hole ``e`` are words 4e .. 4e+2 of the knob's own stream: from a reset,
the same seed brings the same holes. Wait and length are drawn with mean 1 and used up at the rate of the moment, so
turning ``per_minute`` or ``length_s`` acts at once, also on the hole that is open.

The value goes to its hole and comes back in a straight line of ``FADE_S`` each, so that nothing zips. The way back is
part of the hole: only after it does the wait begin. Openings and closings fall on ticks, at most one tick late.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.source import ChanceSource
from instrument.chance.words import philox, uniform

FADE_S = 0.005

_1 = np.uint64(1)
_UNDRAWN = -1.0


@compiled
def _holes(
    seed: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    event: NDArray[np.uint64],
    left: NDArray[np.float64],
    is_open: NDArray[np.bool_],
    depth: NDArray[np.float64],
    held: NDArray[np.float64],
    per_minute: NDArray[np.float32],
    length_s: NDArray[np.float32],
    freeze: NDArray[np.float32],
    base: NDArray[np.float32],
    rest: NDArray[np.float32],
) -> None:
    fade = tick_s / FADE_S
    for k in range(streams.size):
        # each comparison is false for a NaN too
        rate = np.float64(per_minute[k]) * tick_s / 60.0 if per_minute[k] > 0.0 else 0.0
        pace = tick_s / np.float64(length_s[k]) if length_s[k] > tick_s else 1.0
        for t in range(base.shape[0]):
            if is_open[k]:
                left[k] -= pace
                if rate == 0.0 or left[k] <= 0.0:
                    is_open[k] = False
                    left[k] = _UNDRAWN
            elif rate > 0.0 and depth[k] == 0.0:
                if left[k] < 0.0:
                    left[k] = -math.log(uniform(philox(seed, streams[k], event[k])[0]))
                left[k] -= rate
                if left[k] <= 0.0:
                    four = philox(seed, streams[k], event[k])
                    event[k] += _1
                    is_open[k] = True
                    left[k] = -math.log(uniform(four[1]))
                    frozen = uniform(four[2]) < freeze[k] and np.isfinite(base[t, k])
                    held[k] = base[t, k] if frozen else rest[k]
            depth[k] = min(1.0, depth[k] + fade) if is_open[k] else max(0.0, depth[k] - fade)
            if depth[k] > 0.0 and np.isfinite(held[k]):
                base[t, k] = held[k] if depth[k] == 1.0 else base[t, k] + depth[k] * (held[k] - base[t, k])


class Holes(ChanceSource):
    """The holes of K knobs. ``streams``: one id each (``stream_id``)."""

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        knobs = len(streams)
        self._event = np.zeros(knobs, np.uint64)
        self._left = np.full(knobs, _UNDRAWN)
        self._open = np.zeros(knobs, np.bool_)
        self._depth = np.zeros(knobs)
        self._held = np.zeros(knobs)
        kept: dict[str, NDArray[Any]] = {
            "event": self._event,
            "left": self._left,
            "open": self._open,
            "depth": self._depth,
            "held": self._held,
        }
        super().__init__(streams, tick_hz, seed, kept)

    def step(
        self,
        first_tick: int,
        ticks: int,
        per_minute: NDArray[np.float32],
        length_s: NDArray[np.float32],
        freeze: NDArray[np.float32],
        base: NDArray[np.float32],
        rest: NDArray[np.float32],
    ) -> None:
        """Put holes into ``base[:ticks]`` (f32[>=ticks, K], in place); no allocation.

        ``freeze`` (0..1): the share of holes in which the knob stays where it was; in the others it is at ``rest``. All
        f32[K]. Where ``per_minute`` is 0 an open hole closes, and from then on ``base`` keeps its bits. ``first_tick``
        is not used: holes are numbered from a reset on, not by ticks.
        """
        _holes(
            self._seed,
            self._tick_s,
            self._streams,
            self._event,
            self._left,
            self._open,
            self._depth,
            self._held,
            per_minute,
            length_s,
            freeze,
            base[:ticks],
            rest,
        )

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which knobs are missing now: bool[K], to look at."""
        return self._open

    @property
    def closed(self) -> bool:
        """No knob is missing, nor on its way back."""
        return not (self._open.any() or self._depth.any())

    def reset(self) -> None:
        """Every knob is back at once, and the next hole is the first again."""
        super().reset()
        self._left[:] = _UNDRAWN


KERNELS = (_holes,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one = np.ones(1, np.float32)
    Holes([1], 1500.0).step(0, 2, one, one, one, np.zeros((4, 1), np.float32), one)
    close(*KERNELS)
