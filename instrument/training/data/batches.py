"""Batches: crops of the corpus, each a pure function of (seed, step). Between the corpus and the loss.

So training can stop and go on as if it had not, and two runs with one seed see the same sounds in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.invented import invented

Floats = npt.NDArray[np.float32]

SHIFT_SEMITONES = 2.0
"""Half of the crops are played a little faster or slower: recordings are 2-4 semitones apart, keys are not."""
GAIN_DB = (-9.0, 3.0)


EAR_SHIFT_SEMITONES = 5.0
EAR_GAIN_DB = (-24.0, 3.0)
COLOURS, COLOUR_DB, COLOUR_OCTAVES = 4, 9.0, 0.9
"""Humps and dips of a random colour: how many, their standard deviation, their width."""
EAR_NOISE_DB = (-60.0, -15.0)
INVENTED_SHARE = 0.4
"""Of the ear's crops: invented sounds, of every pitch alike."""
NOT_KNOWN = np.float32("nan")
EAR_DEAF_FRAMES = 8
"""What is cut off in the middle of a sound cannot be known at once."""


@dataclass(frozen=True, slots=True)
class Batch:
    """``audio`` [B, F * ratio]; ``note``, ``sure`` [B, F] at the end of each frame; ``stiff`` [B], NaN if not known."""

    audio: Floats
    note: Floats
    sure: Floats
    stiff: Floats


def _between(x: Floats, at: npt.NDArray[np.float64]) -> Floats:
    """Third-order Hermite interpolation; zero outside of the sound."""
    first = np.floor(at).astype(np.int64)
    t = (at - first).astype(np.float32)
    a, b, c, d = (
        np.where((first + k >= 0) & (first + k < len(x)), x[np.clip(first + k, 0, len(x) - 1)], 0.0)
        for k in (-1, 0, 1, 2)
    )
    slope0, slope1 = 0.5 * (c - a), 0.5 * (d - b)
    bend = slope0 + slope1 - 2.0 * (c - b)
    return (b + t * (slope0 + t * ((c - b) - slope0 - bend + t * bend))).astype(np.float32)


def _crop(clip: Clip, start: int, frames: int, ratio: int, speed: float) -> tuple[Floats, Floats, Floats]:
    samples = start + np.arange(frames * ratio, dtype=np.float64) * speed
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
        rows.append((audio * np.float32(gain), note, sure, np.float32(clips[i].stiffness[0])))
    return Batch(*(np.stack(part) for part in zip(*rows, strict=True)))


def _coloured(audio: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """The sound as if from another instrument or room: humps and dips in its spectrum, and some noise."""
    octave = np.log2(np.maximum(np.fft.rfftfreq(len(audio), 1.0 / rate_hz), 20.0) / 20.0)
    humps = rng.uniform(0.0, 10.0, COLOURS)[:, None]
    db = rng.normal(0.0, COLOUR_DB, COLOURS) @ np.exp(-0.5 * ((octave - humps) / COLOUR_OCTAVES) ** 2)
    db += rng.normal(0.0, 1.5) * (octave - 4.0)
    coloured = np.fft.irfft(np.fft.rfft(audio) * 10.0 ** (db / 20.0), len(audio))
    level = np.sqrt((audio**2).mean()) / np.sqrt((coloured**2).mean() + 1e-12)
    noise = rng.standard_normal(len(audio)) * np.sqrt((audio**2).mean()) * 10.0 ** (rng.uniform(*EAR_NOISE_DB) / 20.0)
    return np.asarray(coloured * level + noise, np.float32)


def ear_batch(corpus: Corpus, seed: int, step: int, size: int, frames: int) -> Batch | None:
    """Crops for the pitch alone: every sound as often as any other, far transposed, in other colours; None without
    a sound that has a pitch.

    Which octave a low string is in has to be known from how its partials lie, not from how loud they are in the few
    sounds that there are.
    """
    clips = [clip for clip in corpus.training if (clip.sure > 0.7).any()]
    if not clips:
        return None
    rng = np.random.default_rng([seed, step, 1])
    rows = []
    for i in rng.integers(0, len(clips), size):
        gain = np.float32(10.0 ** (rng.uniform(*EAR_GAIN_DB) / 20.0))
        if rng.random() < INVENTED_SHARE:
            audio, note, sure = invented(frames, corpus.ratio, corpus.rate_hz, rng)
            sure[: EAR_DEAF_FRAMES if sure[0] else 0] = 0.0
            rows.append((np.clip(_coloured(audio, corpus.rate_hz, rng) * gain, -1.0, 1.0), note, sure, NOT_KNOWN))
            continue
        clip = clips[i]
        speed = 2.0 ** (rng.uniform(-EAR_SHIFT_SEMITONES, EAR_SHIFT_SEMITONES) / 12.0)
        onset = rng.random() < 0.5
        last = max(len(clip.audio) - frames * corpus.ratio, 1)
        start = int(rng.integers(-frames * corpus.ratio // 4, corpus.ratio) if onset else rng.integers(0, last))
        audio, note, sure = _crop(clip, start, frames, corpus.ratio, speed)
        if start > 0:
            sure[:EAR_DEAF_FRAMES] = 0.0
        rows.append((np.clip(_coloured(audio, corpus.rate_hz, rng) * gain, -1.0, 1.0), note, sure, NOT_KNOWN))
    return Batch(*(np.stack(part) for part in zip(*rows, strict=True)))
