"""Drift: an Ornstein-Uhlenbeck wander that can be called back; entry: where it comes in."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.drift import Drift, scaled_sigma
from instrument.chance.entry import add_into
from instrument.chance.words import stream_id

KNOBS = 32
STREAMS = [stream_id(f"drift.z{k}") for k in range(KNOBS)]


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def wander(drift: Drift, ticks: int, sigma: float, tau_s: float, first: int = 0, block: int = 0) -> np.ndarray:
    knobs = len(drift.state()["y"])
    out = np.empty((ticks, knobs), np.float32)
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        drift.step(first + at, len(part), np.full(knobs, sigma, np.float32), np.full(knobs, tau_s, np.float32), part)
    return out


@pytest.mark.parametrize(("tick_hz", "tau_s"), [(1500.0, 0.05), (375.0, 0.2), (48_000.0, 0.002), (1500.0, 0.0007)])
def test_its_spread_is_sigma_and_its_memory_is_tau_at_any_tick(tick_hz: float, tau_s: float) -> None:
    x = wander(Drift(STREAMS, tick_hz, seed=1), 100_000, 0.2, tau_s).astype(np.float64)
    x = x[1000:]
    assert x.mean() == pytest.approx(0.0, abs=0.004)
    assert x.var() == pytest.approx(0.04, rel=0.04)
    lag = round(tau_s * tick_hz)
    correlation = (x[lag:] * x[:-lag]).mean() / (x * x).mean()
    assert correlation == pytest.approx(math.exp(-lag / (tau_s * tick_hz)), abs=0.02)


def test_knobs_wander_apart() -> None:
    x = wander(Drift(STREAMS[:4], 1500.0, seed=1), 100_000, 1.0, 0.01)
    assert np.abs(np.corrcoef(x.T) - np.eye(4)).max() < 0.06


def test_turning_tau_keeps_the_spread_and_turning_sigma_scales_it() -> None:
    drift = Drift([1] * 1 + list(range(2, 2001)), 1500.0)
    wander(drift, 3000, 1.0, 0.1)
    before = drift.state()["y"]
    after = wander(drift, 1, 1.0, 50.0, first=3000)[0]
    assert after == pytest.approx(before, abs=0.03)  # a slower wander goes on from where it was
    assert wander(drift, 3000, 1.0, 1.0, first=3001)[-1].var() == pytest.approx(1.0, rel=0.12)
    kept = drift.state()
    loud = wander(drift, 10, 0.5, 1.0, first=9000)
    drift.set_state(kept)
    assert wander(drift, 10, 0.25, 1.0, first=9000) * 2 == pytest.approx(loud, rel=1e-6)


def test_no_sigma_no_drift_not_even_a_bit() -> None:
    out = wander(Drift(STREAMS, 1500.0), 64, 0.0, 1.0)
    assert out.tobytes() == np.zeros_like(out).tobytes()
    drift = Drift(STREAMS, 1500.0)
    for sigma in (math.nan, -1.0):
        assert not wander(drift, 8, sigma, 1.0).any()


def test_it_goes_on_unheard_so_that_hazard_finds_it_where_it_would_have_been() -> None:
    quiet, loud = Drift(STREAMS, 1500.0, seed=4), Drift(STREAMS, 1500.0, seed=4)
    wander(quiet, 500, 0.0, 0.3)
    wander(loud, 500, 0.7, 0.3)
    assert wander(quiet, 20, 0.7, 0.3, first=500).tobytes() == wander(loud, 20, 0.7, 0.3, first=500).tobytes()


@pytest.mark.parametrize("block", [1, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    whole = wander(Drift(STREAMS, 1500.0, seed=9), 448, 0.3, 0.2, first=13)
    assert wander(Drift(STREAMS, 1500.0, seed=9), 448, 0.3, 0.2, first=13, block=block).tobytes() == whole.tobytes()


def test_the_same_seed_and_origin_bring_the_same_accidents_back() -> None:
    drift = Drift(STREAMS, 1500.0, seed=9)
    once = wander(drift, 100, 0.3, 0.2, first=700)
    drift.reset()
    assert wander(drift, 100, 0.3, 0.2, first=700).tobytes() == once.tobytes()
    drift.reset()
    assert wander(drift, 100, 0.3, 0.2, first=701).tobytes() != once.tobytes()
    drift.reset()
    drift.reseed(10)
    assert wander(drift, 100, 0.3, 0.2, first=700).tobytes() != once.tobytes()


def test_it_goes_on_from_a_kept_state_bit_for_bit() -> None:
    drift = Drift(STREAMS, 1500.0, seed=2)
    wander(drift, 50, 0.3, 0.2)
    kept = drift.state()
    ahead = wander(drift, 50, 0.3, 0.2, first=50)
    later = Drift(STREAMS, 1500.0, seed=2)
    later.set_state(kept)
    assert wander(later, 50, 0.3, 0.2, first=50).tobytes() == ahead.tobytes()


def test_it_starts_in_the_hand_and_is_never_beside_itself() -> None:
    first = wander(Drift(STREAMS, 1500.0), 1, 1.0, 2.0)
    assert np.abs(first).max() < 0.1
    for tau_s in (0.0, -1.0, math.nan, math.inf, 1e-30, 3e38):
        assert np.isfinite(wander(Drift(STREAMS, 1500.0), 50, 1.0, tau_s)).all()


def test_hazard_goes_from_nothing_by_what_was_given_to_double() -> None:
    given_, out = f32(0.0, 0.05, 1.0), np.empty(3, np.float32)
    assert scaled_sigma(given_, 0.0, out).tobytes() == np.zeros(3, np.float32).tobytes()
    assert scaled_sigma(given_, 5.0, out).tobytes() == given_.tobytes()
    assert scaled_sigma(given_, 10.0, out).tolist() == (2 * given_).tolist()
    assert scaled_sigma(given_, 99.0, out).tolist() == (2 * given_).tolist()
    assert not scaled_sigma(given_, -1.0, out).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=30), st.floats(-10, 10, width=32))
def test_chance_of_amount_nought_passes_bit_for_bit(values: list[float], noise: float) -> None:
    base = np.array(values, np.float32)[:, None]
    out = np.full_like(base, 7.0)
    add_into(base, np.full_like(base, noise), f32(0.0), out)
    assert out.tobytes() == base.tobytes()
    add_into(base, np.zeros_like(base), f32(1.0), out)
    assert out.tobytes() == base.tobytes()


def test_chance_is_added_within_the_travel() -> None:
    base = np.array([[0.5, 0.5, 0.9, 0.1]] * 2, np.float32)
    noise = np.array([[0.25, 0.25, 0.5, -0.5], [0.25, math.nan, math.inf, 0.0]], np.float32)
    out = add_into(base, noise, f32(1.0, 2.0, 1.0, 1.0), np.empty_like(base))
    assert out.tolist() == [[0.75, 1.0, 1.0, 0.0], [0.75, 0.5, np.float32(0.9), np.float32(0.1)]]
    assert add_into(base, noise, f32(1.0, 2.0, 1.0, 1.0), base).tolist() == out.tolist()  # in place


def test_sixteen_knobs_cost_a_small_part_of_the_block() -> None:
    drift, out, times = Drift(STREAMS[:16], 1500.0), np.empty((4, 16), np.float32), []
    sigma, tau_s = np.full(16, 0.1, np.float32), np.full(16, 2.0, np.float32)
    for tick in range(0, 2000, 4):
        begun = time.perf_counter()
        drift.step(tick, 4, sigma, tau_s, out)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 33e-6
