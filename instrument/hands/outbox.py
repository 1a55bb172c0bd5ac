"""Outbox: the one way of gestures from the hands to the sound, and what is held by them. Last thing in the hands.

The ring to the sound may be full. A knob's position lost there is followed by another, but a key that is not let go
sounds for ever: what lets go is kept and goes first as soon as there is room. What is held is written beside the
health row, and the hands that take the place of others, which died, let go of what those held.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from instrument.hands.counts import Counts, Events
from instrument.health import Row
from instrument.link import Gesture, Kind, Source
from instrument.link.held import OSC, PEDAL_DOWN, Held

HELD = "held"
_LETS_GO = frozenset({Kind.NOTE_OFF, Kind.ALL_NOTES_OFF, Kind.PANIC})
_AT_ZERO = frozenset({Kind.BEND, Kind.PRESSURE, Kind.FORCE})


class Outbox:
    """``push`` puts a gesture into the ring, False when that is full. ``held``: see there; ``row``: of the hands."""

    def __init__(
        self, push: Callable[[Gesture], bool], held: Held, row: Row, counts: Counts, events: Events
    ) -> None:  # fmt: skip
        self._push, self._held, self._row, self._counts, self._events = push, held, row, counts, events
        self._owed: dict[tuple[int, int], Gesture] = {}
        self._version = held.version
        for gesture in Held.of(row.text(HELD)).everything(time.monotonic(), Source.SHOW):
            self.post(gesture)
        row.set_text(HELD, "")

    def post(self, gesture: Gesture) -> None:
        """To the sound, in the order in which it is called."""
        if (not self._owed or self.flush()) and self._push(gesture):
            self._counts.gestures += 1
            return
        self._counts.gestures_lost += 1
        self._events.complain("hands.full")
        if _lets_go(gesture):
            self._owed.pop((gesture.kind, gesture.knob), None)
            self._owed[gesture.kind, gesture.knob] = gesture

    def post_osc(self, gesture: Gesture) -> None:
        """The same for a hand that keeps no record of its own."""
        self._held.saw(gesture, OSC)
        self.post(gesture)

    def flush(self) -> bool:
        """At the end of a pass: what is owed, as far as there is room. Whether all has gone."""
        for key, gesture in list(self._owed.items()):
            if not self._push(gesture):
                break
            self._counts.gestures += 1
            del self._owed[key]
        if self._held.version != self._version:
            self._version = self._held.version
            self._row.set_text(HELD, self._held.text())
        return not self._owed


def _lets_go(gesture: Gesture) -> bool:
    if gesture.kind == Kind.SUSTAIN:
        return gesture.value < PEDAL_DOWN
    return gesture.kind in _LETS_GO or (gesture.kind in _AT_ZERO and gesture.value == 0.0)
