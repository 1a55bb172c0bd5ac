"""Feed: what the sound gives a visual - wave, spectrum, level, hands, latents - out of the frames. Pure; before host.

All of it comes from the frames alone, with their own times, so that the same frames give the same picture.
"""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
from numpy.typing import NDArray

from instrument.ipc import Frame
from instrument.isf import IsfInput
from instrument.stage.data.contour import loudness

RISE_S, FALL_S = 0.04, 0.25
"""The level goes up and down in these times, as the halo does: it breathes, it does not flash."""
BINS = 256
Row = NDArray[np.float32]


class Feed:
    """``hear`` each frame in turn; then ask for the wave, the spectrum and the numbers."""

    def __init__(self) -> None:
        self.frame = Frame()
        self._rms = self._peak = 0.0
        self._magnitudes: Row | None = None

    def hear(self, frame: Frame) -> None:
        """One frame more. After a jump in time the level begins anew."""
        elapsed = frame.time - self.frame.time
        rms, peak = (float(np.nan_to_num(v, posinf=0.0, neginf=0.0)) for v in (frame.rms, frame.peak))
        if not 0.0 <= elapsed < 1.0:
            self._rms, self._peak = rms, peak
        else:
            self._rms += (rms - self._rms) * _share(elapsed, rms > self._rms)
            self._peak += (peak - self._peak) * _share(elapsed, peak > self._peak)
        self.frame = frame
        self._magnitudes = None

    def wave(self, columns: int = 0) -> Row:
        """[columns] 0..1 round 0.5, as ISF has it. Fewer columns than samples: the farthest sample of each part.

        One column alone is how loud the wave is: 0.5 and above.
        """
        wave = np.nan_to_num(self.frame.wave.astype(np.float32), posinf=0.0, neginf=0.0)
        parts = _parts(wave, columns)
        if len(parts) == 1:
            parts = np.abs(parts)
        return np.asarray(np.clip(0.5 + 0.5 * parts, 0.0, 1.0), np.float32)

    def spectrum(self, columns: int = 0) -> Row:
        """[columns] magnitudes from 0 Hz up, Hann window; a sine at full scale is 1. Fewer: each part's most."""
        if self._magnitudes is None:
            wave = np.nan_to_num(self.frame.wave.astype(np.float64), posinf=0.0, neginf=0.0)
            window = np.hanning(len(wave))
            found = np.abs(np.fft.rfft(wave * window))[:BINS] * 2.0 / window.sum()
            self._magnitudes = np.clip(found, 0.0, 1.0).astype(np.float32)
        return _parts(self._magnitudes, columns)

    def number(self, one: IsfInput) -> float:
        """Of an input that ``one.fed`` is true of: what is 0..1 spreads over its range, a latent comes as it is."""
        frame = self.frame
        place = re.search(r"\d+$", one.name)
        i = int(place.group()) if place else 0
        name = one.name[: place.start()] if place else one.name
        if name == "latent":
            return _finite(frame.latent[i]) if i < len(frame.latent) else 0.0
        if name == "note":
            return _finite(frame.note)
        if name in ("hand", "pos", "force"):
            value = _finite(frame[name][i]) if i < frame.playable else 0.0
        else:
            value = {
                "level": float(loudness(self._rms)),
                "rms": self._rms,
                "peak": self._peak,
                "gate": _finite(frame.gate),
                "chance": min(1.0, 18.0 * _finite(np.max(frame.grain))),
                "known": max(0.0, _finite(frame.known)),
            }[name]
        low, high = float(np.min(one.low)), float(np.max(one.high))
        if name == "force":
            return min(high, max(low, value))
        return low + (high - low) * min(1.0, max(0.0, value))


def _share(elapsed: float, rising: bool) -> float:
    return 1.0 - math.exp(-elapsed / (RISE_S if rising else FALL_S))


def _parts(row: Row, columns: int) -> Row:
    """The row in so many columns: drawn out between its points, or the farthest from 0 of each part."""
    count = len(row)
    if columns in (0, count):
        return row.astype(np.float32)
    if columns > count:
        return np.interp(np.arange(columns) * (count - 1) / (columns - 1), np.arange(count), row).astype(np.float32)
    edges = np.arange(columns + 1) * count // columns
    return np.array([row[a:b][np.abs(row[a:b]).argmax()] for a, b in itertools.pairwise(edges)], np.float32)


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else 0.0
