"""Laws of chance, measured: each source against its statistics, and amount 0 against nothing at all. Read by laws.

Seeded, so a row gives the same figure every time until a law is changed. "KS" is the Kolmogorov-Smirnov distance; its
tolerance is what chance itself passes once in a hundred times. The chances inside sound and model: laws_sound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.bench.laws.measure import F64, TICK_HZ, Law, Measure, differing_bits, kolmogorov
from instrument.chance.bridge import Bridge
from instrument.chance.chaos import Logistic
from instrument.chance.coarse import Coarse
from instrument.chance.dice import Dice
from instrument.chance.drift import Drift
from instrument.chance.entry import add_into
from instrument.chance.habit import Habit, against
from instrument.chance.holes import FADE_S, Holes
from instrument.chance.lorenz import LORENZ_STEP, Lorenz, _lorenz
from instrument.chance.mix import Mix
from instrument.chance.params import ChanceParams, scaled
from instrument.chance.pink import Pink
from instrument.chance.words import stream_id, words

EVEN = 3**-0.25
"""The spread of dice whose Beta law is even over 0..1."""


def streams(what: str, count: int) -> list[int]:
    return [stream_id(f"laws/{what}/{k}") for k in range(count)]


def drawn(source: Any, ticks: int, knobs: int, *amounts: float) -> F64:
    """A source from tick 0 on, all knobs alike: f64[ticks, knobs]."""
    out = np.empty((ticks, knobs), np.float32)
    source.step(0, ticks, *(np.full(knobs, amount, np.float32) for amount in amounts), out)
    return out.astype(np.float64)


def known_answer() -> Iterator[Law]:
    """Philox4x64-10 of key (7, 3), and 4000 words against numpy's."""
    known = np.array([0x7B6CC7B1862CC5F2, 0xB960F2EA4B3F8D9F, 0x0CDD72E015DEB1A6], np.uint64)
    yield Law("Philox: words of the known answer", 3.0, float((words(7, 3, 0, 3) == known).sum()), 0.0)
    key = np.array([2**63 + 5, stream_id("laws")], np.uint64)
    theirs = np.random.Philox(key=key).random_raw(4000)
    yield Law(
        "Philox: words of 4000 that are numpy's",
        4000.0,
        float((words(int(key[0]), int(key[1]), 0, 4000) == theirs).sum()),
        0.0,
    )


def drift() -> Iterator[Law]:
    """Ornstein-Uhlenbeck: variance sigma^2, autocorrelation 1/e at tau."""
    x = drawn(Drift(streams("drift", 32), TICK_HZ, 1), 100_000, 32, 0.2, 0.05)[1000:]
    yield Law("drift: variance / sigma^2", 1.0, float(x.var()) / 0.04, 0.04)
    yield Law("drift: autocorrelation at tau", math.exp(-1), float((x[75:] * x[:-75]).mean() / (x * x).mean()), 0.02)


def octaves(seed: int = 1) -> F64:
    """Power density of pink in the ten octaves from 0.2 to 204.8 Hz, mean of 32 knobs of three minutes each."""
    x = drawn(Pink(streams("pink", 32), TICK_HZ, seed), 1 << 18, 32, 1.0)
    x = (x - x.mean(0)) * np.hanning(len(x))[:, None]
    power, hz = (np.abs(np.fft.rfft(x, axis=0)) ** 2).mean(1), np.fft.rfftfreq(len(x), 1 / TICK_HZ)
    return np.array([power[(hz >= 0.2 * 2**o) & (hz < 0.4 * 2**o)].mean() for o in range(10)])


def pink() -> Iterator[Law]:
    """As much in each octave."""
    power = octaves()
    yield Law(
        "pink: slope of the spectrum, octave by octave",
        -1.0,
        float(np.polyfit(np.arange(10), np.log2(power), 1)[0]),
        0.05,
    )
    yield Law(
        "pink: an octave from the line at most [dB]",
        0.0,
        float(np.ptp(10 * np.log10(power * 2.0 ** np.arange(10)))) / 2,
        0.5,
    )


def throws(count: int, dejavu: float, loop: float, spread: float = EVEN, seed: int = 1) -> F64:
    """One knob that throws at every tick, values 0..1."""
    dice = Dice(streams("dice", 1), TICK_HZ, seed)
    return drawn(dice, count, 1, 0.5, TICK_HZ, spread, 0.5, 0.0, dejavu, loop)[:, 0] + 0.5


