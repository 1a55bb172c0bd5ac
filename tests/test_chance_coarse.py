"""Coarse: knobs that only know some places, and do not chatter between them."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.coarse import HYSTERESIS, Coarse


def rounded(x: np.ndarray, step: float, block: int = 0) -> np.ndarray:
    """One knob through Coarse; f32[T]."""
    coarse, out = Coarse(1), x.astype(np.float32)[:, None]
    for at in range(0, len(out), block or len(out)):
        coarse.step(np.array([step], np.float32), out[at : at + (block or len(out))])
    return out[:, 0]


def uniform(count: int) -> np.ndarray:
    return ((np.arange(count) + 0.5) / count).astype(np.float32)


def to_and_fro(count: int) -> np.ndarray:
    """A triangle, slow against the steps: both directions alike."""
    phase = np.arange(count) / count * 3.0 % 1.0
    return np.abs(2.0 * phase - 1.0).astype(np.float32)


@pytest.mark.parametrize("step", [0.1, 0.04, 1 / 127])
def test_the_error_has_the_variance_of_a_step_squared_over_twelve(step: float) -> None:
    for x in (np.random.default_rng(1).permutation(uniform(120_000)), to_and_fro(120_000)):
        inside = (x > step) & (x < 1 - step)
        error = (rounded(x, step) - x.astype(np.float64))[inside]
        assert np.mean(error**2) == pytest.approx(step**2 / 12, rel=0.02)


def test_hysteresis_adds_its_square_when_a_sweep_comes_back() -> None:
    x, step = to_and_fro(400_000), 0.05
    inside = (x > step) & (x < 1 - step)
    error = (rounded(x, step) - x.astype(np.float64))[inside]
    assert np.mean(error**2) == pytest.approx(step**2 * (1 / 12 + HYSTERESIS**2), rel=0.002)


@pytest.mark.parametrize("step", [0.5, 0.3, 0.1, 0.125, 1 / 3, 0.007, 1.0, 7.0])
def test_levels_are_multiples_of_the_step_and_both_ends_are_among_them(step: float) -> None:
    levels = np.unique(rounded(uniform(20_000), step))
    size = float(np.float32(min(step, 1.0)))
    many = math.ceil(1.0 / size - 1e-6)
    assert levels == pytest.approx([min(1.0, n * size) for n in range(many + 1)], abs=1e-6)
    assert levels[0] == 0.0
    assert levels[-1] == 1.0
    assert rounded(np.array([0.0, 1.0]), step).tolist() == [0.0, 1.0]


def test_noise_on_an_edge_does_not_chatter() -> None:
    noise = np.random.default_rng(2).uniform(-1, 1, 5000)
    step = 0.1
    quiet = rounded(0.25 + 0.9 * HYSTERESIS * step * noise, step)
    assert len(np.unique(quiet)) == 1
    loud = rounded(0.25 + 3 * HYSTERESIS * step * noise, step)
    assert len(np.unique(loud)) == 2  # beyond its width it does: the test can fail


def test_a_value_that_leaves_a_level_comes_back_only_past_the_other_edge() -> None:
    assert rounded(np.array([0.0, 0.251, 0.263, 0.249, 0.237]), 0.5) == pytest.approx([0, 0, 0.5, 0.5, 0])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=30), st.sampled_from([0.0, -1.0, math.nan, -math.inf, 1e-7]))
def test_off_keeps_every_bit(values: list[float], step: float) -> None:
    x = np.array(values, np.float32)
    assert rounded(x, step).tobytes() == x.tobytes()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60),
    st.floats(2.0**-16, 2, width=32),
    st.integers(1, 9),
)
def test_never_further_than_half_a_step_and_the_hysteresis_at_any_block(
    values: list[float], step: float, block: int
) -> None:
    x = np.array(values, np.float32)
    whole = rounded(x, step)
    assert np.abs(whole - x.astype(np.float64)).max() <= (0.5 + HYSTERESIS) * min(step, 1.0) + 2e-7
    assert rounded(x, step, block).tobytes() == whole.tobytes()


def test_what_is_no_number_passes_and_leaves_no_trace() -> None:
    out = rounded(np.array([0.3, math.nan, 0.31, math.inf]), 0.25)
    assert out[[0, 2]].tolist() == [0.25, 0.25]
    assert np.isnan(out[1])
    assert out[3] == math.inf


def test_a_new_step_begins_at_its_nearest_level_and_a_kept_state_goes_on() -> None:
    coarse, x = Coarse(1), np.array([[0.26]], np.float32)
    for step, expected in ((0.5, 0.5), (0.25, 0.25), (0.5, 0.5)):
        out = x.copy()
        coarse.step(np.array([step], np.float32), out)
        assert out[0, 0] == expected
    kept = coarse.state()
    for other in (coarse, Coarse(1)):
        other.set_state(kept)
        out = np.array([[0.24]], np.float32)  # nearer to 0, but held
        other.step(np.array([0.5], np.float32), out)
        assert out[0, 0] == 0.5
    coarse.reset()
    out = np.array([[0.24]], np.float32)
    coarse.step(np.array([0.5], np.float32), out)
    assert out[0, 0] == 0.0


def test_sixteen_knobs_cost_next_to_nothing() -> None:
    coarse, steps, times = Coarse(16), np.full(16, 0.03, np.float32), []
    base = np.random.default_rng(3).uniform(0, 1, (4, 16)).astype(np.float32)
    for _ in range(500):
        part = base.copy()
        begun = time.perf_counter()
        coarse.step(steps, part)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 20e-6
