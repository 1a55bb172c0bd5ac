"""Habit: noise along the habits of a model, or against them. After words, before a place of entry (see ``entry``).

    y'  = a y + sqrt(1 - a^2) n            one unit Ornstein-Uhlenbeck process a knob, the exact step (see ``drift``)
    out = amount L y,   L L^T = B          B: what the knobs shall have in common

    shape  1   B = C, the correlation of the training latents: knobs move as they move in the sounds learned
    shape  0   B = 1: every knob by itself
    shape -1   B = the inverse of C, brought to unit diagonal: what never went together does
    between    B = |shape| B(+-1) + (1 - |shape|) 1

Every B has a unit diagonal, so each knob wanders by its own amount whatever the shape. L is the symmetric square root:
of all roots the one that stays nearest to every knob's own stream, and the only one that is the identity from both
sides of shape 0, so the shape can be swept through it. The eigenvectors V of B(+-1) are those of its blends too, so
L = V sqrt(|shape| lambda + 1 - |shape|) V^T needs no decomposition while playing, only K roots a call. (A Cholesky
root taken anew for each shape costs K^3 in the callback and is not continuous through 0.)

A correlation that is singular, or not quite one (rounded, estimated from too few frames), is drawn towards the
identity, (1 - r) C + r 1, with the smallest r that lifts its least eigenvalue to ``LEAST``. A knob whose variance is
not a positive number is independent of the others. A correlation better than that is taken as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.source import TAU_LEAST_S, ChanceSource
from instrument.chance.words import normal, philox

LEAST = 1e-3
"""Least eigenvalue of a correlation, which bounds how much of the noise against the habits can go one single way."""

_2, _3 = np.uint64(2), np.uint64(3)


@compiled
def _habit(
    seed: np.uint64,
    first_tick: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    y: NDArray[np.float64],
    vectors: NDArray[np.float64],
    turned: NDArray[np.float64],
    values: NDArray[np.float64],
    share: float,
    scratch: NDArray[np.float64],
    amount: NDArray[np.float32],
    tau_s: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """``turned`` is ``vectors`` transposed: both products then run along rows. ``scratch``: f64[7, K]."""
    knobs = y.size
    steps = tick_s / (tau_s[0] if tau_s[0] > TAU_LEAST_S else TAU_LEAST_S)
    keep = math.exp(-steps)
    kick = math.sqrt(-math.expm1(-2.0 * steps))
    root, turn, mixed, path = scratch[0], scratch[1], scratch[2], scratch[3:]
    heard = False
    for k in range(knobs):
        root[k] = math.sqrt(max(0.0, share * values[k] + 1.0 - share))
        heard = heard or amount[k] > 0.0
    t = 0
    while t < out.shape[0]:
        tick = first_tick + np.uint64(t)
        lane = np.int64(tick & _3)
        count = min(4 - lane, out.shape[0] - t)
        for k in range(knobs):
            four = philox(seed, streams[k], tick >> _2)
            now = y[k]
            for i in range(count):
                at = lane + i
                word = four[0] if at == 0 else four[1] if at == 1 else four[2] if at == 2 else four[3]
                now = keep * now + kick * normal(word)
                path[i, k] = now
            y[k] = now
        for i in range(count):
            if heard:
                turn[:] = 0.0
                for k in range(knobs):
                    for j in range(knobs):
                        turn[j] += vectors[k, j] * path[i, k]
                mixed[:] = 0.0
                for j in range(knobs):
                    for k in range(knobs):
                        mixed[k] += turned[j, k] * (root[j] * turn[j])
            for k in range(knobs):
                out[t + i, k] = amount[k] * mixed[k] if amount[k] > 0.0 else 0.0
        t += count


def regularised(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """A covariance, f64[K, K], as a correlation: unit diagonal, no eigenvalue below LEAST. ValueError: not square."""
    covariance = np.asarray(correlation, np.float64)
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
        raise ValueError(f"a correlation is square, not {covariance.shape}")
    variance = np.diag(covariance).copy()
    known = np.isfinite(variance) & (variance > 0.0)
    scale = np.where(known, 1.0 / np.sqrt(np.where(known, variance, 1.0)), 0.0)
    finite = np.where(np.isfinite(covariance), covariance, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        whole = finite * scale * scale[:, None]
    # what overflowed is not a number where the knob itself is unknown: then it goes with nobody
    half: NDArray[np.float64] = 0.5 * np.clip(np.where(np.isnan(whole), 0.0, whole), -1.0, 1.0)
    c = half + half.T
    np.fill_diagonal(c, 1.0)
    least = float(np.linalg.eigvalsh(c)[0]) if c.size else 1.0
    if least < LEAST:
        drawn = (LEAST - least) / (1.0 - least)
        c = (1.0 - drawn) * c
        np.fill_diagonal(c, 1.0)
    return c


def against(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a regular correlation, f64[K, K], brought to unit diagonal."""
    inverse = np.linalg.inv(correlation)
    scale = 1.0 / np.sqrt(np.diag(inverse))
    c: NDArray[np.float64] = 0.5 * (inverse + inverse.T) * np.outer(scale, scale)
    np.fill_diagonal(c, 1.0)
    return c


