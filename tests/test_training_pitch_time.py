"""The tracker tells the pitch of the moment it says, at every height: a glide is not heard late."""

from __future__ import annotations

import numpy as np
import pytest

from instrument.training.pitch import track

RATE, RATIO = 48000, 128


@pytest.mark.parametrize("note", [36.0, 45.0, 57.0, 69.0, 81.0])
def test_vibrato_is_neither_late_nor_early(note: float) -> None:
    t = np.arange(2 * RATE) / RATE
    played = note + 0.8 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(440.0 * 2 ** ((played - 69) / 12)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 8)).astype(np.float32)
    found, sure = track(0.2 * sound, RATE, RATIO)
    true = played[RATIO - 1 :: RATIO][: len(found)]
    frames = np.arange(len(found))
    inside = (sure > 0.8) & (frames > 40) & (frames < len(found) - 40)
    ms = np.arange(-15.0, 15.1, 0.5)
    wrong = [np.abs(np.interp(frames + m * RATE / 1000 / RATIO, frames, found) - true)[inside].mean() for m in ms]
    assert abs(ms[int(np.argmin(wrong))]) <= 1.0
    assert min(wrong) < 0.12
