"""The tracker tells the pitch of the moment it says, at every height: a glide is not heard late."""

from __future__ import annotations

import numpy as np
import pytest

from instrument.training.data.pitch import track

RATE, RATIO = 48000, 128


@pytest.mark.parametrize("note", [36.0, 45.0, 57.0, 69.0, 81.0])
def test_vibrato_is_neither_late_nor_early(note: float) -> None:
    t = np.arange(2 * RATE) / RATE
    played = note + 0.8 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(440.0 * 2 ** ((played - 69) / 12)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 8)).astype(np.float32)
    found, sure = track(0.2 * sound, RATE, RATIO)
    true = played[RATIO - 1 :: RATIO][: len(found)]
    frames = np.arange(len(found))
    inside = (sure > 0.8) & (frames > 40) & (frames < len(found) - 40)
    ms = np.arange(-15.0, 15.1, 0.5)
    wrong = [np.abs(np.interp(frames + m * RATE / 1000 / RATIO, frames, found) - true)[inside].mean() for m in ms]
    assert abs(ms[int(np.argmin(wrong))]) <= 1.0
    assert min(wrong) < 0.12


def plucked(hz: float, partials: tuple[float, ...], seconds: float = 1.0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.2 * sum(a * np.sin(2 * np.pi * k * hz * t) for k, a in enumerate(partials, 1)) * np.exp(-2 * t)).astype(
        np.float32
    )


@pytest.mark.parametrize("note", [28, 30, 40, 52])
def test_a_known_note_settles_the_octave_where_the_ear_falls_for_the_wrong_one(note: int) -> None:
    # A low string on a small body: the even partials are nearly all there is, so it might be an octave higher.
    hz = 440.0 * 2 ** ((note - 69) / 12)
    sound = plucked(hz, (0.05, 1.0, 0.06, 0.8, 0.05, 0.6))
    guessed, _ = track(sound, RATE, RATIO)
    told, sure = track(sound, RATE, RATIO, note)
    assert abs(np.median(guessed) - note) > 11.0, "else this test shows nothing"
    assert abs(np.median(told[sure > 0.7]) - note) < 0.2
    assert (sure > 0.7).mean() > 0.7


def test_a_known_note_finds_no_pitch_where_there_is_none_and_none_elsewhere_is_sure() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE).astype(np.float32)
    assert (track(noise, RATE, RATIO, 60.0)[1] > 0.7).mean() < 0.02
    fifth_off = plucked(440.0, (1.0, 0.5, 0.3))
    assert (track(fifth_off, RATE, RATIO)[1] > 0.9).mean() > 0.9
    note, sure = track(fifth_off, RATE, RATIO, 62.0)
    assert not (sure[np.abs(note - 62.0) > 1.5] > 0.0).any()
