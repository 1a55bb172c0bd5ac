"""Listener: an ear that had no part in the training - SwiftF0 (Nieradzik 2025), a small pitch tracker. Under trial.

The network learns pitch from our own tracker (pitch.py); whether original and resynthesis have the same pitch is
asked of another. It is not among the requirements because it asks for ``onnxruntime`` by name, which must not be
installed beside ``onnxruntime-gpu``: ``pip install --no-deps swift-f0``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

VOICED = 0.5
LOWEST_NOTE = 30.04
"""46.875 Hz: SwiftF0 hears nothing below. A lower note it takes for one of its overtones, or for none."""
TONAL_SHARE = 0.5
REMEDY = "pitch is not checked by an independent ear; for that: pip install --no-deps swift-f0"


@dataclass(frozen=True, slots=True)
class TrackedPitch:
    """Pitch in Hz and whether there is one, every 16 ms."""

    hz: Doubles
    voiced: npt.NDArray[np.bool_]

    @property
    def tonal(self) -> bool:
        """Whether the sound has a pitch for at least half of its time."""
        return len(self.voiced) > 0 and float(self.voiced.mean()) >= TONAL_SHARE


Listener = Callable[[npt.NDArray[Any], int], TrackedPitch]


@cache
def listener() -> Listener | None:
    """(audio [N], rate in Hz) -> Heard; None where SwiftF0 is not installed."""
    try:
        from swift_f0 import SwiftF0
    except ImportError:
        return None
    ear = SwiftF0(threads=1)

    def listen(audio: npt.NDArray[Any], rate_hz: int) -> TrackedPitch:
        found = ear.detect(np.ascontiguousarray(audio, np.float32), rate_hz)
        return TrackedPitch(np.asarray(found.pitch_hz), np.asarray(found.confidence) >= VOICED)

    return listen
