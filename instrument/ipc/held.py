"""Held: which keys, pedal, bend, pressure and pushes are held, and by whom. So that who goes away lets go of them.

The record follows the sound: whoever lets a key go, the sound lets it go for all, and of bend and pressure only the
newest is heard. It dies with its process; what that had pressed stands beside its ring (link.pressed).
"""

from __future__ import annotations

from typing import Final

from instrument.ipc.events import Kind, presses
from instrument.ipc.records import Gesture

OSC: Final = "osc"
"""The holder that all clients of OSC are."""
_NEWEST: Final = (Kind.BEND, Kind.PRESSURE)


class Holders:
    """What is held, by the names of its holders. ``saw`` for every gesture that goes to the sound."""

    def __init__(self) -> None:
        self._by: dict[tuple[int, int], set[str]] = {}

    def saw(self, gesture: Gesture, holder: str) -> None:
        """A gesture of this holder goes to the sound."""
        kind, knob, value = gesture.kind, gesture.knob, gesture.value
        if kind == Kind.NOTE_ON and presses(kind, value):
            self._add((kind, knob), holder)
        elif kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            self._by.pop((Kind.NOTE_ON, knob), None)
        elif kind == Kind.SUSTAIN:
            self._add((kind, 0), holder) if presses(kind, value) else self._by.pop((kind, 0), None)
        elif kind in _NEWEST or kind == Kind.FORCE:
            self._by.pop((kind, knob), None)
            if value:  # what pushes is added up by the hands: nobody's in particular
                self._add((kind, knob), "" if kind == Kind.FORCE and holder != OSC else holder)
        elif kind in (Kind.ALL_NOTES_OFF, Kind.PANIC):
            self._forget(Kind.NOTE_ON, Kind.SUSTAIN, *((Kind.BEND,) if kind == Kind.PANIC else ()))

    def other_patch(self) -> None:
        """Another patch plays: its knobs are others, and nothing pushes them."""
        self._forget(Kind.FORCE)

    def let_go(self, holder: str, now: float, source: int = 0) -> list[Gesture]:
        """What to send when this holder is gone: all that it alone holds is let go."""
        found = []
        for (kind, knob), holders in list(self._by.items()):
            if holder in holders:
                holders.discard(holder)
                if not holders:
                    del self._by[kind, knob]
                    found.append(_letting_go(kind, knob, now, source))
        return found

    def holds(self, kind: Kind, holder: str) -> bool:
        """Whether this holder holds the pedal, bend or pressure."""
        return holder in self._by.get((kind, 0), ())

    def _add(self, key: tuple[int, int], holder: str) -> None:
        self._by.setdefault(key, set()).add(holder)

    def _forget(self, *kinds: int) -> None:
        for key in [key for key in self._by if key[0] in kinds]:
            del self._by[key]


def _letting_go(kind: int, knob: int, now: float, source: int) -> Gesture:
    return Gesture(Kind.NOTE_OFF if kind == Kind.NOTE_ON else kind, knob, 0.0, now, source)
