"""Acted: what acted on the engine while a take is written, to the sample. Out of the engine, before the take's file.

Not what hands sent: what came too late, found no patch or called for an excerpt that was not there yet is not in it, or
stands where it acted. So the same list, given back at the same samples, is the same sound.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instrument.engine.layer import Layer
from instrument.ipc import Gesture, Kind
from instrument.ipc.events import Is, kinds

WAITS, AS_IT_WAS, FRESH = 0.0, 1.0, 2.0
"""``Gesture.value`` of a change of patch: it waits for a fade to end; it came as it was left; as the patch begins."""
_TRACKED = kinds(Is.TRACKED)
NOTES_MAX = 1 << 17
"""Acts that wait for the disk: a quarter of an hour of a hand, seconds of a flood."""


class ActedGesture(NamedTuple):
    """``gesture`` acted at ``sample``; ``layer`` was on stage then (of a change: the one that comes). ``track`` f32
    [ticks, 3, K]: of an accident that was called, what was called."""

    sample: int
    gesture: Gesture
    layer: Layer
    track: NDArray[np.float32] | None = None

    @property
    def changes(self) -> bool:
        """Whether another patch comes, or waits to."""
        return self.gesture.kind == Kind.PATCH


class Acted:
    """The callback notes, the writer takes away. ``missed``: acts there was no room for."""

    def __init__(self) -> None:
        self.acts: deque[ActedGesture] = deque()
        self.missed = 0

    def note(self, sample: int, gesture: Gesture, layer: Layer) -> None:
        """For the callback."""
        if len(self.acts) >= NOTES_MAX:
            self.missed += 1
            return
        track = None
        if gesture.kind in _TRACKED and gesture.value >= 0.5:
            track = layer.control.mix.replay.library.get(gesture.extra)
        self.acts.append(ActedGesture(sample, gesture, layer, track))

    def note_change(self, sample: int, layer: Layer, how: float) -> None:
        """For the callback: another patch, and whether it WAITS, comes AS_IT_WAS or FRESH."""
        self.note(sample, Gesture(Kind.PATCH, layer.index, how), layer)

    def take(self, before: int) -> list[ActedGesture]:
        """Those that acted before a sample, oldest first, and no longer here."""
        found, acts = [], self.acts
        while acts and acts[0].sample < before:
            found.append(acts.popleft())
        return found
