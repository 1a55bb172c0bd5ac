"""Dice: values thrown at a rate and held, with a memory. After words, before a place of entry (see ``entry``).

Memory, law and faces behave as those of Mutable Instruments' Marbles (E. Gillet, 2018). In the order of the signal:

    throw   a phase per knob goes round ``rate`` times a second; the first tick throws, then each time round does
    memory  a ring of the last 16 throws, of which the newest L are the loop. With p = (2 d - 1)^2:
            d < 1/2  p of writing a fresh throw over the oldest, else the loop goes on: at 0 always fresh
            d = 1/2  the loop as it is
            d > 1/2  p of jumping to any place in the loop, else it goes on; nothing is written
    law     Beta with mean ``bias``; its deviation is ``spread``^2 times the widest a mean allows:
            a = bias nu,  b = (1 - bias) nu,  nu = spread^-4 - 1,  variance spread^4 bias (1 - bias)
            0 constant, 1/2 a bell (7.5, 7.5), 3^-1/4 = 0.76 even (1, 1), 1 only 0 and 1
    faces   2 and more ``steps``: as many equal parts of the travel, each giving its level, 0 and 1 among them
    out     amount * 2 * (value - 1/2): a bias of 1/2 has no mean

Throw n takes the four words of counter n of the knob's stream (whether, what, where, none), the ring begins with
those of counters 2^62 ... 2^62 + 15. The memory keeps words, not values, so turning spread, bias or steps bends the
whole loop from the next throw on. Throws go on unheard; a value is worked out when first heard, from spread, bias and
steps as they were at its throw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.beta import beta, between
from instrument.chance.source import ChanceSource
from instrument.chance.words import philox, uniform

RING = 16
"""Throws remembered, hence the longest loop."""


_FIRST_RING = 1 << 62


@compiled
def _value(word: np.uint64, spread: float, bias: float, steps: float) -> float:
    """The value 0..1 of a word."""
    spread, bias = between(spread, 0.0, 1.0), between(bias, 0.0, 1.0)
    wide = spread**4
    if wide < 1e-12 or bias == 0.0 or bias == 1.0:
        value = bias
    elif wide >= 1.0:
        value = 1.0 if uniform(word) > 1.0 - bias else 0.0
    else:
        nu = (1.0 - wide) / wide
        value = beta(word, bias * nu, (1.0 - bias) * nu)
    faces = math.floor(between(steps, 0.0, 1e6) + 0.5)
    return min(math.floor(value * faces), faces - 1.0) / (faces - 1.0) if faces >= 2.0 else value


@compiled
def _remember(
    seed: np.uint64,
    stream: np.uint64,
    throw: np.int64,
    dejavu: float,
    loop: float,
    ring: NDArray[np.uint64],
    place: NDArray[np.int64],
) -> Any:
    """The word (u64) of a throw. ``ring``: u64[16]; ``place``: i64[2], where the oldest is and how far in the loop."""
    whether, what, where, _ = philox(seed, stream, np.uint64(throw))
    length = np.int64(math.floor(between(loop, 1.0, float(RING)) + 0.5))
    side = 2.0 * between(dejavu, 0.0, 1.0) - 1.0
    if uniform(whether) < side * side:
        if side < 0.0:
            ring[place[0]] = what
            place[0] = (place[0] + 1) % RING
            place[1] = length - 1
        else:
            place[1] = min(np.int64(uniform(where) * length), length - 1)
    else:
        place[1] = place[1] + 1 if place[1] + 1 < length else 0
    return ring[(place[0] - length + place[1]) % RING]


@compiled
def _roll(
    seed: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    phase: NDArray[np.float64],
    throws: NDArray[np.int64],
    ring: NDArray[np.uint64],
    place: NDArray[np.int64],
    word: NDArray[np.uint64],
    shape: NDArray[np.float32],
    stale: NDArray[np.uint8],
    value: NDArray[np.float64],
    amount: NDArray[np.float32],
    rate_hz: NDArray[np.float32],
    spread: NDArray[np.float32],
    bias: NDArray[np.float32],
    steps: NDArray[np.float32],
    dejavu: NDArray[np.float32],
    loop: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """``shape`` (K, 3): spread, bias and steps at the last throw. ``stale``: the value of that throw is to be found."""
    for k in range(streams.size):
        turn = between(rate_hz[k] * tick_s, 0.0, 1.0)
        gain = np.float64(amount[k])
        heard = 0.0 < gain < math.inf  # false for a NaN too
        for t in range(out.shape[0]):
            if phase[k] >= 1.0 and turn > 0.0:
                phase[k] -= 1.0
                word[k] = _remember(seed, streams[k], throws[k], dejavu[k], loop[k], ring[k], place[k])
                shape[k, 0], shape[k, 1], shape[k, 2] = spread[k], bias[k], steps[k]
                throws[k] += 1
                stale[k] = 1
            phase[k] += turn
            if heard and stale[k] == 1:
                value[k] = _value(word[k], shape[k, 0], shape[k, 1], shape[k, 2])
                stale[k] = 0
            out[t, k] = gain * 2.0 * (value[k] - 0.5) if heard else 0.0


@compiled
def _fill(seed: np.uint64, streams: NDArray[np.uint64], ring: NDArray[np.uint64]) -> None:
    for k in range(streams.size):
        for i in range(RING):
            ring[k, i] = philox(seed, streams[k], np.uint64(_FIRST_RING + i))[1]


class Dice(ChanceSource):
    """The dice of K knobs. ``streams``: one id each (``stream_id``). Before the first throw the value is 1/2."""

    AMOUNTS = ("dice", "dice_rate", "dice_spread", "dice_bias", "dice_steps", "dejavu", "loop")

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        knobs = len(streams)
        kept: dict[str, NDArray[Any]] = {
            "phase": np.ones(knobs),
            "throws": np.zeros(knobs, np.int64),
            "ring": np.zeros((knobs, RING), np.uint64),
            "place": np.zeros((knobs, 2), np.int64),
            "word": np.zeros(knobs, np.uint64),
            "shape": np.zeros((knobs, 3), np.float32),
            "stale": np.zeros(knobs, np.uint8),
            "value": np.zeros(knobs),
        }
        super().__init__(streams, tick_hz, seed, kept)

    def step(
        self,
        first_tick: int,
        ticks: int,
        amount: NDArray[np.float32],
        rate_hz: NDArray[np.float32],
        spread: NDArray[np.float32],
        bias: NDArray[np.float32],
        steps: NDArray[np.float32],
        dejavu: NDArray[np.float32],
        loop: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """The next ``ticks`` ticks into ``out[:ticks]`` (f32[>=ticks, K]); no allocation. All arrays: f32[K].

        ``amount`` (travel): where it is 0 the output is exactly 0. ``rate_hz``: at most one throw a tick; at 0 the
        last value is held. ``spread``, ``bias``, ``dejavu`` 0..1. ``steps``: below 2 not stepped. ``loop``: throws,
        1..16. ``first_tick`` says nothing to the law, which counts throws; it is here because every source has it.
        """
        _roll(
            self._seed,
            self._tick_s,
            self._streams,
            *self._arrays,
            amount,
            rate_hz,
            spread,
            bias,
            steps,
            dejavu,
            loop,
            out[:ticks],
        )

    def reset(self) -> None:
        """Before the first throw, which is due at the next tick."""
        super().reset()
        self._kept["phase"][:] = 1.0
        self._kept["place"][:, 1] = -1
        self._kept["value"][:] = 0.5
        _fill(self._seed, self._streams, self._kept["ring"])


SOURCE = Dice

KERNELS = (_roll, _fill)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one, half = np.ones(1, np.float32), np.full(1, 0.5, np.float32)
    Dice([1], 1500.0).step(0, 2, one, one, half, half, one, one, one, np.empty((4, 1), np.float32))
    close(*KERNELS)
