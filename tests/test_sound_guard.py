"""The guard: nothing passes the ceiling, nothing that is well is touched, what is broken is silent and comes back."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from instrument.engine.effects.guard import DC_HZ, Guard

RATE = 48000
CEILING = 10 ** (-1 / 20)


@pytest.fixture(scope="module", autouse=True)
def warmed() -> None:
    Guard(2, RATE).warm()


def run(guard: Guard, audio: np.ndarray, block: int = 128, panic: bool = False) -> np.ndarray:
    """Guard a long piece block by block; float32 [C, N]."""
    out = audio.astype(np.float32).copy()
    for start in range(0, out.shape[1], block):
        guard.step(out[:, start : start + block], panic)
    return out


def sine(hz: float, amplitude: float, seconds: float = 1.0, channels: int = 1) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)
    return np.tile(wave, (channels, 1)).astype(np.float32)


def spectrum_db(audio: np.ndarray) -> np.ndarray:
    window = np.hanning(audio.shape[-1])
    return 20 * np.log10(np.abs(np.fft.rfft(audio * window)) / window.sum() * 2 + 1e-12)


def all_finite(guard: Guard) -> bool:
    return all(np.isfinite(array).all() for array in guard.state().values())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bit_pattern_whatever_passes_the_ceiling_or_stays_in_the_state(data: st.DataObject) -> None:
    channels = data.draw(st.sampled_from([1, 2]))
    guard = Guard(channels, RATE, ceiling_db=data.draw(st.sampled_from([-1.0, 0.0, -12.0])))
    seed = data.draw(st.integers(0, 2**32 - 1))
    special = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40, -1e-45, 7.99, -7.99, 8.01, 0.0, -0.0, 0.5], "f4")
    rng = np.random.default_rng(seed)
    for _ in range(6):
        n = 32 * data.draw(st.integers(1, 8))
        kind = data.draw(st.sampled_from(["bits", "special", "loud", "quiet"]))
        if kind == "bits":
            audio = rng.integers(0, 2**32, (channels, n), dtype=np.uint32).view(np.float32).copy()
        elif kind == "special":
            audio = rng.choice(special, (channels, n)).astype(np.float32)
        else:
            audio = rng.uniform(-1, 1, (channels, n)).astype(np.float32) * np.float32(7.9 if kind == "loud" else 0.1)
        guard.step(audio, data.draw(st.booleans()))
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() <= np.float32(guard.ceiling)
        assert all_finite(guard)
        assert not np.any((audio != 0) & (np.abs(audio) < np.finfo(np.float32).tiny))  # no denormals go out


@given(st.lists(st.floats(width=32), min_size=32, max_size=32))
@settings(max_examples=150, deadline=None)
def test_any_thirty_two_floats_leave_the_guard_able_to_play_again_within_half_a_second(values: list[float]) -> None:
    guard = Guard(1, RATE)
    run(guard, np.array([values], np.float32), 32)
    out = run(guard, sine(440, 0.25, 0.6))
    assert np.abs(out[0, int(0.5 * RATE) :]).max() == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block", [32, 128, 4096])
def test_below_the_ceiling_only_dc_is_taken_and_the_delay_added(channels: int, block: int) -> None:
    rng = np.random.default_rng(1)
    audio = rng.uniform(-0.4, 0.4, (channels, 8192)).astype(np.float32)
    guard = Guard(channels, RATE)
    out = run(guard, audio, block)
    pole = np.exp(-2 * np.pi * DC_HZ / RATE)
    wanted = lfilter([1, -1], [1, -pole], audio.astype(float), axis=1)
    delay = guard.delay_samples
    assert np.array_equal(out[:, delay:], wanted[:, :-delay].astype(np.float32))
    assert not out[:, :delay].any()
    assert guard.reduction_db == 0.0
    assert guard.limited_samples == guard.trips == 0


def test_a_constant_dies_and_a_bass_note_does_not() -> None:
    guard = Guard(1, RATE)
    assert abs(run(guard, np.full((1, RATE), 0.5))[0, -1]) < 1e-6
    guard.reset()
    out = run(guard, sine(40, 0.5))
    assert 20 * np.log10(np.abs(out[0, RATE // 2 :]).max() / 0.5) > -0.2


def test_block_length_does_not_change_a_sample() -> None:
    rng = np.random.default_rng(2)
    audio = rng.normal(0, 1.5, (2, 4096)).clip(-7, 7).astype(np.float32)
    audio[0, 3000] = np.nan
    assert np.array_equal(run(Guard(2, RATE), audio, 32), run(Guard(2, RATE), audio, 4096))


def test_a_loud_tone_is_brought_under_the_ceiling_by_gain_and_not_by_the_clip() -> None:
    guard = Guard(1, RATE)
    out = run(guard, sine(1000, 4.0))
    assert guard.clipped_samples == 0
    assert np.abs(out).max() <= np.float32(CEILING)
    steady = spectrum_db(out[0, RATE // 2 :])
    tone = int(np.argmax(steady))
    assert tone == 500
    harmonics = [steady[tone * k] for k in (2, 3, 4, 5)]
    assert max(harmonics) < steady[tone] - 60
    assert guard.reduction_db == pytest.approx(20 * np.log10(4 / CEILING), abs=0.2)


def test_the_limiter_does_not_ride_on_the_waves_of_a_bass_note() -> None:
    out = run(Guard(1, RATE), sine(50, 2.0, 2.0))
    steady = spectrum_db(out[0, RATE:])
    assert steady[50] - max(steady[100], steady[150], steady[200]) > 45


def test_the_gain_lets_go_within_half_a_second_and_is_then_exactly_one() -> None:
    guard = Guard(1, RATE)
    run(guard, sine(1000, 4.0, 0.1))
    run(guard, sine(1000, 0.1, 2.0))
    assert guard.reduction_db == 0.0


def test_both_channels_get_the_same_gain() -> None:
    audio = sine(1000, 4.0, 0.2, channels=2)
    audio[1] *= 0.1
    out = run(Guard(2, RATE), audio)
    loud = np.abs(out[0]) > 0.05
    assert np.allclose(out[1][loud] / out[0][loud], 0.1, atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -9.0])
def test_a_bad_sample_is_silence_without_a_click_and_sound_again_in_under_100_ms(bad: float) -> None:
    guard = Guard(1, RATE)
    tone = sine(440, 0.5)
    tone[0, 9600] = bad
    trips = []
    out = tone.copy()
    for start in range(0, RATE, 128):
        guard.step(out[:, start : start + 128], False)
        trips.append(guard.tripped)
    assert guard.trips == sum(trips) == 1
    assert trips[9600 // 128]
    heard_at = 9600 + guard.delay_samples
    assert not out[0, heard_at - 1 : 9600 + int(0.020 * RATE)].any()
    assert np.abs(np.diff(out[0])).max() < 0.06  # a 440 Hz tone of 0.5 moves 0.029 a sample by itself
    assert np.abs(out[0, 9600 + int(0.055 * RATE) : 9600 + int(0.1 * RATE)]).max() == pytest.approx(0.5, rel=0.02)


def test_a_network_that_runs_away_is_heard_again_in_under_100_ms_though_the_limiter_had_closed() -> None:
    guard = Guard(1, RATE)
    tone = sine(440, 0.5, 0.3)
    tone[0, 4800:5200] *= np.geomspace(1.0, 15.0, 400)
    tone[0, 5200:5248] = np.inf
    out = run(guard, tone)
    assert guard.trips == 1
    assert np.abs(out).max() <= np.float32(CEILING)
    assert np.abs(out[0, 5248 + int(0.06 * RATE) : 5248 + int(0.1 * RATE)]).max() == pytest.approx(0.5, rel=0.02)


def test_a_model_that_stays_broken_is_cut_once_and_says_so_every_block() -> None:
    guard = Guard(2, RATE)
    for _ in range(50):
        block = np.full((2, 128), np.nan, np.float32)
        guard.step(block, False)
        assert guard.tripped
        assert not block.any()
    assert guard.trips == 1


def test_panic_is_exact_silence_after_30_ms_and_returns_in_30_ms_without_a_step() -> None:
    guard = Guard(1, RATE)
    run(guard, sine(440, 0.5))
    fade = 1440
    down = run(guard, sine(440, 0.5, 0.1), 32, panic=True)
    assert down[0, : fade // 2].any()
    assert not down[0, fade:].any()
    assert guard.silenced
    up = run(guard, sine(440, 0.5, 0.1), 32, panic=False)
    assert np.abs(up[0, fade:]).max() == pytest.approx(0.5, rel=0.02)
    assert max(np.abs(np.diff(down[0])).max(), np.abs(np.diff(up[0])).max()) < 0.06


def test_levels_are_those_of_what_comes_out() -> None:
    guard = Guard(2, RATE)
    out = np.random.default_rng(3).uniform(-2, 2, (2, 4096)).astype(np.float32)
    guard.step(out, False)
    assert guard.rms == pytest.approx(np.sqrt(np.mean(out.astype(float) ** 2)))
    assert guard.peak == pytest.approx(np.abs(out).max())


def test_a_snapshot_continues_as_if_nothing_had_been_between() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(0, 1, (2, 1, 640)).astype(np.float32)
    guard = Guard(1, RATE)
    run(guard, first)
    kept = guard.state()
    wanted = run(guard, second)
    run(guard, np.full((1, 128), np.nan))
    guard.set_state(kept)
    assert np.array_equal(run(guard, second), wanted)


def test_reset_is_as_new() -> None:
    guard = Guard(1, RATE)
    run(guard, np.full((1, 128), np.inf))
    guard.reset()
    assert np.array_equal(run(guard, sine(440, 2.0, 0.1)), run(Guard(1, RATE), sine(440, 2.0, 0.1)))


def test_a_block_costs_far_less_than_its_length() -> None:
    guard = Guard(1, RATE)
    block = np.random.default_rng(5).normal(0, 2, (1, 128)).clip(-7, 7).astype(np.float32)
    costs = []
    for _ in range(2000):
        begin = time.perf_counter()
        guard.step(block, False)
        costs.append(time.perf_counter() - begin)
    assert np.median(costs) < 50e-6  # a block lasts 2667 us; measured 3 us
