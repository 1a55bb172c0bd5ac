"""Shape: the sizes of a network, and the words for what it is given. Under everything else that trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FAMILIES = ("harmonic", "conv", "excited")
"""``harmonic``: sines and noise bands, levels learned; ``conv``: samples learned; ``excited``: a conv decoder that is
given the harmonic source."""

LOUDNESS_LOW_DB = -80.0
POWER_FLOOR, OLD_POWER_FLOOR = 1e-6, 1e-7
"""Of the ears' bands, before the logarithm: below it, a quiet band beside a loud one is the rounding of float32. Before
it was part of the shape it was the old one."""
REST_NOTE = 57.0
PLAYED = 2
"""z begins with what is played, pitch (MIDI note) and loudness (dB); latents follow."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network. ``ratio`` samples a frame; notes are MIDI numbers; ``taps`` of each noise filter.

    ``tones``: sines of fixed frequencies beside the harmonics, for bells, skins and chords. ``width`` and
    ``ear_width``: channels of the decoder's and the encoder's stack. ``power_floor``: what the ears add to each band.
    ``inharmonic``: whether harmonics may be stretched as those of a stiff string are (harmonic family).
    """

    family: str = "harmonic"
    sample_rate: int = 48000
    ratio: int = 128
    latents: int = 8
    width: int = 128
    ear_width: int = 160
    dilations: tuple[int, ...] = (1, 3, 9)
    harmonics: int = 80
    tones: int = 0
    bands: int = 64
    taps: int = 255
    low_note: float = 24.0
    high_note: float = 108.0
    note_step: float = 0.5
    power_floor: float = POWER_FLOOR
    inharmonic: bool = False

    @property
    def note_count(self) -> int:
        return round((self.high_note - self.low_note) / self.note_step) + 1

    @property
    def inputs(self) -> int:
        """Rows of z."""
        return PLAYED + self.latents

    @property
    def lines(self) -> int:
        """Sines: harmonics, then tones."""
        return self.harmonics + self.tones

    @property
    def levels(self) -> int:
        """Sines and noise bands."""
        return self.lines + self.bands

    def table(self) -> dict[str, Any]:
        return {**asdict(self), "dilations": list(self.dilations)}

    def is_of(self, table: dict[str, Any]) -> bool:
        """Whether a table, also an older one, says this shape."""
        try:
            return shape_from(table) == self
        except TypeError:
            return False


def shape_from(table: dict[str, Any]) -> Shape:
    """The counterpart of ``table``; TypeError when it is of another version."""
    return Shape(**{"power_floor": OLD_POWER_FLOOR, **table, "dilations": tuple(table["dilations"])})


def inharmonic_ranks(coefficient: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Partials of a stiff string in multiples of its first: n sqrt((1 + B n^2) / (1 + B)) (Fletcher 1964).

    Relative to the first, so that the pitch stays what is played. Shapes: B [...] -> [..., count].
    """
    n = np.arange(1.0, count + 1.0)
    b = np.asarray(coefficient, np.float64)[..., None]
    return np.asarray(n * np.sqrt((1.0 + b * n**2) / (1.0 + b)))
