"""Held: which keys, pedal, bend, pressure and pushes are held, and by whom. So that who goes away lets go of them.

The record follows the sound: whoever lets a key go, the sound lets it go for all, and of bend and pressure only the
newest is heard. It dies with its process; what that had pressed stands beside its ring (link.pressed).
"""

from __future__ import annotations

from typing import Final

from instrument.ipc.events import EVENT_OF, Is, Kind, kinds, presses
from instrument.ipc.records import Gesture

OSC: Final = "osc"
"""The holder that all clients of OSC are."""


class Holders:
    """What is held, by the names of its holders. ``saw`` for every gesture that goes to the sound."""

    def __init__(self) -> None:
        self._by: dict[tuple[int, int, int], set[str]] = {}
        """By kind, what it is about, and of a key its channel: two fingers may be on one note."""

    def saw(self, gesture: Gesture, holder: str) -> None:
        """A gesture of this holder goes to the sound."""
        event = EVENT_OF.get(gesture.kind)
        if event is None:
            return
        knob = gesture.knob if event.field("knob") is not None else 0
        channel = gesture.channel if gesture.kind in (Kind.NOTE_ON, Kind.NOTE_OFF) else 0
        for lifted in event.lifts:
            if event.field("knob") is not None:
                self._lift(lifted, knob, channel)
            else:
                self._forget(lifted)
        if event.holds_from is None:
            return
        pressed = presses(event.kind, gesture.value)
        if not pressed or Is.ONE_HOLDER in event.flags:
            self._lift(event.kind, knob, channel)
        if pressed:
            self._add((event.kind, knob, channel), "" if Is.ADDED_UP in event.flags and holder != OSC else holder)

    def _also(self, kind: int, knob: int, channel: int) -> bool:
        """Whether somebody holds the same, who said no channel, or any where this one said none."""
        return any(key[:2] == (kind, knob) and 0 in (key[2], channel) for key in self._by)

    def _lift(self, kind: int, knob: int, channel: int) -> None:
        """Nobody holds it any more; without a channel, on none."""
        if channel:
            self._by.pop((kind, knob, channel), None)
            self._by.pop((kind, knob, 0), None)
            return
        for key in [key for key in self._by if key[:2] == (kind, knob)]:
            del self._by[key]

    def other_patch(self) -> None:
        """Another patch plays: its knobs are others, and nothing pushes them."""
        self._forget(*kinds(Is.OF_PATCH))

    def let_go(self, holder: str, now: float, source: int = 0) -> list[Gesture]:
        """What to send when this holder is gone: all that it alone holds is let go."""
        found = []
        for (kind, knob, channel), holders in list(self._by.items()):
            if holder in holders:
                holders.discard(holder)
                if not holders:
                    del self._by[kind, knob, channel]
                    if not self._also(kind, knob, channel):
                        found.append(_letting_go(kind, knob, now, source, channel))
        return found

    def holds(self, kind: Kind, holder: str) -> bool:
        """Whether this holder holds the pedal, bend or pressure."""
        return holder in self._by.get((kind, 0, 0), ())

    def _add(self, key: tuple[int, int, int], holder: str) -> None:
        self._by.setdefault(key, set()).add(holder)

    def _forget(self, *kinds: int) -> None:
        for key in [key for key in self._by if key[0] in kinds]:
            del self._by[key]


def _letting_go(kind: int, knob: int, now: float, source: int, channel: int) -> Gesture:
    return Gesture(EVENT_OF[kind].at_zero or kind, knob, 0.0, now, source, channel=channel)
