"""Laws of the bearing, measured: play, detents, wells, fatigue, known, coupling, and nothing at all. Read by laws.

Through the ``Friction`` that plays, f32 in and out. What the laws are and whose: friction/landscape, springs, turn.

Shorter than the tests, and so more tolerant, is only the hop rate: some 800 hops, which are counted to 4 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from instrument.bench.laws.friction import moved
from instrument.bench.laws.measure import TICK_HZ, Law, Measure, differing_bits
from instrument.chance.noise import Noise
from instrument.chance.words import stream_id
from instrument.friction.bearing import Friction
from instrument.friction.landscape import depth
from instrument.friction.params import FrictionParams

DIRECT = {"stick": 0.0, "slide": 0.0, "weight": 0.0}
"""No friction and no mass."""


def play() -> Iterator[Law]:
    """The loop of the play operator under a sine: 4 r (A - r)."""
    amplitude, half = 0.4, 0.08
    hand = 0.5 + amplitude * np.sin(2 * math.pi * np.arange(1, 60_001) / 20_000)
    hand = hand.astype(np.float32).astype(np.float64)
    x = moved(hand, 0.5, play=2 * half, **DIRECT)
    last, before = slice(-20_000, None), slice(-20_001, -1)
    area = abs(np.sum((x[last] + x[before]) / 2 * (hand[last] - hand[before])))
    yield Law("play operator: area of the loop [travel^2]", 4 * half * (amplitude - half), float(area), 1e-6)


def hops() -> Iterator[Law]:
    """Noise at the bearing over detents, E/D = 4.5: first passages from one detent to the next, against two theories.

    The stabilising term of a potential damps by S h beside visc and so cools the noise by 1.5 %, hence 7 % fewer hops.
    The exact mean first passage is that of the damping there really is, Kramers' that of visc alone. Passages of the
    first 0.4 s, before the knobs have spread in their wells, do not count.
    """
    knobs, ticks, chunk, visc, strength, gap = 3000, 4000, 100, 2.0, 0.3, 1 / 47
    energy, inside = gap * strength / math.pi, 2 * math.pi / gap
    heat = energy / 4.5
    rest = np.full((chunk, knobs), 23 * gap, np.float32)
    friction, pos = Friction(knobs, TICK_HZ), np.empty((chunk, knobs), np.float32)
    friction.reset(rest[0])
    amounts = FrictionParams(knobs).set(**DIRECT, visc=visc, detents=48, detent_strength=strength)
    noise, stream, spread = Noise(1), stream_id("laws/hops"), np.float32(math.sqrt(2 * heat * visc * TICK_HZ))
    away, waited, hopped, push = np.zeros(knobs, bool), 0, 0, np.empty(chunk * knobs, np.float32)
    for first in range(0, ticks, chunk):
        noise.normal(stream, first * knobs, push)
        friction.step(rest, amounts, spread * push.reshape(chunk, knobs), pos)
        gone = np.abs(pos - rest) >= gap
        begun = away | gone.any(axis=0)
        if first >= 600:
            waited += int(np.where(away, 0, np.where(begun, gone.argmax(axis=0) + 1, chunk)).sum())
            hopped += int((begun & ~away).sum())
        away = begun
    rate = hopped * TICK_HZ / waited
    # the hand's own spring is in the potential, too
    curve = energy / 2 * inside**2
    kramers = 2 * math.sqrt((curve + 1) * (curve - 1)) / (2 * math.pi * visc) * math.exp(-(energy + gap**2 / 8) / heat)
    yield Law("detents under noise: hop rate / Kramers", 0.9, rate / kramers, 0.15)
    damping = visc + (curve / 2 + 1) / TICK_HZ
    heat *= visc / damping
    y = np.linspace(0.0, gap, 4001)
    u = (energy / 2 * (1 - np.cos(inside * y)) + y**2 / 2) / heat
    inner = np.concatenate([[0.0], np.cumsum((np.exp(-u[1:]) + np.exp(-u[:-1])) / 2)]) * (y[1] - y[0])
    wait = damping / heat * float(np.trapezoid(np.exp(u) * inner, y))
    yield Law("detents under noise: hop rate x mean first passage time", 1.0, rate * wait, 0.1)


def slow() -> Iterator[Law]:
    """Thickness, what is known, dug wells, fatigue, coupling: each against the number its amount says."""
    sweep = 0.1 + 0.2 * np.arange(1, 6001, dtype=np.float64) / TICK_HZ
    lag = float(sweep[-1] - moved(sweep, 0.1, visc=0.2, **DIRECT)[-1]) / 0.2
    yield Law("thickness 0.2 s: lag of a steady sweep [s]", 0.2, lag, 1e-3)
    friction, still = Friction(1, TICK_HZ), np.full((45_000, 1), 0.5, np.float32)
    friction.known[:] = 1.0
    friction.reset(np.array([0.1], np.float32))
    hand = sweep.astype(np.float32)[:, None]
    friction.step(hand, FrictionParams(1).set(visc=0.2, known=1.0, **DIRECT), None, np.empty_like(hand))
    yield Law("the same where all is known, known 1: lag [s]", 0.4, float(friction.lead[0]) / 0.2, 2e-3)
    friction = Friction(1, TICK_HZ)
    friction.reset(still[0])
    friction.step(still, FrictionParams(1).set(dig=0.1, dig_time=30.0), None, np.empty_like(still))
    dug = float(depth(friction.wells[0], 0.5))
    yield Law("well dug by dwelling for its dig_time, depth", 1 - math.exp(-1), dug, 0.01)
    friction.reset(np.array([0.1], np.float32))
    tired = FrictionParams(1).set(stick=0.05, slide=0.05, fatigue=1e-6, effort=0.5, recovery=300.0)
    hand = np.linspace(0.1, 0.9, 1500, dtype=np.float32)[:, None]
    friction.step(hand, tired, None, np.empty_like(hand))
    spent = 1.0 - float(friction.budget[0])
    yield Law("fatigue: strength spent by a second's sweep of 0.75 against 0.05", 0.05 * 0.75 / 0.5, spent, 0.002)
    state = friction.state()
    friction.reset(still[0])
    friction.set_state({**friction.state(), "budget": np.zeros_like(state["budget"])})
    friction.step(still[:30_000], tired.set(recovery=20.0), None, np.empty_like(still[:30_000]))
    yield Law("fatigue: what is missing after its recovery time", math.exp(-1), 1 - float(friction.budget[0]), 0.005)
    pair, hand = Friction(2, TICK_HZ), np.tile(np.array([0.65, 0.5], np.float32), (7500, 1))
    pair.couple(np.ones((2, 2)))
    pair.reset(np.full(2, 0.5, np.float32))
    pair.step(hand, FrictionParams(2).set(stick=0.0, slide=0.0, coupling=1.0), None, pos := np.empty_like(hand))
    yield Law("coupling 1: a knob dragged by another, share of its hand", 1 / 3, float(pos[-1, 1] - 0.5) / 0.15, 1e-3)


def neutral() -> Iterator[Law]:
    """No amount at all: the hand, bit for bit."""
    hand = np.random.default_rng(2).random((20_000, 4)).astype(np.float32)
    hand[::7], hand[1::7], hand[2::7] = 0.0, 1.0, np.float32(1e-42)
    friction, pos = Friction(4, TICK_HZ), np.empty_like(hand)
    friction.step(hand, FrictionParams(4).set(**DIRECT), np.zeros_like(hand), pos)
    yield Law("friction of amount 0: positions that differ from the hand", 0.0, differing_bits(pos, hand), 0.0)


MEASURES: tuple[tuple[str, Measure], ...] = (
    ("play", play),
    ("detents under noise", hops),
    ("thickness, wells, fatigue, coupling", slow),
    ("neutral friction", neutral),
)
