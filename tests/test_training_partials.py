"""A tracked pitch is moved to where the lowest partials are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="training needs the extra [train]")

from instrument.training.data.partials import SPAN, by_partials
from instrument.training.data.pitch import track
from instrument.training.network.shape import inharmonic_ranks

RATE, RATIO = 48000, 128
MOST_CENTS = -1200.0 * np.log2(1.0 - SPAN) + 0.01
"""The span is a share of the frequency, so downwards it is more cents; and what float32 rounds."""


def tone(hz: np.ndarray | float, ranks: np.ndarray, levels: np.ndarray, seconds: float = 0.6) -> np.ndarray:
    cycles = np.cumsum(np.broadcast_to(hz, int(seconds * RATE)) / RATE)
    return np.asarray((levels[:, None] * np.sin(2 * np.pi * ranks[:, None] * cycles)).sum(0) * 0.1, np.float32)


def note_of(hz: np.ndarray | float) -> np.ndarray:
    return np.asarray(69.0 + 12.0 * np.log2(np.asarray(hz) / 440.0))


def moved(audio: np.ndarray, note: float, stiffness: float = 0.0) -> np.ndarray:
    """The middle of the sound, where every window lies in it."""
    frames = len(audio) // RATIO
    return by_partials(audio, np.full(frames, note, np.float32), RATE, RATIO, stiffness)[24:-24]


@pytest.mark.parametrize("hz", [48.0, 91.0, 220.0, 880.0, 2500.0])
@pytest.mark.parametrize("cents", [-40.0, 0.0, 40.0])
def test_a_wrong_label_is_put_right(hz: float, cents: float) -> None:
    ranks = np.arange(1.0, 9.0)
    found = moved(tone(hz, ranks, 1.0 / ranks), float(note_of(hz)) + cents / 100.0)
    assert np.abs(found - note_of(hz)).max() < 0.03


def test_a_mistuned_second_partial_pulls_by_its_number_and_its_amplitude() -> None:
    for level in (0.25, 1.0):
        found = moved(tone(100.0, np.array([1.0, 1.94]), np.array([1.0, level])), float(note_of(99.0)))
        said = (1.0 * 100.0 + 2.0 * level * 97.0) / (1.0 + 2.0 * level)
        assert np.abs(found - note_of(said)).max() < 0.05


def test_of_a_stiff_string_it_is_the_first_partial() -> None:
    b = 1e-3
    ranks = inharmonic_ranks(np.array(b), 12)
    audio = tone(80.0, ranks, 1.0 / np.arange(1.0, 13.0))
    assert np.abs(moved(audio, float(note_of(80.0)) + 0.2, b) - note_of(80.0)).max() < 0.03
    assert moved(audio, float(note_of(80.0)) + 0.2).mean() - note_of(80.0) > 0.05, "whole multiples say another"


def test_a_pitch_that_falls_is_followed() -> None:
    t = np.arange(int(0.6 * RATE)) / RATE
    hz = 90.0 * 2.0 ** (0.25 * np.exp(-t / 0.15))
    audio, ranks = tone(hz, np.arange(1.0, 4.0), np.array([1.0, 0.5, 0.2])), note_of(hz)[RATIO - 1 :: RATIO]
    frames = len(audio) // RATIO
    found = by_partials(audio, (ranks[:frames] + 0.2).astype(np.float32), RATE, RATIO)
    assert np.abs(found - ranks[:frames])[24:-24].max() < 0.15
    assert np.abs(found - ranks[:frames])[80:-24].max() < 0.06


def test_in_a_rumbling_room_it_is_steadier_than_the_period() -> None:
    rng = np.random.default_rng(5)
    audio = tone(92.5, np.array([1.0, 2.0]), np.array([1.0, 0.1]), 2.0)
    spectrum = np.fft.rfft(rng.standard_normal(len(audio)))
    hz = np.maximum(np.fft.rfftfreq(len(audio), 1.0 / RATE), 20.0)
    room = np.fft.irfft(spectrum / hz, len(audio))
    audio = (audio + room * 0.4 * audio.std() / room.std()).astype(np.float32)
    note, sure = track(audio, RATE, RATIO)
    known = (np.arange(len(note)) > 40) & (np.arange(len(note)) < len(note) - 40) & (sure > 0.5)
    before = np.abs(note - note_of(92.5))[known]
    after = np.abs(by_partials(audio, note, RATE, RATIO) - note_of(92.5))[known]
    assert known.mean() > 0.5
    assert np.percentile(after, 90) < 0.7 * np.percentile(before, 90)


def test_where_there_is_no_sound_the_label_stays() -> None:
    note = np.full(40, 60.0, np.float32)
    assert np.allclose(by_partials(np.zeros(40 * RATIO, np.float32), note, RATE, RATIO), 60.0, atol=0.05)
    assert by_partials(np.zeros(0, np.float32), np.zeros(0, np.float32), RATE, RATIO).shape == (0,)
    assert by_partials(np.zeros(RATIO, np.float32), note[:1], RATE, RATIO).shape == (1,)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), frames=st.integers(1, 90), low=st.floats(26.0, 126.0), stiff=st.floats(0.0, 6e-3))
@example(seed=56, frames=56, low=42.0, stiff=0.0)  # wanders down to where a bin is wider than the span
def test_whatever_is_heard_it_is_finite_and_never_far(seed: int, frames: int, low: float, stiff: float) -> None:
    rng = np.random.default_rng(seed)
    audio = (rng.standard_normal(frames * RATIO + int(rng.integers(0, RATIO))) * rng.random()).astype(np.float32)
    note = np.clip(low + np.cumsum(rng.standard_normal(frames)), 26.0, 128.0).astype(np.float32)
    found = by_partials(audio, note, RATE, RATIO, stiff)
    assert found.shape == note.shape
    assert np.isfinite(found).all()
    even = np.abs(found - note)[::2] * 100.0  # those between are between
    assert even.max() <= MOST_CENTS
