"""Layout: the loudspeakers that the engine plays to - how many, and where each one stands. Under engine and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

SIDES = (-30.0, 30.0)
"""Where the two channels of a stereo model are meant to stand."""


@dataclass(frozen=True, slots=True)
class ChannelLayout:
    """``azimuths`` of the loudspeakers in degrees, by channel: 0 is before the listener, to the right is positive."""

    name: str
    azimuths: tuple[float, ...]

    @property
    def count(self) -> int:
        """Channels."""
        return len(self.azimuths)

    def spread(self, sound: F32, out: F32) -> None:
        """A model's ``sound`` f32 [C, n] onto the loudspeakers, ``out`` f32 [count, n], filled.

        One channel sounds from all of them; as many as there are, each from its own; of two, each from the loudspeaker
        that stands nearest to where it is meant to (of one loudspeaker, both at half).
        """
        if len(sound) == len(out) or len(sound) == 1:
            np.copyto(out, sound)
            return
        if len(out) == 1:
            np.mean(sound, axis=0, out=out[0])
            return
        out[:] = 0.0
        for channel, azimuth in zip(sound, places(len(sound)), strict=True):
            out[nearest(self.azimuths, azimuth)] += channel


def places(channels: int) -> Sequence[float]:
    """Where so many channels of a model are meant to stand, degrees: two at the sides, more in a ring from the left."""
    if channels == len(SIDES):
        return SIDES
    return [-180.0 + (i + 0.5) * 360.0 / channels for i in range(channels)]


def nearest(azimuths: Sequence[float], azimuth: float) -> int:
    """The loudspeaker that stands nearest, by the shorter way round."""
    away = [abs((one - azimuth + 180.0) % 360.0 - 180.0) for one in azimuths]
    return away.index(min(away))


MONO = ChannelLayout("mono", (0.0,))
STEREO = ChannelLayout("stereo", SIDES)
CHANNELS = STEREO.count
"""Of an engine that is told no layout."""