def dice() -> Iterator[Law]:
    """Beta law, share of fresh throws (2d - 1)^2, L distinct values from d = 1/2 on."""
    distance, most = kolmogorov(throws(20_000, 0.0, 8), lambda x: np.clip(x, 0, 1))
    yield Law("dice, even law: KS", 0.0, distance, most)
    grid = np.linspace(0.0, 1.0, 20_001)
    bell = (grid * (1 - grid)) ** 6.5  # Beta(7.5, 7.5): spread 1/2
    cdf = np.concatenate([[0.0], np.cumsum((bell[1:] + bell[:-1]) / 2)])
    distance, most = kolmogorov(throws(20_000, 0.0, 8, 0.5, 2), lambda x: np.interp(x, grid, cdf / cdf[-1]))
    yield Law("dice, bell of spread 1/2: KS against Beta(7.5, 7.5)", 0.0, distance, most)
    for dejavu in (0.1, 0.25, 0.4):
        p, fresh = (2 * dejavu - 1) ** 2, np.zeros(20_000)
        fresh[np.unique(throws(20_000, dejavu, 16), return_index=True)[1]] = 1
        yield Law(
            f"dice: fresh throws at deja vu {dejavu:g}, share",
            p,
            float(fresh[200:].mean()),
            3 * math.sqrt(p * (1 - p) / 19_800) + 1e-3,
        )
    for dejavu in (0.5, 0.75):
        yield Law(
            f"dice: distinct values at deja vu {dejavu:g}, loop of 8",
            8.0,
            float(len(np.unique(throws(4000, dejavu, 8)))),
            0.0,
        )


def bridge() -> Iterator[Law]:
    """Ends to the bit; variance sigma^2 4 t (T - t) / T^2 (sigma is the deviation half-way)."""
    knobs, ticks = 4000, 1000
    fan = Bridge(streams("bridge", knobs), TICK_HZ, 5)
    for k in range(knobs):
        fan.start(k, 0.3, 0.7, ticks / TICK_HZ, 0)
    x = drawn(fan, ticks + 1, knobs, 0.05)
    ends = np.count_nonzero(x[0] != np.float32(0.3)) + np.count_nonzero(x[-1] != np.float32(0.7))
    yield Law("bridge: ends that are missed, of 8000", 0.0, float(ends), 0.0)
    for share in (0.25, 0.5, 0.9):
        t = round(share * ticks)
        law = 0.05**2 * 4 * t * (ticks - t) / ticks**2
        yield Law(f"bridge: variance at {share:g} T / law", 1.0, float(x[t].var()) / law, 0.07)


def chaos() -> Iterator[Law]:
    """How fast near orbits part: ln 2 an iteration, 0.906 a unit of Lorenz' time."""
    x = drawn(Logistic(streams("chaos", 16), TICK_HZ, 1), 20_000, 16, 1.0, TICK_HZ, 4.0)  # |f'| = 4 |1 - 2x|
    yield Law("logistic map, r 4: Lyapunov exponent", math.log(2), float(np.log(np.abs(4 * x)).mean()), 0.007)
    near, total, steps = 1e-8, 0.0, 120_000  # G. Benettin et al., Meccanica 15, 1980, 9
    a: tuple[float, ...] = (1.0, 1.0, 20.0)
    for _ in range(4000):
        a = _lorenz(*a, 28.0, LORENZ_STEP)
    b: tuple[float, ...] = (a[0] + near, a[1], a[2])
    for step in range(4000 + steps):
        a, b = _lorenz(*a, 28.0, LORENZ_STEP), _lorenz(*b, 28.0, LORENZ_STEP)
        apart = math.sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 + (b[2] - a[2]) ** 2)
        total += math.log(apart / near) if step >= 4000 else 0.0
        b = tuple(p + (q - p) * near / apart for p, q in zip(a, b, strict=True))
    yield Law("Lorenz, rho 28: largest Lyapunov exponent", 0.906, total / (steps * LORENZ_STEP), 0.05 * 0.906)


def habit() -> Iterator[Law]:
    """The covariance that was asked for, along the habits and against them."""
    mixed = np.random.default_rng(1).normal(size=(6, 6)) + 1.2 * np.eye(6)
    covariance = mixed @ mixed.T
    asked = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    for name, shape, law in (("along", 1.0, asked), ("against", -1.0, against(asked))):
        out, ones = np.empty((400_000, 6), np.float32), np.ones(6, np.float32)
        Habit(streams("habit", 6), TICK_HZ, asked, 1).step(0, len(out), ones, shape, ones * np.float32(0.0007), out)
        x = out.astype(np.float64)
        yield Law(
            f"habit, {name}: largest error of the covariance", 0.0, float(np.abs(x.T @ x / len(x) - law).max()), 0.02
        )


