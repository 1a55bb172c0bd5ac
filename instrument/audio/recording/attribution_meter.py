"""Attribution meter: from when to when a take was, and whose sounds were near in between.
Between the engine's counts and the roll.

The atlases count all the while they are looked up; a take is the difference between two looks at their counts. Made
beside the sound, never in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from instrument.engine.layer import Layer
from instrument.model.atlas.attribution import Attribution, merged

F64 = NDArray[np.float64]
NONE: F64 = np.zeros(0)


class AttributionMeter:
    """Begins when it is made. ``layers`` tells which are open: one that is opened later counts from its beginning."""

    def __init__(self, layers: Callable[[], Iterable[Layer]]) -> None:
        self._layers = layers
        self._before = {id(layer): _counts(layer) for layer in layers()}

    def heard(self, on_stage: Iterable[Layer] = ()) -> tuple[Attribution, ...]:
        """What was near since then: every model that sounded, and those ``on_stage`` whatever they did."""
        stage = [id(layer) for layer in on_stage]
        rows = []
        for layer in self._layers():
            near, played = _counts(layer)
            before = self._before.get(id(layer))
            if before is not None:
                near, played = near - before[0], played - before[1]
            if near.any() or played.any() or id(layer) in stage:
                rows.append(Attribution(layer.voice.card, layer.voice.lineage, near, played))
        return merged(rows)


def _counts(layer: Layer) -> tuple[F64, F64]:
    place = layer.place
    return (NONE, NONE) if place is None else (place.heard_s.copy(), place.played_s.copy())
