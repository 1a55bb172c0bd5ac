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
    """Begins when it is made. ``parts`` tells which are open: one that is opened later counts from its beginning."""

    def __init__(self, parts: Callable[[], Iterable[Layer]]) -> None:
        self._parts = parts
        self._before = {id(part): _counts(part) for part in parts()}

    def heard(self, on_stage: Iterable[Layer] = ()) -> tuple[Attribution, ...]:
        """What was near since then: every model that sounded, and those ``on_stage`` whatever they did."""
        stage = [id(part) for part in on_stage]
        rows = []
        for part in self._parts():
            near, played = _counts(part)
            before = self._before.get(id(part))
            if before is not None:
                near, played = near - before[0], played - before[1]
            if near.any() or played.any() or id(part) in stage:
                rows.append(Attribution(part.voice.card, part.voice.lineage, near, played))
        return merged(rows)


def _counts(part: Layer) -> tuple[F64, F64]:
    place = part.place
    return (NONE, NONE) if place is None else (place.heard_s.copy(), place.played_s.copy())
