"""Noise inputs: the noise a graph asks for, where it goes and where its numbers come from. Under graph.

A noise whose name begins with ``noise.fill`` (what the truncated dimensions of an imported model are filled with) or
``noise.posterior`` is what the model itself does not know: it is scaled by the temperature, and exactly 0 without one.
Any other, as ``noise.air``, is part of the sound and always there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instrument.base.errors import RosinError
from instrument.model.runtime.voice import F32, NoiseSource

KINDS = ("normal", "uniform")
TEMPERED = ("noise.fill", "noise.posterior")


@dataclass(frozen=True, slots=True)
class NoiseInput:
    """One noise input."""

    name: str
    kind: str
    flat: F32

    @property
    def tempered(self) -> bool:
        return self.name.startswith(TEMPERED)

    def fill(self, source: NoiseSource, stream: int, first: int) -> None:
        """The numbers ``first`` and on of the stream."""
        if self.kind == "normal":
            source.normal(stream, first, self.flat)
        else:
            source.uniform(stream, first, self.flat)

    def temper(self, source: NoiseSource, stream: int, first: int, temperature: float) -> None:
        """The same scaled; nothing is drawn at 0."""
        if temperature == 0.0:
            self.flat.fill(0.0)
        else:
            self.fill(source, stream, first)
            np.multiply(self.flat, temperature, out=self.flat)


def noise_kinds(path: Path, names: Sequence[str], metadata: Mapping[str, str]) -> dict[str, str]:
    """What each noise input wants, by the file's own words. RosinError when it does not say, or says what none is."""
    if not names:
        return {}
    try:
        table = json.loads(metadata.get("noise", "{}"))
        kinds = {name: table[name] for name in names}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RosinError(
            f"{path} does not say what kind of noise it takes ({', '.join(names)}); export it again"
        ) from None
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise RosinError(f"{path}: {name} wants noise of kind {kind!r}, known are normal and uniform")
    return kinds
