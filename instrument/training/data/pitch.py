"""Pitch: an offline tracker for the training sounds. After the corpus is read, before anything learns.

YIN (de Cheveigne & Kawahara 2002): the cumulative mean normalised difference of each frame, computed with FFTs at
half the model's rate; then the cheapest path through the frames' best valleys (Viterbi), so that one octave slip
does not break a note. The model's own pitch head learns from this to do the same without looking ahead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import decimate

Floats = npt.NDArray[np.float32]

LOW_HZ = 36.0
HIGH_HZ = 3200.0
WINDOW = 1024
CANDIDATES = 8
MANY_SAMPLES = 160
KNOWN_SEMITONES, KNOWN_BONUS = 1.5, 0.25
"""What makes a valley near the known note deeper: enough to choose between octaves, which are all periods of the sound,
and far too little to make a period of what is none."""
JUMP_COST_PER_OCTAVE = 1.5
"""A valley 0.1 deeper is worth a jump of 0.07 octave between two frames 5 ms apart, no more."""


def _difference(x: Floats, hop: int, longest: int) -> Floats:
    """Normalised difference d'(tau) of every frame. Shape: [frames, longest + 1]."""
    size = 1 << (WINDOW + longest - 1).bit_length()
    padded = np.concatenate([np.zeros(size // 2, np.float32), x, np.zeros(size, np.float32)])
    count = len(x) // hop
    out = np.empty((count, longest + 1), np.float32)
    lags = np.arange(1, longest + 1, dtype=np.float32)
    for first in range(0, count, 512):
        rows = np.arange(first, min(count, first + 512))
        # centred so that the middle of what is compared is the end of the frame at the longest lag (see track)
        begin = size // 2 + (rows + 1) * hop - (WINDOW + longest) // 2
        frames = padded[begin[:, None] + np.arange(WINDOW + longest)].astype(np.float64)
        head = np.fft.rfft(frames[:, :WINDOW], size)
        cross = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, size))[:, : longest + 1]
        energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
        power = energy[:, WINDOW : WINDOW + longest + 1] - energy[:, : longest + 1]
        d = np.maximum(power[:, :1] + power - 2.0 * cross, 0.0)
        d += 1e-9 * (1.0 + power[:, :1])
        out[rows, 0] = 1.0
        out[rows, 1:] = d[:, 1:] * lags / np.cumsum(d[:, 1:], axis=1)
    return out


def _valleys(d: Floats, shortest: int, known: float | None) -> tuple[Floats, Floats, Floats]:
    """The best local minima of each frame, refined by a parabola: lag, cost, depth. Shapes: [frames, CANDIDATES].

    ``known``: the lag that is looked for, if one is.
    """
    inner = d[:, shortest:-1]
    is_valley = (inner <= d[:, shortest - 1 : -2]) & (inner < d[:, shortest + 1 :])
    # A longer lag of equal depth is a multiple of the period: ask it to be deeper.
    lags = np.arange(shortest, d.shape[1] - 1, dtype=np.float32)
    bias = 0.08 * np.log2(lags / shortest)
    if known is not None:
        bias = bias - KNOWN_BONUS * (12.0 * np.abs(np.log2(lags / known)) < KNOWN_SEMITONES)
    score = np.where(is_valley, inner + bias, 9.0)
    best = np.argpartition(score, CANDIDATES, axis=1)[:, :CANDIDATES]
    cost = np.take_along_axis(score, best, axis=1)
    lag = best + shortest
    rows = np.arange(len(d))[:, None]
    left, here, right = d[rows, lag - 1], d[rows, lag], d[rows, lag + 1]
    bend = left - 2.0 * here + right
    shift = np.where(bend > 1e-9, 0.5 * (left - right) / np.maximum(bend, 1e-9), 0.0)
    return (lag + np.clip(shift, -0.5, 0.5)).astype(np.float32), cost.astype(np.float32), here


def _reach(lag: Floats) -> Floats:
    """How many samples apart is compared: so many whole periods (see _refined)."""
    return np.asarray(np.maximum(1.0, np.floor(MANY_SAMPLES / lag)) * lag, np.float32)


def _refined(d: Floats, lag: Floats) -> Floats:
    """Short periods measured over several of them: a parabola through 10 samples' worth of sine is 15 cents wrong."""
    times = np.maximum(1.0, np.floor(MANY_SAMPLES / lag))
    middle = np.round(times * lag).astype(np.int64)
    reach = np.arange(-3, 4)
    rows = np.arange(len(d))[:, None]
    around = d[rows, np.clip(middle[:, None] + reach, 1, d.shape[1] - 2)]
    best = np.clip(middle + reach[around.argmin(1)], 1, d.shape[1] - 2)
    rows = np.arange(len(d))
    left, here, right = d[rows, best - 1], d[rows, best], d[rows, best + 1]
    bend = left - 2.0 * here + right
    shift = np.where(bend > 1e-9, 0.5 * (left - right) / np.maximum(bend, 1e-9), 0.0)
    return np.where(times > 1.0, (best + np.clip(shift, -0.5, 0.5)) / times, lag).astype(np.float32)


def track(x: Floats, rate_hz: int, hop: int, known_note: float | None = None) -> tuple[Floats, Floats]:
    """Pitch of a whole sound at the end of each frame of ``hop`` samples: MIDI note numbers, confidence 0..1.

    ``known_note``: of a sound that is one note, as a sample of an instrument is. Then its octave is no guess, and what
    is heard elsewhere is not sure.
    """
    count = len(x) // hop
    half = decimate(x, 2, ftype="fir").astype(np.float32) if len(x) > 64 else np.zeros(len(x) // 2, np.float32)
    rate = rate_hz / 2
    step = 2  # frames: pitch moves slowly, so every second frame is looked at and the others are between
    shortest, longest = int(rate / HIGH_HZ), int(rate / LOW_HZ)
    d = _difference(half, hop // 2 * step, longest)
    if not len(d):
        return np.full(count, 60.0, np.float32), np.zeros(count, np.float32)
    known = None if known_note is None else rate / (440.0 * 2.0 ** ((known_note - 69.0) / 12.0))
    lag, cost, depth = _valleys(d, shortest, known)
    octave = np.log2(lag)
    total = cost[0]
    back = np.zeros(cost.shape, np.int64)
    for t in range(1, len(cost)):
        leaps = np.minimum(np.abs(octave[t][:, None] - octave[t - 1][None, :]), 0.5)
        moves = total[None, :] + JUMP_COST_PER_OCTAVE * leaps
        back[t] = np.argmin(moves, axis=1)
        total = moves[np.arange(CANDIDATES), back[t]] + np.minimum(cost[t], 1.5)
    path = np.empty(len(cost), np.int64)
    path[-1] = int(np.argmin(total))
    for t in range(len(cost) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    rows = np.arange(len(cost))
    note = 69.0 + 12.0 * np.log2(rate / _refined(d, lag[rows, path]) / 440.0)
    sure = np.clip(1.0 - depth[rows, path], 0.0, 1.0)
    at = (np.arange(count) + 1.0) * hop
    # what is compared is as long as the window and the lag: with a short one its middle lies before the frame's end
    heard = np.maximum.accumulate((rows + 1.0) * hop * step - (longest - _reach(lag[rows, path])))
    if known_note is not None:
        sure = np.where(np.abs(note - known_note) < KNOWN_SEMITONES, sure, 0.0)
    return np.interp(at, heard, note).astype(np.float32), np.interp(at, heard, sure).astype(np.float32)
