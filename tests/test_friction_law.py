"""The law of friction against what is known of friction: the truth table of Dupont 2002 and Canudas de Wit 1995."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.friction.law import Coefficients, trace

LUGRE = Coefficients(
    mass=1.0, spring=0.0, damper=0.0, s1=math.sqrt(1e5), s2=0.4,
    stick=1.5, slide=1.0, vs=1e-3, pre=1.5 / 1e5, elastic=0.0,
)  # fmt: skip
"""Newtons, metres, kilograms: s0 = 1e5, Fs = 1.5, Fc = 1 (Canudas de Wit, Olsson, Astrom, Lischinsky 1995, table I)."""

DRIVEN = LUGRE._replace(spring=1e6, damper=2e4)
"""The same, held by a stiff hand that sets its speed."""


def knob(
    stick: float, slide: float, vs: float, pre: float, elastic: float, weight: float, zeta: float, spring: float = 1.0
) -> Coefficients:
    """What the knob-facing amounts come to, worked out a second time."""
    omega = 2 * math.pi * weight
    return Coefficients(
        1 / omega**2, spring, 2 * zeta / omega, math.sqrt(stick / pre) / omega, 0.0, stick, slide, vs, pre, elastic
    )


@pytest.mark.parametrize("elastic", [0.0, 0.7])
@pytest.mark.parametrize(("speed", "force"), [(1e-3, 1.184340), (5e-3, 1.002000), (0.1, 1.040000)])
def test_a_steady_slide_costs_what_stribeck_says(speed: float, force: float, elastic: float) -> None:
    step = 1e-4
    hand = speed * step * np.arange(1, 20001)
    settled = trace(DRIVEN._replace(elastic=elastic), step, hand, np.zeros(len(hand)))[-1, 3]
    assert settled == pytest.approx(force, abs=6e-7)


@pytest.mark.parametrize("rate", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("step", [1e-5, 1e-3])
def test_before_it_breaks_away_lugre_creeps_along_the_logarithm(rate: float, step: float) -> None:
    force = np.linspace(0.0, 0.95 * 1.5, int(0.95 * 1.5 / step / rate))
    path = trace(LUGRE, step, np.zeros(len(force)), force)
    assert 44.3e-6 < path[-1, 0] < 45.7e-6  # -(Fs/s0) ln(1 - 0.95) = 44.9 um
    half = np.searchsorted(force, 0.75)
    assert path[half, 0] == pytest.approx(-1.5e-5 * math.log(0.5), rel=0.03)


def test_an_elastic_knob_pushed_too_little_comes_back_to_where_it_was() -> None:
    step, cycle = 1e-3, 20_000
    phase = 2 * math.pi * np.arange(1, 2 * cycle + 1) / cycle

    def loop(elastic: float) -> tuple[float, float]:
        push = 0.6 * 1.5 * np.sin(phase)
        x = trace(LUGRE._replace(elastic=elastic), step, np.zeros(len(push)), push)[-cycle:, 0]
        push = push[-cycle:]
        area = abs(np.sum((push + np.roll(push, 1)) / 2 * (x - np.roll(x, 1))))
        return area / (4 * np.ptp(x) / 2 * push.max()), abs(x[-1]) / np.ptp(x)

    area, left = loop(elastic=0.7)
    assert area < 1e-3
    assert left < 2e-3
    assert loop(elastic=0.0)[0] > 0.15  # LuGre loses a fifth of it every time


def test_what_sprang_while_loading_springs_back_and_no_more() -> None:
    """Loaded past the elastic limit and let go, it comes back by F/s0: the bristle unbends along a straight line."""
    loading = np.linspace(0.0, 1.4, 40_000)
    push = np.r_[loading, loading[::-1]]
    x = trace(LUGRE._replace(elastic=0.5), 1e-3, np.zeros(len(push)), push)[:, 0]
    assert x[39_999] > 1.1 * 1.4 / 1e5
    assert x[39_999] - x[-1] == pytest.approx(1.4 / 1e5, rel=0.005)


def test_the_faster_you_push_the_earlier_it_breaks_away() -> None:
    """Break-away: the applied force when the speed first passes vs."""
    step, forces = 1e-5, []
    for rate in (1, 2, 5, 10, 20, 50):
        push = rate * step * np.arange(1, int(1.7 / rate / step))
        speed = trace(LUGRE, step, np.zeros(len(push)), push)[:, 1]
        forces.append(float(push[np.argmax(speed > 1e-3)]))
    assert all(later < sooner for sooner, later in pairwise(forces))
    assert forces == pytest.approx([1.461, 1.436, 1.380, 1.307, 1.189, 0.853], rel=0.005)


@pytest.mark.parametrize("elastic", [0.0, 0.7])
def test_friction_remembers_it_is_larger_on_the_way_up(elastic: float) -> None:
    step, count = 1e-4, 20_000
    speed = 1.1e-3 + 1e-3 * np.sin(2 * math.pi * 5 * step * np.arange(1, count + 1))
    path = trace(DRIVEN._replace(elastic=elastic), step, np.cumsum(speed) * step, np.zeros(count))[count // 2 :]
    rising = np.gradient(path[:, 1]) > 0
    for level in (8e-4, 1.2e-3, 1.6e-3):
        near = np.abs(path[:, 1] - level) < 5e-5
        assert path[near & rising, 3].mean() > path[near & ~rising, 3].mean()


ROSIN = {"stick": 0.06, "slide": 0.03, "vs": 0.02, "pre": 0.001, "elastic": 0.7, "weight": 3.0, "zeta": 0.3}


def bow(tick_hz: float, speed: float = 0.01, seconds: float = 40.0) -> tuple[float, float]:
    """A slow steady pull: the period of stick and slip (s), and the travel of one slip."""
    hand = speed / tick_hz * np.arange(1, int(seconds * tick_hz) + 1)
    path = trace(knob(**ROSIN), 1 / tick_hz, hand, np.zeros(len(hand)))
    fast = path[:, 1] > 3 * speed
    starts = np.flatnonzero(fast[1:] & ~fast[:-1])[1:]
    slips = []
    for start in starts[:-1]:
        first = start - np.argmax(path[start::-1, 1] < speed / 2)
        last = start + 1 + np.argmax(path[start + 1 :, 1] < speed / 2)
        slips.append(path[last, 0] - path[first, 0])
    assert len(slips) >= 5
    return float(np.diff(starts).mean()) / tick_hz, float(np.mean(slips))


@pytest.mark.parametrize("tick_hz", [1000, 1500, 48_000])
def test_a_slow_pull_sticks_and_slips_as_the_formula_says(tick_hz: int) -> None:
    period, slip = bow(tick_hz)
    under = math.sqrt(1 - ROSIN["zeta"] ** 2)
    jump = (ROSIN["stick"] - ROSIN["slide"]) * (1 + math.exp(-math.pi * ROSIN["zeta"] / under))
    assert slip == pytest.approx(jump, rel=0.05)
    assert period == pytest.approx(jump / 0.01 + math.pi / (2 * math.pi * ROSIN["weight"] * under), rel=0.03)


def test_the_control_tick_is_fine_enough() -> None:
    reference, _ = bow(48_000)
    assert bow(375)[0] == pytest.approx(reference, rel=0.04)
    assert bow(1000)[0] == pytest.approx(reference, rel=0.025)
    assert bow(1500)[0] == pytest.approx(reference, rel=0.025)


@pytest.mark.parametrize("tick_hz", [375, 1500, 48_000])
def test_a_knob_does_not_walk_away_under_a_load_that_trembles(tick_hz: int) -> None:
    seconds, stick = 16, 0.06
    t = np.arange(1, seconds * tick_hz + 1) / tick_hz
    push = stick * (0.45 + 0.40 * np.sin(2 * math.pi * 2 * t))

    def walk(elastic: float) -> float:
        law = knob(stick, 0.045, 0.05, 0.002, elastic, 10.0, 0.7, spring=0.0)._replace(damper=0.0)
        return float(np.abs(trace(law, 1 / tick_hz, np.zeros(len(t)), push)[:, 0]).max())

    assert walk(elastic=0.7) < 0.02
    assert walk(elastic=0.0) > 1.0  # why plain LuGre was ruled out


def energy(law: Coefficients, x: np.ndarray, v: np.ndarray, y: np.ndarray, hand: np.ndarray) -> np.ndarray:
    return law.mass * v**2 / 2 + law.spring * (hand - x) ** 2 / 2 + law.stick * law.pre * y**2 / 2


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    step=st.floats(20e-6, 10e-3),
    stick=st.floats(1e-4, 0.3),
    share=st.floats(0, 1),
    vs=st.floats(0.01, 1),
    pre=st.floats(0.0005, 0.02),
    elastic=st.one_of(st.just(0.0), st.floats(0, 0.9)),
    weight=st.one_of(st.just(math.inf), st.floats(1, 20)),
    zeta=st.floats(0, 1.5),
    visc=st.floats(0, 2),
    micro=st.floats(0, 2),
    rough=st.floats(0, 1),
)
def test_it_never_gives_back_more_than_was_put_in(
    seed: int, step: float, stick: float, share: float, vs: float, pre: float, elastic: float, weight: float,
    zeta: float, visc: float, micro: float, rough: float,
) -> None:  # fmt: skip
    omega = 2 * math.pi * weight
    law = Coefficients(
        1 / omega**2, 1.0, 2 * zeta / omega, micro * math.sqrt(stick / pre) / omega, visc,
        stick, stick * share, vs, pre, elastic, 0.0, 1.0,
    )  # fmt: skip
    random = np.random.default_rng(seed)
    t = np.arange(400)
    hand = np.clip(0.5 + 0.6 * np.sin(t * step * random.uniform(1, 100)) + rough * random.normal(0, 0.1, 400), 0, 1)
    push = rough * random.normal(0, 0.5, 400)
    path = trace(law, step, hand, push, start=(0.5, 0.0, 0.0, 0.5))
    x, v, y, force = path.T
    moved, led = np.diff(x, prepend=0.5), np.diff(hand, prepend=0.5)
    pull = law.spring * (hand - x) + law.damper * (led - moved) / step
    work = np.cumsum(pull * led + push * moved)
    assert np.all(work >= energy(law, x, v, y, hand) - 1e-12 * (1 + np.abs(pull * led).sum()))
    bent = law.stick * law.pre * y**2 / 2
    rubbed = force * moved  # the bearing by itself, in every single step
    assert np.all(rubbed >= np.diff(bent, prepend=0.0) - 1e-12 * (1 + np.abs(rubbed)))
    assert np.all((x >= 0) & (x <= 1))


def test_a_knob_thrown_at_its_stop_stays_there_and_can_be_taken_back() -> None:
    law = knob(0.01, 0.005, 0.05, 0.002, 0.7, 5.0, 0.1)._replace(low=0.0, high=1.0)
    hand = np.r_[np.full(1500, 1.0), np.full(1500, 0.5)]
    push = np.r_[np.full(1500, 0.5), np.zeros(1500)]
    path = trace(law, 1 / 1500, hand, push, start=(0.5, 0.0, 0.0, 0.5))
    arrived = np.argmax(path[:, 0] == 1.0)
    assert 0 < arrived < 200
    assert np.all(path[arrived:1500, 0] == 1.0)  # no bounce
    assert path[-1, 0] == pytest.approx(0.5, abs=0.011)
