"""Pink: as much in each octave, and any tick at any time."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.pink import ROWS, Pink
from instrument.chance.words import stream_id

TICK_HZ = 1500.0
STREAMS = [stream_id(f"pink/z{k}") for k in range(32)]


def bloom(pink: Pink, ticks: int, sigma: float, first: int = 0, block: int = 0, knobs: int = 32) -> np.ndarray:
    out = np.empty((ticks, knobs), np.float32)
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        pink.step(first + at, len(part), np.full(knobs, sigma, np.float32), part)
    return out


@pytest.fixture(scope="module")
def octaves() -> np.ndarray:
    """Power density in the ten octaves from 0.2 to 204.8 Hz, mean over 32 knobs of three minutes each."""
    x = bloom(Pink(STREAMS, TICK_HZ, seed=1), 1 << 18, 1.0).astype(np.float64)
    x = (x - x.mean(0)) * np.hanning(len(x))[:, None]
    power, hz = (np.abs(np.fft.rfft(x, axis=0)) ** 2).mean(1), np.fft.rfftfreq(len(x), 1.0 / TICK_HZ)
    return np.array([power[(hz >= 0.2 * 2**o) & (hz < 0.4 * 2**o)].mean() for o in range(10)])


def test_its_spectrum_falls_as_one_over_f(octaves: np.ndarray) -> None:
    slope = np.polyfit(np.arange(10), np.log2(octaves), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.05)


def test_no_octave_strays_from_the_line(octaves: np.ndarray) -> None:
    level_db = 10.0 * np.log10(octaves * 2.0 ** np.arange(10))
    assert np.ptp(level_db) < 0.7


def test_its_variance_is_sigma_squared_over_all_takes() -> None:
    pink, apart = Pink(STREAMS, TICK_HZ, seed=3), 1 << ROWS
    x = np.concatenate([bloom(pink, 1, 0.2, first=n * apart + 7 * n) for n in range(500)]).astype(np.float64)
    assert x.mean() == pytest.approx(0.0, abs=4 * 0.2 / math.sqrt(x.size))
    assert x.var() == pytest.approx(0.04, rel=0.045)
    assert np.mean((x / 0.2) ** 4) == pytest.approx(3.0, rel=0.12)  # normal
    # two takes know nothing of each other
    assert abs(np.mean(x[1:] * x[:-1])) < 0.045 * 0.04


def test_it_remembers_as_its_rows_say() -> None:
    # what two ticks n apart share: of row j, 1 - n / 2^j
    x = bloom(Pink(STREAMS, TICK_HZ, seed=6), 1 << 18, 1.0).astype(np.float64)
    for lag in (1, 8, 64):
        shared = sum(max(0.0, 1.0 - lag / 2**j) for j in range(1, ROWS)) / (ROWS + 1)
        moved = np.mean((x[lag:] - x[:-lag]) ** 2)  # free of the mean, which a short take does not know
        assert moved == pytest.approx(2.0 * (1.0 - shared), rel=0.02)


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 2**50), order=st.permutations(range(20)), seed=st.integers(0, 2**64 - 1))
def test_any_tick_can_be_had_in_any_order(first: int, order: list[int], seed: int) -> None:
    whole = bloom(Pink(STREAMS[:3], TICK_HZ, seed), 20, 0.3, first, knobs=3)
    pink = Pink(STREAMS[:3], TICK_HZ, seed)
    for n in order:
        assert bloom(pink, 1, 0.3, first + n, knobs=3).tobytes() == whole[n : n + 1].tobytes()


@pytest.mark.parametrize("block", [1, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    whole = bloom(Pink(STREAMS, TICK_HZ, seed=9), 448, 0.3, first=2**15 - 13)
    assert bloom(Pink(STREAMS, TICK_HZ, seed=9), 448, 0.3, 2**15 - 13, block).tobytes() == whole.tobytes()


def test_knobs_and_seeds_and_rows_are_apart() -> None:
    a = bloom(Pink(STREAMS[:4], TICK_HZ, seed=1), 200_000, 1.0, knobs=4)
    b = bloom(Pink(STREAMS[:4], TICK_HZ, seed=2), 200_000, 1.0, knobs=4)
    both = np.diff(np.concatenate([a, b], 1), axis=0)
    assert np.abs(np.corrcoef(both.T) - np.eye(8)).max() < 0.02


def test_no_sigma_no_pink_not_even_a_bit() -> None:
    for sigma in (0.0, -0.0, -1.0, math.nan, math.inf):
        out = bloom(Pink(STREAMS, TICK_HZ), 64, sigma)
        assert out.tobytes() == np.zeros_like(out).tobytes()


def test_it_goes_on_unheard_and_from_a_kept_state() -> None:
    quiet, loud = Pink(STREAMS, TICK_HZ, seed=4), Pink(STREAMS, TICK_HZ, seed=4)
    bloom(quiet, 10, 0.7)
    bloom(quiet, 490, 0.0, first=10)
    bloom(loud, 500, 0.7)
    kept = loud.state()
    ahead = bloom(loud, 20, 0.7, first=500).tobytes()
    assert bloom(quiet, 20, 0.7, first=500).tobytes() == ahead
    later = Pink(STREAMS, TICK_HZ, seed=4)
    later.set_state(kept)
    assert bloom(later, 20, 0.7, first=500).tobytes() == ahead
    loud.reseed(5)
    assert bloom(loud, 20, 0.7, first=500).tobytes() != ahead
    loud.reseed(4)
    assert bloom(loud, 20, 0.7, first=500).tobytes() == ahead


def test_sigma_scales_it() -> None:
    pink = Pink(STREAMS, TICK_HZ, seed=4)
    assert bloom(pink, 20, 0.25) * 2 == pytest.approx(bloom(pink, 20, 0.5), rel=1e-6)


def test_sixteen_knobs_cost_a_small_part_of_the_block() -> None:
    pink, out, sigma, times = Pink(STREAMS[:16], TICK_HZ), np.empty((4, 16), np.float32), np.ones(16, np.float32), []
    for tick in range(0, 4000, 4):
        begun = time.perf_counter()
        pink.step(tick, 4, sigma, out)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 33e-6
