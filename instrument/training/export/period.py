"""Period: the fundamental of short held sounds, many at once. Part of descriptors.py.

Autocorrelation over that of the window (Boersma 1993), read at the note that was asked for where that explains the
sound, then over more and more periods: a twentieth of a sample at one period is 5 cents at the top of the keyboard.
The tracker in pitch.py follows a whole recording and knows of no note; this one does neither.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

LOW_HZ, HIGH_HZ = 32.0, 4400.0
AS_ASKED = 0.9
"""The note asked for is the note played when its period explains the sound nearly as well as the best one does."""
STEP = 6.0


def _octave_peaks(r: Doubles, shortest: int, longest: int) -> Places:
    """Lag of the best local maximum; of two as good the shorter, as a multiple of the period is no worse. [n]."""
    inner = r[:, shortest : longest + 1]
    peak = (inner >= r[:, shortest - 1 : longest]) & (inner > r[:, shortest + 1 : longest + 2])
    cost = 0.02 * np.log2(np.arange(shortest, longest + 1) / shortest)
    return np.asarray(np.where(peak, inner - cost, -9.0).argmax(1) + shortest)


def _parabola(r: Doubles, at: Places) -> Doubles:
    rows = np.arange(len(r))
    left, here, right = r[rows, at - 1], r[rows, at], r[rows, at + 1]
    bend = np.minimum(left - 2.0 * here + right, -1e-12)
    return np.asarray(at + np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


def _best_near(r: Doubles, lag: Doubles, reach: Doubles) -> Places:
    lags = np.arange(r.shape[1])
    near = np.abs(lags[None] - lag[:, None]) <= reach[:, None]
    near[:, [0, -1]] = False
    return np.asarray(np.where(near, r, -9.0).argmax(1))


def fundamental(power: Doubles, window: Doubles, note: Doubles, rate_hz: int) -> Doubles:
    """f0 in Hz from power spectra [n, bins], at twice the window's length, of sounds under ``window``. Shape: [n].

    ``note`` [n]: the MIDI notes asked for, preferred to their octaves. Always some f0, also of a noise.
    """
    longest = int(rate_hz / LOW_HZ)
    shortest = int(rate_hz / HIGH_HZ)
    reach = min(2 * longest, len(window) // 2)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * len(window))) ** 2)[: reach + 2]
    r = np.fft.irfft(power, axis=1)[:, : reach + 2]
    r = r / np.maximum(r[:, :1], 1e-30) * (own[0] / own)
    rows = np.arange(len(r))
    asked = np.clip(rate_hz / (440.0 * 2.0 ** ((note - 69.0) / 12.0)), shortest, longest)
    near = _best_near(r, asked, np.maximum(1.0, 0.04 * asked))
    free = _octave_peaks(r, shortest, longest)
    lag = np.where(r[rows, near] >= AS_ASKED * r[rows, free], near, free)
    fine = _parabola(r, lag)
    sure = r[rows, lag]
    step = np.ones(len(r))
    for _ in range(4):  # over many periods the same error of a lag is a smaller one; by steps, so as not to miss one
        times = np.maximum(1.0, np.minimum(STEP * step, np.floor(reach / fine)))
        far = np.clip(_best_near(r, times * fine, fine / 3.0), 1, reach)
        again = _parabola(r, far) / times
        use = (times > step) & (np.abs(again / fine - 1.0) < 0.03) & (r[rows, far] > 0.5 * sure)
        fine, step = np.where(use, again, fine), np.where(use, times, step)
    return np.asarray(rate_hz / fine)
