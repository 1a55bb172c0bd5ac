"""Tones: the bank of fixed sines is tuned to what rings in the sounds and no pitch explains."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.tones import LOW_HZ, ringing, rings

RATE, RATIO = 48000, 128


def clip_of(hz: list[float], note: float | None, seed: int = 0) -> Clip:
    """A struck sound of sines; ``note``: what the tracker would say of it."""
    t = np.arange(RATE) / RATE
    rng = np.random.default_rng(seed)
    audio = sum(np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) / (1 + i) for i, f in enumerate(hz)) * np.exp(-2 * t)
    frames = RATE // RATIO
    sure = np.full(frames, 0.0 if note is None else 1.0, np.float32)
    return Clip({"file": "c"}, (0.2 * audio).astype(np.float32), np.full(frames, note or 60.0, np.float32), sure, False)


def cents(found: np.ndarray, hz: float) -> float:
    return float(np.abs(1200 * np.log2(found / hz)).min())


def corpus_of(*clips: Clip) -> Corpus:
    return Corpus(clips, RATE, RATIO, ())


def test_bells_are_found_where_they_ring() -> None:
    bells = [[233.0, 642.7, 1260.0, 2083.0], [311.5, 859.0, 1684.0]]
    found = ringing(corpus_of(*(clip_of(b, None, i) for i, b in enumerate(bells))), 16)
    assert (np.diff(found) > 0).all()
    assert max(cents(found, f) for b in bells for f in b) < 8
    assert (1200 * np.log2(found[1:] / found[:-1]) > 24).all()
    assert (np.diff(found) >= 8).all()


def test_harmonics_of_the_note_are_left_to_the_harmonics() -> None:
    note = 48.0
    f0 = 440.0 * 2 ** ((note - 69) / 12)
    string = clip_of([f0 * k for k in range(1, 9)], note)
    bell = clip_of([f0 * 2.756, f0 * 5.404], None, 1)
    found = ringing(corpus_of(string, bell), 2)
    assert cents(found, f0 * 2.756) < 8
    assert cents(found, f0 * 5.404) < 8
    assert rings(string, RATE, RATIO).sum() < 0.1
    unknown = clip_of([f0 * k for k in range(1, 9)], None)
    assert rings(unknown, RATE, RATIO).sum() == pytest.approx(1.0)


def test_a_partial_beside_the_harmonics_of_a_note_still_rings() -> None:
    note = 60.0
    f0 = 440.0 * 2 ** ((note - 69) / 12)
    bar = clip_of([f0, f0 * 2.756], note)
    places = np.flatnonzero(rings(bar, RATE, RATIO) > 0.05)
    hz = LOW_HZ * 2 ** (places / 192)
    assert cents(hz, f0 * 2.756) < 10
    assert cents(hz, f0) > 100


def test_silence_rings_nowhere() -> None:
    quiet = Clip({"file": "q"}, *(np.zeros(n, np.float32) for n in (RATE, 375, 375)), held_out=False)
    assert rings(quiet, RATE, RATIO).sum() == 0.0
    assert len(rings(clip_of([440.0], None), RATE, RATIO)) == len(rings(quiet, RATE, RATIO))
