"""Level: how loud the sound is to an eye, from frames: mean power over an eighth of a second. Pure. Beside frames.

A frame tells the level of one block, 2.7 ms of sound: a quarter of a low note's period, so that it stands now on a
crest and now on a slope, 11 dB apart, while the note is held. What is shown is power under the exponential window
"fast" of sound level meters (IEC 61672-1, 125 ms): within 1 dB of a note 0.2 s after it began, and 35 dB lower a second
after its end.
"""

from __future__ import annotations

import math

import numpy as np

from instrument.ipc.records import Frame

FAST_S = 0.125
AGAIN_S = 0.5
"""After a gap of so long, or when time goes back, it begins anew."""


class Level:
    """``push`` every frame that can be had, as often as one likes; ``rms`` is linear, 0 before the first."""

    def __init__(self) -> None:
        self._power = 0.0
        self._at = -math.inf

    @property
    def rms(self) -> float:
        return math.sqrt(self._power)

    def push(self, frame: Frame) -> float:
        """Take a frame in; returns ``rms``. The same frame again changes nothing."""
        passed = frame.time - self._at
        if passed == 0.0:
            return self.rms
        power = power_of(frame)
        if 0.0 < passed < AGAIN_S:
            self._power += (power - self._power) * -math.expm1(-passed / FAST_S)
        else:
            self._power = power
        self._at = frame.time
        return self.rms


def power_of(frame: Frame) -> float:
    """Power since the frame before: of its newest samples, that leave none out; of its block where there are none."""
    with np.errstate(all="ignore"):  # what is no number is no sound
        power = float(np.mean(np.square(frame.wave, dtype=np.float64)))
    if not power > 0.0:
        power = frame.rms * frame.rms
    return power if math.isfinite(power) else 0.0
