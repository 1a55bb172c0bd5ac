"""Outbox: the one way of gestures from the hands to the sound, and what is held by them. Last thing in the hands.

The ring to the sound may be full. A knob's position lost there is followed by another, but a key that is not let go
sounds for ever: what lets go is kept and goes first as soon as there is room. What hands that died had held the show
lets go of (link.pressed), before others take their place.
"""

from __future__ import annotations

from collections.abc import Callable

from instrument.hands.state.counts import Counts, EventLog
from instrument.ipc import Gesture
from instrument.ipc.events import TOUCHES, presses
from instrument.ipc.holders import OSC, Holders


class Outbox:
    """``push`` puts a gesture into the ring, False when that is full. ``held``: see there."""

    def __init__(self, push: Callable[[Gesture], bool], held: Holders, counts: Counts, events: EventLog) -> None:
        self._push, self._held, self._counts, self._events = push, held, counts, events
        self._owed: dict[tuple[int, int], Gesture] = {}

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
        return not self._owed


def _lets_go(gesture: Gesture) -> bool:
    return gesture.kind in TOUCHES and not presses(gesture.kind, gesture.value)
