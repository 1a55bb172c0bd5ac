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

from instrument.chance.words import normal, philox, uniform
from instrument.compiled import close, compiled

RING = 16
"""Throws remembered, hence the longest loop."""
BETA_ERROR = 1e-6
"""How far from the true inverse a value may be."""
BELL_ENOUGH = 1e4
"""Where a and b are beyond this, the approximation is within BETA_ERROR as it is (3e-7, 8 deviations out)."""

_FIRST_RING = 1 << 62


@compiled
def _between(value: float, low: float, high: float) -> float:
    """Clipped; ``low`` for what is not a number."""
    return min(value, high) if value > low else low


@compiled
def _fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (Numerical Recipes, 3rd ed., 6.4.5), by Lentz."""
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    product = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + even * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + even / c
        c = c if abs(c) > tiny else tiny
        product *= d * c
        d = 1.0 + odd * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + odd / c
        c = c if abs(c) > tiny else tiny
        product *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return product


@compiled
def _bell(word: np.uint64, a: float, b: float) -> float:
    """Near the inverse, nearer the larger a and b are, above 1: Abramowitz and Stegun 26.5.22."""
    z = normal(word)
    one, other = 1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0)
    h = 2.0 / (one + other)
    c = (z * z - 3.0) / 6.0
    return a / (a + b * math.exp(-2.0 * (z * math.sqrt(c + h) / h + (other - one) * (c + 5.0 / 6.0 - 2.0 / (3.0 * h)))))


@compiled
def _beta(word: np.uint64, a: float, b: float) -> Any:
    """The inverse of the Beta distribution function at a word, within BETA_ERROR; a, b > 0."""
    u = uniform(word)
    if a > 1.0 and b > 1.0:
        x = _bell(word, a, b)
        if min(a, b) > BELL_ENOUGH:
            return x
    else:
        left, right = math.exp(a * math.log(a / (a + b))) / a, math.exp(b * math.log(b / (a + b))) / b
        share = left / (left + right)
        x = (u / share) ** (1.0 / a) if u < share else 1.0 - ((1.0 - u) / (1.0 - share)) ** (1.0 / b)
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    low, high = 0.0, 1.0
    for i in range(100):
        if not low < x < high or i % 4 == 3:
            x = 0.5 * (low + high)
        front = math.exp(norm + a * math.log(x) + b * math.log1p(-x))
        if x < (a + 1.0) / (a + b + 2.0):
            miss = front * _fraction(x, a, b) / a - u
        else:
            miss = (1.0 - u) - front * _fraction(1.0 - x, b, a) / b
        if miss < 0.0:
            low = x
        else:
            high = x
        if high - low < BETA_ERROR:
            break
        # Newton, and a hair further: so that the root is soon shut in from both sides
        x = x - miss * x * (1.0 - x) / front - math.copysign(0.25 * BETA_ERROR, miss)
    return 0.5 * (low + high)


@compiled
def _value(word: np.uint64, spread: float, bias: float, steps: float) -> float:
    """The value 0..1 of a word."""
    spread, bias = _between(spread, 0.0, 1.0), _between(bias, 0.0, 1.0)
    wide = spread**4
    if wide < 1e-12 or bias == 0.0 or bias == 1.0:
        value = bias
    elif wide >= 1.0:
        value = 1.0 if uniform(word) > 1.0 - bias else 0.0
    else:
        nu = (1.0 - wide) / wide
        value = _beta(word, bias * nu, (1.0 - bias) * nu)
    faces = math.floor(_between(steps, 0.0, 1e6) + 0.5)
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
    length = np.int64(math.floor(_between(loop, 1.0, float(RING)) + 0.5))
    side = 2.0 * _between(dejavu, 0.0, 1.0) - 1.0
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
        turn = _between(rate_hz[k] * tick_s, 0.0, 1.0)
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


class Dice:
    """The dice of K knobs. ``streams``: one id each (``stream_id``). Before the first throw the value is 1/2."""

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        knobs = len(streams)
        self._streams = np.array(streams, np.uint64)
        self._tick_s = 1.0 / tick_hz
        self._kept: dict[str, NDArray[Any]] = {
            "phase": np.ones(knobs),
            "throws": np.zeros(knobs, np.int64),
            "ring": np.zeros((knobs, RING), np.uint64),
            "place": np.zeros((knobs, 2), np.int64),
            "word": np.zeros(knobs, np.uint64),
            "shape": np.zeros((knobs, 3), np.float32),
            "stale": np.zeros(knobs, np.uint8),
            "value": np.zeros(knobs),
        }
        self._arrays = tuple(self._kept.values())
        self.reseed(seed)
        self.reset()

    def reseed(self, seed: int) -> None:
        """Other accidents from the next throw on; what is remembered stays until the next ``reset``."""
        self.seed = seed & (2**64 - 1)
        self._seed = np.uint64(self.seed)

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
            self._seed, self._tick_s, self._streams, *self._arrays,
            amount, rate_hz, spread, bias, steps, dejavu, loop, out[:ticks],
        )  # fmt: skip

    def reset(self) -> None:
        """Before the first throw, which is due at the next tick."""
        for array in self._arrays:
            array[...] = 0
        self._kept["phase"][:] = 1.0
        self._kept["place"][:, 1] = -1
        self._kept["value"][:] = 0.5
        _fill(self._seed, self._streams, self._kept["ring"])

    def state(self) -> dict[str, NDArray[Any]]:
        return {name: array.copy() for name, array in self._kept.items()}

    def set_state(self, state: dict[str, NDArray[Any]]) -> None:
        for name, array in self._kept.items():
            array[:] = state[name]


KERNELS = (_roll, _fill)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one, half = np.ones(1, np.float32), np.full(1, 0.5, np.float32)
    Dice([1], 1500.0).step(0, 2, one, one, half, half, one, one, one, np.empty((4, 1), np.float32))
    close(*KERNELS)
