"""The crops for the pitch alone: far transposed and in other colours, and still at the pitch that is told."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from instrument.training.data import batches
from instrument.training.data.batches import EAR_DEAF_FRAMES, ear_batch
from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.pitch import track

RATE, RATIO, FRAMES = 48000, 128, 64


def sound(note: float, seconds: float, seed: int = 0, sure: float = 1.0) -> Clip:
    t = np.arange(int(RATE * seconds)) / RATE
    f0 = 440.0 * 2 ** ((note - 69) / 12)
    rng = np.random.default_rng(seed)
    audio = sum(np.sin(2 * np.pi * f0 * k * t + rng.uniform(0, 6)) / k for k in range(1, 20) if f0 * k < 12000)
    frames = len(t) // RATIO
    return Clip(
        {"file": f"{note}"}, (0.2 * audio).astype(np.float32), np.full(frames, note, np.float32),
        np.full(frames, sure, np.float32), False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus((sound(48, 8.0), sound(60, 0.8, 1), sound(67, 0.8, 2), sound(50, 4.0, 3, sure=0.1)), RATE, RATIO, ())


def test_every_sound_with_a_pitch_is_heard_as_often_as_any_other(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "INVENTED_SHARE", 0.0)
    notes = np.concatenate([np.median(ear_batch(corpus, 1, step, 16, FRAMES).note, 1) for step in range(20)])
    share = [float((np.abs(notes - note) < 5.1).mean()) for note in (48.0,)]
    assert 0.22 < share[0] < 0.45  # a third, though it is ten times as long
    assert notes.min() < 44.5
    assert notes.max() > 70.5


def test_what_is_heard_is_at_the_note_that_is_told(corpus: Corpus) -> None:
    right = []
    for step in range(6):
        got = ear_batch(corpus, 2, step, 4, FRAMES)
        for audio, note, sure in zip(got.audio, got.note, got.sure, strict=True):
            found, clear = track(audio, RATE, RATIO)
            both = (sure > 0.7) & (clear > 0.9)
            both[:16] = both[-16:] = False  # where the tracker looks beyond the crop
            right += list(np.abs(found - note)[both] < 0.3)
    assert len(right) > 300
    assert np.mean(right) > 0.95


def test_colours_differ_and_nothing_is_louder_than_full_scale(corpus: Corpus) -> None:
    got = ear_batch(corpus, 3, 0, 16, FRAMES)
    assert np.isfinite(got.audio).all()
    assert np.abs(got.audio).max() <= 1.0
    spectra = np.abs(np.fft.rfft(got.audio, axis=1))
    bright = (spectra[:, 200:] ** 2).sum(1) / (spectra**2).sum(1)
    assert bright.max() > 10 * bright.min()


def test_it_is_the_same_whenever_it_is_cut(corpus: Corpus) -> None:
    one, again, other = (ear_batch(corpus, 4, step, 4, FRAMES).audio.tobytes() for step in (7, 7, 8))
    assert one == again != other


def test_some_crops_are_invented_and_of_any_pitch(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def notes(share: float) -> np.ndarray:
        monkeypatch.setattr(batches, "INVENTED_SHARE", share)
        return np.concatenate([np.median(ear_batch(corpus, 6, step, 16, FRAMES).note, 1) for step in range(10)])

    far = [float(((some < 42.0) | (some > 73.0)).mean()) for some in (notes(0.0), notes(0.5), notes(1.0))]
    assert far[0] == 0.0
    assert 0.2 < far[1] < 0.4 < far[2] < 0.75


def test_the_beginning_of_a_cut_sound_is_not_asked_for(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "INVENTED_SHARE", 0.0)
    got = ear_batch(corpus, 5, 0, 64, FRAMES)
    deaf = (got.sure[:, :EAR_DEAF_FRAMES] == 0.0).all(1)
    assert 0.3 < deaf.mean() < 0.9


def test_sounds_without_a_pitch_give_nothing() -> None:
    assert ear_batch(Corpus((sound(50, 1.0, 0, sure=0.2),), RATE, RATIO, ()), 0, 0, 4, FRAMES) is None
