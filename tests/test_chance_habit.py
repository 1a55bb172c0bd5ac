"""Habit: noise that goes with what the model has learned, or against it."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instrument.chance.habit import LEAST, Habit, against, regularised
from instrument.chance.words import stream_id

KNOBS = 6
STREAMS = [stream_id(f"habit/z{k}") for k in range(16)]
SINGLE = np.array([[1.0, 0.8, -0.5], [0.8, 1.0, -0.2], [-0.5, -0.2, 1.0]])


def correlation(knobs: int = KNOBS, seed: int = 1) -> np.ndarray:
    """A lively but regular one."""
    mixed = np.random.default_rng(seed).normal(size=(knobs, knobs)) + 1.2 * np.eye(knobs)
    covariance = mixed @ mixed.T
    scale = 1.0 / np.sqrt(np.diag(covariance))
    return covariance * np.outer(scale, scale)


def wander(
    habit: Habit, ticks: int, shape: float, amount: float = 1.0, tau_s: float = 0.002, first: int = 0, block: int = 0
) -> np.ndarray:
    knobs = len(habit.state()["y"])
    out = np.empty((ticks, knobs), np.float32)
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        habit.step(
            first + at, len(part), np.full(knobs, amount, np.float32), shape, np.full(knobs, tau_s, np.float32), part
        )  # fmt: skip
    return out


def covariance(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x.T @ x / len(x)


def test_along_the_habits_it_has_their_covariance() -> None:
    given_ = correlation()
    x = wander(Habit(STREAMS[:KNOBS], 1500.0, given_, seed=1), 400_000, 1.0, tau_s=0.0007)
    assert np.abs(given_ - np.eye(KNOBS)).max() > 0.5
    assert np.abs(covariance(x) - given_).max() < 0.02
    assert np.diag(covariance(x)) == pytest.approx(np.ones(KNOBS), rel=0.02)


def test_against_the_habits_it_has_the_structure_of_the_inverse() -> None:
    given_ = correlation()
    x = wander(Habit(STREAMS[:KNOBS], 1500.0, given_, seed=2), 400_000, -1.0, tau_s=0.0007)
    measured = covariance(x)
    assert np.diag(measured) == pytest.approx(np.ones(KNOBS), rel=0.02)
    assert np.abs(measured - against(given_)).max() < 0.02
    # its product with the habits is the identity, once the unit variances are taken back
    inverse = np.linalg.inv(given_)
    scale = np.sqrt(np.diag(inverse))
    product = (against(given_) * np.outer(scale, scale)) @ given_
    assert product == pytest.approx(np.eye(KNOBS), abs=1e-12)


def test_what_goes_together_goes_apart_against_the_habits() -> None:
    two = np.array([[1.0, 0.9], [0.9, 1.0]])
    assert np.corrcoef(wander(Habit(STREAMS[:2], 1500.0, two), 50_000, 1.0, tau_s=1e-3).T)[0, 1] > 0.87
    assert np.corrcoef(wander(Habit(STREAMS[:2], 1500.0, two), 50_000, -1.0, tau_s=1e-3).T)[0, 1] < -0.87


@pytest.mark.parametrize("shape", [0.5, 0.0, -0.5])
def test_between_the_covariances_are_blended(shape: float) -> None:
    given_ = correlation()
    end = given_ if shape >= 0 else against(given_)
    x = wander(Habit(STREAMS[:KNOBS], 1500.0, given_, seed=3), 400_000, shape, tau_s=0.0007)
    assert np.abs(covariance(x) - (abs(shape) * end + (1 - abs(shape)) * np.eye(KNOBS))).max() < 0.02


def test_sweeping_the_shape_moves_nothing_by_a_leap() -> None:
    habit = Habit(STREAMS[:KNOBS], 1500.0, correlation(), seed=4)
    wander(habit, 3000, 0.0, tau_s=1.0)
    kept, shots = habit.state(), []
    for shape in np.linspace(-1.0, 1.0, 401):
        habit.set_state(kept)
        shots.append(wander(habit, 1, float(shape), tau_s=1.0)[0])
    assert np.abs(np.diff(shots, axis=0)).max() < 0.1 * np.ptp(shots, axis=0).max()
    habit.set_state(kept)
    at_zero = wander(habit, 1, 0.0, tau_s=1.0)[0]
    assert at_zero == pytest.approx(habit.state()["y"], abs=1e-6)  # at 0 every knob has its own stream


def test_memory_is_the_first_tau() -> None:
    x = wander(Habit(STREAMS[:KNOBS], 1500.0, correlation(), seed=5), 200_000, 1.0, tau_s=0.01).astype(np.float64)
    lagged = (x[15:] * x[:-15]).mean() / (x * x).mean()
    assert lagged == pytest.approx(math.exp(-1.0), abs=0.02)


def test_a_singular_correlation_is_drawn_to_the_identity_just_enough() -> None:
    ones = np.ones((4, 4))
    made = regularised(ones)
    assert np.linalg.eigvalsh(made)[0] == pytest.approx(LEAST, rel=1e-6)
    assert np.diag(made).tolist() == [1.0] * 4
    assert np.abs(made - ones).max() < 2 * LEAST
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])  # no three things do this
    assert np.linalg.eigvalsh(impossible)[0] < -0.5
    assert np.linalg.eigvalsh(regularised(impossible))[0] == pytest.approx(LEAST, rel=1e-6)
    assert regularised(SINGLE) == pytest.approx(SINGLE, abs=1e-15)  # a sound one stays as it is
    assert regularised(SINGLE * np.outer([1, 2, 3], [1, 2, 3])) == pytest.approx(SINGLE, abs=1e-12)
    for shape in (1.0, -1.0, 0.3):
        x = wander(Habit(STREAMS[:4], 1500.0, ones), 100_000, shape, tau_s=1e-3)
        assert x.var(axis=0) == pytest.approx(np.ones(4), rel=0.04)


def test_a_knob_that_never_moved_in_training_is_on_its_own() -> None:
    broken = SINGLE.copy()
    broken[1, :] = broken[:, 1] = math.nan
    made = regularised(broken)
    assert made[1].tolist() == [0.0, 1.0, 0.0]
    assert made[0, 2] == SINGLE[0, 2]
    for wrong in (np.ones(3), np.ones((3, 2)), np.eye(2)):
        with pytest.raises(ValueError, match=r"square|streams"):
            Habit(STREAMS[:3], 1500.0, wrong)


def test_no_amount_no_noise_not_even_a_bit_and_it_goes_on_unheard() -> None:
    out = wander(Habit(STREAMS[:3], 1500.0, SINGLE), 64, 1.0, amount=0.0)
    assert out.tobytes() == np.zeros_like(out).tobytes()
    for amount in (math.nan, -1.0):
        assert not wander(Habit(STREAMS[:3], 1500.0, SINGLE), 8, 1.0, amount).any()
    quiet, loud = Habit(STREAMS[:3], 1500.0, SINGLE), Habit(STREAMS[:3], 1500.0, SINGLE)
    wander(quiet, 500, -0.2, amount=0.0)
    wander(loud, 500, 0.9, amount=0.5)
    assert wander(quiet, 20, 1.0, first=500).tobytes() == wander(loud, 20, 1.0, first=500).tobytes()


@pytest.mark.parametrize("block", [1, 3, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    whole = wander(Habit(STREAMS[:KNOBS], 1500.0, correlation(), seed=9), 448, 0.7, first=13)
    cut = wander(Habit(STREAMS[:KNOBS], 1500.0, correlation(), seed=9), 448, 0.7, first=13, block=block)
    assert cut.tobytes() == whole.tobytes()


def test_the_same_seed_brings_it_back_and_a_kept_state_goes_on() -> None:
    habit = Habit(STREAMS[:3], 1500.0, SINGLE, seed=9)
    once = wander(habit, 100, 1.0, first=700)
    kept = habit.state()
    ahead = wander(habit, 50, 1.0, first=800)
    later = Habit(STREAMS[:3], 1500.0, SINGLE, seed=9)
    later.set_state(kept)
    assert wander(later, 50, 1.0, first=800).tobytes() == ahead.tobytes()
    habit.reset()
    assert wander(habit, 100, 1.0, first=700).tobytes() == once.tobytes()
    habit.reset()
    habit.reseed(10)
    assert wander(habit, 100, 1.0, first=700).tobytes() != once.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_subnormal=False), min_size=9, max_size=9), st.floats(), st.floats(width=32))
@example([0.0, 0.0, 0.0, 0.0, 1.175494351e-38, 0.0, 0.0, 1.9490628024273303e289, 0.0], 0.0, 0.0)
def test_it_is_never_beside_itself(values: list[float], shape: float, tau_s: float) -> None:
    with np.errstate(all="ignore"):
        habit = Habit(STREAMS[:3], 1500.0, np.array(values).reshape(3, 3))
    assert np.linalg.eigvalsh(habit.correlation)[0] > 0.9 * LEAST
    assert np.abs(wander(habit, 40, shape, tau_s=tau_s)).max() < 20.0


def test_no_knobs_at_all_is_fine() -> None:
    habit = Habit([], 1500.0, np.eye(0))
    assert wander(habit, 4, 1.0).shape == wander(habit, 4, -1.0).shape == (4, 0)


def test_sixteen_knobs_cost_a_small_part_of_the_block() -> None:
    habit, times = Habit(STREAMS, 1500.0, correlation(16)), []
    amount, tau_s, out = np.full(16, 0.1, np.float32), np.full(16, 2.0, np.float32), np.empty((4, 16), np.float32)
    for tick in range(0, 2000, 4):
        begun = time.perf_counter()
        habit.step(tick, 4, amount, 0.8, tau_s, out)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 40e-6
