"""History: the last eight seconds of contours and levels, which become the growth rings. After frames. Pure.

A ring is cut every ``STEP`` seconds of the sound's own time, so the same frames give the same rings at any frame rate.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instrument.ipc import Frame
from instrument.stage.data.strain import strain_of

SECONDS = 8.0
STEP = 0.2
RINGS = round(SECONDS / STEP)


@dataclass(slots=True)
class Ring:
    """One ring: when it was cut (s), where the knobs were, how strained, and the loudest level since the one before."""

    time: float
    pos: NDArray[np.float64]
    strain: NDArray[np.float64]
    level: float


class History:
    """Push every frame; read ``rings`` (oldest first) and the smoothed ``level``."""

    def __init__(self) -> None:
        self.rings: deque[Ring] = deque(maxlen=RINGS)
        self.level = 0.0
        self._loudest = 0.0
        self._cell = -1
        self._last = 0.0
        self._shape = (-1, -1)

    def clear(self) -> None:
        """Forget: another patch, or a sound that began anew."""
        self.rings.clear()
        self._loudest, self._cell = 0.0, -1

    def push(self, frame: Frame) -> None:
        """Take one frame in. Frames of the past, or after a gap of more than the whole history, begin anew."""
        count, now = frame.playable, frame.time
        if (frame.patch, count) != self._shape or not -0.5 < now - self._last < SECONDS:
            self.clear()
            self.level = 0.0
        elapsed = min(max(now - self._last, 0.0), 0.1)
        self._shape, self._last = (frame.patch, count), now
        rms = frame.rms if math.isfinite(frame.rms) else 0.0
        # Up in 40 ms, down in 250: the halo breathes, it does not flash.
        tau = 0.04 if rms > self.level else 0.25
        self.level += (rms - self.level) * (1.0 - math.exp(-elapsed / tau))
        self._loudest = max(self._loudest, rms)
        cell = math.floor(now / STEP)
        if cell != self._cell and count:
            pos = np.clip(np.nan_to_num(frame.pos[:count].astype(np.float64)), 0.0, 1.0)
            self.rings.append(Ring(cell * STEP, pos, strain_of(frame, count), self._loudest))
            self._cell, self._loudest = cell, 0.0
