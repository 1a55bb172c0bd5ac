"""Tape: wow and flutter as much as asked, by the standard's own measure; drop-outs; and nothing at all at 0."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.engine.effects import tape_effect as tape_module
from instrument.engine.effects.flutter_meter import (
    CURVE,
    TONE_HZ,
    deviation,
    exceeded_by_5_percent,
    reading_percent,
    two_sigma,
    weighted,
    weighting,
)
from instrument.engine.effects.tape_effect import TapeEffect

RATE = 48_000


def tone(seconds: float, hz: float = TONE_HZ, level: float = 0.5, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """f32 [channels, n], n whole blocks."""
    n = int(seconds * rate) // 128 * 128
    return np.tile(level * np.sin(2 * np.pi * hz * np.arange(n) / rate), (channels, 1)).astype(np.float32)


def play(
    tape: TapeEffect, audio: np.ndarray, amount: float, drops: float = 0.0, first: int = 0, block: int = 4096
) -> np.ndarray:
    out = audio.copy()
    for at in range(0, out.shape[1], block):
        tape.step(out[:, at : at + block], amount, drops, first + at)
    return out


def worn(seconds: float, amount: float, seed: int = 1, rate: int = RATE) -> np.ndarray:
    """The test tone from a tape that has come up to its amount; f32[n]."""
    tape, lead = TapeEffect(1, rate, seed), tone(8.0, rate=rate)
    both = np.concatenate([lead, tone(seconds, rate=rate)], axis=1)
    return play(tape, both, amount)[0, lead.shape[1] :]


# --- the meter


@pytest.mark.parametrize(("hz", "db"), [(4.0, 0.0), (0.8, -6.0), (20.0, -5.9), (1.0, -4.2)])
@pytest.mark.parametrize("peak", [0.0005, 0.01, 0.05])
def test_the_meter_reads_a_sine_as_the_curve_says(hz: float, db: float, peak: float) -> None:
    t = np.arange(20 * RATE) / RATE
    audio = np.sin(2 * np.pi * TONE_HZ * t + TONE_HZ * peak / hz * np.sin(2 * np.pi * hz * t))
    expected = 100 * peak * 10 ** (db / 20) * math.sin(0.95 * math.pi / 2)  # 95 % of the time below
    assert reading_percent(audio, RATE) == pytest.approx(expected, rel=0.005)


def test_the_meter_reads_a_steady_tone_as_nothing_even_off_speed_and_noise_as_two_sigma() -> None:
    assert reading_percent(tone(12.0)[0], RATE) < 1e-4
    assert reading_percent(tone(12.0, TONE_HZ * 1.03)[0], RATE) < 1e-4
    assert two_sigma(np.random.default_rng(1).normal(size=200_000)) == pytest.approx(1.96, rel=0.01)
    with pytest.raises(ValueError, match="10 s"):
        deviation(tone(5.0)[0], RATE)


def test_the_curve_is_the_standards() -> None:
    hz = np.array([f for f, _ in CURVE])
    assert 20 * np.log10(weighting(hz)) == pytest.approx([db for _, db in CURVE])
    assert weighting(np.array([0.0]))[0] == 0.0
    beyond = 20 * np.log10(weighting(np.array([400.0, 0.05])))
    assert beyond == pytest.approx([-28.7, -65.4], abs=0.1)


def test_noise_and_a_line_together_pass_what_is_computed_5_percent_of_the_time() -> None:
    rng = np.random.default_rng(2)
    for sigma, peak in ((1.0, 0.0), (1.0, 1.0), (0.3, 2.0)):
        x = sigma * rng.normal(size=400_000) + peak * np.sin(rng.uniform(0, 2 * np.pi, 400_000))
        assert exceeded_by_5_percent(sigma, peak) == pytest.approx(np.quantile(np.abs(x), 0.95), rel=0.01)


# --- wow and flutter


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("amount", [0.1, 0.5, 2.0])
def test_the_meter_reads_what_is_set(amount: float, seed: int) -> None:
    assert reading_percent(worn(60.0, amount, seed), RATE) == pytest.approx(amount, rel=0.1)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_it_does_so_at_other_rates(rate: int) -> None:
    assert reading_percent(worn(60.0, 1.0, 3, rate), rate) == pytest.approx(1.0, rel=0.1)


def test_there_is_wow_flutter_and_the_capstans_line_and_little_else() -> None:
    speed, rate = deviation(worn(100.0, 1.0), RATE)
    power = np.abs(np.fft.rfft(speed * np.hanning(len(speed)))) ** 2
    hz = np.arange(len(power)) * rate / len(speed)
    share = {(a, b): power[(hz >= a) & (hz < b)].sum() / power.sum() for a, b in ((0.2, 6), (6, 100), (0.1, 200))}
    assert 0.6 < share[0.2, 6] < 0.9
    assert 0.1 < share[6, 100] < 0.35
    assert share[0.1, 200] > 0.99
    beside = power[(hz > 0.6) & (hz < 1.0)]
    assert abs(hz[(hz > 0.6) & (hz < 1.0)][beside.argmax()] - 0.8) < 0.02
    assert beside.max() > 10 * np.median(beside)
    assert 2.0 > 100 * two_sigma(speed) > 100 * two_sigma(weighted(speed, rate))


def test_the_sway_at_a_sample_follows_from_the_seed_and_the_sample_alone() -> None:
    long, short, other = TapeEffect(1, RATE, 5), TapeEffect(1, RATE, 5), TapeEffect(1, RATE, 6)
    audio = tone(12.0)
    play(long, audio, 1.0)
    play(short, audio[:, :-49_152], 1.0, first=49_152)
    play(other, audio, 1.0)
    assert short.delay_samples == pytest.approx(long.delay_samples, abs=1e-4)
    assert abs(other.delay_samples - long.delay_samples) > 1.0


@pytest.mark.parametrize("block", [1, 31, 32, 128, 1000])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    audio = np.random.default_rng(1).normal(size=(2, 3840)).astype(np.float32)
    whole = play(TapeEffect(2, RATE, 7), audio, 3.0, 5000.0, first=77)
    cut = play(TapeEffect(2, RATE, 7), audio, 3.0, 5000.0, first=77, block=block)
    assert whole.tobytes() != audio.tobytes()
    assert cut.tobytes() == whole.tobytes()


def test_the_interpolation_is_clean() -> None:
    """A 5 kHz tone against the same tone computed at the delays the tape says it had, sample by sample."""
    tape, hz = TapeEffect(1, RATE, 8), 5000.0
    audio = tone(4.0, hz, 1.0)
    play(tape, audio[:, :-4096], 1.0)
    first, error = audio.shape[1] - 4096, []
    for n in range(first, audio.shape[1]):
        one = audio[:, n : n + 1].copy()
        tape.step(one, 1.0, 0.0, n)
        error.append(one[0, 0] - math.sin(2 * math.pi * hz * (n - tape.delay_samples) / RATE))
    assert 20 * math.log10(float(np.std(error)) * math.sqrt(2)) < -85.0


# --- nothing


awkward = st.sampled_from([0.0, -0.0, 1e-45, -1e-39, math.nan, math.inf, -math.inf, 3e38, 0.25])


@settings(max_examples=40, deadline=None)
@given(st.lists(awkward, min_size=4, max_size=200), st.sampled_from([0.0, -1.0, math.nan]))
def test_at_nothing_the_audio_keeps_every_bit(values: list[float], none: float) -> None:
    audio = np.array([values, values[::-1]], np.float32)
    out = play(TapeEffect(2, RATE), audio, none, none)
    assert out.tobytes() == audio.tobytes()


def test_switched_on_and_off_nothing_clicks_and_then_it_is_gone() -> None:
    tape, audio = TapeEffect(1, RATE, 9), tone(24.0, 440.0)
    plan = [(1.0, 0.0), (3.0, 2.0), (0.3, 0.0), (2.0, 4.0), (0.1, 0.5), (12.0, 0.0)]
    out, at, delays = audio.copy(), 0, []
    for seconds, amount in plan:
        for _ in range(round(seconds * RATE / 128)):
            tape.step(out[:, at : at + 128], amount, 0.0, at)
            delays.append(tape.delay_samples)
            at += 128
    bend = np.abs(np.diff(out[0, :at].astype(np.float64), 2))
    pure = np.abs(np.diff(audio[0, :at].astype(np.float64), 2))
    assert bend.max() < 1.6 * pure.max()  # a gliding pitch; a click of 1 % of full scale would bend 6 times as much
    assert max(delays) > 500
    assert delays[0] == delays[-1] == 0.0
    still = at - 4 * RATE
    assert out[0, still:at].tobytes() == audio[0, still:at].tobytes()


def test_another_seed_or_a_leap_in_time_is_glided_over() -> None:
    tape, audio = TapeEffect(1, RATE, 9), tone(6.0, 440.0)
    out = audio.copy()
    for at in range(0, out.shape[1], 128):
        if at == 128 * 1500:
            tape.reseed(10)
        tape.step(out[:, at : at + 128], 1.0, 0.0, at + (10**9 if at > 128 * 1900 else 0))
    bend = np.abs(np.diff(out[0].astype(np.float64), 2))
    assert bend.max() < 2.0 * np.abs(np.diff(audio[0].astype(np.float64), 2)).max()


# --- drop-outs


def drop_outs(flat: np.ndarray) -> list[tuple[int, int]]:
    """(begin, end) of the dips in a constant 1."""
    edges = np.flatnonzero(np.diff((flat < 0.9995).astype(np.int8)))
    return list(zip((edges[0::2] + 1).tolist(), (edges[1::2] + 1).tolist(), strict=False))


def test_drop_outs_come_as_a_poisson_process_and_are_short_dips() -> None:
    rate, minutes, per_minute = 8000, 30, 20.0
    flat = play(TapeEffect(1, rate, 11), np.ones((1, rate * 60 * minutes), np.float32), 0.0, per_minute)[0]
    dips = drop_outs(flat)
    assert len(dips) == pytest.approx(minutes * per_minute, abs=75)  # three sigma
    waits = np.sort([(b[0] - a[0]) / rate for a, b in pairwise(dips)])
    gap = np.abs(1 - np.exp(-waits / 3.0) - (np.arange(len(waits)) + 0.5) / len(waits)).max()
    assert gap < 1.63 / math.sqrt(len(waits)) + 0.02  # overlapping ones are seen as one
    seconds = np.array([end - begin for begin, end in dips]) / rate
    assert 0.008 < seconds.min() < 0.015
    assert np.quantile(seconds, 0.95) < 0.121
    assert seconds.mean() == pytest.approx(0.065, rel=0.12)
    depth = -20 * np.log10([flat[begin:end].min() for begin, end in dips])
    assert 5.9 < depth.min() < 7.0
    assert 25.0 < np.quantile(depth, 0.99) < 35.0  # two at once are deeper
    assert flat.max() == 1.0


def test_a_drop_out_takes_the_treble_first() -> None:
    kept = {}
    for hz in (100.0, 8000.0):
        out = play(TapeEffect(1, RATE, 12), tone(60.0, hz, 1.0), 0.0, 60.0)[0].astype(np.float64)
        kept[hz] = np.mean((out**2).reshape(-1, 960).mean(axis=1) < 0.5 * 0.5)  # share of 20 ms frames 3 dB down
    assert kept[8000.0] > 1.2 * kept[100.0] > 0.0


def test_between_drop_outs_the_audio_keeps_every_bit_and_no_drop_out_clicks() -> None:
    audio = tone(20.0, 440.0)
    out = play(TapeEffect(1, RATE, 13), audio, 0.0, 60.0)
    same = out == audio
    assert 0.85 < same.mean() < 0.99
    bend = np.abs(np.diff(out[0].astype(np.float64), 2)).max()
    assert bend < 1.05 * np.abs(np.diff(audio[0].astype(np.float64), 2)).max()
    more = play(TapeEffect(1, RATE, 13), audio, 0.0, 180.0) == audio
    assert (same >= more).all()  # turning it up adds to the ones there are


# --- keeping, breaking, paying


def test_a_kept_state_goes_on_bit_for_bit_and_a_reset_begins_again() -> None:
    audio = np.random.default_rng(3).normal(size=(2, 12_800)).astype(np.float32)
    tape = TapeEffect(2, RATE, 14)
    once = play(tape, audio, 2.0, 300.0)
    kept = tape.state()
    ahead = play(tape, audio, 1.0, 300.0, first=12_800)
    other = TapeEffect(2, RATE, 99)
    other.set_state(kept)
    assert play(other, audio, 1.0, 300.0, first=12_800).tobytes() == ahead.tobytes()
    tape.reset()
    assert play(tape, audio, 2.0, 300.0).tobytes() == once.tobytes()


def test_a_sample_that_is_no_number_is_not_kept() -> None:
    audio = tone(2.0)
    tape = TapeEffect(1, RATE, 15)
    play(tape, audio, 2.0, 240.0)
    audio[0, 100], audio[0, 5000] = math.nan, math.inf
    out = play(tape, audio, 2.0, 240.0, first=audio.shape[1])
    assert 0 < np.count_nonzero(~np.isfinite(out)) < 40


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(), st.floats(), st.integers(1, 300)), min_size=1, max_size=12),
    st.integers(0, 2**50),
    st.integers(),
)
def test_whatever_is_asked_it_stays_within_bounds(plan: list[tuple[float, float, int]], at: int, seed: int) -> None:
    tape, rng = TapeEffect(2, RATE, seed), np.random.default_rng(4)
    for amount, drops, count in plan:
        audio = rng.uniform(-1, 1, (2, count)).astype(np.float32)
        tape.step(audio, amount, drops, at)
        assert np.abs(audio).max() < 4.0
        at += count


def test_both_memory_layouts_are_warm() -> None:
    tape_module.warm()
    TapeEffect(1, RATE).warm()
    TapeEffect(2, RATE).step(np.zeros((2, 256), np.float32)[:, 3:131], 1.0, 1.0, 0)
    with pytest.raises(TypeError):
        TapeEffect(2, RATE).step(np.zeros((2, 128)), 1.0, 1.0, 0)  # type: ignore[arg-type]


def test_a_stereo_block_costs_little() -> None:
    tape, times = TapeEffect(2, RATE, 16), []
    audio = np.random.default_rng(5).normal(size=(2, 128)).astype(np.float32)
    for block in range(3000):
        part = audio.copy()
        begun = time.perf_counter()
        tape.step(part, 2.0, 60.0, 128 * block)
        times.append(time.perf_counter() - begun)
    assert np.median(times[1000:]) < 60e-6