def holes() -> Iterator[Law]:
    """Exponential waits and lengths."""
    base, knobs = np.ones((450_000, 24), np.float32), np.ones(24, np.float32)
    Holes(streams("holes", 24), TICK_HZ, 3).step(
        0, len(base), 60 * knobs, knobs / np.float32(2), 0 * knobs, base, 0 * knobs
    )
    waits: list[float] = []
    lengths: list[float] = []
    for k in range(24):
        edges = np.diff((base[:, k] < 1.0).astype(np.int8))
        begins, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
        lengths += list((ends - begins[: len(ends)]) / TICK_HZ - FADE_S)
        waits += [begin - end for end, begin in zip(ends, begins[1:], strict=False)]
    distance, most = kolmogorov(np.array(waits) / TICK_HZ, lambda t: -np.expm1(-t))
    yield Law(f"holes, 60 a minute: KS of {len(waits)} waits against the exponential law", 0.0, distance, most)
    distance, most = kolmogorov(np.array(lengths), lambda t: -np.expm1(-np.maximum(t, 0.0) / 0.5))
    yield Law(f"holes of 0.5 s: KS of {len(lengths)} lengths", 0.0, distance, most)


def coarse() -> Iterator[Law]:
    """Error variance D^2 / 12."""
    phase = np.arange(120_000) / 120_000 * 3 % 1
    for step in (0.1, 0.04):
        x = np.abs(2 * phase - 1).astype(np.float32)[:, None]
        Coarse(1).step(np.full(1, step, np.float32), rounded := x.copy())
        error = (rounded.astype(np.float64) - x)[(x > step) & (x < 1 - step)]
        share = float((error**2).mean()) * 12 / step**2
        yield Law(f"coarse, D {step:g}: variance of the error / (D^2 / 12)", 1.0, share, 0.02)


def recall() -> Iterator[Law]:
    """Every source at once: the same seed in blocks of another size; what is kept; hazard 0."""
    names = [f"z{k}" for k in range(6)]
    amounts, given = ChanceParams(6), ChanceParams(6)
    for name in ("drift", "pink", "dice", "chaos", "lorenz", "habit"):
        given[name] = 0.1
    scaled(given, 5.0, amounts)

    def run(block: int, params: ChanceParams) -> tuple[Mix, NDArray[np.float32]]:
        mix = Mix(names, TICK_HZ, 9, {"drift": "hand", "dice": "bearing"})
        return mix, np.concatenate([mix.step(t, block, params).copy() for t in range(0, 1920, block)], axis=1)

    mix, whole = run(4, amounts)
    yield Law("recall: numbers that differ in blocks of 60 ticks", 0.0, differing_bits(whole, run(60, amounts)[1]), 0.0)
    again = np.ascontiguousarray(mix.keep(1.0).track.transpose(1, 0, 2))
    kept = np.ascontiguousarray(whole[:, 420:])
    yield Law("recall: numbers that differ in a kept accident", 0.0, differing_bits(again, kept), 0.0)
    silent = run(4, scaled(given, 0.0, ChanceParams(6)))[1]
    yield Law("hazard 0: numbers that are not 0", 0.0, differing_bits(silent, np.zeros_like(silent)), 0.0)
    base = np.random.default_rng(3).random((2000, 6)).astype(np.float32)
    knobs, passed = np.zeros(6, np.float32), base.copy()
    add_into(passed, whole[0, :1].repeat(2000, 0), knobs, passed)
    Coarse(6).step(knobs, passed)
    Holes(streams("holes", 6), TICK_HZ).step(0, 2000, knobs, knobs, knobs, passed, knobs)
    yield Law("chance of amount 0: positions that differ", 0.0, differing_bits(base, passed), 0.0)
    lorenz = drawn(Lorenz(streams("lorenz", 3), TICK_HZ, 1), 30_000, 3, 1.0, 4.0, 28.0)
    yield Law("Lorenz, amount 1: furthest from the middle [travel]", 1.0, float(np.abs(lorenz).max()), 0.3)


MEASURES: tuple[tuple[str, Measure], ...] = (
    ("Philox", known_answer),
    ("drift", drift),
    ("pink", pink),
    ("dice", dice),
    ("bridge", bridge),
    ("chaos", chaos),
    ("habit", habit),
    ("holes", holes),
    ("coarse", coarse),
    ("recall and neutral chance", recall),
)