class Habit(ChanceSource):
    """The habits of K knobs. ``streams``: one id each (``stream_id``); ``correlation``: f64[K, K].

    ValueError when the correlation is not K by K.
    """

    AMOUNTS = ("habit", "habit_shape", "tau")
    ONE_FOR_ALL = frozenset({"habit_shape"})

    @classmethod
    def for_knobs(cls, streams: Sequence[int], tick_hz: float, seed: int, correlation: NDArray[np.float64]) -> Habit:
        """The habits of the training sounds among these knobs."""
        return cls(streams, tick_hz, correlation, seed)

    def __init__(self, streams: Sequence[int], tick_hz: float, correlation: NDArray[np.float64], seed: int = 0) -> None:
        knobs = len(streams)
        self.correlation = regularised(correlation)
        """What shape 1 makes, f64[K, K]: unit diagonal, regular."""
        if len(self.correlation) != knobs:
            raise ValueError(f"{knobs} streams and a correlation of {len(self.correlation)}")
        self._along = _eigen(self.correlation)
        self._against = _eigen(against(self.correlation))
        self._scratch = np.zeros((7, knobs))
        self._y = np.zeros(knobs)
        super().__init__(streams, tick_hz, seed, {"y": self._y})

    def step(
        self,
        first_tick: int,
        ticks: int,
        amount: NDArray[np.float32],
        shape: float,
        tau_s: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """Ticks first_tick .. first_tick + ticks - 1 into ``out[:ticks]`` (f32[>=ticks, K]); no allocation.

        ``amount`` (travel, standard deviation): f32[K], 0 is exactly 0. ``shape``: -1..1, clipped, not a number is 0.
        ``tau_s``: f32[K], of which the first is used: knobs that keep different time have little in common.
        """
        if not self._y.size:
            return
        shape = min(1.0, max(-1.0, float(shape))) if shape == shape else 0.0
        vectors, turned, values = self._along if shape >= 0.0 else self._against
        _habit(
            self._seed,
            np.uint64(first_tick),
            self._tick_s,
            self._streams,
            self._y,
            vectors,
            turned,
            values,
            abs(shape),
            self._scratch,
            amount,
            tau_s,
            out[:ticks],
        )


def _eigen(
    correlation: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    values, vectors = np.linalg.eigh(correlation)
    return np.ascontiguousarray(vectors), np.ascontiguousarray(vectors.T), np.ascontiguousarray(values)


SOURCE = Habit

KERNELS = (_habit,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    two = np.ones(2, np.float32)
    Habit([1, 2], 1500.0, np.eye(2)).step(0, 2, two, 1.0, two, np.empty((4, 2), np.float32))
    close(*KERNELS)
