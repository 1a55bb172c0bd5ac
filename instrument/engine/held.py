"""Held: what the player's hands hold down - keys, pedal, bend, pressure, fingers - whatever patch plays. Beside engine.

A patch comes and goes, a finger stays where it is. So the keys are remembered here, and a patch that comes on stage
takes them over: one that plays no notes leaves them alone, the next one finds them. Nothing here sounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instrument.engine.voices.fingers import REST, Fingers
from instrument.engine.voices.notes import Notes
from instrument.engine.voices.press import MOST, Key, Press, fingers_in, is_under, pairs, with_fingers

Who = tuple[int, int, int, int]
"""Channel, note, id and expression of what a finger says; -1 and 0 where it says no note and no id."""


class HeldKeys:
    """In order of pressing: ``presses`` are down, ``kept`` were let go while the pedal was."""

    def __init__(self) -> None:
        self.presses: list[Press] = []
        self.kept: list[Press] = []
        self.pedal = False
        self.bend = 0.0
        self.pressure = 0.0
        self.fingers: dict[Who, float] = {}
        """What each finger said last, raw 0..1, oldest first."""

    @property
    def sounding(self) -> bool:
        return bool(self.presses or self.kept)

    @property
    def keys(self) -> list[Key]:
        """Notes and velocities of those that are down."""
        return pairs(self.presses)

    def down(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> None:
        """Two fingers may be on one note, on channels of their own or with ids."""
        others = [press for press in self.presses if not press.of(note, channel, note_id)]
        self.presses = [*others, Press(note, velocity, channel, note_id)][-MOST:]
        self.kept = [press for press in self.kept if not press.of(note, channel, note_id)]

    def up(self, note: int, channel: int = 0, note_id: int = 0) -> None:
        """Without a channel or an id on all of them."""
        if self.pedal:
            self.kept = [*self.kept, *(press for press in self.presses if press.of(note, channel, note_id))][-MOST:]
        self.presses = [press for press in self.presses if not press.of(note, channel, note_id)]
        self._lift_fingers()

    def finger(self, what: int, value: float, channel: int, note: int, note_id: int) -> None:
        """A finger's bend, pressure or slide; of a note or an id only while that is down, of a channel also before."""
        if (note < 0 and not note_id) or any(is_under(press, channel, note, note_id) for press in self.presses):
            who = channel, note, note_id, what
            self.fingers.pop(who, None)
            self.fingers[who] = min(1.0, max(0.0, value))

    def _lift_fingers(self) -> None:
        """What was said of keys that are up is for nobody."""
        for who in [who for who in self.fingers if who[1] >= 0 or who[2]]:
            if not any(is_under(press, *who[:3]) for press in self.presses):
                del self.fingers[who]

    def sustain(self, down: bool) -> None:
        self.pedal = down
        if not down:
            self.kept = []

    def all_off(self) -> None:
        """Keys and pedal; a wheel stands where it stands."""
        self.presses, self.kept, self.pedal = [], [], False
        self._lift_fingers()

    def clear(self) -> None:
        """Panic: nothing is held."""
        self.all_off()
        self.bend = self.pressure = 0.0
        self.fingers.clear()

    def adopt(self, notes: Notes, fingers: Fingers) -> None:
        """As a patch has them that was brought back to another moment; of fingers what their channels said."""
        (self.presses, self.kept), self.pedal, self.bend = notes.presses, notes.pedal, notes.bend
        rows = enumerate(fingers.said.tolist() if fingers.moved else ())
        self.fingers = {(c, -1, 0, what): v for c, row in rows for what, v in enumerate(row) if v != REST[what]}

    def state(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        presses = with_fingers("keys", self.presses) | with_fingers("kept", self.kept)
        lists = {name: [list(row) for row in rows] for name, rows in presses.items()}
        fingers = {"fingers": [[*who, value] for who, value in self.fingers.items()]} if self.fingers else {}
        return {**lists, "pedal": self.pedal, "bend": self.bend, "pressure": self.pressure, **fingers}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Back to a state taken by ``state()``. ValueError, TypeError or KeyError for what is none."""
        self.presses, self.kept = fingers_in(state, "keys"), fingers_in(state, "kept")
        self.pedal, self.bend = bool(state["pedal"]), float(state["bend"])
        self.pressure = float(state["pressure"])
        self.fingers = {}
        for channel, note, note_id, what, value in state.get("fingers", ()):
            self.fingers[int(channel), int(note), int(note_id), int(what)] = float(value)
