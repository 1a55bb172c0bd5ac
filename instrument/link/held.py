"""Held: which keys, pedal, bend, pressure and pushes are held, and by whom. So that who goes away lets go of them.

The record follows the sound: whoever lets a key go, the sound lets it go for all, and of bend and pressure only the
newest is heard. A process writes it as a text beside its health row; one that takes its place reads it there and lets
go of what was held through ports, as a key may have gone up meanwhile. What came by OSC is not in the text: no port
went, the client is there and says itself when it is over.
"""

from __future__ import annotations

from typing import Final

from instrument.knobs import KNOBS_MAX
from instrument.link.records import Gesture, Kind

PEDAL_DOWN: Final = 0.5
"""From here on the sound takes the pedal for down."""
NOTES: Final = 128
OSC: Final = "osc"
"""The holder that all clients of OSC are."""
_NEWEST: Final = (Kind.BEND, Kind.PRESSURE)


class Held:
    """What is held, by the names of its holders. ``saw`` for every gesture that goes to the sound."""

    def __init__(self) -> None:
        self._by: dict[tuple[int, int], set[str]] = {}
        self.version = 0
        """Another whenever something else is held."""

    def saw(self, gesture: Gesture, holder: str) -> None:
        """A gesture of this holder goes to the sound."""
        kind, knob, value = gesture.kind, gesture.knob, gesture.value
        if kind == Kind.NOTE_ON:
            self._add((Kind.NOTE_ON, knob), holder)
        elif kind == Kind.NOTE_OFF:
            self._drop((Kind.NOTE_ON, knob))
        elif kind == Kind.SUSTAIN:
            self._add((kind, 0), holder) if value >= PEDAL_DOWN else self._drop((kind, 0))
        elif kind in _NEWEST or kind == Kind.FORCE:
            self._drop((kind, knob))
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
                self.version += 1
                if not holders:
                    del self._by[kind, knob]
                    found.append(_letting_go(kind, knob, now, source))
        return found

    def holds(self, kind: Kind, holder: str) -> bool:
        """Whether this holder holds the pedal, bend or pressure."""
        return holder in self._by.get((kind, 0), ())

    def everything(self, now: float, source: int = 0) -> list[Gesture]:
        """What to send when all holders are gone."""
        found = [_letting_go(kind, knob, now, source) for kind, knob in self._by]
        self._forget(*Kind)
        return found

    def text(self) -> str:
        """All that is held through ports, in at most 128 letters; empty when nothing is. See ``of``."""
        told = [key for key, holders in self._by.items() if OSC not in holders]
        if not told:
            return ""
        return " ".join(f"{sum(1 << knob for k, knob in told if k == kind):x}" for kind in _TOLD)

    @classmethod
    def of(cls, text: str, holder: str = "") -> Held:
        """The record that ``text`` tells, all in one hand; nothing held where it tells none."""
        held = cls()
        words = text.split()
        if len(words) == len(_TOLD):
            for kind, word in zip(_TOLD, words, strict=True):
                try:
                    bits = int(word, 16)
                except ValueError:
                    return cls()
                for knob in range(NOTES if kind == Kind.NOTE_ON else KNOBS_MAX if kind == Kind.FORCE else 1):
                    if bits >> knob & 1:
                        held._add((kind, knob), holder)
        return held

    def __bool__(self) -> bool:
        return bool(self._by)

    def _add(self, key: tuple[int, int], holder: str) -> None:
        holders = self._by.setdefault(key, set())
        if holder not in holders:
            holders.add(holder)
            self.version += 1

    def _drop(self, key: tuple[int, int]) -> None:
        if self._by.pop(key, None) is not None:
            self.version += 1

    def _forget(self, *kinds: int) -> None:
        for key in [key for key in self._by if key[0] in kinds]:
            self._drop(key)


_TOLD: Final = (Kind.NOTE_ON, Kind.SUSTAIN, Kind.BEND, Kind.PRESSURE, Kind.FORCE)


def _letting_go(kind: int, knob: int, now: float, source: int) -> Gesture:
    return Gesture(Kind.NOTE_OFF if kind == Kind.NOTE_ON else kind, knob, 0.0, now, source)
