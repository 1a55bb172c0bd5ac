"""Batches: crops of the corpus, each a pure function of (seed, step). Between the corpus and the loss.

So training can stop and go on as if it had not, and two runs with one seed see the same sounds in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instrument.training.corpus import Clip, Corpus

Floats = npt.NDArray[np.float32]

SHIFT_SEMITONES = 2.0
"""Half of the crops are played a little faster or slower: recordings are 2-4 semitones apart, keys are not."""
GAIN_DB = (-9.0, 3.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """``audio`` [B, F * ratio]; ``note``, ``sure`` [B, F] at the end of each frame."""

    audio: Floats
    note: Floats
    sure: Floats


def _between(x: Floats, at: npt.NDArray[np.float64]) -> Floats:
    """Third-order Hermite interpolation; zero outside of the sound."""
    first = np.floor(at).astype(np.int64)
    t = (at - first).astype(np.float32)
    a, b, c, d = (np.where((first + k >= 0) & (first + k < len(x)), x[np.clip(first + k, 0, len(x) - 1)], 0.0)
                  for k in (-1, 0, 1, 2))  # fmt: skip
    slope0, slope1 = 0.5 * (c - a), 0.5 * (d - b)
    bend = slope0 + slope1 - 2.0 * (c - b)
    return (b + t * (slope0 + t * ((c - b) - slope0 - bend + t * bend))).astype(np.float32)


def _crop(clip: Clip, start: int, frames: int, ratio: int, speed: float) -> tuple[Floats, Floats, Floats]:
    samples = start + np.arange(frames * ratio) * speed
    if speed == 1.0:
        whole = np.zeros(frames * ratio, np.float32)
        low, high = max(0, start), min(len(clip.audio), start + frames * ratio)
        if high > low:
            whole[low - start : high - start] = clip.audio[low:high]
    else:
        whole = _between(clip.audio, samples)
    ends = (start + (np.arange(frames) + 1.0) * ratio * speed) / ratio - 1.0
    at = np.arange(len(clip.note))
    note = np.interp(ends, at, clip.note) + 12.0 * np.log2(speed)
    sure = np.interp(ends, at, clip.sure, left=0.0, right=0.0)
    return whole, note.astype(np.float32), sure.astype(np.float32)


def batch(corpus: Corpus, seed: int, step: int, size: int, frames: int, shift: float = SHIFT_SEMITONES) -> Batch:
    """The crops of one step. Some begin before their sound does, so that beginnings are learned too.

    ``shift``: half of them are transposed by up to so many semitones either way.
    """
    rng = np.random.default_rng([seed, step])
    clips = corpus.training
    lead = frames // 2 * corpus.ratio
    weights = np.array([len(c.audio) + lead for c in clips], np.float64)
    rows = []
    for i in rng.choice(len(clips), size, p=weights / weights.sum()):
        speed = 2.0 ** (rng.uniform(-shift, shift) / 12.0) if rng.random() < 0.5 else 1.0
        gain = 10.0 ** (rng.uniform(*GAIN_DB) / 20.0)
        latest = max(len(clips[i].audio) - frames * corpus.ratio // 2, 1)
        start = int(rng.integers(-lead, latest))
        audio, note, sure = _crop(clips[i], start, frames, corpus.ratio, speed)
        rows.append((audio * np.float32(gain), note, sure))
    return Batch(*(np.stack(part) for part in zip(*rows, strict=True)))
