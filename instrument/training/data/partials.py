"""Partials: a tracked pitch moved to where the lowest partials lie. After the tracker, before anything learns.

A tracker looks for one period, and where partials are not whole multiples - skins, bells, stiff strings - or a room
rumbles there is none: it jitters, and follows the loudest. Every one of the lowest partials says frequency / number;
it counts by its number, as a high one tells it more exactly (Goldstein 1973), and by its amplitude. On the drums of
`metal` that agrees with an independent tracker within 30 cents in 92 % of the frames, the period alone in 86 %.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.network.shape import inharmonic_ranks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

WINDOW, PADDED = 4096, 16384
"""Samples of a window, its middle at the frame's end, and of its spectrum."""
COUNT = 6
SPAN = 0.045
"""A partial is looked for so far on either side of where it should be, as a share of its frequency."""
FAINTEST = 0.01
"""Of the loudest one's amplitude."""
STEP = 2
"""Frames: every second one is looked at."""
CHUNK = 256


def _strongest(log: Doubles, low: Doubles, high: Doubles) -> tuple[Doubles, Doubles]:
    """Place in bins and log magnitude of the highest point between two places; NaN where that is no peak. [F]."""
    first = np.floor(low).astype(np.int64)
    width = max(int((np.ceil(high) - first).max()) + 1, 1)
    at = np.minimum(first[:, None] + np.arange(width), log.shape[1] - 2)
    around = np.where(at <= np.ceil(high)[:, None], np.take_along_axis(log, at, 1), -np.inf)
    rows = np.arange(len(log))
    k = np.maximum(at[rows, around.argmax(1)], 1)
    before, here, after = log[rows, k - 1], log[rows, k], log[rows, k + 1]
    bend = before - 2.0 * here + after
    shift = 0.5 * (before - after) / np.minimum(bend, -1e-12)
    return np.where((here >= before) & (here > after), k + shift, np.nan), here


def _said(log: Doubles, hz: Doubles, ranks: Doubles, bin_hz: float) -> Doubles:
    """The first partial's frequency as all of them say it; ``hz`` where none is found. Shape: [F]."""
    places, levels = np.zeros((2, len(ranks), len(hz)))
    for i, rank in enumerate(ranks):
        middle = hz * rank / bin_hz
        inside = middle * (1.0 + SPAN) < log.shape[1] - 2
        low, high = (np.where(inside, middle * (1.0 + side * SPAN), 1.0) for side in (-1, 1))
        place, level = _strongest(log, low, high)
        found = inside & ~np.isnan(place)
        places[i] = np.where(found, np.nan_to_num(place) * bin_hz / rank, hz)
        levels[i] = np.where(found, np.exp(level), 0.0)
    weights = np.arange(1.0, len(ranks) + 1.0)[:, None] * np.where(levels > FAINTEST * levels.max(0), levels, 0.0)
    total = weights.sum(0)
    mean = np.where(total > 0.0, (places * weights).sum(0) / np.maximum(total, 1e-300), hz)
    # a bin of the spectrum is wider than that for low notes, and a peak beside the edge is another's
    return np.asarray(np.clip(mean, hz * (1.0 - SPAN), hz * (1.0 + SPAN)))


def by_partials(audio: Floats, note: Floats, rate_hz: int, ratio: int, stiffness: float = 0.0) -> Floats:
    """``note`` [frames], of frames of ``ratio`` samples, moved by at most SPAN to where the partials are.

    ``stiffness``: B of the string (inharmonicity.py); then it is the first partial's pitch.
    """
    if not len(note):
        return note
    ranks = inharmonic_ranks(np.array(stiffness), COUNT)
    frames = np.unique(np.append(np.arange(0, len(note), STEP), len(note) - 1))
    padded = np.pad(audio, (WINDOW // 2, WINDOW))
    window = np.hanning(WINDOW)
    moved = np.empty(len(frames))
    for i in range(0, len(frames), CHUNK):
        some = frames[i : i + CHUNK]
        pieces = padded[((some + 1) * ratio)[:, None] + np.arange(WINDOW)] * window
        log = np.log(np.abs(np.fft.rfft(pieces, PADDED)) + 1e-9)
        hz = 440.0 * 2.0 ** ((note[some].astype(np.float64) - 69.0) / 12.0)
        moved[i : i + CHUNK] = 69.0 + 12.0 * np.log2(_said(log, hz, ranks, rate_hz / PADDED) / 440.0)
    return np.interp(np.arange(len(note)), frames, moved).astype(np.float32)
