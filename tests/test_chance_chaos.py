"""Chaos: as chaotic as it should be, bounded, and the same every time."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.chaos import Logistic, _logistic
from instrument.chance.lorenz import LORENZ_STEP, RANGE, TURN, Lorenz, _lorenz
from instrument.chance.words import stream_id

TICK_HZ = 1500.0
STREAMS = [stream_id(f"chaos/z{k}") for k in range(16)]
Source = type[Logistic] | type[Lorenz]


def orbit(
    source: Logistic | Lorenz, ticks: int, amount: float, rate_hz: float, shape: float, knobs: int = 16, block: int = 0
) -> np.ndarray:
    out = np.empty((ticks, knobs), np.float32)
    three = [np.full(knobs, value, np.float32) for value in (amount, rate_hz, shape)]
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        source.step(at, len(part), *three, part)
    return out


# --- the laws


def test_two_orbits_of_the_logistic_map_part_by_ln_2() -> None:
    x, total = 0.3141, 0.0
    for _ in range(100_000):
        total += math.log(abs(4.0 * (1.0 - 2.0 * x)))
        x = _logistic(x, 4.0)
    assert total / 100_000 == pytest.approx(math.log(2.0), rel=0.01)


def test_the_orbits_that_are_heard_part_by_ln_2_too() -> None:
    x = orbit(Logistic(STREAMS, TICK_HZ, seed=1), 20_000, 1.0, TICK_HZ, 4.0).astype(np.float64)
    assert np.log(np.abs(4.0 * x)).mean() == pytest.approx(math.log(2.0), rel=0.01)  # |f'| = 4 |1 - 2x|
    # as much of it at the ends as the arcsine law says
    assert (np.abs(x) > 0.9).mean() == pytest.approx(1 - 2 / math.pi * math.asin(0.9), abs=0.01)
    assert x.mean() == pytest.approx(0.0, abs=0.01)


def test_each_iteration_follows_from_the_one_before() -> None:
    for r in (3.0, 3.5, 3.7, 4.0):
        chaos = Logistic(STREAMS, TICK_HZ, seed=1)
        for _ in range(200):
            before = chaos.state()["orbit"]
            orbit(chaos, 1, 1.0, TICK_HZ, r)
            after = chaos.state()["orbit"]
            assert (after[:, 0] == before[:, 1]).all()
            true = float(np.float32(r)) * before[:, 1] * (1 - before[:, 1])
            assert after[:, 1] == pytest.approx(true, abs=1e-12)


def test_it_doubles_its_period_on_its_way_to_chaos() -> None:
    for r, period in ((3.2, 2), (3.5, 4), (3.55, 8), (3.83, 3)):
        chaos = Logistic(STREAMS, TICK_HZ)
        orbit(chaos, 3000, 0.0, TICK_HZ, r)
        x = orbit(chaos, 240, 1.0, TICK_HZ, r)
        assert x[period:] == pytest.approx(x[:-period], abs=1e-6)
        assert np.abs(x[period // 2 or 1 :] - x[: -(period // 2 or 1)]).max() > 0.01


def _norm(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


def test_two_lorenz_systems_part_by_0_906() -> None:
    # Benettin, Galgani, Giorgilli, Strelcyn 1980: follow a near orbit, bring it back near, add up how far it went
    near, steps, total = 1e-8, 150_000, 0.0
    a = (1.0, 1.0, 20.0)
    for _ in range(4000):
        a = _lorenz(*a, 28.0, LORENZ_STEP)
    b = (a[0] + near, a[1], a[2])
    for step in range(steps + 4000):
        a, b = _lorenz(*a, 28.0, LORENZ_STEP), _lorenz(*b, 28.0, LORENZ_STEP)
        apart = _norm(a, b)
        if step >= 4000:
            total += math.log(apart / near)
        b = tuple(p + (q - p) * near / apart for p, q in zip(a, b, strict=True))
    assert total / (steps * LORENZ_STEP) == pytest.approx(0.906, rel=0.05)


def test_the_integrator_is_of_fourth_order() -> None:
    def run(h: float) -> tuple[float, ...]:
        a = (1.0, 2.0, 20.0)
        for _ in range(round(1.0 / h)):
            a = _lorenz(*a, 28.0, h)
        return a

    true = run(1.0 / 8192)
    assert _norm(run(1.0 / 512), true) / _norm(run(1.0 / 1024), true) == pytest.approx(16.0, rel=0.25)
    assert _norm(run(LORENZ_STEP), true) < 1e-3


def test_below_24_lorenz_rests_on_a_wing_and_at_28_it_turns_at_the_rate() -> None:
    lorenz = Lorenz(STREAMS, TICK_HZ, seed=1)
    orbit(lorenz, 40_000, 0.0, 10.0, 15.0)
    for x, y, z in lorenz.state()["orbit"][:, 1]:
        assert [abs(x), abs(y), z] == pytest.approx([math.sqrt(14 * 8 / 3)] * 2 + [14.0], abs=1e-4)
    z = orbit(Lorenz(STREAMS, TICK_HZ, seed=1), 120_000, 1.0, 4.0, 28.0)[15_000:, 2::3]
    tops = ((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])).sum(0) / (105_000 / TICK_HZ)
    assert tops.mean() == pytest.approx(4.0, rel=0.05)
    assert TURN == 0.75


def test_three_knobs_are_one_system_and_six_are_two() -> None:
    lorenz = Lorenz(STREAMS[:7], TICK_HZ, seed=1)
    x = orbit(lorenz, 60_000, 1.0, 4.0, 28.0, knobs=7)
    assert lorenz.state()["orbit"].shape == (3, 2, 3)
    together = np.corrcoef(x.T)
    assert together[0, 1] > 0.8  # x and y of the same
    assert together[3, 4] > 0.8
    assert np.abs(together[:3, 3:6]).max() < 0.3


# --- range


@pytest.mark.parametrize("rho", [0.0, 0.9, 5.0, 14.0, 20.0, 24.5, 28.0, 40.0, 50.0, 60.0])
def test_lorenz_is_bounded_at_any_rho(rho: float) -> None:
    lorenz = Lorenz(STREAMS, TICK_HZ, seed=2)
    orbit(lorenz, 3000, 0.0, 10.0, rho)  # from where it starts
    x = orbit(lorenz, 60_000, 1.0, 10.0, rho)
    assert np.abs(x).max() < 1.15  # not by being clipped at RANGE
    assert np.abs(x[:, 2::3].mean()) < 0.15
    if rho >= 28.0:
        assert np.ptp(x, axis=0).min() > 1.3
        assert np.abs(x.mean(0)).max() < 0.3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 60), st.floats(3, 4)), min_size=2, max_size=8), st.integers(0, 99))
def test_both_are_bounded_however_they_are_turned(turns: list[tuple[float, float]], seed: int) -> None:
    lorenz, logistic = Lorenz(STREAMS[:3], TICK_HZ, seed), Logistic(STREAMS[:3], TICK_HZ, seed)
    for rho, r in turns:
        assert np.abs(orbit(lorenz, 700, 1.0, 10.0, rho, knobs=3)).max() <= RANGE
        assert np.abs(orbit(logistic, 300, 1.0, TICK_HZ, r, knobs=3)).max() <= 1.0
        assert np.abs(lorenz.state()["orbit"]).max() < 140.0
        x = logistic.state()["orbit"]
        assert ((x > 0.0) & (x < 1.0)).all()


@pytest.mark.parametrize("r", [3.0, 3.2, 3.57, 3.7, 3.83, 3.9, 4.0])
def test_the_logistic_map_keeps_to_its_unit_and_about_the_middle(r: float) -> None:
    chaos = Logistic(STREAMS, TICK_HZ, seed=2)
    orbit(chaos, 500, 0.0, TICK_HZ, r)
    x = orbit(chaos, 20_000, 1.0, TICK_HZ, r)
    assert np.abs(x).max() <= 1.0
    assert abs(x.mean()) < 0.3
    if r > 3.6:
        assert np.ptp(x) > 0.7


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 0.0, 3e38])
@pytest.mark.parametrize("source", [Logistic, Lorenz])
def test_it_is_never_beside_itself(source: Source, value: float) -> None:
    for rate_hz, shape in ((value, 3.9), (5.0, value), (value, value)):
        assert (np.abs(orbit(source(STREAMS, TICK_HZ), 400, 1.0, rate_hz, shape)) <= RANGE).all()


# --- where floating-point numbers would leave the law


@pytest.mark.parametrize("stuck", [0.0, 1.0, 0.5, 0.75, math.nan, 1e-300, -3.0])
def test_an_orbit_that_collapsed_is_chaotic_again_within_a_few_iterations(stuck: float) -> None:
    chaos = Logistic(STREAMS, TICK_HZ, seed=3)
    state = chaos.state()
    state["orbit"][:] = stuck
    chaos.set_state(state)
    orbit(chaos, 70, 1.0, TICK_HZ, 4.0)
    x = orbit(chaos, 4000, 1.0, TICK_HZ, 4.0).astype(np.float64)
    assert np.isfinite(x).all()
    assert x.var() == pytest.approx(0.5, rel=0.05)
    assert np.abs(np.corrcoef(x.T) - np.eye(16)).max() < 0.1


def test_knobs_that_rested_on_one_cycle_part_again() -> None:
    chaos = Logistic(STREAMS, TICK_HZ, seed=3)
    orbit(chaos, 20_000, 1.0, TICK_HZ, 3.2)
    orbit(chaos, 100, 1.0, TICK_HZ, 4.0)
    x = orbit(chaos, 4000, 1.0, TICK_HZ, 4.0)
    assert np.abs(np.corrcoef(x.T) - np.eye(16)).max() < 0.1


@pytest.mark.parametrize("rest", [0.0, 10.0])
def test_lorenz_wakes_from_any_rest(rest: float) -> None:
    lorenz = Lorenz(STREAMS, TICK_HZ, seed=3)
    state = lorenz.state()
    state["orbit"][:] = 0.0
    lorenz.set_state(state)
    orbit(lorenz, 20_000, 1.0, 10.0, rest)
    orbit(lorenz, 20_000, 1.0, 10.0, 28.0)
    x = orbit(lorenz, 60_000, 1.0, 10.0, 28.0)[:, ::3]
    assert np.ptp(x, axis=0).min() > 1.3
    assert np.abs(np.corrcoef(x.T) - np.eye(6)).max() < 0.5


# --- recall, of both


@pytest.mark.parametrize("source", [Logistic, Lorenz])
def test_no_amount_no_chaos_not_even_a_bit(source: Source) -> None:
    for amount in (0.0, -0.0, -1.0, math.nan, math.inf):
        out = orbit(source(STREAMS, TICK_HZ), 64, amount, 5.0, 4.0)
        assert out.tobytes() == np.zeros_like(out).tobytes()


@pytest.mark.parametrize("source", [Logistic, Lorenz])
@pytest.mark.parametrize("block", [1, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(source: Source, block: int) -> None:
    for rate_hz, shape in ((3.7, 3.9), (40.0, 28.0), (1500.0, 60.0)):
        whole = orbit(source(STREAMS, TICK_HZ, 9), 448, 0.5, rate_hz, shape)
        assert orbit(source(STREAMS, TICK_HZ, 9), 448, 0.5, rate_hz, shape, block=block).tobytes() == whole.tobytes()


@pytest.mark.parametrize("source", [Logistic, Lorenz])
def test_it_goes_on_unheard_and_from_a_kept_state_and_comes_back(source: Source) -> None:
    quiet, loud = source(STREAMS, TICK_HZ, 4), source(STREAMS, TICK_HZ, 4)
    orbit(quiet, 3000, 0.0, 8.0, 4.0)
    once = orbit(loud, 3000, 0.7, 8.0, 4.0).tobytes()
    kept = loud.state()
    ahead = orbit(loud, 500, 0.7, 8.0, 4.0).tobytes()
    assert orbit(quiet, 500, 0.7, 8.0, 4.0).tobytes() == ahead
    later = source(STREAMS, TICK_HZ, 4)
    later.set_state(kept)
    assert orbit(later, 500, 0.7, 8.0, 4.0).tobytes() == ahead
    loud.reset()
    assert orbit(loud, 3000, 0.7, 8.0, 4.0).tobytes() == once
    loud.reseed(5)
    loud.reset()
    assert orbit(loud, 3000, 0.7, 8.0, 4.0).tobytes() != once


@pytest.mark.parametrize(("source", "rate_hz", "shape"), [(Logistic, 20.0, 4.0), (Lorenz, 1.0, 28.0)])
def test_it_moves_in_small_steps(source: Source, rate_hz: float, shape: float) -> None:
    x = orbit(source(STREAMS, TICK_HZ), 20_000, 1.0, rate_hz, shape)
    assert np.abs(np.diff(x, axis=0)).max() < 2.0 * rate_hz / TICK_HZ * (1.01 if source is Logistic else 6.0)


@pytest.mark.parametrize("source", [Logistic, Lorenz])
def test_sixteen_knobs_cost_a_small_part_of_the_block(source: Source) -> None:
    chaos, out, times = source(STREAMS, TICK_HZ), np.empty((4, 16), np.float32), []
    three = [np.full(16, value, np.float32) for value in (1.0, 10.0, 4.0)]
    for tick in range(0, 4000, 4):
        begun = time.perf_counter()
        chaos.step(tick, 4, *three, out)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 33e-6
