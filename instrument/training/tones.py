"""Tones: at which frequencies the sounds of a corpus ring. Before training, for decoders with a bank of fixed sines.

Bells, skins, bars and chords have partials that no one pitch explains. Peaks of every sound's long spectra are
gathered on a fine scale of pitch, each sound's share weighing alike, and the strongest are taken, no two closer than a
quarter of a semitone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.corpus import Clip, Corpus

Doubles = npt.NDArray[np.float64]

WINDOW = 16384
LOW_HZ, HIGH_HZ = 40.0, 15000.0
BINS_PER_SEMITONE = 16
LEAST_GAP = 4
"""Bins between two tones."""
PEAKS_PER_FRAME = 60


def _bin_of(hz: Doubles) -> npt.NDArray[np.int64]:
    return np.round(12.0 * BINS_PER_SEMITONE * np.log2(hz / LOW_HZ)).astype(np.int64)


def rings(clip: Clip, rate_hz: int) -> Doubles:
    """Magnitude of one sound's spectral peaks on the scale of pitch, its sum 1 (or 0). Shape: [bins]."""
    total = np.zeros(int(_bin_of(np.array([HIGH_HZ]))[0]) + 1)
    audio = np.pad(clip.audio, (0, max(0, WINDOW - len(clip.audio))))
    rows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[:: WINDOW // 2][:12]
    magnitude = np.abs(np.fft.rfft(rows * np.hanning(WINDOW), axis=1)).astype(np.float64) + 1e-12
    log = np.log(magnitude)
    inner = magnitude[:, 1:-1]
    is_peak = (inner > magnitude[:, :-2]) & (inner >= magnitude[:, 2:])
    for row in range(len(rows)):
        k = np.flatnonzero(is_peak[row]) + 1
        k = k[np.argsort(magnitude[row, k])[::-1][:PEAKS_PER_FRAME]]
        left, here, right = log[row, k - 1], log[row, k], log[row, k + 1]
        hz = (k + 0.5 * (left - right) / np.minimum(left - 2.0 * here + right, -1e-9)) * rate_hz / WINDOW
        good = (hz > LOW_HZ) & (hz < HIGH_HZ)
        np.add.at(total, _bin_of(hz[good]), np.sqrt(magnitude[row, k][good]))
    return total / total.sum() if total.sum() > 0 else total


def ringing(corpus: Corpus, count: int) -> Doubles:
    """The ``count`` frequencies (Hz, ascending) at which the training sounds ring most."""
    found = np.sum([rings(clip, corpus.rate_hz) for clip in corpus.training], axis=0)
    found = np.convolve(found, [0.25, 0.5, 1.0, 0.5, 0.25], "same")
    chosen: list[int] = []
    free = np.ones(len(found), bool)
    for bin in np.argsort(found)[::-1]:
        if len(chosen) == count:
            break
        if free[bin]:
            chosen.append(int(bin))
            free[max(0, bin - LEAST_GAP + 1) : bin + LEAST_GAP] = False
    return LOW_HZ * 2.0 ** (np.array(sorted(chosen), np.float64) / (12.0 * BINS_PER_SEMITONE))
