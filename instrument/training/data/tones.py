"""Tones: at which frequencies the sounds of a corpus ring. Before training, for decoders with a bank of fixed sines.

Bells, skins, bars and chords have partials that no one pitch explains. Peaks of every sound's long spectra are
gathered on a fine scale of pitch, each sound's share weighing alike, and the strongest are taken, no two closer than a
quarter of a semitone and 8 Hz. What the pitch of a sound explains is left to the harmonics: a fixed sine a few hertz
beside a low fundamental fits a spectrum as well, and is out of tune.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.data.corpus import Clip, Corpus

Doubles = npt.NDArray[np.float64]

WINDOW = 16384
LOW_HZ, HIGH_HZ = 40.0, 15000.0
BINS_PER_SEMITONE = 16
LEAST_GAP, LEAST_GAP_HZ = 4, 8.0
"""Between two tones, bins and Hz: what is struck does not ring long enough to tell closer ones apart."""
PEAKS_PER_FRAME = 60
SURE = 0.7
EXPLAINED_CENTS = 40.0
EXPLAINED_RANKS = 12
"""Above it the harmonics are so close that they would explain everything."""


def _bin_of(hz: Doubles) -> npt.NDArray[np.int64]:
    return np.round(12.0 * BINS_PER_SEMITONE * np.log2(hz / LOW_HZ)).astype(np.int64)


def _note_of(clip: Clip, row: int, ratio: int) -> float:
    """The note under one long window, a median; NaN where there is none for half of it."""
    first = row * (WINDOW // 2) // ratio
    frames = slice(first, first + WINDOW // ratio)
    sure = clip.sure[frames] > SURE
    return float(np.median(clip.note[frames][sure])) if sure.size and sure.mean() > 0.5 else float("nan")


def _explained(hz: Doubles, note: float) -> npt.NDArray[np.bool_]:
    """Which of the peaks are harmonics of the note. Shape: [peaks]; none where the note is NaN."""
    place = hz / (440.0 * 2.0 ** ((note - 69.0) / 12.0))
    rank = np.clip(np.round(place), 1, EXPLAINED_RANKS)
    return np.asarray(np.abs(1200.0 * np.log2(place / rank)) < EXPLAINED_CENTS)


def rings(clip: Clip, rate_hz: int, ratio: int) -> Doubles:
    """Magnitude of one sound's spectral peaks on the scale of pitch, its sum at most 1. Shape: [bins].

    Harmonics of the sound's own note do not count, so of a sound that is nothing else little is left.
    """
    total = np.zeros(int(_bin_of(np.array([HIGH_HZ]))[0]) + 1)
    audio = np.pad(clip.audio, (0, max(0, WINDOW - len(clip.audio))))
    rows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[:: WINDOW // 2][:12]
    magnitude = np.abs(np.fft.rfft(rows * np.hanning(WINDOW), axis=1)).astype(np.float64) + 1e-12
    log = np.log(magnitude)
    inner = magnitude[:, 1:-1]
    whole = 0.0
    is_peak = (inner > magnitude[:, :-2]) & (inner >= magnitude[:, 2:])
    for row in range(len(rows)):
        k = np.flatnonzero(is_peak[row]) + 1
        k = k[np.argsort(magnitude[row, k])[::-1][:PEAKS_PER_FRAME]]
        left, here, right = log[row, k - 1], log[row, k], log[row, k + 1]
        hz = (k + 0.5 * (left - right) / np.minimum(left - 2.0 * here + right, -1e-9)) * rate_hz / WINDOW
        good = (hz > LOW_HZ) & (hz < HIGH_HZ)
        hz, level = hz[good], np.sqrt(magnitude[row, k][good])
        whole += float(level.sum())
        left_over = ~_explained(hz, _note_of(clip, row, ratio))
        np.add.at(total, _bin_of(hz[left_over]), level[left_over])
    return total / whole if whole > 0 else total


def ringing(corpus: Corpus, count: int) -> Doubles:
    """The ``count`` frequencies (Hz, ascending) at which the training sounds ring most."""
    found = np.sum([rings(clip, corpus.rate_hz, corpus.ratio) for clip in corpus.training], axis=0)
    found = np.convolve(found, [0.25, 0.5, 1.0, 0.5, 0.25], "same")
    chosen: list[int] = []
    free = np.ones(len(found), bool)
    hz = LOW_HZ * 2.0 ** (np.arange(len(found)) / (12.0 * BINS_PER_SEMITONE))
    for bin in np.argsort(found)[::-1]:
        if len(chosen) == count:
            break
        if free[bin]:
            chosen.append(int(bin))
            free[max(0, bin - LEAST_GAP + 1) : bin + LEAST_GAP] = False
            free[np.abs(hz - hz[bin]) < LEAST_GAP_HZ] = False
    return hz[sorted(chosen)]
