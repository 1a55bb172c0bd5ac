"""Inharmonicity: how stiff the string of a training sound is. After its pitch is tracked, before anything learns.

A stiff string's partials are stretched, f_n = n f_1 sqrt((1 + B n^2) / (1 + B)) (Fletcher 1964), and a tracker that
looks for one period hears such a sound up to a third of a semitone above its first partial. So B and the first
partial are found together: the pair under which the long spectra have most on the partials and least between them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.network.shape import inharmonic_ranks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

WINDOW = 16384
LOOKED_AT = 8
PARTIALS, LEAST_PARTIALS = 30, 4
HIGHEST_HZ = 7000.0
COEFFICIENTS = np.concatenate([[0.0], np.geomspace(3e-6, 6e-3, 68)])
CENTS = np.arange(-40.0, 20.1, 2.5)
"""The first partial may lie so far from the tracked pitch."""
NEAR_CENTS, NEAR_COEFFICIENTS = np.arange(-4.0, 4.1, 0.5), np.geomspace(0.85, 1.18, 18)
"""The grid round the best pair that is searched again: a coefficient 5 % off takes 8 cents with it."""
LEAST_DEPTH, LEAST_GAIN = 1.5, 0.5
"""Nepers between partials and gaps that a string has, and how many more than as a series of whole multiples."""
SURE, STEADY_SEMITONES = 0.7, 0.6
RANGE_NEPERS = 9.0
UNKNOWN = (float("nan"), 0.0)


def _depth(level: Doubles, hz: float, rate_hz: int, cents: Doubles, coefficients: Doubles) -> Doubles:
    """Mean log magnitude on the partials less that between them. Shape: [cents, coefficients]."""
    first = (hz * 2.0 ** (cents / 1200.0))[:, None, None]
    on = inharmonic_ranks(coefficients, min(PARTIALS, int(HIGHEST_HZ / hz)))
    between = np.sqrt(on[:, 1:] * on[:, :-1])
    bins = np.arange(len(level)) * rate_hz / (2.0 * (len(level) - 1))
    return np.asarray(np.interp(first * on, bins, level).mean(-1) - np.interp(first * between, bins, level).mean(-1))


def _spectra(audio: Floats, note: Floats, sure: Floats, rate_hz: int, ratio: int) -> list[tuple[Doubles, float]]:
    """(log magnitudes, pitch in Hz) of long windows in which the pitch is steady and has partials enough."""
    found: list[tuple[Doubles, float]] = []
    padded = np.pad(audio, (0, max(0, WINDOW - len(audio))))
    for begin in range(0, len(padded) - WINDOW + 1, WINDOW // 2):
        frames = slice(begin // ratio, (begin + WINDOW) // ratio)
        known = sure[frames] > SURE
        if not known.size or known.mean() < 0.8 or np.ptp(note[frames][known]) > STEADY_SEMITONES:
            continue
        hz = 440.0 * 2.0 ** ((float(np.median(note[frames][known])) - 69.0) / 12.0)
        if int(HIGHEST_HZ / hz) < LEAST_PARTIALS:
            continue
        level = np.log(np.abs(np.fft.rfft(padded[begin : begin + WINDOW] * np.hanning(WINDOW), 2 * WINDOW)) + 1e-9)
        found.append((np.maximum(level, level.max() - RANGE_NEPERS), hz))
        if len(found) == LOOKED_AT:
            break
    return found


def inharmonicity(audio: Floats, note: Floats, sure: Floats, rate_hz: int, ratio: int) -> tuple[float, float]:
    """(B, cents from the tracked pitch to the first partial) of a sound of one note.

    B is 0 where nothing speaks for a stiff string, and NaN where there is no steady pitch or are too few partials to
    tell; then the cents are 0. ``note``, ``sure`` [frames]: as tracked, ``ratio`` samples a frame.
    """
    spectra = _spectra(audio, note, sure, rate_hz, ratio)
    if not spectra:
        return UNKNOWN

    def best(cents: Doubles, coefficients: Doubles) -> tuple[float, float, float, float]:
        """(depth, cents, B) of the deepest pair, and the depth of the deepest series with the first coefficient."""
        depth = np.mean([_depth(level, hz, rate_hz, cents, coefficients) for level, hz in spectra], axis=0)
        i, k = np.unravel_index(int(depth.argmax()), depth.shape)
        return float(depth[i, k]), float(cents[i]), float(coefficients[k]), float(depth[:, 0].max())

    depth, cents, b, limp = best(CENTS, COEFFICIENTS)
    if depth < LEAST_DEPTH or depth - limp < LEAST_GAIN:
        return 0.0, 0.0
    _, cents, b, _ = best(cents + NEAR_CENTS, b * NEAR_COEFFICIENTS)
    return b, cents
