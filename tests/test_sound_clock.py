"""The clock: late callbacks, steady samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.audio.clock import DelayLockedLoop

RATE = 48000


def follow(block: int, late_s: np.ndarray, rate: float = RATE, start: float = 1000.0) -> np.ndarray:
    """Error of the filtered time against the true one, for callbacks that come late by ``late_s``."""
    clock = DelayLockedLoop(RATE, block)
    true = start + np.arange(len(late_s)) * block / rate
    return np.array([clock.update(t + j, k * block) for k, (t, j) in enumerate(zip(true, late_s, strict=True))]) - true


@pytest.mark.parametrize("block", [64, 128, 256, 512, 1024])
@pytest.mark.parametrize("shape", ["uniform", "exponential"])
def test_jitter_of_the_callbacks_is_reduced_at_least_fivefold(block: int, shape: str) -> None:
    rng = np.random.default_rng(block)
    count = 40 * RATE // block
    late = rng.uniform(0, 2e-3, count) if shape == "uniform" else rng.exponential(0.5e-3, count)
    error = follow(block, late)[count // 4 :]
    assert np.std(late) / np.std(error) > 5.0
    assert np.mean(error) == pytest.approx(np.mean(late), abs=1e-4)


def test_perfect_callbacks_are_believed_at_once() -> None:
    assert np.abs(follow(128, np.zeros(1000))).max() < 1e-9


@pytest.mark.parametrize("rate", [47900.0, 48000.0, 48060.0])
def test_the_true_rate_of_the_device_is_learnt(rate: float) -> None:
    rng = np.random.default_rng(0)
    clock = DelayLockedLoop(RATE)
    for k in range(20 * 375):
        clock.update(50.0 + k * 128 / rate + rng.uniform(0, 5e-4), k * 128)
    assert clock.rate_hz == pytest.approx(rate, rel=1e-3)
    assert clock.sample_at(clock.time_at(123456.5)) == pytest.approx(123456.5, abs=1e-3)
    assert clock.sample_at(50.0 + 2.5e-4 + 19.0) == pytest.approx(19.0 * rate, abs=20)
    assert clock.resets == 0


def test_blocks_of_changing_length_are_followed() -> None:
    rng = np.random.default_rng(1)
    clock = DelayLockedLoop(RATE)
    sample = 0
    errors = []
    for block in rng.choice([64, 128, 441], 6000):
        time = 7.0 + sample / RATE
        errors.append(clock.update(time + rng.uniform(0, 1e-3), sample) - time - 5e-4)
        sample += int(block)
    assert np.std(errors[1000:]) < 0.2 * 1e-3 / np.sqrt(12)


@pytest.mark.parametrize("gap_s", [0.1, 5.0])
def test_after_a_gap_the_new_time_holds_at_once(gap_s: float) -> None:
    clock = DelayLockedLoop(RATE)
    for k in range(1000):
        clock.update(k * 128 / RATE, k * 128)
    clock.update(1000 * 128 / RATE + gap_s, 1000 * 128)
    assert clock.resets == 1
    assert clock.sample_at(1000 * 128 / RATE + gap_s + 0.01) == pytest.approx(1000 * 128 + 480, abs=2)


def test_a_position_that_goes_back_starts_again() -> None:
    clock = DelayLockedLoop(RATE)
    clock.update(1.0, 0)
    clock.update(1.0 + 128 / RATE, 128)
    clock.update(9.0, 0)
    assert clock.sample_at(9.5) == pytest.approx(24000, rel=1e-3)


def test_before_the_first_callback_every_time_is_sample_zero() -> None:
    clock = DelayLockedLoop(RATE)
    assert not clock.locked
    assert clock.sample_at(1e6) == 0.0


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(-1000, 5000)), max_size=60))
@settings(deadline=None, max_examples=60)
def test_no_callback_times_make_it_lose_its_mind(steps: list[tuple[float, int]]) -> None:
    clock = DelayLockedLoop(RATE)
    now, sample = 0.0, 0
    for dt, n in steps:
        now, sample = now + dt, sample + n
        clock.update(now, sample)
        assert 0.95 * RATE * 0.99 <= clock.rate_hz <= 1.06 * RATE
        assert abs(clock.time_at(sample) - now) <= 0.031
