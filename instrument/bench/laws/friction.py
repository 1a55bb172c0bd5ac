"""Laws of friction, measured: the truth table of the elasto-plastic law. Read by laws; what is round it: laws_bearing.

In newtons and metres, with the constants everybody tests with (C. Canudas de Wit, H. Olsson, K. J. Astrom,
P. Lischinsky, "A new model for control of systems with friction", IEEE Trans. Automatic Control 40(3), 1995, table I),
or in travel and seconds, through the ``Friction`` that plays. What the law is and whose: friction/law.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from instrument.bench.laws.measure import F64, TICK_HZ, Law, Measure
from instrument.friction.bearing import Friction
from instrument.friction.law import Coefficients, trace
from instrument.friction.params import FrictionParams

LUGRE = Coefficients(
    mass=1.0,
    spring=0.0,
    damper=0.0,
    s1=math.sqrt(1e5),
    s2=0.4,
    stick=1.5,
    slide=1.0,
    vs=1e-3,
    pre=1.5 / 1e5,
    elastic=0.0,
)
DRIVEN = LUGRE._replace(spring=1e6, damper=2e4, elastic=0.7)
"""Held by a stiff hand that sets its speed."""

BOW = {"stick": 0.06, "slide": 0.03, "vs": 0.02, "pre": 0.001, "elastic": 0.7, "weight": 3.0, "zeta": 0.3}
BOW_SPEED = 0.01


def moved(hand: F64, start: float, tick_hz: float = TICK_HZ, **amounts: float) -> F64:
    """Where one knob goes under a hand f64[T]: the real thing, f32 in and out."""
    friction, asked = Friction(1, tick_hz), hand.astype(np.float32)[:, None]
    friction.reset(np.array([start], np.float32))
    pos = np.empty_like(asked)
    friction.step(asked, FrictionParams(1).set(**amounts), None, pos)
    return pos[:, 0].astype(np.float64)


def stribeck() -> Iterator[Law]:
    """Steady force g(v) + s2 v."""
    for speed, force in ((1e-3, 1.184340), (5e-3, 1.002000), (0.1, 1.040000)):
        hand = speed * 1e-4 * np.arange(1, 20001, dtype=np.float64)
        settled = trace(DRIVEN, 1e-4, hand, np.zeros(len(hand)))[-1, 3]
        yield Law(f"Stribeck curve: force at {1e3 * speed:g} mm/s [N]", force, float(settled), 1e-6)


def _loop(elastic: float) -> tuple[float, float]:
    """Area of the loop under a force of 0.6 stick, over 4 A Fmax; what is left of the way after it."""
    cycle = 20_000
    push = 0.9 * np.sin(2 * math.pi * np.arange(1, 2 * cycle + 1) / cycle)
    x = trace(LUGRE._replace(elastic=elastic), 1e-3, np.zeros(len(push)), push)[-cycle:, 0]
    push = push[-cycle:]
    area = abs(np.sum((push + np.roll(push, 1)) / 2 * (x - np.roll(x, 1))))
    return float(area / (2 * np.ptp(x) * push.max())), float(abs(x[-1]) / np.ptp(x))


def presliding() -> Iterator[Law]:
    """x(F) = -(Fs/s0) ln(1 - F/Fs) without elasticity; with it, below break-away, all springs back."""
    push = np.linspace(0.0, 0.95 * 1.5, 142_500)
    x = trace(LUGRE, 1e-4, np.zeros(len(push)), push)[-1, 0]
    yield Law("presliding, elastic 0: way at 0.95 of break-away [um]", -15.0 * math.log(0.05), 1e6 * float(x), 0.75)
    area, left = _loop(0.7)
    yield Law("presliding, elastic 0.7: area of the loop / 4 A F", 0.0, area, 1e-3)
    yield Law("presliding, elastic 0.7: what is left after it, share of the way", 0.0, left, 2e-3)
    a, way = 0.6, math.log(1.6 / 0.4)  # force and way in units of Fs and Fs/s0: the loop of P. Dahl's solid friction
    yield Law("presliding, elastic 0: area of the loop / 4 A F", (way - 2 * a) / (a * way), _loop(0.0)[0], 0.003)


def break_away() -> Iterator[Law]:
    """The force when the speed first passes vs: the faster it rises, the smaller it is."""
    rates, forces = (1, 2, 5, 10, 20, 50), []
    for rate, force in zip(rates, (1.461, 1.436, 1.380, 1.307, 1.189, 0.853), strict=True):
        push = rate * 1e-5 * np.arange(1, int(1.7e5 / rate), dtype=np.float64)
        speed = trace(LUGRE, 1e-5, np.zeros(len(push)), push)[:, 1]
        forces.append(float(push[np.argmax(speed > 1e-3)]))
        yield Law(f"break-away force at {rate} N/s [N]", force, forces[-1], 0.005 * force)
    falls = sum(later < sooner for sooner, later in pairwise(forces))
    yield Law("break-away force falls from rate to rate, times of 5", 5.0, float(falls), 0.0)


def bow(tick_hz: float) -> tuple[float, float]:
    """A slow steady pull: the period of stick and slip (s), and the travel of one slip."""
    hand = 0.1 + BOW_SPEED / tick_hz * np.arange(1, int(40.0 * tick_hz) + 1, dtype=np.float64)
    x = moved(hand, 0.1, tick_hz, **BOW)
    wide = max(1, round(tick_hz / TICK_HZ))  # f32 positions: a speed over one tick of 48 kHz is mostly rounding
    speed = (x[wide:] - x[:-wide]) * tick_hz / wide
    fast = speed > 3 * BOW_SPEED
    starts, slips = np.flatnonzero(fast[1:] & ~fast[:-1])[1:], []
    for start in starts[:-1]:
        first = start - np.argmax(speed[start::-1] < BOW_SPEED / 2)
        last = start + 1 + np.argmax(speed[start + 1 :] < BOW_SPEED / 2)
        slips.append(x[last] - x[first])
    return float(np.diff(starts).mean()) / tick_hz, float(np.mean(slips))


def stick_slip() -> Iterator[Law]:
    """Jump and period from the mass on its spring; the same at other ticks as at the sample rate."""
    period, slip = bow(TICK_HZ)
    under = math.sqrt(1 - BOW["zeta"] ** 2)
    jump = (BOW["stick"] - BOW["slide"]) * (1 + math.exp(-math.pi * BOW["zeta"] / under))
    expected = jump / BOW_SPEED + 1 / (2 * BOW["weight"] * under)
    yield Law("stick-slip: jump at 1500 Hz [travel]", jump, slip, 0.05 * jump)
    yield Law("stick-slip: period at 1500 Hz [s]", expected, period, 0.03 * expected)
    reference = bow(48_000)[0]
    for tick_hz, share in ((375, 0.04), (1000, 0.025), (1500, 0.025)):
        yield Law(f"stick-slip: period at {tick_hz} Hz / at 48 kHz", 1.0, bow(tick_hz)[0] / reference, share)


def memory() -> Iterator[Law]:
    """Force is larger while the speed rises than while it falls."""
    step, count, larger = 1e-4, 20_000, 0
    speed = 1.1e-3 + 1e-3 * np.sin(2 * math.pi * 5 * step * np.arange(1, count + 1))
    path = trace(DRIVEN, step, np.cumsum(speed) * step, np.zeros(count))[count // 2 :]
    rising = np.gradient(path[:, 1]) > 0
    for level in (8e-4, 1.2e-3, 1.6e-3):
        near = np.abs(path[:, 1] - level) < 5e-5
        larger += int(path[near & rising, 3].mean() > path[near & ~rising, 3].mean())
    yield Law("frictional memory: larger accelerating than decelerating, speeds of 3", 3.0, float(larger), 0.0)


def knob(stick: float, slide: float, vs: float, pre: float, elastic: float, omega: float, zeta: float) -> Coefficients:
    """What amounts of the panel come to in the bare law."""
    return Coefficients(
        1 / omega**2, 1.0, 2 * zeta / omega, math.sqrt(stick / pre) / omega, 0.0, stick, slide, vs, pre, elastic
    )


def walk() -> Iterator[Law]:
    """A load of 0.45 stick that trembles by 0.40 stick at 2 Hz, for 16 s, with no hand to hold it."""
    t = np.arange(1, 16 * 1500 + 1) / TICK_HZ
    push = 0.06 * (0.45 + 0.40 * np.sin(2 * math.pi * 2 * t))
    law = knob(0.06, 0.045, 0.05, 0.002, 0.7, 20 * math.pi, 0.7)._replace(spring=0.0, damper=0.0)
    far = np.abs(trace(law, 1 / TICK_HZ, np.zeros(len(t)), push)[:, 0]).max()
    yield Law("drift under a bias that trembles, 16 s [travel]", 0.0, float(far), 0.02)


def passivity() -> Iterator[Law]:
    """Random amounts, steps of 20 us to 10 ms, rough hands: never more stored than was put in.

    In all from the beginning on, and in every single step by the bearing alone, which is the sharper of the two.
    """
    random, gained = np.random.default_rng(1), []
    for _ in range(300):
        step = math.exp(random.uniform(math.log(20e-6), math.log(10e-3)))
        stick, elastic = random.uniform(1e-4, 0.3), random.choice([0.0, random.uniform(0, 0.9)])
        law = knob(
            stick,
            stick * random.uniform(),
            random.uniform(0.01, 1),
            random.uniform(0.0005, 0.02),
            elastic,
            2 * math.pi * random.choice([math.inf, random.uniform(1, 20)]),
            random.uniform(0, 1.5),
        )
        law = law._replace(s1=random.uniform(0, 2) * law.s1, s2=random.uniform(0, 2), low=0.0, high=1.0)
        t, rough = np.arange(400), random.uniform()
        hand = 0.5 + 0.6 * np.sin(t * step * random.uniform(1, 100)) + rough * random.normal(0, 0.1, 400)
        hand, push = np.clip(hand, 0, 1), rough * random.normal(0, 0.5, 400)
        x, v, y, force = trace(law, step, hand, push, start=(0.5, 0.0, 0.0, 0.5)).T
        went, led = np.diff(x, prepend=0.5), np.diff(hand, prepend=0.5)
        given = (law.spring * (hand - x) + law.damper * (led - went) / step) * led + push * went
        stored = law.mass * v**2 / 2 + law.spring * (hand - x) ** 2 / 2 + law.stick * law.pre * y**2 / 2
        bent = law.stick * law.pre * y**2 / 2
        gained.append(((stored - np.cumsum(given)) / (1 + np.abs(given).sum())).max())
        gained.append(((np.diff(bent, prepend=0.0) - force * went) / (1 + np.abs(force * went))).max())
    yield Law(
        "passivity: energy out of nothing, 300 random knobs, 400 steps, share",
        0.0,
        float(np.maximum(0.0, np.max(gained))),
        1e-12,
    )


MEASURES: tuple[tuple[str, Measure], ...] = (
    ("Stribeck curve", stribeck),
    ("presliding", presliding),
    ("break-away", break_away),
    ("stick-slip", stick_slip),
    ("frictional memory", memory),
    ("drift under bias", walk),
    ("passivity", passivity),
)
